"""The OpenAPI 3.1 description, generated from the table of routes and the models beside the handlers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ..auth.sessions import CSRF_HEADER, SESSION_COOKIE
from .middleware import SAFE_METHODS
from .route import Access, Route

_PARAMETER = re.compile(r"{(\w+)}")
_REFUSALS = {
    401: "Nobody is signed in.",
    403: "Not allowed, or the CSRF token is missing.",
    404: "There is none in this organisation.",
    409: "The state refuses it; error.state is the current one.",
    422: "A field can't be used; error.field is its full path.",
    429: "Too many; Retry-After says when.",
    503: "The database does not answer; Retry-After says when.",
}


def describe(routes: Iterable[Route]) -> dict[str, Any]:
    schemas: dict[str, Any] = {"Error": _ERROR}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Attendance", "version": "1", "license": {"name": "AGPL-3.0-or-later"}},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE}},
        },
    }


_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {name: {"type": "string"} for name in ("code", "message", "field", "state")},
        }
    },
}


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(route.path)
    ]
    if route.query is not None:
        schema = _schema(route.query, schemas)
        needed = schema.get("required", [])
        for name, about in schema.get("properties", {}).items():
            parameters.append({"name": name, "in": "query", "required": name in needed, "schema": about})
    changes = route.method not in SAFE_METHODS
    if changes and route.access is not Access.PUBLIC:
        parameters.append({"name": CSRF_HEADER, "in": "header", "required": True, "schema": {"type": "string"}})
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.about,
        "parameters": parameters,
        "responses": {
            str(route.status): {"description": "Done.", "content": {"application/json": {"schema": {}}}},
            "default": _refusal("Refused: " + " ".join(f"{code}: {text}" for code, text in _REFUSALS.items())),
        },
        "security": [] if route.access is Access.PUBLIC else [{"session": []}],
        "x-access": route.access.value,
    }
    if route.body is not None:
        schemas[route.body.__name__] = _schema(route.body, schemas)
        body = {"$ref": f"#/components/schemas/{route.body.__name__}"}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _schema(model: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    return schema


def _refusal(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
