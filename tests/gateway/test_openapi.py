"""The document of the API says what the code does: words, bodies, answers, queries; and no nonsense breaks a route."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.people.roles import Role
from core.redis_client import connect
from core.settings import Settings
from gateway.app import application, running
from gateway.http import shapes
from gateway.http.described import RESULTS, SUMMARIES, UPLOADS
from gateway.http.kit import FILE, Access, Route
from gateway.http.table import public_routes
from gateway.openapi import described, document, is_shown
from gateway.services import Services

ROUTES = [each for each in public_routes(demo_mode=False) if is_shown(each)]
NAMES = {f"{each.method} {each.path}" for each in ROUTES}
# They end what the other calls need, or wait on purpose.
_LEFT_OUT = ("/session", "/keys", "/webhooks/{id}/test", "/knowledge/releases", "/chat/messages", "/openapi.json")


def _name(route: Route) -> str:
    return f"{route.method} {route.path}"


def _source(route: Route) -> str:
    return inspect.getsource(inspect.unwrap(route.handler))


@pytest.mark.parametrize("route", ROUTES, ids=_name)
def test_a_route_says_what_it_is_for_what_it_takes_and_what_it_gives(route: Route) -> None:
    found = described(route)
    assert found.summary or route.handler.__doc__, "no words about it"
    taken = re.findall(r"await body\(request, (\w+)\)", _source(route))
    if taken:
        assert getattr(found.body, "__name__", None) == taken[0]
    assert (found.body is FILE) == (_name(route) in UPLOADS)
    if "send_file(" in _source(route):
        assert found.result is FILE


def test_nothing_is_described_that_is_not_there() -> None:
    assert not {*SUMMARIES, *RESULTS, *UPLOADS} - NAMES
    assert not [
        name for name, route in zip(map(_name, ROUTES), ROUTES, strict=True) if name in SUMMARIES and route.summary
    ]


def test_the_document_can_be_read_by_a_program() -> None:
    found = msgspec.json.decode(msgspec.json.encode(document(ROUTES, "1")))
    text = str(found)
    for name in set(re.findall(r"#/components/schemas/([\w.]+)", text)):
        assert name in found["components"]["schemas"]
    operations = [each for methods in found["paths"].values() for each in methods.values()]
    ids = [each["operationId"] for each in operations]
    assert len(ids) == len(set(ids))
    assert all(len(each["summary"]) > 3 for each in operations)
    listed = found["paths"]["/api/v1/tickets"]["get"]["parameters"]
    assert {"view", "state", "q", "cursor", "limit"} <= {each["name"] for each in listed}


REDIS_NUMBERS = itertools.cycle(range(1, 16))


@pytest.fixture
async def gateway(tmp_path: Path, redis_url: str) -> AsyncIterator[tuple[Services, TestClient[Any, Any]]]:
    url = f"{redis_url}?db={next(REDIS_NUMBERS)}"
    async with connect(url) as redis:
        await redis.flushdb()
    config = Settings(data=tmp_path, redis_url=url)
    async with running(config) as services, TestClient(TestServer(application(services))) as client:
        yield services, client


def _wishes(route: Route) -> st.SearchStrategy[tuple[str, bytes]]:
    """(path, body): ids and queries of every kind; bodies nearly right, with one field of nonsense, or none at all."""
    words = st.text(max_size=20) | st.sampled_from(["0", "-1", "9" * 30, "FL-20261121-000001", "%", "\x00", "张三"])
    names = re.findall(r"\{(\w+)", route.path)
    body = st.just(b"{}")
    if route.body is not None and route.body is not FILE:
        body = _bodies(route.body)
    queries = st.dictionaries(st.sampled_from(["q", "limit", "cursor", "view", "state", "days"]), words, max_size=2)
    return st.tuples(st.fixed_dictionaries(dict.fromkeys(names, words)), queries, body).map(
        lambda drawn: (_address(route.path, drawn[0], drawn[1]), drawn[2])
    )


def _address(path: str, names: dict[str, str], query: dict[str, str]) -> str:
    filled = re.sub(r"\{(\w+)[^}]*\}", lambda found: quote(names[found.group(1)], safe="") or "x", path)
    return f"{filled}?{urlencode(query, errors='replace')}" if query else filled


def _bodies(kind: Any) -> st.SearchStrategy[bytes]:
    right: st.SearchStrategy[dict[str, Any]] = st.just({})
    fields = [each.encode_name for each in msgspec.structs.fields(kind)]
    odd = st.none() | st.booleans() | st.integers() | st.text(max_size=40) | st.lists(st.text(max_size=5), max_size=2)
    some = st.dictionaries(st.sampled_from(fields), odd, max_size=len(fields)) if fields else right
    return some.map(msgspec.json.encode) | st.binary(max_size=20)


def _drawn(route: Route) -> list[tuple[str, bytes]]:
    """A few wishes for a route, the same ones each time."""
    found: list[tuple[str, bytes]] = []

    @settings(max_examples=10, database=None, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(_wishes(route))
    def draw(wish: tuple[str, bytes]) -> None:
        found.append(wish)

    draw()
    return found


async def test_no_nonsense_breaks_a_route(gateway: tuple[Services, TestClient[Any, Any]]) -> None:
    """Whatever is asked, the answer is one of the contract's, never 500 and never a stack trace."""
    services, client = gateway
    _, key = await services.auth.add_key("fuzz", Role.ADMIN, by="test")
    session = await (await client.post("/api/v1/chat/sessions", json={})).json()
    tokens = {Access.VISITOR: session["token"], Access.OPEN: "", Access.LINK: ""}
    asked: list[tuple[Route, str, bytes]] = []
    for route in ROUTES:
        if any(part in route.path for part in _LEFT_OUT) or route.body is FILE:
            continue
        asked += [(route, *each) for each in _drawn(route)]
    broken = []
    for route, path, body in asked:
        token = tokens.get(route.access, key) if isinstance(route.access, Access) else key
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = body if route.method in ("POST", "PUT", "PATCH") else None
        async with client.request(route.method, path, data=data, headers=headers) as response:
            if response.status >= 500 and response.status != 503:
                broken.append((response.status, route.method, path, body))
    assert broken == []
    assert len(asked) > 500


async def test_answers_have_the_shapes_that_are_promised(gateway: tuple[Services, TestClient[Any, Any]]) -> None:
    services, client = gateway
    _, key = await services.auth.add_key("reader", Role.SUPERVISOR, by="test")
    headers = {"Authorization": f"Bearer {key}"}
    wish = {"channel_key": "web", "kind": "problem", "text": "看直播卡"}
    made = await (await client.post("/api/v1/feedback", json=wish)).json()
    for path, shape in (
        ("tickets?view=open", shapes.TicketPage),
        (f"tickets/{made['serial']}", shapes.TicketDetail),
        ("categories", shapes.Categories),
        (f"t/{made['url'].rsplit('/', 1)[-1]}", shapes.MyTicket),
    ):
        async with client.get(f"/api/v1/{path}", headers=headers) as response:
            assert response.status == 200, await response.text()
            msgspec.convert(await response.json(), shape)
