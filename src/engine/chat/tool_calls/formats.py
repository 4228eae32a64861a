"""Which tool-call format a model writes, told from its chat template."""

from __future__ import annotations

from engine.chat.tool_calls.bare_json import BareJson
from engine.chat.tool_calls.base import ToolCallFormat
from engine.chat.tool_calls.hermes import Hermes
from engine.chat.tool_calls.llama3 import Llama3
from engine.chat.tool_calls.mistral import Mistral

HERMES = Hermes()


def format_of(template_text: str) -> ToolCallFormat:
    """The format whose markers the template contains; bare JSON when it contains none that is known."""
    if "[TOOL_CALLS]" in template_text:
        return Mistral(name_and_args="[ARGS]" in template_text)
    other_calls = "<function=" in template_text or "<arg_key>" in template_text
    if "<tool_call>" in template_text and not other_calls:
        return HERMES
    if "<|start_header_id|>" in template_text and '"parameters"' in template_text and not other_calls:
        return Llama3()
    return BareJson()
