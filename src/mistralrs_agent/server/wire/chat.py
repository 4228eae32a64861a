"""The body of `POST /v1/chat/completions` → a `Turn`. OpenAI's names stop here."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AliasChoices, Field, field_validator, model_validator

from engine import SamplingParams
from mistralrs_agent.agent.events import Permission
from mistralrs_agent.agent.turn import Attachment, Turn
from mistralrs_agent.server.wire.agent import RuleField
from mistralrs_agent.server.wire.base import (
    NoEffect,
    Unsupported,
    invalid,
    only,
)
from mistralrs_agent.server.wire.constraint import Grammar, ResponseFormat, reply_constraint
from mistralrs_agent.server.wire.files import ExpectedFileField
from mistralrs_agent.server.wire.messages import MessageField
from mistralrs_agent.server.wire.sampling import SamplingFields, StreamOptions
from mistralrs_agent.server.wire.search import WebSearchOptions
from mistralrs_agent.server.wire.skills import SkillField
from mistralrs_agent.server.wire.tools import (
    CodeInterpreter,
    NamedTool,
    ToolChoiceField,
    ToolField,
    client_tools,
    tool_choice,
)

_NO_THINKING = ("off", "none")
_EFFORTS = (*_NO_THINKING, "minimal", "low", "medium", "high", "xhigh", "max")
_OWN_TEMPLATE_NAMES = ("self", "messages", "tools", "documents", "add_generation_prompt", "date_string")


class ChatRequest(SamplingFields):
    """A conversation to answer."""

    messages: Annotated[list[MessageField], Field(min_length=1)]
    model: str = "default"

    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None

    stream: bool | None = None
    stream_options: StreamOptions | None = None

    tools: list[ToolField] | None = None
    tool_choice: ToolChoiceField = None
    parallel_tool_calls: bool | None = None

    response_format: ResponseFormat | None = None
    grammar: Grammar | None = None
    enable_thinking: bool | None = None
    reasoning_effort: str | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    truncate_sequence: bool | None = None

    web_search_options: WebSearchOptions | None = None
    enable_code_execution: bool | None = None
    enable_shell: bool | None = None
    agent_permission: Annotated[
        Literal["auto", "ask", "deny"] | None,
        Field(validation_alias=AliasChoices("agent_permission", "code_execution_permission")),
    ] = None
    agent_permission_rules: Annotated[list[RuleField], Field(max_length=100)] | None = None
    max_tool_rounds: Annotated[int, Field(ge=0)] | None = None
    session_id: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    files: Annotated[list[ExpectedFileField], Field(max_length=64)] | None = None
    """What tools have to make."""
    skills: Annotated[list[SkillField], Field(max_length=100)] | None = None
    """Skills the model may use; when absent, those that the server's owner put there."""

    audio: Unsupported = None
    modalities: Annotated[Any, AfterValidator(only(["text"], because="can only be ['text']"))] = None
    moderation: Unsupported = None
    verbosity: Annotated[Any, AfterValidator(only("medium"))] = None
    functions: Annotated[Any, AfterValidator(only([], because="the old form; use tools"))] = None
    function_call: Annotated[Any, AfterValidator(only(because="the old form; use tool_choice"))] = None

    user: NoEffect = None
    metadata: NoEffect = None
    store: NoEffect = None
    service_tier: NoEffect = None
    safety_identifier: NoEffect = None
    prediction: NoEffect = None
    prompt_cache_key: NoEffect = None
    prompt_cache_options: NoEffect = None
    prompt_cache_retention: NoEffect = None

    @field_validator("messages", mode="before")
    @classmethod
    def _text_is_one_user_message(cls, value: Any) -> Any:
        return [{"role": "user", "content": value}] if isinstance(value, str) else value

    @field_validator("reasoning_effort")
    @classmethod
    def _known_effort(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if (effort := value.strip().lower()) not in _EFFORTS:
            raise invalid(f"{value!r} is not one of {', '.join(_EFFORTS)}")
        return effort

    @field_validator("chat_template_kwargs")
    @classmethod
    def _leaves_our_names_alone(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        for name in _OWN_TEMPLATE_NAMES:
            if name in (value or ()):
                raise invalid(f"{name!r} is set by the server")
        if not isinstance((value or {}).get("enable_thinking", True), bool):
            raise invalid("enable_thinking must be true or false")
        return value

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.max_completion_tokens is not None:
            if self.max_tokens not in (None, self.max_completion_tokens):
                raise invalid("max_tokens and max_completion_tokens differ; give one")
            self.max_tokens = self.max_completion_tokens
        if self.top_logprobs is not None and not self.logprobs:
            raise invalid("top_logprobs needs logprobs to be true")
        if self.stream_options is not None and not self.stream:
            raise invalid("stream_options needs stream to be true")
        if self._thinking() is not None and self.reasoning_effort is not None:
            effort_thinks = self.reasoning_effort not in _NO_THINKING
            if self._thinking() != effort_thinks:
                raise invalid(f"enable_thinking and reasoning_effort {self.reasoning_effort!r} contradict each other")
        return self

    @property
    def include_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    def to_turn(self, defaults: SamplingParams) -> Turn:
        """What the agent is asked. Only values this request gives replace `defaults`.

        Raises: RequestError.
        """
        tools = self.tools or ()
        search = self.web_search_options
        sampling = self.sampling(defaults)
        template = dict(self.chat_template_kwargs or {})
        template.pop("enable_thinking", None)
        thinking = self._thinking()
        if self.reasoning_effort is not None:
            thinking = self.reasoning_effort not in _NO_THINKING
            if thinking:
                template["reasoning_effort"] = self.reasoning_effort
        return Turn(
            messages=tuple(message.to_message() for message in self.messages),
            sampling=sampling,
            client_tools=client_tools(tools),
            tool_choice=tool_choice(self.tool_choice),
            parallel_tool_calls=self.parallel_tool_calls is not False and not isinstance(self.tool_choice, NamedTool),
            code_execution=bool(self.enable_code_execution) or any(isinstance(t, CodeInterpreter) for t in tools),
            web_search=search is not None and search.external_web_access is not False,
            search_wishes=search.to_wishes() if search is not None else None,
            shell=bool(self.enable_shell),
            permission=Permission(self.agent_permission) if self.agent_permission else None,
            permission_rules=tuple(rule.to_rule() for rule in self.agent_permission_rules or ()),
            files=tuple(
                Attachment(number, file.to_file())
                for number, message in enumerate(self.messages)
                for file in message.files
            ),
            skills=None if self.skills is None else tuple(skill.to_reference() for skill in self.skills),
            expected_files=tuple(file.to_expected() for file in self.files or ()),
            max_rounds=self.max_tool_rounds,
            session_id=self.session_id,
            constraint=reply_constraint(self.response_format, self.grammar),
            enable_thinking=thinking,
            template_kwargs=template,
            truncate=bool(self.truncate_sequence),
            cache_salt=self.cache_salt or "",
        )

    def sampling(self, defaults: SamplingParams) -> SamplingParams:
        sampling = super().sampling(defaults)
        if not self.logprobs:
            return sampling
        return replace(sampling, logprobs=1 if self.top_logprobs is None else self.top_logprobs)

    def _thinking(self) -> bool | None:
        """`enable_thinking`, given directly or inside `chat_template_kwargs`."""
        inner = (self.chat_template_kwargs or {}).get("enable_thinking")
        return self.enable_thinking if self.enable_thinking is not None else inner
