"""Text for models: kept within limits, and the prompt texts beside the tools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from string import Template
from typing import Any

from pydantic import BaseModel


def shortened(text: str, limit: int) -> str:
    """`text` with its middle left out, and saying so, when it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit // 3
    return f"{text[:head]}\n[… {len(text) - head - tail} characters left out …]\n{text[len(text) - tail :]}"


def compact_json(fields: Mapping[str, Any]) -> str:
    """A JSON object without its empty fields: every token counts in a small model's context."""
    kept = {name: value for name, value in fields.items() if value not in (None, "", (), [], 0)}
    return json.dumps(kept, ensure_ascii=False)


def prompt_text(name: str, **facts: str) -> str:
    """The text of `<name>.md` beside the tools, with its `$facts` filled in."""
    return Template(files(__package__ or "").joinpath(f"{name}.md").read_text("utf-8").strip()).substitute(facts)


def parameters(arguments: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a tool's arguments."""
    return without_titles(arguments.model_json_schema())


def without_titles(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of pydantic's without the titles it adds: they repeat names, and every token counts."""
    for part in (schema, *schema["properties"].values()):
        part.pop("title", None)
    return schema
