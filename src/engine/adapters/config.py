"""What a PEFT `adapter_config.json` says, and what of it this engine has. Imports no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, TypeVar, cast

from engine.errors import AdapterError

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
_MAX_CONFIG_BYTES = 1 << 20
_Number = TypeVar("_Number", int, float)
_REFUSED = {
    "use_dora": "DoRA",
    "use_qalora": "QALoRA",
    "use_bdlora": "BD-LoRA",
    "lora_bias": "a bias on B",
    "modules_to_save": "whole modules trained beside the low-rank ones",
    "target_parameters": "low-rank updates of parameters that are no linear layer",
    "alora_invocation_tokens": "activated LoRA",
    "layer_replication": "replicated layers",
    "trainable_token_indices": "trained token embeddings",
    "arrow_config": "Arrow routing",
    "monteclora_config": "MonteCLoRA",
    "kasa_config": "KaSA",
    "velora_config": "VeLoRA",
    "megatron_config": "Megatron layers",
    "ensure_weight_tying": "tied adapters",
}
"""Settings that change what the weights mean; a value that is not empty is refused by name."""
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Ways to initialise that took something out of the base weights: without it the adapter does not fit them."""


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """The settings of one adapter."""

    rank: int
    alpha: float
    is_rank_stabilised: bool
    """The scale is alpha / √rank instead of alpha / rank (rsLoRA)."""
    rank_pattern: Mapping[str, int]
    """Other ranks, by a regular expression for the end of a module's name."""
    alpha_pattern: Mapping[str, float]
    target_modules: tuple[str, ...]
    """Ends of module names; empty when they are given as a pattern."""

    @classmethod
    def parse(cls, text: bytes, origin: str) -> LoraConfig:
        """Raises: AdapterError for what is not valid, or asks for something this engine does not have."""
        if len(text) > _MAX_CONFIG_BYTES:
            raise AdapterError(
                f"{origin} has {len(text):,} bytes; at most {_MAX_CONFIG_BYTES:,} are read.",
                code="lora_adapter_file_too_large",
            )
        try:
            settings = json.loads(text)
        except ValueError as error:
            raise AdapterError(f"{origin} is not valid JSON: {error}.") from error
        if not isinstance(settings, dict):
            raise AdapterError(f"{origin} should hold a JSON object, holds {type(settings).__name__}.")
        found = _Settings(cast("dict[str, Any]", settings), origin)
        found.refuse_unsupported()
        targets = found.value("target_modules", None)
        if not targets or not isinstance(targets, str | list):
            raise AdapterError(f"{origin}: target_modules is {targets!r}; it should name modules or be a pattern.")
        return cls(
            rank=found.rank("r", found.value("r", 8)),
            alpha=found.number("lora_alpha", found.value("lora_alpha", 8)),
            is_rank_stabilised=bool(found.value("use_rslora", False)),
            rank_pattern={key: found.rank(f"rank_pattern[{key!r}]", v) for key, v in found.pattern("rank_pattern")},
            alpha_pattern={
                key: found.number(f"alpha_pattern[{key!r}]", v) for key, v in found.pattern("alpha_pattern")
            },
            target_modules=() if isinstance(targets, str) else tuple(map(str, cast("list[object]", targets))),
        )

    def rank_of(self, module: str) -> int:
        return _matching(self.rank_pattern, module, self.rank)

    def scale_of(self, module: str) -> float:
        """What B · A · x is multiplied by."""
        rank = self.rank_of(module)
        return _matching(self.alpha_pattern, module, self.alpha) / (sqrt(rank) if self.is_rank_stabilised else rank)


def _matching(pattern: Mapping[str, _Number], module: str, otherwise: _Number) -> _Number:
    return next((v for key, v in pattern.items() if re.match(rf"(.*\.)?({key})$", module)), otherwise)


@dataclass(frozen=True, slots=True)
class _Settings:
    values: dict[str, Any]
    origin: str

    def value(self, key: str, default: object) -> object:
        return default if (value := self.values.get(key)) is None else value

    def refuse_unsupported(self) -> None:
        kind = str(self.value("peft_type", "missing"))
        if kind.upper() != "LORA":
            raise AdapterError(f"{self.origin}: peft_type is {kind!r}; only LORA is supported.")
        for key, what in _REFUSED.items():
            if value := self.value(key, None):
                raise AdapterError(f"{self.origin}: {key} is {value!r}; {what} is not supported.")
        if (bias := self.value("bias", "none")) != "none":
            raise AdapterError(f"{self.origin}: bias is {bias!r}; trained biases are not supported, only 'none'.")
        start = str(self.value("init_lora_weights", True)).lower()
        if start.startswith(_CHANGES_BASE):
            raise AdapterError(
                f"{self.origin}: init_lora_weights is {start!r}, which changed the base weights too; convert the "
                "adapter to an ordinary one when saving it (path_initial_model_for_weight_conversion)."
            )

    def rank(self, name: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise AdapterError(f"{self.origin}: {name} is {value!r}; it should be a whole number above 0.")
        return value

    def number(self, name: str, value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise AdapterError(f"{self.origin}: {name} is {value!r}; it should be a number.")
        return float(value)

    def pattern(self, key: str) -> list[tuple[str, object]]:
        found = self.value(key, {})
        if not isinstance(found, dict):
            raise AdapterError(f"{self.origin}: {key} is {found!r}; it should be an object of patterns.")
        for pattern in cast("dict[str, object]", found):
            try:
                re.compile(pattern)
            except re.error as error:
                raise AdapterError(f"{self.origin}: {key} has {pattern!r}, no valid pattern: {error}.") from error
        return list(cast("dict[str, object]", found).items())
