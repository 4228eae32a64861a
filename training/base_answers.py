"""Asks the base model all plain questions, without tools, and keeps its greedy answers: `python -m training.base_answers FILE`.

Of long answers the beginning is kept: that no tool is called, and how it starts, is learned from them; not that they end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from engine import ChatRequest, FinishReason, Message, ModelOptions, ReplyFinished, TextDelta, ToolSpec
from engine.chat.local import LocalChatModel, open_model
from training.plain_questions import plain_questions

AT_ONCE = 16
CUT_OFF = " …"
"""Behind an answer that did not come to its end."""
KEPT_WORDS = 40
"""Of such an answer."""


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


def _kept(answer: str) -> dict[str, str | bool]:
    """What is learned of it, and whether that is all."""
    whole = not answer.endswith(CUT_OFF)
    return {"answer": answer if whole else " ".join(answer.split(" ")[:KEPT_WORDS]), "whole": whole}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--max-tokens", type=int, default=120)
    chosen = parser.parse_args()
    questions = list(dict.fromkeys(plain_questions()))
    found = asyncio.run(answers(questions, chosen.max_tokens))
    kept = [{"question": question, **_kept(answer)} for question, answer in found if answer]
    chosen.file.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in kept), "utf-8")
    whole = sum(bool(one["whole"]) for one in kept)
    print(f"{len(kept)} answers, {whole} of them ended within {chosen.max_tokens} tokens")


if __name__ == "__main__":
    main()
