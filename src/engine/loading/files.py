"""Which files of a repository or folder make up a model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from engine.errors import CorruptModel, ModelNotFound, UnsupportedModel

_INDEX = "model.safetensors.index.json"
_SHARD = re.compile(r"model-\d+-of-(\d+)\.safetensors")
_WHOLE = ("model.safetensors", "consolidated.safetensors")
_PICKLE = re.compile(r".*\.(bin|pth|pt|ckpt)")
TOKENIZER_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tekken.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "chat_template.json",
)
"""Small files every source of a tokenizer may have."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder with the files of a model: a checkout, or a snapshot in the hub cache."""

    path: Path

    def names(self) -> list[str]:
        return sorted(path.name for path in self.path.iterdir() if path.is_file())

    def config(self) -> dict[str, object]:
        """config.json.

        Raises: ModelNotFound when there is none, CorruptModel when it is no model's config.
        """
        config = self.config_or_empty()
        if not config:
            raise ModelNotFound(f"{self.path} holds no model: it has no config.json and no .gguf file was chosen.")
        architectures = config.get("architectures")
        if not isinstance(architectures, list) or len(cast("list[object]", architectures)) != 1:
            raise CorruptModel(
                f"{self.path}/config.json should name one class in 'architectures', has {architectures!r}."
            )
        return config

    def config_or_empty(self) -> dict[str, object]:
        return read_json(self.path / "config.json") if (self.path / "config.json").is_file() else {}

    def safetensors(self) -> tuple[Path, ...]:
        """The weight files.

        Raises: ModelNotFound when there are none or one is missing, UnsupportedModel when there are only pickles.
        """
        index = self.path / _INDEX
        names = choose_safetensors(self.names(), read_json(index) if index.is_file() else None, str(self.path))
        missing = [name for name in names if not (self.path / name).is_file()]
        if missing:
            raise ModelNotFound(f"{self.path} is incomplete: {missing[0]} is missing.")
        return tuple(self.path / name for name in names)

    def choose_gguf(self, given: str | None, labels: Sequence[str] = (), *, wanted: bool) -> tuple[Path, ...]:
        """GGUF files to load, as `choose_gguf` finds them; empty when the model is not GGUF."""
        return tuple(self.path / name for name in choose_gguf(self.names(), given, wanted, str(self.path), labels))


def choose_safetensors(names: Iterable[str], index: dict[str, object] | None, origin: str) -> list[str]:
    """Names of the weight files among `names`; an index decides, else the usual names.

    Raises: CorruptModel for a wrong index, UnsupportedModel for pickles alone, ModelNotFound for no weights.
    """
    if index is not None:
        return sorted(set(_weight_map(index, origin).values()))
    names = sorted(names)
    if shards := [name for name in names if _SHARD.fullmatch(name)]:
        expected = int(_SHARD.fullmatch(shards[0]).group(1))  # pyright: ignore[reportOptionalMemberAccess]
        if len(shards) != expected:
            raise ModelNotFound(f"{origin} is incomplete: {len(shards)} of {expected} safetensors files are there.")
        return shards
    if whole := [name for name in _WHOLE if name in names]:
        return whole[:1]
    if pickles := [name for name in names if _PICKLE.fullmatch(name)]:
        raise UnsupportedModel(
            f"{origin} has its weights as pickles only ({pickles[0]}). Loading a pickle can run any code, so they are "
            "refused; use a safetensors or GGUF version of the model."
        )
    raise ModelNotFound(f"{origin} has no weights: no .safetensors file of a usual name.")


def choose_gguf(
    names: Iterable[str], given: str | None, wanted: bool, origin: str, labels: Sequence[str] = ()
) -> list[str]:
    """Names of the GGUF files to load, empty when the model is not GGUF.

    Those `given` (`;`-separated), or the only model there is, or of several the one with the first label (such as
    `Q4_K_M`) that any of them has.

    Raises: ModelNotFound when a given file is not there, or several could be meant.
    """
    names = sorted(names)
    if given is not None:
        chosen = [name.strip() for name in given.split(";") if name.strip()]
        for name in chosen:
            if name not in names:
                have = [other for other in names if other.endswith(".gguf")]
                raise ModelNotFound(f"{origin} has no file {name!r}; GGUF files there: {', '.join(have) or 'none'}.")
        return [part for name in chosen for part in _parts(names, name)]
    models = [name for name in names if name.endswith(".gguf") and "mmproj" not in name]
    if not wanted and any(name.endswith(".safetensors") for name in names):
        return []
    first_parts = [name for name in models if "-of-" not in name or "-00001-of-" in name]
    for label in labels if len(first_parts) > 1 else ():
        if matching := [name for name in first_parts if has_label(name, label)]:
            first_parts = matching
            break
    if len(first_parts) > 1:
        raise ModelNotFound(f"{origin} has several GGUF files; name one with -f: {', '.join(first_parts)}.")
    if wanted and not first_parts:
        raise ModelNotFound(f"{origin} has no .gguf file.")
    return [part for name in first_parts for part in _parts(names, name)]


def has_label(name: str, label: str) -> bool:
    """`model-Q4_K_M.gguf` has the label Q4_K_M and not Q4_K; `model-UD-Q4_K_M.gguf` has UD-Q4_K_M only."""
    before = "" if label.startswith("UD-") else "(?<!UD)"
    return re.search(rf"{before}[-._]{label}[-.]", name, re.IGNORECASE) is not None


def read_json(path: Path) -> dict[str, object]:
    """A JSON object from a file.

    Raises: CorruptModel when it is not one.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CorruptModel(f"{path} is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise CorruptModel(f"{path} should hold a JSON object, holds {type(value).__name__}.")
    return cast("dict[str, object]", value)


def _weight_map(index: dict[str, object], origin: str) -> dict[str, str]:
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CorruptModel(f"{origin}: {_INDEX} has no 'weight_map'.")
    files = cast("dict[str, object]", weight_map)
    for name in files.values():
        if not isinstance(name, str) or not name.endswith(".safetensors") or "/" in name:
            raise CorruptModel(f"{origin}: {_INDEX} names {name!r}, which is no safetensors file beside it.")
    return cast("dict[str, str]", files)


def _parts(names: list[str], name: str) -> list[str]:
    """All parts of a split file, or the file itself."""
    stem, of, count = name.partition("-00001-of-")
    return [other for other in names if of and other.startswith(stem) and other.endswith(of[-4:] + count)] or [name]
