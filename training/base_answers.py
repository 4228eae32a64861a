"""Asks the base model all plain questions, without tools, and keeps its greedy answers: `python -m training.base_answers FILE`."""

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


async def answers(
    questions: list[str],
    max_tokens: int,
    options: ModelOptions = ModelOptions(),  # noqa: B008 - frozen
    tools: Sequence[ToolSpec] = (),
    *,
    whole: bool = True,
) -> list[tuple[str, str]]:
    """Question and answer; `whole`: only where the model came to an end within `max_tokens`."""
    model = await open_model(options, in_process=True)
    places = asyncio.Semaphore(AT_ONCE)

    async def one(question: str) -> tuple[str, str] | None:
        async with places:
            return await _ask(model, question, max_tokens, tools, whole)

    try:
        found = await asyncio.gather(*map(one, questions))
    finally:
        await model.close()
    return [pair for pair in found if pair is not None]


async def _ask(
    model: LocalChatModel, question: str, max_tokens: int, tools: Sequence[ToolSpec], whole: bool
) -> tuple[str, str] | None:
    sampling = replace(model.info.sampling_defaults, temperature=0.0, max_tokens=max_tokens)
    text, ended = "", False
    async for event in model.chat(ChatRequest([Message("user", question)], sampling, tools=tools)):
        if isinstance(event, TextDelta):
            text += event.text
        elif isinstance(event, ReplyFinished):
            ended = event.reason is FinishReason.STOP
            text += "(calls a tool)" if event.reason is FinishReason.TOOL_CALLS else ""
    if whole and not (ended and text.strip()):
        return None
    return question, text.strip() + ("" if ended else " …")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--max-tokens", type=int, default=120)
    chosen = parser.parse_args()
    questions = list(dict.fromkeys(plain_questions()))
    found = asyncio.run(answers(questions, chosen.max_tokens))
    lines = (json.dumps({"question": question, "answer": answer}, ensure_ascii=False) for question, answer in found)
    chosen.file.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{len(found)} of {len(questions)} answers ended within {chosen.max_tokens} tokens")


if __name__ == "__main__":
    main()
