"""Is this a JSON Schema? Asked before a model spends time on it."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from mistralrs_agent.errors import RequestError


def check_schema(schema: str | dict[str, Any], *, what: str, param: str) -> dict[str, Any]:
    """Return the schema as an object.

    Raises: RequestError that names `what`, the place in the schema and what is wrong there.
    """
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except ValueError as error:
            raise RequestError(f"Invalid schema of {what}: not JSON ({error}).", param=param) from error
    if not isinstance(schema, dict):
        raise RequestError(f"Invalid schema of {what}: must be an object, got {schema!r}.", param=param)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = "/".join(str(step) for step in error.absolute_path) or "the top level"
        raise RequestError(f"Invalid schema of {what}: at {place}, {error.message}.", param=param) from error
    except RecursionError:
        raise RequestError(f"Invalid schema of {what}: it is nested too deeply.", param=param) from None
    return schema
