"""Which tool-call format a model writes, told from its chat template."""

from __future__ import annotations

from engine.chat.tool_calls.apertus import Apertus
from engine.chat.tool_calls.bare_json import BareJson
from engine.chat.tool_calls.base import ToolCallFormat
from engine.chat.tool_calls.command_r import CommandR
from engine.chat.tool_calls.deepseek import DeepSeek
from engine.chat.tool_calls.functionary import Functionary
from engine.chat.tool_calls.functionary_v3 import FunctionaryV3
from engine.chat.tool_calls.gemma import Gemma
from engine.chat.tool_calls.glm import Glm
from engine.chat.tool_calls.harmony import Harmony
from engine.chat.tool_calls.hermes import Hermes
from engine.chat.tool_calls.internlm import InternLM
from engine.chat.tool_calls.invoke import Invoke
from engine.chat.tool_calls.json_lists import JsonList
from engine.chat.tool_calls.kimi import KimiK2
from engine.chat.tool_calls.llama3 import Llama3
from engine.chat.tool_calls.mistral import Mistral
from engine.chat.tool_calls.pythonic import Pythonic
from engine.chat.tool_calls.qwen_coder import QwenCoder
from engine.chat.tool_calls.step import Step

HERMES = Hermes()
_BY_MARKER: tuple[tuple[tuple[str, ...], ToolCallFormat], ...] = (
    (("<|channel|>", "<|message|>"), Harmony()),
    (("[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"), Mistral(name_and_args=True, with_id=True)),
    (("[TOOL_CALLS]", "[ARGS]"), Mistral(name_and_args=True)),
    (("[TOOL_CALLS]",), Mistral(name_and_args=False)),
    (("｜DSML｜",), Invoke("deepseek dsml", "<｜DSML｜function_calls>", "</｜DSML｜function_calls>", "｜DSML｜", True)),
    (("<｜tool▁calls▁begin｜>", "```json"), DeepSeek(fenced=True)),
    (("<｜tool▁calls▁begin｜>",), DeepSeek(fenced=False)),
    (("<steptml:",), Step()),
    (("<|tool_calls_section_begin|>",), KimiK2()),
    (("<minimax:tool_call>",), Invoke("minimax", "<minimax:tool_call>", "</minimax:tool_call>")),
    (("<atem:",), Invoke("atem", "<atem:function_calls>", "</atem:function_calls>", "atem:")),
    (("<seed:tool_call>",), QwenCoder("<seed:tool_call>", "</seed:tool_call>")),
    (("<longcat_tool_call>",), Hermes("<longcat_tool_call>", "</longcat_tool_call>")),
    (("<|tool_call_start|>",), Pythonic("liquid", "<|tool_call_start|>", "<|tool_call_end|>")),
    (("<|tools_prefix|>",), Apertus()),
    (("<|START_ACTION|>",), CommandR()),
    (("Action:", '"tool_name"'), CommandR("Action: ```json", "```", with_id=False)),
    (("<|action_start|>",), InternLM()),
    (("<start_function_call>",), Gemma("<start_function_call>", "<end_function_call>", "<escape>")),
    (("<|tool_call>",), Gemma()),
    (("<|/tool_call|>",), JsonList("phi", "<|tool_call|>", "<|/tool_call|>")),
    (("<|/tool|>",), JsonList("phi", "<|tool_call|>", "<|/tool_call|>")),
    (("<|tool_call|>",), JsonList("granite", "<|tool_call|>")),
    (("<tool_call>", "<arg_key>"), Glm()),
    (("<tool_call>", "<function="), QwenCoder()),
    (("<tool_calls>",), JsonList("tool calls", "<tool_calls>", "</tool_calls>")),
    (("<tool_call>",), HERMES),
    (("<TOOLCALL>",), JsonList("nemotron", "<TOOLCALL>", "</TOOLCALL>")),
    (("functools[",), JsonList("functools", "functools")),
    (("<function=",), Functionary()),
    ((">>>all",), FunctionaryV3()),
    (("func_name1(params",), Pythonic(optional_markers=("<|python_start|>", "<|python_end|>"))),
    (("<|python_start|>", '"parameters"'), Llama3("<|python_start|>", "<|python_end|>")),
    (("<|python_start|>",), Pythonic(optional_markers=("<|python_start|>", "<|python_end|>"))),
    (("<function_calls>",), Pythonic("olmo", "<function_calls>", "</function_calls>", listed=False)),
    (("```tool_code",), Pythonic("tool code", "```tool_code", "```", listed=False)),
    (("<|start_header_id|>", '"parameters"'), Llama3()),
)
"""Texts a template must all contain → its format; the first that fits wins."""
KNOWN_FORMATS: tuple[ToolCallFormat, ...] = (*(form for _, form in _BY_MARKER), BareJson())


def format_of(template_text: str) -> ToolCallFormat:
    """The format whose markers the template contains; bare JSON when it contains none that is known."""
    return next((form for texts, form in _BY_MARKER if all(t in template_text for t in texts)), BareJson())
