"""The OpenAPI document, made from the URL table and its handlers, so that it cannot say anything else than the code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from core.people.roles import Permission
from gateway.http.described import RESULTS, SUMMARIES, UPLOADS
from gateway.http.kit import FILE, Access, Route

_NO_PAGES = {Access.SOCKET, Access.PLATFORM, Access.ASSISTANT}
_METHODS = {"GET": "get", "POST": "add", "PUT": "put", "PATCH": "change", "DELETE": "remove"}
# How handlers read their query; `number` also says what is allowed.
_NUMBER = re.compile(r'number\(request, "(\w+)", ([\w.]+), ([\w.*]+), ([\w.*]+)\)')
_WORD = re.compile(r'query\.get\("(\w+)"|query\["(\w+)"\]|query\.getall\("(\w+)"')


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """Return the document of all JSON routes."""
    shown = [described(each) for each in routes if is_shown(each)]
    kinds = [kind for route in shown for kind in (route.body, route.result) if kind is not None and kind is not FILE]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    by_kind = dict(zip((id(kind) for kind in kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in shown:
        path = re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, by_kind)
    components = {**components, "Error": _ERROR, "Json": _ANY_JSON}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Frontline",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": _ABOUT,
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SCHEMES},
    }


def is_shown(route: Route) -> bool:
    """Whether a route is part of the document: JSON for browsers and programs, no pages, sockets or preflights."""
    return route.path.startswith("/api/") and route.access not in _NO_PAGES and route.method != "OPTIONS"


def described(route: Route) -> Route:
    """The route with what `described.py` adds to what it says itself."""
    name = f"{route.method} {route.path}"
    return replace(
        route,
        summary=route.summary or SUMMARIES.get(name, ""),
        body=FILE if name in UPLOADS else route.body,
        result=route.result if route.result is not None else RESULTS.get(name),
    )


_ABOUT = (
    "Times are RFC 3339 in UTC. Unknown fields are refused. Lists are `{items, next}`; `next` goes back as `cursor`. "
    "Browsers of staff send `X-Desk-Slot`, and `X-CSRF-Token` with everything that changes something; programs send "
    "an API key. Outgoing webhooks are described in docs/webhooks.md."
)
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
_ANY_JSON = {"type": "object", "description": "A JSON object; its shape is not promised."}
_SCHEMES = {
    "visitor": {"type": "http", "scheme": "bearer", "description": "Token of a chat session."},
    "key": {"type": "http", "scheme": "bearer", "description": "API key of a program."},
    "session": {"type": "apiKey", "in": "cookie", "name": "fl_s0"},
}


def summary_of(route: Route) -> str:
    """What a route is for: its summary, else the first sentence of its handler's docstring, else what it is called."""
    said = route.summary or (inspect.getdoc(route.handler) or "").split("\n\n")[0].replace("\n", " ")
    if not said:
        said = route.handler.__name__.replace("_", " ").capitalize()
    return re.split(r"(?<=[.;])\s", said, maxsplit=1)[0].rstrip(".;")


def _operation(route: Route, path: str, by_kind: dict[int, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route, path),
        "tags": [_tag(path)],
        "summary": summary_of(route),
        "responses": {
            str(route.status): _result(route, by_kind),
            "default": {
                "description": "Error",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
        "security": _security(route),
    }
    if isinstance(route.access, Permission):
        operation["x-permission"] = route.access.value
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    parameters += _query(route)
    if parameters:
        operation["parameters"] = parameters
    if route.body is FILE:
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": _FILE_SCHEMA}}}
    elif route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": by_kind[id(route.body)]}},
        }
    return operation


_FILE_SCHEMA = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
}


def _result(route: Route, by_kind: dict[int, Any]) -> dict[str, Any]:
    if route.status == 204:
        return {"description": "Done"}
    if route.result is FILE:
        return {"description": "The file", "content": {"application/octet-stream": {"schema": {"type": "string"}}}}
    schema = {"$ref": "#/components/schemas/Json"} if route.result is None else by_kind[id(route.result)]
    return {"description": "Success", "content": {"application/json": {"schema": schema}}}


def _query(route: Route) -> list[dict[str, Any]]:
    """What a handler reads from the query, told by its own lines."""
    source = inspect.getsource(inspect.unwrap(route.handler))
    found: dict[str, dict[str, Any]] = {}
    for name, *bounds in _NUMBER.findall(source):
        schema: dict[str, Any] = {"type": "integer"}
        for key, text in zip(("default", "minimum", "maximum"), bounds, strict=True):
            if text.isdigit():
                schema[key] = int(text)
        found[name] = schema
    for names in _WORD.findall(source):
        found.setdefault(next(filter(None, names)), {"type": "string"})
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in found.items()]


def _tag(path: str) -> str:
    return path.removeprefix("/api/v1/").split("/", 1)[0]


def _operation_id(route: Route, path: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", path.removeprefix("/api/v1"))
    return "_".join([_METHODS.get(route.method, route.method.lower()), *words])


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.access is Access.VISITOR:
        return [{"visitor": []}]
    if route.access is Access.STAFF or isinstance(route.access, Permission):
        return [{"session": []}, {"key": []}]
    return []
