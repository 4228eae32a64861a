"""What a surface (HTTP, TUI, MCP, SDK) asks of the agent for one turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine import ChatRequest, Constraint, Message, SamplingParams, ToolChoice, ToolSpec
from mistralrs_agent.agent.events import Permission
from mistralrs_agent.agent.rules import Rule
from mistralrs_agent.search.web import SearchWishes
from mistralrs_agent.storage.files import InputFile
from mistralrs_agent.tools.session_files import ExpectedFile
from mistralrs_agent.tools.skills import SkillReference


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message."""

    message: int
    """Which of the turn's messages."""
    file: InputFile | str
    """The file, or the id of one that was uploaded before."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: the conversation so far and what is allowed on the way to an answer."""

    messages: tuple[Message, ...]
    """With a `session_id` that is known: only what is new since the last turn is needed; else the whole history."""
    sampling: SamplingParams
    client_tools: tuple[ToolSpec, ...] = ()
    """Tools the caller runs itself; a call to one ends the turn with `StopDetail.CLIENT_TOOLS`."""
    tool_choice: ToolChoice = field(default_factory=ToolChoice)
    """Holds for the first round; later rounds are `auto`."""
    parallel_tool_calls: bool = True
    code_execution: bool = False
    """Offer the Python tools, if the server has them (else RequestError)."""
    web_search: bool = False
    """Offer the web tools, if the server has them (else RequestError)."""
    search_wishes: SearchWishes | None = None
    """How the web tools search in this turn."""
    shell: bool = False
    """Offer the shell tool, if the server has it (else RequestError)."""
    permission: Permission | None = None
    """The stricter of this and the server's holds."""
    permission_rules: tuple[Rule, ...] = ()
    """Come before `permission`; they too can only be stricter than the server."""
    files: tuple[Attachment, ...] = ()
    """Files for the model and its tools to read."""
    skills: tuple[SkillReference, ...] | None = None
    """Skills the model may use; None: those that the server's owner put there."""
    expected_files: tuple[ExpectedFile, ...] = ()
    """Files that tools must have made in the end; those that are missing are told by `FileMissing`."""
    max_rounds: int | None = None
    session_id: str | None = None
    constraint: Constraint | None = None
    enable_thinking: bool | None = None
    template_kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    truncate: bool = False
    adapter: str | None = None
    """Alias or generation of a LoRA adapter; `none`: the model as it is; None: what the server answers with."""
    cache_salt: str = ""
    """Prompts with different salts share no cached prefix, so that timing tells neither what the other asked."""

    def request(
        self, messages: Sequence[Message], system_prompt: str, tools: Sequence[ToolSpec], tool_choice: ToolChoice
    ) -> ChatRequest:
        """What a model is asked; `system_prompt` goes before messages that bring none of their own."""
        if system_prompt and all(message.role not in ("system", "developer") for message in messages):
            messages = [Message("system", system_prompt), *messages]
        return ChatRequest(
            messages=messages,
            sampling=self.sampling,
            tools=tools,
            tool_choice=tool_choice,
            parallel_tool_calls=self.parallel_tool_calls,
            constraint=self.constraint,
            enable_thinking=self.enable_thinking,
            template_kwargs=self.template_kwargs,
            truncate=self.truncate,
            cache_salt=self.cache_salt,
            adapter=self.adapter,
        )
