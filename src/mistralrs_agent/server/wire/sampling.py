"""Sampling fields, the same in every API: only what a client gives replaces the model's own defaults."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from engine import SamplingParams
from mistralrs_agent.server.wire.base import WireModel, invalid

_TOKEN_ID_DIGITS = 9
StopString = Annotated[str, Field(min_length=1)]
TokenId = Annotated[int, Field(ge=0, lt=2**31)]


AdapterName = Annotated[str, Field(min_length=1, max_length=256)]


class AdapterGeneration(WireModel):
    """One version of a LoRA adapter, whatever its name is by now."""

    generation: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class SamplingFields(WireModel):
    """Fields that end up in `SamplingParams` under the same name, `stop`, which may name token ids too,
    `cache_salt`, which keeps a prefix from being shared, and `adapter`, which is to answer."""

    temperature: Annotated[float, Field(ge=0)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    repetition_penalty: Annotated[float, Field(ge=0.01, le=100)] | None = None
    seed: int | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    min_tokens: Annotated[int, Field(ge=0)] | None = None
    ignore_eos: bool | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    stop: StopString | list[StopString | TokenId] | None = None
    stop_token_ids: list[TokenId] | None = None
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = None

    cache_salt: Annotated[str, Field(max_length=1000)] | None = None
    adapter: AdapterName | AdapterGeneration | None = None

    dry_multiplier: Annotated[float, Field(ge=0)] | None = None
    dry_base: Annotated[float, Field(ge=1)] | None = None
    dry_allowed_length: Annotated[int, Field(ge=1)] | None = None
    dry_sequence_breakers: list[StopString] | None = None
    dry_range: Annotated[int, Field(ge=0)] | None = None

    @property
    def adapter_name(self) -> str | None:
        """As the engine takes it."""
        return self.adapter.generation if isinstance(self.adapter, AdapterGeneration) else self.adapter

    @field_validator("logit_bias")
    @classmethod
    def _keys_are_token_ids(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        for key in value or ():
            if not key.isdecimal() or len(key) > _TOKEN_ID_DIGITS:
                raise invalid(f"must map token ids to biases; {key!r} is not a token id")
        return value

    @model_validator(mode="after")
    def _token_bounds_agree(self) -> Self:
        if self.max_tokens is not None and (self.min_tokens or 0) > self.max_tokens:
            raise invalid(f"min_tokens ({self.min_tokens}) is above max_tokens ({self.max_tokens})")
        return self

    def sampling(self, defaults: SamplingParams) -> SamplingParams:
        """The model's defaults with this request's values in place."""
        same_name = (
            "temperature", "top_p", "min_p", "presence_penalty", "frequency_penalty", "repetition_penalty",
            "seed", "max_tokens", "min_tokens", "ignore_eos", "n",
            "dry_multiplier", "dry_base", "dry_allowed_length", "dry_range",
        )  # fmt: skip
        given: dict[str, Any] = {name: value for name in same_name if (value := getattr(self, name)) is not None}
        if self.top_k is not None:
            given["top_k"] = max(self.top_k, 0)
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        if self.stop is not None:
            given["stop"] = tuple(stop for stop in stops if isinstance(stop, str))
        if stop_ids := [stop for stop in stops if isinstance(stop, int)] + (self.stop_token_ids or []):
            given["stop_token_ids"] = tuple(stop_ids)
        if self.dry_sequence_breakers is not None:
            given["dry_sequence_breakers"] = tuple(self.dry_sequence_breakers)
        if self.logit_bias is not None:
            given["logit_bias"] = {**defaults.logit_bias, **{int(t): bias for t, bias in self.logit_bias.items()}}
        return replace(defaults, **given)


class StreamOptions(WireModel):
    include_usage: bool = False
    include_obfuscation: Literal[False] | None = None
