"""Asks the base model all plain questions, without tools, and keeps its greedy answers: `python -m training.base_answers FILE`.

It rambles, so of each answer only the first sentences are kept, to where it repeats itself; evasions are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from engine import ChatRequest, FinishReason, Message, ModelOptions, ReplyFinished, TextDelta, ToolSpec
from engine.chat.local import LocalChatModel, open_model
from training.plain_questions import plain_questions

AT_ONCE = 16
CUT_OFF = " …"
"""Behind an answer that did not come to its end."""
MOST_WORDS, FEWEST_WORDS, REPEATED_WORDS = 60, 3, 4
LIST = re.compile(r"\n\s*(?:\d+[.)]|[-*•])\s")
SENTENCE_END = re.compile(r"""(?<!\b[A-Z])(?<!\b[DM]r)(?<!\bMrs)(?<!\bSt)[.!?]["')]*(?=\s|$)""")
EVASION = re.compile(r"(?i)the (?:answer to|question of) |.*\[(?:your|name|insert|nurse|date|recipient)", re.DOTALL)


async def answers(
    questions: list[str],
    max_tokens: int,
    options: ModelOptions = ModelOptions(),  # noqa: B008 - frozen
    tools: Sequence[ToolSpec] = (),
) -> list[tuple[str, str]]:
    """Question and answer, with `CUT_OFF` behind it where the model did not come to an end within `max_tokens`."""
    model = await open_model(options, in_process=True)
    places = asyncio.Semaphore(AT_ONCE)

    async def one(question: str) -> tuple[str, str]:
        async with places:
            return question, await _ask(model, question, max_tokens, tools)

    try:
        return await asyncio.gather(*map(one, questions))
    finally:
        await model.close()


async def _ask(model: LocalChatModel, question: str, max_tokens: int, tools: Sequence[ToolSpec]) -> str:
    sampling = replace(model.info.sampling_defaults, temperature=0.0, max_tokens=max_tokens)
    text, ended = "", False
    async for event in model.chat(ChatRequest([Message("user", question)], sampling, tools=tools)):
        if isinstance(event, TextDelta):
            text += event.text
        elif isinstance(event, ReplyFinished):
            ended = event.reason is FinishReason.STOP
            text += "(calls a tool)" if event.reason is FinishReason.TOOL_CALLS else ""
    return text.strip() + ("" if ended else CUT_OFF)


def beginning(answer: str) -> str:
    """Whole sentences from the start, before a list and before the text repeats itself; empty when they are worth little."""
    if EVASION.match(answer):
        return ""
    text = LIST.split(answer)[0]
    kept = ""
    for end in SENTENCE_END.finditer(text):
        words = text[: end.end()].lower().split()
        runs = [tuple(words[i : i + REPEATED_WORDS]) for i in range(len(words) - REPEATED_WORDS + 1)]
        if len(words) > MOST_WORDS or len(set(runs)) < len(runs):
            break
        kept = text[: end.end()]
    return kept if len(kept.split()) >= FEWEST_WORDS else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--max-tokens", type=int, default=80)
    chosen = parser.parse_args()
    questions = list(dict.fromkeys(plain_questions()))
    found = asyncio.run(answers(questions, chosen.max_tokens))
    kept = [{"question": question, "answer": text} for question, answer in found if (text := beginning(answer))]
    chosen.file.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in kept), "utf-8")
    print(f"{len(kept)} of {len(found)} answers kept")


if __name__ == "__main__":
    main()
