"""Chat template, special tokens, end tokens and sampling defaults, out of the files a model brings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from engine.errors import CorruptModel, ModelNotFound
from engine.loading.files import read_json
from engine.loading.gguf import GGUFFile
from engine.request import SamplingParams

_SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")
_SUPPRESSED = -1e9
"""Added to the logits of `suppress_tokens`."""
_TURN_ENDS = ("<|im_end|>", "<end_of_turn>", "<|end_of_text|>", "<|end|>", "<|eot_id|>")
"""Tokens that end a turn when the vocabulary has them and the template writes them."""


@dataclass(frozen=True, slots=True)
class ChatFiles:
    """What a model says about chatting with it."""

    template: str | None = None
    special_tokens: dict[str, str] = field(default_factory=dict[str, str])
    eos_token_ids: tuple[int, ...] = ()
    sampling: SamplingParams = field(default_factory=SamplingParams)


def from_folder(
    folder: Path, config: Mapping[str, object], given: Path | None, *, fallback: ChatFiles | None = None
) -> ChatFiles:
    """Read the files of a folder; `given` is the user's template and wins, `fallback` fills what the folder lacks.

    Raises: ModelNotFound when `given` does not exist, CorruptModel for files that are not what they should be.
    """
    fallback = fallback or ChatFiles()
    tokenizer = _optional_json(folder / "tokenizer_config.json")
    generation = _optional_json(folder / "generation_config.json")
    special = fallback.special_tokens | _special_tokens(_optional_json(folder / "special_tokens_map.json"))
    special |= _special_tokens(tokenizer)
    template = _folder_template(folder, tokenizer) or fallback.template
    if given is not None:
        template, more = _given_template(given)
        special |= more
    ids = _added_token_ids(folder / "tokenizer.json")
    ends = _numbers(generation.get("eos_token_id")) or _numbers(_text_config(config).get("eos_token_id"))
    ends += fallback.eos_token_ids
    named = [special.get("eos_token", ""), *(end for end in _TURN_ENDS if template and end in template)]
    return ChatFiles(
        template=template,
        special_tokens=special,
        eos_token_ids=_unique([*ends, *(ids[name] for name in named if name in ids)]),
        sampling=_sampling(generation) if generation else fallback.sampling,
    )


def from_gguf(file: GGUFFile, given: Path | None) -> ChatFiles:
    """Read a file's metadata; `given` is the user's template and wins.

    Raises: as `from_folder`.
    """
    metadata = file.metadata
    tokens = metadata.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, list):
        raise CorruptModel(f"{file.path} has no vocabulary ('tokenizer.ggml.tokens').")
    special: dict[str, str] = {}
    for name, key in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding")):
        number = metadata.get(f"tokenizer.ggml.{key}_token_id")
        if isinstance(number, int) and 0 <= number < len(tokens):
            special[f"{name}_token"] = str(tokens[number])
    text = metadata.get("tokenizer.chat_template")
    template = text if isinstance(text, str) else None
    if given is not None:
        template, more = _given_template(given)
        special |= more
    ends = [metadata.get(f"tokenizer.ggml.{kind}_token_id") for kind in ("eos", "eot", "eom")]
    named = [end for end in _TURN_ENDS if template and end in template]
    named_ids = [tokens.index(name) for name in named if name in tokens]
    return ChatFiles(
        template=template,
        special_tokens=special,
        eos_token_ids=_unique([end for end in ends if isinstance(end, int)] + named_ids),
    )


def _given_template(path: Path) -> tuple[str, dict[str, str]]:
    """A .jinja file, or a .json one that may name special tokens too."""
    if not path.is_file():
        raise ModelNotFound(f"There is no chat template file at {path}.")
    if path.suffix != ".json":
        return path.read_text(encoding="utf-8"), {}
    content = read_json(path)
    template = _template_text(content.get("chat_template"))
    if template is None:
        raise CorruptModel(f"{path} has no 'chat_template'.")
    return template, _special_tokens(content)


def _folder_template(folder: Path, tokenizer: Mapping[str, object]) -> str | None:
    if (jinja := folder / "chat_template.jinja").is_file():
        return jinja.read_text(encoding="utf-8")
    return _template_text(tokenizer.get("chat_template")) or _template_text(
        _optional_json(folder / "chat_template.json").get("chat_template")
    )


def _template_text(value: object) -> str | None:
    """A template, or the list form with one for tools: then one text that chooses between them."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return None
    entries = cast("list[object]", value)
    named = {str(e["name"]): str(e["template"]) for e in map(_table, entries) if "name" in e and "template" in e}
    default, tool_use = named.get("default"), named.get("tool_use")
    if default is not None and tool_use is not None:
        return f"{{%- if tools -%}}{tool_use}{{%- else -%}}{default}{{%- endif -%}}"
    return default or tool_use


def _special_tokens(values: Mapping[str, object]) -> dict[str, str]:
    """The tokens a file names, each as a text or as an object with `content`."""
    found: dict[str, str] = {}
    for name in _SPECIAL:
        value = values.get(name)
        text = _table(value).get("content") if isinstance(value, dict) else value
        if isinstance(text, str):
            found[name] = text
    return found


def _added_token_ids(path: Path) -> dict[str, int]:
    """Text → id of the added tokens of a tokenizer.json."""
    added = _optional_json(path).get("added_tokens")
    entries = map(_table, cast("list[object]", added)) if isinstance(added, list) else ()
    return {str(e.get("content")): number for e in entries if isinstance(number := e.get("id"), int)}


def _sampling(generation: Mapping[str, object]) -> SamplingParams:
    """What generation_config.json recommends; greedy decoding where it rules out sampling. Tokens it suppresses are."""
    params = SamplingParams(logit_bias=dict.fromkeys(_numbers(generation.get("suppress_tokens")), _SUPPRESSED))
    if generation.get("do_sample") is False:
        return replace(params, temperature=0.0)
    for name in ("temperature", "top_p", "min_p", "repetition_penalty"):
        value = generation.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            params = replace(params, **{name: float(value)})
    top_k = generation.get("top_k")
    return replace(params, top_k=top_k) if isinstance(top_k, int) else params


def _text_config(config: Mapping[str, object]) -> Mapping[str, object]:
    return _table(config.get("text_config")) if "eos_token_id" not in config else config


def _numbers(value: object) -> tuple[int, ...]:
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    return tuple(number for number in values if isinstance(number, int))


def _unique(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(numbers))


def _optional_json(path: Path) -> dict[str, object]:
    return read_json(path) if path.is_file() else {}


def _table(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}
