"""The OpenAPI document, made from the URL table, so that it cannot say anything else than the code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from core.people.roles import Permission
from gateway.http.kit import Access, Route

_NO_PAGES = {Access.SOCKET, Access.PLATFORM, Access.ASSISTANT}


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """Return the document of all JSON routes."""
    kinds = [kind for route in routes for kind in (route.body, route.result) if kind is not None]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    by_kind = dict(zip((id(kind) for kind in kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if not route.path.startswith("/api/") or route.access in _NO_PAGES:
            continue
        paths.setdefault(re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.path), {})[route.method.lower()] = _operation(
            route, by_kind
        )
    components = {**components, "Error": _ERROR}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Frontline", "version": version, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SCHEMES},
    }


_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "request_id"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "request_id": {"type": "string"},
                "detail": {"type": "string"},
            },
        }
    },
}
_SCHEMES = {
    "visitor": {"type": "http", "scheme": "bearer", "description": "Token of a chat session."},
    "key": {"type": "http", "scheme": "bearer", "description": "API key of a program."},
    "session": {"type": "apiKey", "in": "cookie", "name": "fl_s0"},
}


def _operation(route: Route, by_kind: dict[int, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"description": "Success"}
    if route.result is not None:
        result["content"] = {"application/json": {"schema": by_kind[id(route.result)]}}
    operation: dict[str, Any] = {
        "summary": route.summary or route.handler.__name__.replace("_", " "),
        "responses": {
            str(route.status): result,
            "default": {
                "description": "Error",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
        "security": _security(route),
    }
    if isinstance(route.access, Permission):
        operation["x-permission"] = route.access.value
    names = re.findall(r"\{(\w+)", route.path)
    if names:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": by_kind[id(route.body)]}},
        }
    return operation


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.access is Access.VISITOR:
        return [{"visitor": []}]
    if route.access is Access.STAFF or isinstance(route.access, Permission):
        return [{"session": []}, {"key": []}]
    return []
