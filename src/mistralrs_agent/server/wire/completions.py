"""The body of `POST /v1/completions`: raw text to continue, without a chat template."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import (
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from engine import SamplingParams
from mistralrs_agent.server.wire.base import NoEffect, invalid
from mistralrs_agent.server.wire.constraint import Grammar, ResponseFormat
from mistralrs_agent.server.wire.sampling import SamplingFields, StreamOptions, TokenId

TokenIds = Annotated[list[TokenId], Field(min_length=1)]
MAX_PROMPTS = 256


class CompletionRequest(SamplingFields):
    """One or several prompts, as text or token ids."""

    prompt: (
        str
        | TokenIds
        | Annotated[list[str], Field(min_length=1, max_length=MAX_PROMPTS)]
        | Annotated[list[TokenIds], Field(min_length=1, max_length=MAX_PROMPTS)]
    )
    model: str = "default"
    echo: bool | None = None
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None
    grammar: Grammar | None = None

    best_of: int | None = None
    suffix: str | None = None
    truncate_sequence: bool | None = None
    user: NoEffect = None

    @field_validator("prompt", mode="wrap")
    @classmethod
    def _says_what_it_may_be(cls, value: Any, check: ValidatorFunctionWrapHandler) -> Any:
        try:
            return check(value)
        except ValidationError as error:
            raise invalid(
                f"must be text, a list of token ids, or a list of up to {MAX_PROMPTS} such prompts; never empty"
            ) from error

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.best_of is not None and self.best_of != (self.n or 1):
            raise invalid("best_of must equal n: choosing among more replies is not supported by this server")
        if self.echo and self.logprobs is not None:
            raise invalid("logprobs of an echoed prompt are not supported by this server")
        if self.stream_options is not None and not self.stream:
            raise invalid("stream_options needs stream to be true")
        return self

    @property
    def prompts(self) -> list[str | list[int]]:
        if isinstance(self.prompt, str):
            return [self.prompt]
        if isinstance(self.prompt[0], int):
            return [[token for token in self.prompt if isinstance(token, int)]]
        return [item for item in self.prompt if not isinstance(item, int)]

    @property
    def include_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    def sampling(self, defaults: SamplingParams) -> SamplingParams:
        return replace(super().sampling(defaults), logprobs=self.logprobs)
