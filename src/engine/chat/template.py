"""Chat templates: a conversation to prompt text, the way `transformers` renders it.

A template is code from whoever published the model: it runs in jinja2's immutable sandbox, sees only plain data, and
whatever goes wrong in it is the request's error, with the template's own words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import product
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.chat.messages import Message, ToolSpec
from engine.errors import InvalidRequest, UnsupportedModel


class ChatTemplate:
    """One model's template, compiled."""

    def __init__(
        self,
        source_text: str,
        special_tokens: Mapping[str, str],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`special_tokens`: `bos_token`, `eos_token`, … as the template names them.

        Raises: UnsupportedModel when the template is not valid Jinja.
        """
        self.source_text = source_text
        self._special_tokens = dict(special_tokens)
        self._now = now
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _GenerationTag]
        )
        environment.filters["tojson"] = _to_json
        functions = {"raise_exception": _raise, "strftime_now": self._strftime}
        try:
            self._template = environment.from_string(source_text, functions)
        except TemplateSyntaxError as error:
            raise UnsupportedModel(f"The chat template, line {error.lineno}, is not valid Jinja: {error}") from error

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec] = (),
        *,
        add_generation_prompt: bool = True,
        enable_thinking: bool | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the prompt, special tokens written out. `variables` are the caller's own; ours go before them.

        Templates differ in what they take. The conversation as it is is tried first; when the template refuses, the
        system text is moved to the start, then into the first user message; then the same with roles taking turns.

        Raises: InvalidRequest when the template refuses the conversation in every form.
        """
        asked = {} if enable_thinking is None else {"enable_thinking": enable_thinking, "thinking": enable_thinking}
        data: dict[str, Any] = {
            **(variables or {}),
            **asked,
            **self._special_tokens,
            "tools": [tool.to_json() for tool in tools] or None,
            "documents": None,
            "add_generation_prompt": add_generation_prompt,
            "date_string": self._now().strftime("%d %b %Y"),
        }
        refusal: InvalidRequest | None = None
        tried: list[Sequence[Message]] = []
        arrangements = (self._with_known_roles, _system_first, _system_in_user_turn)
        for conversation, arrange in product((messages, _taking_turns(messages)), arrangements):
            arranged = arrange(conversation)
            if arranged in tried:
                continue
            tried.append(arranged)
            try:
                return self._render(arranged, data)
            except InvalidRequest as error:
                refusal = refusal or error
        assert refusal is not None
        raise refusal

    @cached_property
    def supports_tools(self) -> bool:
        """Whether tools handed to the template reach the prompt."""
        probe = ToolSpec("zq_probe_tool", "", {"type": "object", "properties": {}})
        try:
            return probe.name in self.render([Message("user", "probe")], [probe])
        except InvalidRequest:
            return False

    def _render(self, messages: Sequence[Message], data: Mapping[str, Any]) -> str:
        try:
            return self._template.render({**data, "messages": [self._message_data(m) for m in messages]})
        except TemplateError as error:
            raise InvalidRequest(f"The chat template refuses the conversation: {error}", param="messages") from error
        except Exception as error:  # the template is foreign code and may fail in any way
            raise InvalidRequest(
                f"The chat template failed on this conversation: {type(error).__name__}: {error}", param="messages"
            ) from error

    def _strftime(self, form: str) -> str:
        return self._now().strftime(form)

    def _message_data(self, message: Message) -> dict[str, Any]:
        """The OpenAI shape with arguments as objects, and reasoning under both names templates read. A tool's result is
        `result` besides when it is JSON, for templates that write it in words.
        """
        data = message.to_json()
        for call, body in zip(message.tool_calls, data.get("tool_calls", ()), strict=True):
            body["id"] = self._call_id(call.id)
            try:
                body["function"]["arguments"] = call.parsed()
            except ValueError:
                body["function"]["arguments"] = {"malformed_arguments": call.arguments}
        if message.tool_call_id:
            data["tool_call_id"] = self._call_id(message.tool_call_id)
        if message.reasoning:
            data["thinking"] = message.reasoning
        if message.role == "tool":
            data["result"] = _json_or_none(message.content)
        return data

    def _call_id(self, call_id: str) -> str:
        """Mistral's templates insist on ids of nine letters and digits."""
        if "length != 9" not in self.source_text or (len(call_id) == 9 and call_id.isalnum()):
            return call_id
        return hashlib.sha256(call_id.encode()).hexdigest()[:9]

    def _with_known_roles(self, messages: Sequence[Message]) -> list[Message]:
        """Join the system messages a conversation begins with; `developer` is `system` to most templates."""
        knows_developer = "developer" in self.source_text
        if not knows_developer:
            messages = [replace(m, role="system") if m.role == "developer" else m for m in messages]
        start = next((i for i, m in enumerate(messages) if m.role != "system"), len(messages))
        return [*_joined_system(messages[:start]), *messages[start:]]


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _is_system(message: Message) -> bool:
    return message.role in ("system", "developer")


def _joined_system(messages: Sequence[Message]) -> list[Message]:
    """The system messages as one, or none."""
    texts = [m.content for m in messages if _is_system(m)]
    return [Message("system", "\n\n".join(texts))] if texts else []


def _system_first(messages: Sequence[Message]) -> list[Message]:
    return [*_joined_system(messages), *(m for m in messages if not _is_system(m))]


def _system_in_user_turn(messages: Sequence[Message]) -> list[Message]:
    system, others = _joined_system(messages), [m for m in messages if not _is_system(m)]
    first = next((i for i, m in enumerate(others) if m.role == "user"), None)
    if system and first is not None:
        others[first] = replace(others[first], content=f"{system[0].content}\n\n{others[first].content}")
        return others
    return [*system, *others]


def _taking_turns(messages: Sequence[Message]) -> list[Message]:
    """User and assistant in turn, which many templates insist on, and no thoughts beside both words and calls.

    Neighbours of one role become one message. Where the user went on although the assistant had only called tools, the
    assistant has said nothing: `…`.
    """
    turns: list[Message] = []
    for message in (replace(m, reasoning="") if m.content and m.tool_calls else m for m in messages):
        last = turns[-1] if turns else None
        if last and message.role == last.role and message.role != "tool" and not last.tool_calls:
            content = "\n\n".join(text for text in (last.content, message.content) if text)
            turns[-1] = replace(message, content=content)
            continue
        if message.role == "user" and last and (last.role == "tool" or last.tool_calls):
            turns.append(Message("assistant", "…"))
        turns.append(message)
    return turns


class _GenerationTag(Extension):
    """`{% generation %}…{% endgeneration %}` marks text to train on; here it is just its content."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it as a plain class attribute

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise(message: str) -> None:
    raise TemplateError(message)
