"""What tests of tool calls share: a vocabulary of bytes, what a grammar allows, what is read from a reply."""

from __future__ import annotations

from collections.abc import Iterable

from llguidance import LLMatcher, LLTokenizer
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from engine.chat.tool_calls.base import CallArguments, CallStart, Text, ToolCallParser
from engine.request import Constraint

STOP = "<|stop|>"
"""Ends a turn in that vocabulary."""


def byte_tokenizer(*, special: Iterable[str] = (), plain: Iterable[str] = ()) -> Tokenizer:
    """One token a byte, and one for each of the texts."""
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in (STOP, *special) if text])
    tokenizer.add_tokens([AddedToken(text, special=False) for text in plain])
    return tokenizer


def follow(constraint: Constraint, tokenizer: Tokenizer, reply: str) -> str:
    """`whole`: a finished reply; `open`: allowed so far; else the part of the reply that was allowed."""
    trie = LLTokenizer(tokenizer.to_str(), eos_token=tokenizer.token_to_id(STOP))
    text = {"lark": str, "llguidance": str, "json_schema": LLMatcher.grammar_from_json_schema}[constraint.kind]
    matcher = LLMatcher(trie, text(constraint.grammar))
    assert not matcher.is_error(), matcher.get_error()
    ids = tokenizer.encode(reply, add_special_tokens=False).ids
    allowed = matcher.validate_tokens(ids)
    if allowed < len(ids):
        return tokenizer.decode(ids[:allowed], skip_special_tokens=False)
    matcher.consume_tokens(ids)
    return "whole" if matcher.is_accepting() else "open"


def read_calls(parser: ToolCallParser, *fragments: str) -> tuple[str, list[tuple[str, str]]]:
    """Text beside calls, and (name, arguments as text) of each call."""
    text, calls = "", list[tuple[str, str]]()
    for piece in [*(piece for fragment in fragments for piece in parser.feed(fragment)), *parser.finish()]:
        match piece:
            case Text(more):
                text += more
            case CallStart(name):
                calls.append((name, ""))
            case CallArguments(fragment):
                calls[-1] = (calls[-1][0], calls[-1][1] + fragment)
            case _:
                pass
    return text, calls
