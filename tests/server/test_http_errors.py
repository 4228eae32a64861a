"""Bad requests and bad days: the right status, OpenAI's error shape, never a traceback."""

from __future__ import annotations

import json
import logging

import openai
import pytest
from server_doubles import HELLO, PythonTool, http_client, make_agent, openai_client, scripted

from engine import ContextOverflow, EngineOverloaded, InvalidRequest, WorkerDied
from engine.chat.scripted import text

CHAT = "/v1/chat/completions"
DEEP: dict = {"type": "object"}
for _ in range(300):
    DEEP = {"type": "object", "properties": {"a": DEEP}}
SCHEMA_FORMAT = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": 1}}}


def function(name: str, parameters: object) -> dict:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


@pytest.mark.parametrize(
    ("body", "status", "param", "said"),
    [
        ({}, 422, "messages", "Missing messages"),
        ({"messages": 3}, 422, "messages", "valid list"),
        ({"messages": []}, 400, "messages", "at least 1"),
        ({"messages": [{"role": "usr", "content": "x"}]}, 400, "messages.0.role", "'usr'"),
        ({"messages": [{"role": "user"}]}, 400, "messages.0", "needs content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "messages.0.content.0", "text"),
        ({"messages": "x", "temprature": 1}, 400, "temprature", "Unknown field"),
        ({"messages": "x", "temperature": -1}, 400, "temperature", "-1"),
        ({"messages": "x", "temperature": "hot"}, 422, "temperature", "'hot'"),
        ({"messages": "x", "max_tokens": 0}, 400, "max_tokens", "got 0"),
        ({"messages": "x", "max_tokens": 5, "max_completion_tokens": 6}, 400, None, "differ"),
        ({"messages": "x", "max_tokens": 5, "min_tokens": 6}, 400, None, "above max_tokens"),
        ({"messages": "x", "logit_bias": {"the": 1}}, 400, "logit_bias", "'the'"),
        ({"messages": "x", "logit_bias": {"9" * 5000: 1}}, 400, "logit_bias", "is not a token id"),
        ({"messages": "x", "repetition_penalty": 1e-300}, 400, "repetition_penalty", "1e-300"),
        ({"messages": "x", "stop": 5}, 422, "stop", "valid string"),
        ({"messages": "x", "top_logprobs": 2}, 400, None, "needs logprobs"),
        ({"messages": "x", "tools": [function("f", {"type": "objekt"})]}, 400, "tools.0.function.parameters", "'f'"),
        ({"messages": "x", "tools": [function("f", {"type": "string"})]}, 400, "tools.0.function.parameters", "object"),
        ({"messages": "x", "tools": [function("f", DEEP)]}, 400, "tools.0.function.parameters", "too deeply"),
        ({"messages": "x", "tools": [function("f", 3)]}, 400, "tools.0.function.parameters", "must be an object"),
        ({"messages": "x", "tools": [function("a b", {})]}, 400, "tools.0.function.name", "'a b'"),
        ({"messages": "x", "tools": [function("f", {}), function("f", {})]}, 400, "tools.1.function.name", "twice"),
        ({"messages": "x", "tools": [function("mistralrs_execute_python", {})]}, 400, "tools", "belongs to"),
        ({"messages": "x", "tools": [{"type": "shell"}]}, 400, "tools.0", "'shell'"),
        ({"messages": "x", "tool_choice": "required"}, 400, "tool_choice", "at least one tool"),
        ({"messages": "x", "tool_choice": {"type": "function", "name": "zz"}}, 400, "tool_choice", "'zz'"),
        ({"messages": "x", "response_format": SCHEMA_FORMAT},
         400, "response_format.json_schema.schema", "'n'"),
        ({"messages": "x", "grammar": {"type": "regex", "value": "a"}, "response_format": {"type": "json_object"}},
         400, "grammar", "exclude"),
        ({"messages": "x", "reasoning_effort": "none", "enable_thinking": True}, 400, None, "contradict"),
        ({"messages": "x", "reasoning_effort": "lots"}, 400, "reasoning_effort", "'lots'"),
        ({"messages": "x", "chat_template_kwargs": {"messages": []}}, 400, "chat_template_kwargs", "'messages'"),
        ({"messages": "x", "dry_multiplier": -1}, 400, "dry_multiplier", "got -1"),
        ({"messages": "x", "dry_base": 0.5}, 400, "dry_base", "got 0.5"),
        ({"messages": "x", "dry_sequence_breakers": [""]}, 400, "dry_sequence_breakers.0", "at least 1"),
        ({"messages": "x", "stop_token_ids": [-1]}, 400, "stop_token_ids.0", "got -1"),
        ({"messages": "x", "adapter": {"generation": "0"}}, 400, "adapter.generation", "pattern"),
        ({"messages": "x", "enable_shell": True}, 400, None, "--enable-shell"),
        ({"messages": "x", "files": [{"name": "a"}]}, 400, "files", "with code execution"),
        ({"messages": "x", "functions": [{}]}, 400, "functions", "use tools"),
        ({"messages": "x", "web_search_options": {}}, 400, None, "does not search"),
        ({"messages": "x", "n": 2, "session_id": "s"}, 400, "n", "one answer"),
        ({"messages": "x", "n": 2, "enable_code_execution": True}, 400, "n", "one answer"),
        ({"messages": "x", "model": "gpt-9"}, 404, "model", "'gpt-9'"),
        ([1], 422, None, "object"),
    ],
)  # fmt: skip
async def test_a_wrong_body_is_refused_with_one_clear_sentence(body, status, param, said):
    agent = make_agent(tools=[PythonTool()])
    async with http_client(agent) as client:
        answer = await client.post(CHAT, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (status, param), error
    assert said in error["message"]
    assert "\n" not in error["message"]
    assert error["type"] == "invalid_request_error"
    assert scripted(agent).requests == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"messages": ', "Expecting value at character 13"),
        (b"hello", "Expecting value"),
        (b'{"messages": "x",}', "Expecting property name"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"messages": "\xff"}', "not UTF-8 at byte 14"),
        (b'{"messages": "\\ud83d"}', "half of a surrogate pair"),
        (b'{"messages": "x", "temperature": NaN}', "NaN is not a JSON number"),
        (b'{"messages": "x", "seed": ' + b"9" * 5000 + b"}", "4300 digits"),
    ],
)
async def test_malformed_json_is_a_400_that_says_what_is_wrong(body, said):
    async with http_client(make_agent()) as client:
        answer = await client.post(CHAT, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.json()["error"]["message"].startswith("The body is not valid JSON: ")
    assert said in answer.json()["error"]["message"]


async def test_characters_written_as_surrogate_pairs_are_fine():
    agent = make_agent([[text("ok")]])
    async with http_client(agent) as client:
        body = b'{"messages": "\\ud83d\\ude00"}'
        await client.post(CHAT, content=body, headers={"content-type": "application/json"})
    assert scripted(agent).requests[0].messages[0].content == "\N{GRINNING FACE}"


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/v1/nothing", "GET", 404), (CHAT, "GET", 405), ("/v1/models/gpt-9", "GET", 404)],
)
async def test_routes_and_methods_that_do_not_exist_answer_as_json(path, method, status):
    async with http_client(make_agent()) as client:
        answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


async def test_a_body_that_does_not_say_it_is_json_is_refused():
    async with http_client(make_agent()) as client:
        answer = await client.post(CHAT, content=json.dumps({"messages": "x"}), headers={"content-type": "text/plain"})
    assert answer.status_code == 415
    assert "text/plain" in answer.json()["error"]["message"]


async def test_a_body_above_the_limit_is_refused_with_and_without_a_declared_length():
    async def chunks():
        for _ in range(20):
            yield b" " * 100

    async with http_client(make_agent(), max_body_bytes=1000) as client:
        json_type = {"content-type": "application/json"}
        for content in (b" " * 1001, chunks()):
            answer = await client.post(CHAT, content=content, headers=json_type)
            assert answer.status_code == 413
            assert answer.json()["error"]["code"] == "request_too_large"


@pytest.mark.parametrize(
    ("failure", "kind", "code"),
    [
        (ContextOverflow(9000, 8192), openai.BadRequestError, "context_length_exceeded"),
        (InvalidRequest("no such token", param="logit_bias"), openai.BadRequestError, None),
        (EngineOverloaded("512 requests are waiting"), openai.RateLimitError, "engine_overloaded"),
        (WorkerDied("the worker ended"), openai.InternalServerError, "worker_died"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_engine_errors_raise_the_matching_class_in_the_official_client(failure, kind, code, stream):
    async with openai_client(make_agent([[failure]])) as client:
        with pytest.raises(kind) as caught:
            await client.chat.completions.create(model="default", messages=HELLO, stream=stream)
    assert caught.value.code == code
    assert str(failure) in caught.value.message
    retry_after = caught.value.response.headers.get("retry-after")
    assert retry_after == ("1" if caught.value.status_code in (429, 503) else None)


async def test_unknown_model_raises_not_found_in_the_official_client():
    async with openai_client(make_agent()) as client:
        with pytest.raises(openai.NotFoundError) as caught:
            await client.chat.completions.create(model="gpt-9", messages=HELLO)
    assert caught.value.code == "model_not_found"


async def test_a_failure_in_mid_stream_is_one_error_frame_and_done():
    async with http_client(make_agent([[text("one two"), WorkerDied("the worker ended")]])) as client:
        answer = await client.post(CHAT, json={"messages": "x", "stream": True})
    frames = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert frames[-1] == "[DONE]"
    assert json.loads(frames[-2])["error"]["code"] == "worker_died"
    assert json.loads(frames[0])["choices"][0]["delta"]["content"] == "one "


async def test_the_official_client_raises_on_a_failure_in_mid_stream():
    async with openai_client(make_agent([[text("one"), WorkerDied("the worker ended")]])) as client:
        stream = await client.chat.completions.create(model="default", messages=HELLO, stream=True)
        with pytest.raises(openai.APIError, match="the worker ended"):
            [chunk async for chunk in stream]


async def test_a_bug_is_a_500_that_keeps_its_details_in_the_log(caplog):
    agent = make_agent([[RuntimeError("secret detail")], [RuntimeError("secret detail")]])
    async with http_client(agent) as client:
        for stream in (False, True):
            with caplog.at_level(logging.ERROR):
                answer = await client.post(CHAT, json={"messages": "x", "stream": stream})
            assert answer.status_code == 500
            assert answer.json()["error"]["code"] == "internal_error"
            assert "secret" not in answer.text
            assert "secret detail" in caplog.text
            assert answer.headers["x-request-id"]
            caplog.clear()


async def test_health_fails_while_the_worker_is_gone():
    agent = make_agent()
    async with http_client(agent) as client:
        healthy = await client.get("/health")
        assert (healthy.status_code, healthy.text) == (200, "OK")
        told = await client.get("/health", headers={"accept": "application/json"})
        assert set(told.json()["sandbox"]) == {"summary", "layers"}

        async def dead():
            raise WorkerDied("gone")

        agent.model.stats = dead
        ill = await client.get("/health")
    assert ill.status_code == 503
    assert ill.json()["error"]["code"] == "worker_died"
