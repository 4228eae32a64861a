"""Conversations to tokens, through the very code that makes prompts when serving."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from tokenizers import Tokenizer

from engine import ChatRequest, Message
from engine.chat.prompt import PromptBuilder
from engine.chat.template import ChatTemplate
from engine.loading.source import resolve
from engine.loading.tokenizer import load_tokenizer
from engine.options import ModelOptions
from training.packing import Example
from training.play import Conversation

END = "<|im_end|>"


@cache
def _served() -> tuple[ChatTemplate, Tokenizer, PromptBuilder]:
    source = resolve(ModelOptions(), print)
    template = ChatTemplate(
        files("mistralrs_agent").joinpath("default_model/chat_template.jinja").read_text("utf-8"), source.special_tokens
    )
    tokenizer = load_tokenizer(source)
    return template, tokenizer, PromptBuilder(template, tokenizer)


def prompt_tokens(conversation: Conversation, before: int) -> list[int]:
    """The prompt the engine makes of the messages before that one."""
    _, _, prompts = _served()
    return prompts.encode(prompts.render(ChatRequest(conversation.messages[:before], tools=conversation.tools)))


def _alone(question: str) -> tuple[int, ...]:
    """The prompt of a question without tools."""
    _, _, prompts = _served()
    return tuple(prompts.encode(prompts.render(ChatRequest([Message("user", question)]))))


def example(conversation: Conversation) -> Example:
    """Tokens of the conversation, and which of them the model is to write.

    Raises: ValueError when a prompt does not begin with what was written before, which is how replies are read back.
    """
    template, tokenizer, prompts = _served()
    ids: list[int] = []
    spans: list[tuple[int, int]] = []
    for position in conversation.learned:
        prompt = prompt_tokens(conversation, position)
        if prompt[: len(ids)] != ids:
            raise ValueError("a prompt does not go on from the reply before")
        whole = template.render(conversation.messages[: position + 1], conversation.tools, add_generation_prompt=False)
        text = prompts.render(ChatRequest(conversation.messages[:position], tools=conversation.tools))
        reply = whole[len(text) :]
        written = tokenizer.encode(reply[: reply.rindex(END) + len(END)], add_special_tokens=False).ids
        ids = [*prompt, *written]
        spans.append((len(prompt), len(ids)))
    first = ids.index(tokenizer.token_to_id(END)) + 2  # and the line end after it
    alone = tuple(
        _alone(conversation.messages[position - 1].content) if position in conversation.by_base else ()
        for position in conversation.learned
    )
    edges = tuple((a - first, b - first) for a, b in spans)
    return Example(tuple(ids[:first]), tuple(ids[first:]), edges, alone, conversation.family)


def as_text(ids: tuple[int, ...]) -> str:
    return _served()[1].decode(list(ids), skip_special_tokens=False)
