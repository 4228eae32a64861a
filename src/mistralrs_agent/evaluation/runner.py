"""Asks a server every prompt, as any client would, and reads from its session what was called."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from mistralrs_agent.evaluation.cases import Case, table
from mistralrs_agent.evaluation.judge import Turn, Verdict, judge

_SILENCE_S = 600.0
_MAX_ROUNDS = 6
MAX_TOKENS = 400


@dataclass(frozen=True, slots=True)
class Outcome:
    """A prompt, what happened and how good that was."""

    case: Case
    turn: Turn
    verdict: Verdict


class Asker:
    """Puts prompts to one server."""

    def __init__(self, url: str, adapter: str | None) -> None:
        """`adapter`: which is to answer."""
        self._http = httpx.AsyncClient(base_url=url, timeout=_SILENCE_S)
        self._adapter = adapter

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, case: Case) -> Turn:
        """One conversation of one turn, with the round trips of a caller's tool if it has one."""
        session = uuid4().hex
        body = self._body(session, case)
        began = time.perf_counter()
        first_token_s, reply = 0.0, dict[str, Any]()
        tokens, decode_s = 0, 0.0
        for _ in range(_MAX_ROUNDS):
            reply = await self._post(body)
            usage = reply["usage"]
            first_token_s = first_token_s or usage["total_prompt_time_sec"]
            tokens += usage["completion_tokens"]
            decode_s += usage["total_completion_time_sec"]
            calls = reply["choices"][0]["message"].get("tool_calls") or []
            if reply["choices"][0]["finish_reason"] != "tool_calls" or case.own is None:
                break
            body["messages"] = [{"role": "tool", "tool_call_id": c["id"], "content": case.own.result} for c in calls]
        seconds = time.perf_counter() - began
        history = (await self._http.get(f"/v1/sessions/{session}")).raise_for_status().json()["messages"]
        await self._http.delete(f"/v1/sessions/{session}")
        made, results = _calls(history)
        answer = reply["choices"][0]["message"].get("content") or ""
        rounds = sum(bool(message.get("tool_calls")) for message in history) + 1
        return Turn(made, results, answer, rounds, first_token_s, seconds, tokens, decode_s)

    def _body(self, session: str, case: Case) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": "default",
            "messages": [{"role": "user", "content": _content(case)}],
            "session_id": session,
            "enable_code_execution": True,
            "web_search_options": {},
            "max_tokens": MAX_TOKENS,
            "temperature": 0,
            "max_tool_rounds": _MAX_ROUNDS,
        }
        if case.own is not None:
            body["tools"] = [case.own.to_json()]
        if self._adapter is not None:
            body["adapter"] = self._adapter
        return body

    async def _post(self, body: Mapping[str, Any]) -> dict[str, Any]:
        response = await self._http.post("/v1/chat/completions", json=body)
        return response.raise_for_status().json()


def _content(case: Case) -> str | list[dict[str, Any]]:
    """What is asked, with the table that is attached to it."""
    if not case.file:
        return case.ask
    data = base64.b64encode(table(case.file).encode()).decode()
    file = {"filename": case.file, "file_data": f"data:text/csv;base64,{data}"}
    return [{"type": "text", "text": case.ask}, {"type": "file", "file": file}]


async def outcomes(asker: Asker, cases: Sequence[Case]) -> AsyncGenerator[Outcome]:
    """Every prompt, one after the other."""
    for case in cases:
        turn = await asker.ask(case)
        yield Outcome(case, turn, judge(case, turn))


def _calls(history: Sequence[Mapping[str, Any]]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    made = [
        (call["id"], call["function"]["name"], call["function"]["arguments"])
        for message in history
        for call in message.get("tool_calls") or ()
    ]
    results = {message["tool_call_id"]: message["content"] for message in history if message["role"] == "tool"}
    return tuple((name, arguments) for _, name, arguments in made), tuple(str(results.get(i, "")) for i, _, _ in made)


def summary(done: Sequence[Outcome]) -> dict[str, Any]:
    """Shares of what was right, over all and by category, and how fast it was."""
    measures: dict[str, Callable[[Verdict], bool]] = {
        "right decision": lambda v: v.decision,
        "valid calls": lambda v: v.valid,
        "right arguments": lambda v: v.arguments,
        "right answer": lambda v: v.answer,
        "no needless call": lambda v: v.no_needless_call,
        "solved": lambda v: v.solved,
    }
    categories = dict.fromkeys(outcome.case.category for outcome in done)

    def shares(some: Sequence[Outcome]) -> dict[str, float]:
        return {name: sum(map(right, (o.verdict for o in some))) / len(some) for name, right in measures.items()}

    decoded = sum(outcome.turn.decode_s for outcome in done)
    return {
        "prompts": len(done),
        "all": shares(done),
        "categories": {name: shares([o for o in done if o.case.category == name]) for name in categories},
        "rounds": sum(outcome.turn.rounds for outcome in done) / len(done),
        "tokens_per_second": sum(outcome.turn.completion_tokens for outcome in done) / decoded if decoded else 0.0,
        "first_token_s": sorted(outcome.turn.first_token_s for outcome in done)[len(done) // 2],
        "seconds": sorted(outcome.turn.seconds for outcome in done)[len(done) // 2],
    }


def as_json(model: str, outcome: Outcome) -> str:
    """One line: the prompt, what happened, the verdict."""
    turn, verdict = outcome.turn, outcome.verdict
    return json.dumps(
        {
            "model": model,
            "category": outcome.case.category,
            "ask": outcome.case.ask,
            "solved": verdict.solved,
            "decision": verdict.decision,
            "calls": turn.calls,
            "results": [result[:300] for result in turn.results],
            "answer": turn.answer,
            "expected": outcome.case.expected,
        },
        ensure_ascii=False,
    )
