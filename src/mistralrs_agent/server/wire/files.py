"""File objects, as OpenAI's API and ours show them."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from mistralrs_agent.server.wire.base import NoEffect, WireModel, invalid
from mistralrs_agent.storage.files import FileStore, Purpose, StoredFile, text_of

MAX_INLINE_BYTES = 8 << 20
"""A larger body is fetched by itself."""


def file_body(file: StoredFile) -> dict[str, Any]:
    """A file without its contents."""
    return {
        "id": file.id,
        "object": "file",
        "name": file.name,
        "filename": file.name,
        "mime_type": file.mime_type,
        "bytes": file.size,
        "created_at": int(file.created),
        "purpose": file.purpose,
        **({"source": dict(file.source)} if file.source else {}),
    }


def file_with_contents(files: FileStore, file: StoredFile) -> dict[str, Any]:
    """A file and what is in it, where that was kept and is small enough."""
    body = files.body(file.id) if file.size <= MAX_INLINE_BYTES else None
    if body is None:
        return {**file_body(file), "truncated": True}
    text = text_of(body)
    contents = {"data_base64": base64.b64encode(body).decode()} if text is None else {"text": text}
    return {**file_body(file), **contents}


class FileField(WireModel):
    """A file of an exported session, on its way back."""

    name: Annotated[str, Field(min_length=1)]
    mime_type: str | None = None
    purpose: Purpose = "user_data"
    source: dict[str, Any] | None = None
    text: str | None = None
    data_base64: str | None = None
    bytes: int | None = None
    truncated: bool = False
    id: NoEffect = None
    object: NoEffect = None
    filename: NoEffect = None
    created_at: NoEffect = None

    @model_validator(mode="after")
    def _has_one_body(self) -> Self:
        if (self.text is not None) + (self.data_base64 is not None) + self.truncated != 1:
            raise invalid(f"file {self.name!r} needs one of text, data_base64 and truncated")
        self.contents()
        return self

    def contents(self) -> Any:
        """The bytes; None for a file whose body was not exported. Raises: a validation error."""
        if self.text is not None:
            return self.text.encode()
        try:
            return None if self.data_base64 is None else base64.b64decode(self.data_base64, validate=True)
        except ValueError as error:
            raise invalid(f"data_base64 of file {self.name!r} is not base64: {error}") from error
