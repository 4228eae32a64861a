"""Files as OpenAI's API and ours show them, and as requests bring them or ask for them."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from mistralrs_agent.event_codec import file_body
from mistralrs_agent.server.wire.base import NoEffect, WireModel, invalid
from mistralrs_agent.storage.files import FileStore, InputFile, Purpose, StoredFile, text_of
from mistralrs_agent.tools.session_files import ExpectedFile

MAX_INLINE_BYTES = 8 << 20
"""A larger body is fetched by itself."""


def file_with_contents(files: FileStore, file: StoredFile) -> dict[str, Any]:
    """A file and what is in it, where that was kept and is small enough."""
    body = files.body(file.id) if file.size <= MAX_INLINE_BYTES else None
    if body is None:
        return {**file_body(file), "truncated": True}
    text = text_of(body)
    contents = {"data_base64": base64.b64encode(body).decode()} if text is None else {"text": text}
    return {**file_body(file), **contents}


class FilePart(WireModel):
    """`file` of a content part: a file in the request, or one that was uploaded before."""

    file_id: Annotated[str | None, Field(min_length=1, max_length=256)] = None
    filename: Annotated[str | None, Field(min_length=1, max_length=1024)] = None
    file_data: str | None = None
    """Base64, or a data URL with base64."""

    @model_validator(mode="after")
    def _is_one_file(self) -> Self:
        if (self.file_id is None) == (self.file_data is None):
            raise invalid("a file needs file_id, or filename and file_data")
        if self.file_data is not None and self.filename is None:
            raise invalid("file_data needs filename")
        self.to_file()
        return self

    def to_file(self) -> InputFile | str:
        """Raises: a validation error."""
        if self.file_data is None:
            return self.file_id or ""
        head, comma, data = self.file_data.partition(",")
        if not comma:
            head, data = "", self.file_data
        elif not (head.startswith("data:") and head.endswith(";base64")):
            raise invalid("file_data must be base64, or a data URL such as data:text/csv;base64,…")
        mime_type = head.removeprefix("data:").removesuffix(";base64").partition(";")[0].lower()
        return InputFile(self.filename or "", _decoded(data, "file_data"), mime_type or None)


class ExpectedFileField(WireModel):
    """One of `files`: what tools have to make."""

    name: Annotated[str, Field(min_length=1, max_length=1024)]
    format: Annotated[str | None, Field(max_length=64)] = None
    description: Annotated[str | None, Field(max_length=4096)] = None

    @model_validator(mode="after")
    def _stays_in_the_working_directory(self) -> Self:
        parts = self.name.split("/")
        if "\0" in self.name or any(part in ("", ".", "..") for part in parts):
            raise invalid(f"file name {self.name!r} must be a path in the working directory, such as out/report.csv")
        return self

    def to_expected(self) -> ExpectedFile:
        return ExpectedFile(self.name, self.format, self.description)


def _decoded(data: str, what: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise invalid(f"{what} is not base64: {error}") from error


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
    session_id: NoEffect = None

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
        return None if self.data_base64 is None else _decoded(self.data_base64, f"data_base64 of file {self.name!r}")
