"""From a conversation to an engine request, and to the way its reply is to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from engine.chat.grammar import ReplyGrammar, Thinking
from engine.chat.messages import Message, ToolSpec
from engine.chat.model import ChatRequest
from engine.chat.reasoning import ReasoningMarkers, ReasoningSplitter, begins_inside, markers_of
from engine.chat.reply import ReplyReader
from engine.chat.template import ChatTemplate
from engine.chat.tool_calls.base import ToolCallFormat, WholeReplyFormat
from engine.chat.tool_calls.code_block import REQUEST, CodeBlock, takes_code
from engine.chat.tool_calls.formats import HERMES, format_of
from engine.chat.tool_prompt import with_tools_as_text
from engine.errors import ContextOverflow, InvalidRequest
from engine.request import Request
from engine.request_id import new_engine_id


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request for the engine, and what is needed to read the reply."""

    request: Request
    markers: ReasoningMarkers | None
    inside: bool
    """The reply begins in an open block of reasoning."""
    form: ToolCallFormat | None
    """None: nothing is taken for a tool call."""
    tools: Sequence[ToolSpec]

    def reader(self, index: int) -> ReplyReader:
        """A reader for one choice."""
        schemas = {tool.name: tool.parameters for tool in self.tools}
        calls = None if self.form is None else self.form.parser(schemas)
        return ReplyReader(index, ReasoningSplitter(self.markers, inside=self.inside), calls)


class PromptBuilder:
    """Knows one model's template, vocabulary, tool-call format and reasoning markers."""

    def __init__(self, template: ChatTemplate | None, tokenizer: Tokenizer, tool_adapter: str | None = None) -> None:
        """`tool_adapter`: answers requests that offer tools and name no adapter."""
        self.tool_adapter = tool_adapter
        self._template = template
        self._tokenizer = tokenizer
        source_text = template.source_text if template is not None else ""
        self._form = format_of(source_text) if template is not None and template.supports_tools else HERMES
        whole = isinstance(self._form, WholeReplyFormat)
        self._markers = None if whole else markers_of(source_text)
        self._longest_token = max(map(len, tokenizer.get_vocab()), default=1)
        added = tokenizer.get_added_tokens_decoder().values()
        self._special_tokens = frozenset(token.content for token in added if token.special)

    def prepare(self, chat: ChatRequest, context_tokens: int) -> Prepared:
        """A request to a model that holds `context_tokens`.

        Raises: InvalidRequest.
        """
        prompt = self.bounded(self.render(chat), context_tokens, truncate=chat.truncate)
        inside = begins_inside(prompt, self._markers)
        form = self._form_of(chat)
        constraint = ReplyGrammar(form, self._tokenizer).constraint(
            chat.tools,
            chat.tool_choice,
            parallel=chat.parallel_tool_calls,
            answer=chat.constraint,
            thinking=self._thinking(chat, prompt, inside),
        )
        allowed = chat.tool_choice.allowed(chat.tools)
        if not allowed and not isinstance(form, WholeReplyFormat):
            form = None
        request = Request(
            id=new_engine_id(),
            prompt=tuple(self.encode(prompt)),
            sampling=chat.sampling,
            constraint=constraint,
            cache_salt=chat.cache_salt,
            adapter=chat.adapter or (self.tool_adapter if chat.tools else None),
            truncate=chat.truncate,
            skip_special_tokens=not self._needs_special_tokens(form),
        )
        return Prepared(request, self._markers, inside, form, allowed)

    def render(self, chat: ChatRequest) -> str:
        """Prompt text. Raises: InvalidRequest."""
        if self._template is None:
            raise InvalidRequest(
                "This model has no chat template: only raw completions work. Give one with --chat-template.",
                param="messages",
            )
        if not chat.messages:
            raise InvalidRequest("messages must hold at least one message.", param="messages")
        messages, tools = chat.messages, chat.tool_choice.allowed(chat.tools)
        if not self._template.supports_tools:
            if isinstance(self._form_of(chat), CodeBlock):
                messages, tools = [*messages, Message("user", REQUEST)], ()
            messages, tools = with_tools_as_text(messages, tools), ()
        return self._template.render(
            messages, tools, enable_thinking=chat.enable_thinking, variables=chat.template_kwargs
        )

    def bounded(self, prompt: str, context_tokens: int, *, truncate: bool = False) -> str:
        """The prompt, or its end; counting megabytes of tokens that cannot fit would take minutes.

        Raises: ContextOverflow when it cannot fit even in the longest tokens there are, unless `truncate`.
        """
        limit = context_tokens * self._longest_token
        if len(prompt) <= limit:
            return prompt
        if not truncate:
            raise ContextOverflow(-(-len(prompt) // self._longest_token), context_tokens - 1, at_least=True)
        return prompt[-limit:]

    def encode(self, prompt: str) -> list[int]:
        """Token ids of a rendered prompt, whose special tokens are written out already."""
        return self._tokenizer.encode(prompt, add_special_tokens=False).ids

    def _form_of(self, chat: ChatRequest) -> ToolCallFormat:
        """The model's own format; a code block where it has none and is made to call a tool that takes code."""
        tools = chat.tool_choice.allowed(chat.tools)
        knows_tools = self._template is None or self._template.supports_tools
        if chat.tool_choice.mode == "required" and len(tools) == 1 and takes_code(tools[0]) and not knows_tools:
            return CodeBlock(tools[0].name)
        return self._form

    def _thinking(self, chat: ChatRequest, prompt: str, inside: bool) -> Thinking | None:
        if self._markers is None:
            return None
        closed = prompt.rstrip().endswith(self._markers.end) or chat.enable_thinking is False
        closed = closed and not inside
        return None if closed and not self._markers.answer_start else Thinking(self._markers, inside, closed)

    def _needs_special_tokens(self, form: ToolCallFormat | None) -> bool:
        """Whether markers the reply is read by would be left out of its text."""
        markers = form.markers if form is not None else ()
        if self._markers is not None:
            markers += self._markers.all
        return not self._special_tokens.isdisjoint(markers)
