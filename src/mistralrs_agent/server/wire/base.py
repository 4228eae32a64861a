"""What all request bodies share: strict types, no unknown fields, honest refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class WireModel(BaseModel):
    """A body, or part of one, as a client sends it. A field we do not know is refused: ignoring it would answer a
    question nobody asked.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def invalid(message: str) -> PydanticCustomError:
    """A wrong value, in words for the client; becomes a 400."""
    return PydanticCustomError("invalid", "{message}", {"message": message})


def only(*neutral: object, because: str = "not supported by this server") -> Callable[[Any], Any]:
    """A check for a field we know but cannot honour: null and the `neutral` values pass, all others are refused."""

    def check(value: Any) -> Any:
        if value is None or value in neutral:
            return value
        raise invalid(because)

    return check


Unsupported = Annotated[Any, AfterValidator(only())]
"""A field that must be absent or null."""


UnsupportedList = Annotated[Any, AfterValidator(only([]))]

NoEffect = Any
"""A field of hosted services (accounts, billing, storage) that changes no answer of a local model."""
