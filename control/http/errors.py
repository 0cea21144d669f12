"""Which HTTP status each domain error is: one table, and the one shape in which an error is told.

{"error": {"code": "conflict", "message": "…", "field": "wrap_up_code", "state": "resolved"}}
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

from aiohttp import web

from ..errors import (
    Conflict,
    ControlError,
    DatabaseUnavailable,
    Forbidden,
    Invalid,
    NotFound,
    TooMany,
    Unauthenticated,
)

STATUS: Final[dict[type[ControlError], int]] = {
    Invalid: 422,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooMany: 429,
    DatabaseUnavailable: 503,
    ControlError: 500,
}
# What aiohttp itself refuses, in our words.
_CODES: Final = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    411: "length_required",
    413: "too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
}


class Malformed(web.HTTPBadRequest):
    """The body is not what its type says: not JSON, or not an object."""


def status_of(error: ControlError) -> int:
    """The status of the nearest class in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def from_domain(error: ControlError) -> web.Response:
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.field:
        told["field"] = error.field
    state = getattr(error, "state", None)
    if state:
        told["state"] = state
    response = _json(told, status_of(error))
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
    return response


def from_http(error: web.HTTPException) -> web.Response:
    """An error that aiohttp raised (no such route, body too large), told in our shape. Keeps ``Allow``."""
    code = "malformed" if isinstance(error, Malformed) else _CODES.get(error.status, "error")
    response = _json({"code": code, "message": error.text or error.reason}, error.status)
    for header in ("Allow", "Content-Range"):
        if header in error.headers:
            response.headers[header] = error.headers[header]
    return response


def refusal(status: int, code: str, message: str) -> web.Response:
    return _json({"code": code, "message": message}, status)


def _json(told: dict[str, Any], status: int) -> web.Response:
    return web.json_response({"error": told}, status=status, dumps=lambda value: json.dumps(value, ensure_ascii=False))
