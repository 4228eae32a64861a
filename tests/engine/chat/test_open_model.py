"""The whole path on the real default model: template, grammar, engine, reply."""

from __future__ import annotations

from engine import ChatRequest, Message, ModelOptions, SamplingParams, TextDelta, ToolChoice, ToolSpec, open_model
from engine.chat.model import ReplyFinished
from engine.request import FinishReason

PYTHON = ToolSpec(
    "run_python",
    "Run Python code and return its output.",
    {"type": "object", "properties": {"code": {"type": "string", "maxLength": 40}}, "required": ["code"]},
)
GREEDY = SamplingParams(temperature=0.0, max_tokens=60)


async def test_the_default_model_answers_and_makes_a_forced_call():
    told: list[str] = []
    model = await open_model(ModelOptions(max_model_len=512, threads=2), in_process=True, report=told.append)
    try:
        assert any(model.info.id in line for line in told)
        plain = ChatRequest([Message("user", "Say hello.")], SamplingParams(temperature=0.0, max_tokens=4))
        events = [event async for event in model.chat(plain)]
        assert "".join(e.text for e in events if isinstance(e, TextDelta)).strip()
        assert events[-1].usage.prompt_tokens == model.count_tokens(plain)

        forced = ChatRequest(
            [Message("user", "Compute 12*31 with Python.")], GREEDY, [PYTHON], ToolChoice.named("run_python"), False
        )
        *_, last = [event async for event in model.chat(forced)]
        assert isinstance(last, ReplyFinished)
        assert last.reason is FinishReason.TOOL_CALLS
        (call,) = last.tool_calls
        assert call.name == "run_python"
        assert isinstance(call.parsed()["code"], str)
    finally:
        await model.close()


async def test_a_context_shorter_than_a_block_of_the_cache_works():
    model = await open_model(ModelOptions(max_model_len=20, threads=2), in_process=True, report=list[str]().append)
    try:
        assert model.info.context_tokens == 20
        settings = SamplingParams(temperature=0.0, ignore_eos=True)
        deltas = [delta async for delta in model.complete([504, 3575, 282], settings)]
        assert deltas[-1].finish_reason is FinishReason.LENGTH
        assert deltas[-1].usage is not None
        assert deltas[-1].usage.completion_tokens == 20 - 3
    finally:
        await model.close()
