from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from engine.adapters.asked import UnloadAdapter
from engine.chat.local import LocalChatModel
from engine.chat.messages import Message, ToolChoice, ToolSpec
from engine.chat.model import ChatRequest, ReplyFinished, TextDelta, ThinkingDelta, ToolCallArguments, ToolCallStarted
from engine.chat.scripted import SCRIPTED_INFO
from engine.errors import AdapterError, ContextOverflow, InvalidRequest, UnsupportedModel
from engine.loading.source import ModelSource
from engine.request import Delta, EngineStats, FinishReason, Request, SamplingParams, TokenLogprob, Usage

CHATML = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
QWEN = (Path(__file__).parent / "data" / "templates" / "Qwen-Qwen3-0.6B.jinja").read_text()
WEATHER = ToolSpec("weather", "", {"type": "object", "properties": {"city": {"type": "string"}}})
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>'
ASK = [Message("user", "Weather?")]


class ReplayingService:
    """Plays texts as the deltas of each choice and keeps the request."""

    def __init__(self, *choices: Sequence[str], reason: FinishReason = FinishReason.STOP) -> None:
        self.info = SCRIPTED_INFO
        self.choices, self.reason = choices, reason
        self.requests: list[Request] = []
        self.aborted = self.closed = False

    async def generate(self, request: Request) -> AsyncGenerator[Delta, None]:
        self.requests.append(request)
        try:
            for index, texts in enumerate(self.choices):
                for i, text in enumerate(texts):
                    await asyncio.sleep(0)
                    yield Delta(request.id, index, text, (i,), (TokenLogprob(i, text, text.encode(), -0.5),))
                last = index == len(self.choices) - 1
                usage = Usage(prompt_tokens=len(request.prompt), completion_tokens=7) if last else None
                yield Delta(request.id, index, finish_reason=self.reason, usage=usage)
        except GeneratorExit:
            self.aborted = True
            raise

    async def stats(self) -> EngineStats:
        return EngineStats(0, 0, 0, 8)

    async def close(self) -> None:
        self.closed = True


def tokenizer(*special: str) -> Tokenizer:
    """Bytes and special tokens; raw text is encoded with `<s>` in front."""
    built = Tokenizer(models.BPE({t: i for i, t in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, []))
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.decoder = decoders.ByteLevel()
    built.add_special_tokens([AddedToken(t, special=True) for t in ("<s>", *special)])
    built.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 256)])
    return built


def local(
    service: ReplayingService,
    template: str | None = CHATML,
    special: Sequence[str] = (),
    tool_adapter: str | None = None,
) -> LocalChatModel:
    source = ModelSource(
        name="m", notice="", kind="gguf", weight_files=(), config={}, tokenizer_file=None, chat_template=template,
        special_tokens={"bos_token": "<s>"}, eos_token_ids=(), sampling_defaults=SamplingParams(),
    )  # fmt: skip
    return LocalChatModel(source, tokenizer(*special), service, tool_adapter)


def prompt_of(service: ReplayingService) -> str:
    return tokenizer().decode(service.requests[0].prompt, skip_special_tokens=False)


async def events_of(model: LocalChatModel, **fields):
    return [event async for event in model.chat(ChatRequest(ASK, **fields))]


async def test_a_plain_answer_streams_with_logprobs_and_ends_with_usage():
    service = ReplayingService(["It is", " sunny."])
    events = await events_of(local(service))
    assert [e.text for e in events[:-1]] == ["It is", " sunny."]
    assert [len(e.logprobs) for e in events[:-1]] == [1, 1]
    assert events[-1] == ReplyFinished(FinishReason.STOP, usage=Usage(prompt_tokens=16, completion_tokens=7))


async def test_reasoning_answer_and_call_are_told_apart():
    service = ReplayingService(["<think>\nHm.\n", "</think>\n\nLet me ", "look.\n", *CALL])
    events = await events_of(local(service, QWEN), tools=[WEATHER])
    assert "".join(e.text for e in events if isinstance(e, ThinkingDelta)) == "Hm."
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "Let me look."
    started = next(e for e in events if isinstance(e, ToolCallStarted))
    assert started.call_id.startswith("call_")
    assert len(started.call_id) == len("call_") + 24
    assert (started.name, started.position) == ("weather", 0)
    fragments = [e.fragment for e in events if isinstance(e, ToolCallArguments)]
    assert "".join(fragments) == '{"city": "Rome"}'
    assert len(fragments) > 3
    assert events[-1].reason is FinishReason.TOOL_CALLS
    assert [(c.id, c.arguments) for c in events[-1].tool_calls] == [(started.call_id, '{"city": "Rome"}')]


async def test_a_reply_cut_in_a_call_keeps_its_reason_and_what_came():
    events = await events_of(local(ReplayingService([CALL[:60]], reason=FinishReason.LENGTH)), tools=[WEATHER])
    assert events[-1].reason is FinishReason.LENGTH
    assert events[-1].tool_calls[0].name == "weather"


async def test_every_choice_is_read_on_its_own():
    service = ReplayingService(["Text."], [CALL, "\n" + CALL])
    events = await events_of(local(service), tools=[WEATHER], sampling=SamplingParams(n=2))
    first, second = (e for e in events if isinstance(e, ReplyFinished))
    assert (first.index, first.reason, first.usage) == (0, FinishReason.STOP, None)
    assert (second.index, second.reason, len(second.tool_calls)) == (1, FinishReason.TOOL_CALLS, 2)
    assert second.usage is not None
    assert {e.position for e in events if isinstance(e, ToolCallStarted)} == {0, 1}


@pytest.mark.parametrize("fields", [{"tools": [WEATHER], "tool_choice": ToolChoice("none")}, {}])
async def test_without_callable_tools_nothing_is_taken_for_a_call(fields: dict):
    service = ReplayingService([CALL])
    events = await events_of(local(service), **fields)
    assert "".join(e.text for e in events[:-1]) == CALL
    assert events[-1].reason is FinishReason.STOP
    assert (service.requests[0].constraint is None) == (not fields)
    assert "tool" not in prompt_of(service)


async def test_the_prompt_is_the_rendered_template_with_special_tokens_once():
    service = ReplayingService(["x"])
    model = local(service, "{{ bos_token }}" + CHATML)
    await events_of(model)
    assert list(service.requests[0].prompt) == [256, *model.tokenize("<|user|>Weather?")[1:]]
    assert model.count_tokens(ChatRequest(ASK)) == len(service.requests[0].prompt)


async def test_a_template_without_tools_is_given_them_as_text_and_read_as_hermes():
    service = ReplayingService([CALL])
    events = await events_of(local(service), tools=[WEATHER], tool_choice=ToolChoice.named("weather"))
    prompt = prompt_of(service)
    assert "<tools>" in prompt
    assert '"name": "weather"' in prompt
    assert service.requests[0].constraint.kind == "lark"
    assert events[-1].tool_calls[0].name == "weather"


async def test_special_tokens_stay_in_the_text_only_when_markers_are_among_them():
    mistral = "{{ '[TOOL_CALLS]' }}{% for t in tools or [] %}{{ t }}{% endfor %}" + CHATML
    for special, tools, skipped in [
        (["[TOOL_CALLS]"], [WEATHER], False),
        (["[TOOL_CALLS]"], [], True),
        (["</s>"], [WEATHER], True),
    ]:
        service = ReplayingService(["x"])
        await events_of(local(service, mistral, special), tools=tools)
        assert service.requests[0].skip_special_tokens is skipped


async def test_closing_a_chat_early_aborts_the_request():
    service = ReplayingService(["a ", "b ", "c"])
    async with aclosing(local(service).chat(ChatRequest(ASK))) as events:
        assert (await anext(events)).text == "a "
    assert service.aborted


async def test_mistakes_of_the_caller_queue_nothing():
    service = ReplayingService(["x"])
    broken = ToolSpec("broken", "", {"type": "nonsense"})
    for template, fields, param in [
        (None, {}, "messages"),
        (CHATML, {"tools": [broken]}, "tools"),
        (CHATML, {"tool_choice": ToolChoice("required")}, "tool_choice"),
    ]:
        with pytest.raises(InvalidRequest) as caught:
            await events_of(local(service, template), **fields)
        assert caught.value.param == param
    assert service.requests == []
    with pytest.raises(UnsupportedModel):
        local(service, "{% nonsense")


async def test_variables_of_the_request_reach_the_template():
    service = ReplayingService(["x"])
    await events_of(local(service, "{{ tone }}"), template_kwargs={"tone": "kind", "self": "odd"})
    assert prompt_of(service) == "kind"


async def test_raw_completion_takes_text_or_ids():
    service = ReplayingService(["x"])
    model = local(service)
    for prompt in ["hi", model.tokenize("hi")]:
        assert [d.text async for d in model.complete(prompt, SamplingParams())] == ["x", ""]
    first, second = service.requests
    assert first.prompt == second.prompt == (256, *(model.tokenize("hi")[1:]))
    assert first.id != second.id
    assert model.detokenize(first.prompt) == "<s>hi"


async def test_a_prompt_that_cannot_fit_is_refused_before_its_tokens_are_counted():
    service = ReplayingService(["x"])
    model = local(service, "{{ messages[0].content }}")
    longest = max(map(len, tokenizer().get_vocab())) * model.info.context_tokens
    ask = ChatRequest([Message("user", "y" * longest + "z")])
    for events in (model.chat(ask), model.complete("y" * longest + "z", SamplingParams())):
        with pytest.raises(ContextOverflow, match="has at least 8193 tokens"):
            await anext(events)
    assert service.requests == []
    async for _ in model.chat(replace(ask, truncate=True)):
        pass
    assert service.requests[0].prompt[-2:] == tuple(model.tokenize("yz")[-2:])


async def test_stats_and_close_go_to_the_service():
    service = ReplayingService()
    model = local(service)
    assert model.info is SCRIPTED_INFO
    assert (await model.stats()).kv_blocks_total == 8
    await model.close()
    assert service.closed


async def test_the_adapter_for_tools_answers_where_tools_are_offered_and_nothing_else_is_named():
    service = ReplayingService(["Hi"])
    model = local(service, tool_adapter="agent")
    for asked in ({}, {"tools": [WEATHER]}, {"tools": [WEATHER], "adapter": "other"}, {"adapter": "other"}):
        await events_of(model, **asked)
    assert [request.adapter for request in service.requests] == [None, "agent", "other", "other"]


async def test_the_adapter_for_tools_cannot_be_unloaded():
    with pytest.raises(AdapterError, match="where tools are offered") as refused:
        await local(ReplayingService(), tool_adapter="agent").change_adapter(UnloadAdapter("agent"))
    assert refused.value.code == "lora_adapter_in_use"
