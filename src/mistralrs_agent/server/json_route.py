"""Reads request bodies as JSON, and says in words what is wrong with one that is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request
from fastapi.routing import APIRoute
from starlette.responses import Response


class JsonRoute(APIRoute):
    """A route whose body is UTF-8 JSON as RFC 8259 has it: no NaN, no halves of characters."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def read_and_handle(request: Request) -> Response:
            return await handle(_JsonRequest(request.scope, request.receive))

        return read_and_handle


class _JsonRequest(Request):
    async def json(self) -> Any:
        """Raises: json.JSONDecodeError, which the framework reports; HTTPException (400) for everything else."""
        try:
            body = json.loads((await self.body()).decode(), parse_constant=_refuse_constant)
            if _ESCAPED_HALF in self._body.lower():
                json.dumps(body, ensure_ascii=False).encode()
        except json.JSONDecodeError:
            raise
        except UnicodeDecodeError as error:
            raise _not_json(f"it is not UTF-8 at byte {error.start}") from error
        except UnicodeEncodeError as error:
            raise _not_json(r"a text holds half of a surrogate pair (\ud800 to \udfff)") from error
        except RecursionError:
            raise _not_json("it is nested too deeply") from None
        except ValueError as error:
            raise _not_json(str(error)) from error
        return body


_ESCAPED_HALF = rb"\ud"


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _not_json(why: str) -> HTTPException:
    return HTTPException(400, f"The body is not valid JSON: {why}.")
