"""Values written without quotes get their type from the tool's JSON schema."""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Mapping
from typing import Any, cast

from engine.chat.tool_calls.json_value import loads

Schema = Mapping[str, Any]
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
    "null": type(None),
}
_STRING = frozenset({"string"})
_WORDS = {"true": True, "false": False, "null": None, "none": None}


def property_schema(parameters: Schema, name: str) -> Schema:
    """What a tool's parameters say of one of them, references resolved; empty when nothing."""
    properties: Any = parameters.get("properties")
    found: Any = properties.get(name) if isinstance(properties, Mapping) else None
    return resolved(parameters, found) if isinstance(found, Mapping) else {}


def resolved(root: Schema, schema: Schema) -> Schema:
    """`schema`, or what its `$ref` points to inside `root`; empty when that is not there."""
    for _ in range(8):
        reference: Any = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        target: Any = root
        for part in reference.removeprefix("#/").split("/"):
            target = cast("Schema", target).get(part) if isinstance(target, Mapping) else None
        schema = cast("Schema", target) if isinstance(target, Mapping) else {}
    return {}


def types_of(schema: Schema, root: Schema) -> frozenset[str]:
    """The JSON types a schema allows; empty when it does not say."""
    named: Any = schema.get("type")
    if isinstance(named, str):
        return frozenset({named})
    if isinstance(named, list):
        return frozenset(str(n) for n in cast("list[object]", named))
    if "enum" in schema or "const" in schema:
        values = cast("list[object]", schema.get("enum", [schema.get("const")]))
        return frozenset(name for name, kind in _TYPES.items() if any(_is(value, kind) for value in values))
    options = [option for key in ("anyOf", "oneOf") for option in cast("list[Schema]", schema.get(key, []))]
    found = [types_of(resolved(root, option), root) for option in options]
    return frozenset().union(*found) if found and all(found) else frozenset()


def is_plain_string(schema: Schema, root: Schema) -> bool:
    """Text stands for itself, whatever it looks like."""
    return types_of(schema, root) == _STRING


def is_broken_json(written: str) -> bool:
    """It begins as a text, list or object in quotes or brackets does, and does not end as one."""
    return written.lstrip().startswith(('"', "[", "{")) and not _readings(written.strip())


def json_text(written: str, schema: Schema, root: Schema) -> str:
    """JSON text of a value as the model wrote it.

    It is read as JSON, or as Python writes it, where that gives a type the schema allows, and is a string otherwise.
    """
    types = types_of(schema, root)
    if types == _STRING:
        return json.dumps(written, ensure_ascii=False)
    for value in _readings(written.strip()):
        if not types or any(_is(value, _TYPES[name]) for name in types if name in _TYPES):
            return json.dumps(value, ensure_ascii=False)
    return json.dumps(written, ensure_ascii=False)


def _readings(written: str) -> list[Any]:
    """What the text may mean: as JSON, as a word of either language, as a Python literal."""
    if written.lower() in _WORDS:
        return [_WORDS[written.lower()]]
    if (value := loads(written)) is not None:
        whole = isinstance(value, float) and value.is_integer()
        return [value, int(value)] if whole else [value]
    try:
        with warnings.catch_warnings(action="ignore"):  # Python warns of escapes it does not know
            return [_plain(ast.literal_eval(written))]
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return []


def _plain(value: Any) -> Any:
    """A Python value as JSON knows it. Raises: TypeError for one it cannot."""
    return json.loads(json.dumps(value))


def _is(value: object, kind: type | tuple[type, ...]) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind)
