"""`response_format` and `grammar` → the engine's `Constraint`."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from engine import Constraint
from mistralrs_agent.errors import RequestError
from mistralrs_agent.server.wire.base import WireModel
from mistralrs_agent.server.wire.json_schema import check_schema


class Grammar(WireModel):
    """A shape for the whole reply. `value`: text, or for `json_schema` also the schema itself."""

    type: Literal["regex", "json_schema", "lark", "llguidance"]
    value: str | dict[str, Any]

    def constraint(self) -> Constraint:
        """Raises: RequestError."""
        if isinstance(self.value, dict) and self.type not in ("json_schema", "llguidance"):
            raise RequestError(f"grammar of type {self.type!r} must be text, not an object.", param="grammar.value")
        if self.type == "json_schema":
            check_schema(self.value, what="grammar", param="grammar.value")
        text = self.value if isinstance(self.value, str) else json.dumps(self.value)
        return Constraint(self.type, text)


class JsonSchemaFormat(WireModel):
    model_config = ConfigDict(populate_by_name=True)

    name: str = "response"
    description: str | None = None
    schema_: Annotated[dict[str, Any], Field(alias="schema")]
    strict: bool | None = None


class TextFormat(WireModel):
    type: Literal["text"]

    def constraint(self) -> None:
        return None


class JsonObjectFormat(WireModel):
    type: Literal["json_object"]

    def constraint(self) -> Constraint:
        return Constraint("json_schema", '{"type": "object"}')


class SchemaFormat(WireModel):
    type: Literal["json_schema"]
    json_schema: JsonSchemaFormat

    def constraint(self) -> Constraint:
        """Raises: RequestError."""
        schema, name = self.json_schema.schema_, self.json_schema.name
        check_schema(schema, what=f"response_format {name!r}", param="response_format.json_schema.schema")
        return Constraint("json_schema", json.dumps(schema))


ResponseFormat = Annotated[TextFormat | JsonObjectFormat | SchemaFormat, Field(discriminator="type")]


def reply_constraint(response_format: ResponseFormat | None, grammar: Grammar | None) -> Constraint | None:
    """Raises: RequestError, also when both are given and either would shape the reply."""
    wanted = response_format.constraint() if response_format else None
    if grammar is None:
        return wanted
    if wanted is not None:
        raise RequestError("grammar and response_format exclude each other; give one.", param="grammar")
    return grammar.constraint()
