"""Log lines: whose request, in which form, and nothing secret in them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from engine.request_id import new_engine_id, outside_id, request_id
from mistralrs_agent.logs import Concealer, JsonLines, RequestIds, TextLines


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """One that only the test's own handlers hear."""
    logger = logging.Logger("room.part")
    logger.propagate = False
    yield logger
    logger.handlers.clear()


def written(logger: logging.Logger, formatter: logging.Formatter) -> list[str]:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(handler.format(record))
    handler.setFormatter(formatter)
    handler.addFilter(RequestIds())
    logger.addHandler(handler)
    return lines


def test_a_text_line_ends_with_the_id_of_its_request(logger):
    lines = written(logger, TextLines(Concealer()))
    token = request_id.set("req_1")
    logger.warning("at %s", "work")
    request_id.reset(token)
    logger.warning("at rest")
    assert lines[0].endswith("WARNING room.part: at work [req_1]")
    assert lines[1].endswith("WARNING room.part: at rest")


def test_a_json_line_holds_time_level_logger_message_id_and_fields(logger):
    lines = written(logger, JsonLines(Concealer()))
    logger.info("done", extra={"fields": {"status": 200, "route": "/v1/x"}, "request_id": "req_2"})
    line = json.loads(lines[0])
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO", "logger": "room.part", "message": "done", "request_id": "req_2",
        "status": 200, "route": "/v1/x",
    }  # fmt: skip


def test_nobody_can_forge_a_line_or_move_the_cursor_of_who_reads_it(logger):
    text, as_json = written(logger, TextLines(Concealer())), written(logger, JsonLines(Concealer()))
    logger.info("path %s", "/x\n2026 INFO forged\x1b[2J\x9b1m\r")
    assert text[0].endswith(r"path /x\n2026 INFO forged\x1b[2J\x9b1m\r")
    assert "\n" not in as_json[0]


def test_a_traceback_has_lines_of_its_own_in_text_and_a_field_in_json(logger):
    text, as_json = written(logger, TextLines(Concealer())), written(logger, JsonLines(Concealer()))
    try:
        raise ValueError("broken")
    except ValueError:
        logger.exception("it failed")
    assert text[0].endswith("ValueError: broken")
    assert "\nTraceback" in text[0]
    assert json.loads(as_json[0])["exception"].endswith("ValueError: broken")


@pytest.mark.parametrize(
    "text",
    [
        "the key is sesame-street here",
        "Authorization: Bearer SECRET",
        "{'authorization': 'Digest SECRET', 'a': 1}",
        "[(b'x-api-key', b'SECRET'), (b'host', b'h')]",
        "GET https://host/path?q=1&api_key=SECRET&r=2 200",
        "connecting to postgresql://user:SECRET@host/db",
        '{"token": "SECRET", "n": 1}',
        "Dispatcher(url='u', secret='SECRET')",
        "hub said no to hf_SECRETsecretSECRETsecret",
        "sk-SECRETsecretSECRETsecret is wrong",
    ],
)
def test_secrets_are_hidden_wherever_they_stand(text):
    shown = Concealer(["sesame-street"])(text)
    assert "secret" not in shown.replace("secret=", "").lower()
    assert "sesame" not in shown
    assert "[hidden]" in shown


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens=5, prompt tokens: 37",
        "sorted(sequences, key=priority)",
        "unexpected token: '}' at line 3",
        "https://host:8080/path?page=2#part",
    ],
)
def test_ordinary_lines_stay_as_they_are(text):
    assert Concealer(["x"])(text) == text


def test_values_of_secret_variables_are_known(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "open-sesame")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false-hope")
    assert Concealer()("open-sesame false-hope") == "[hidden] false-hope"


def test_an_id_for_the_engine_begins_with_the_requests_and_is_never_given_twice():
    token = request_id.set("mine.1")
    first, second = new_engine_id(), new_engine_id()
    request_id.reset(token)
    assert first != second
    assert outside_id(first) == outside_id(second) == "mine.1"
    assert outside_id(new_engine_id()) == ""
