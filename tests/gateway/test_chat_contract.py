"""The customer side of the public contract, exactly as the design says it: other programs call it."""

from __future__ import annotations

import asyncio
import io
import json
import uuid
from datetime import timedelta
from typing import Any

import aiohttp
import jwt
import pytest
from PIL import Image

from bot.store import channels, messages
from bot.types import Author, Kind
from tests.gateway.conftest import Customer, Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_session_has_what_the_contract_names(gateway: Gateway) -> None:
    opened = await gateway.call("POST", "/api/v1/chat/sessions", {})
    assert opened.status == 201
    assert set(opened.body) == {"token", "visitor_id", "conversation_id", "last_seq"}
    assert opened.body["last_seq"] == 0


async def test_a_returning_visitor_has_the_same_conversation(gateway: Gateway) -> None:
    first = await gateway.customer()
    await first.says("在吗")
    again = await gateway.customer(visitor_id=first.opened["visitor_id"])
    assert again.opened["conversation_id"] == first.opened["conversation_id"]
    assert again.opened["last_seq"] >= 1


async def test_a_forged_visitor_id_begins_anew(gateway: Gateway) -> None:
    first = await gateway.customer()
    forged = first.opened["visitor_id"][:-3] + "abc"
    again = await gateway.customer(visitor_id=forged)
    assert again.opened["conversation_id"] != first.opened["conversation_id"]


async def _identity(gateway: Gateway, **claims: Any) -> str:
    async with gateway.services.db.read() as tx:
        channel = await channels.by_key(tx, "web")
    assert channel is not None
    now = gateway.services.clock.now()
    body = {"sub": "u-1", "aud": "web", "exp": int((now + timedelta(minutes=10)).timestamp()), "name": "林小满"}
    return jwt.encode(body | claims, str(channel.config["identity_key"]), "HS256")


async def test_a_proven_user_is_known_again_and_never_mixed_with_a_visitor(gateway: Gateway) -> None:
    anonymous = await gateway.customer()
    await anonymous.says("匿名时说的话")
    visitor_id = anonymous.opened["visitor_id"]
    proven = await gateway.customer(visitor_id=visitor_id, identity=await _identity(gateway, sub="u-77"))
    assert proven.opened["conversation_id"] != anonymous.opened["conversation_id"]
    elsewhere = await gateway.customer(identity=await _identity(gateway, sub="u-77"))
    assert elsewhere.opened["conversation_id"] == proven.opened["conversation_id"]
    back = await gateway.customer(visitor_id=visitor_id)
    assert back.opened["conversation_id"] == anonymous.opened["conversation_id"]


@pytest.mark.parametrize(
    "claims",
    [{"aud": "another"}, {"exp": 1}, {"exp": 99_999_999_999}, {"sub": 5}, {"sub": ""}],
    ids=["audience", "expired", "too long", "number", "empty"],
)
async def test_a_proof_that_does_not_hold_is_refused(gateway: Gateway, claims: dict[str, Any]) -> None:
    refused = await gateway.call("POST", "/api/v1/chat/sessions", {"identity": await _identity(gateway, **claims)})
    assert (refused.status, refused.code) == (401, "unauthorized")


async def test_the_same_id_again_gives_the_same_seq_and_nothing_new(gateway: Gateway) -> None:
    customer = await gateway.customer()
    body = {"client_message_id": "one", "text": "会员怎么退订"}
    first = await customer.call("POST", "messages", body)
    again = await customer.call("POST", "messages", body)
    assert (first.status, again.status) == (202, 202)
    assert first.body == again.body == {"seq": 1}
    other = await customer.call("POST", "messages", {**body, "text": "别的话"})
    assert (other.status, other.code) == (409, "conflict")


async def test_many_at_once_have_strictly_growing_seqs(gateway: Gateway) -> None:
    customer = await gateway.customer()
    seqs = await asyncio.gather(*(customer.says(f"第{number}句") for number in range(12)))
    assert len(set(seqs)) == 12
    news = await customer.call("GET", "messages?after_seq=0")
    shown = [each["seq"] for each in news.body["messages"]]
    assert shown == list(range(1, len(shown) + 1))


async def test_a_message_has_the_fields_of_the_contract(gateway: Gateway) -> None:
    customer = await gateway.customer()
    await customer.says("忘记密码怎么找回")
    heard = (await customer.hears())[0]
    assert {"seq", "author", "kind", "text", "choices", "articles", "attachment", "at"} <= set(heard)
    assert heard["author"] == "bot"
    assert heard["at"].endswith("Z")
    wanted = {"version", "mode", "queue_position", "eta_s", "agent_name", "ticket_serial"}
    assert wanted <= set(customer.state)
    assert customer.state["mode"] == "bot"
    assert customer.state["queue_position"] is None
    assert customer.state["ticket_serial"].startswith("FL-")


async def test_the_long_poll_returns_as_soon_as_there_is_news(gateway: Gateway) -> None:
    customer = await gateway.customer()
    loop = asyncio.get_running_loop()
    began = loop.time()
    waiting = asyncio.create_task(customer.call("GET", "messages?after_seq=0&after_state=99&wait_s=25"))
    await customer.says("你好")
    news = await waiting
    assert [each["text"] for each in news.body["messages"]][:1] == ["你好"]
    assert loop.time() - began < 20


async def test_pages_have_two_hundred_at_most(gateway: Gateway) -> None:
    customer = await gateway.customer()
    services = gateway.services
    async with services.db.begin() as tx:
        for number in range(205):
            await messages.append(
                tx,
                conversation_id=customer.opened["conversation_id"],
                author=Author.SYSTEM,
                kind=Kind.NOTICE,
                text=f"{number}",
                at=services.clock.now(),
            )
    first = await customer.call("GET", "messages?after_seq=0")
    assert (len(first.body["messages"]), first.body["has_more"]) == (200, True)
    rest = await customer.call("GET", f"messages?after_seq={first.body['messages'][-1]['seq']}")
    assert (len(rest.body["messages"]), rest.body["has_more"]) == (5, False)


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"{", 400, "bad_json"),
        (b"", 400, "bad_json"),
        (b'"\xff\xfe"', 400, "bad_json"),
        (b"[" * 5000, 400, "bad_json"),
        (b"[]", 422, "invalid"),
        (b'{"client_message_id":"a","text":"b","extra":1}', 422, "invalid"),
        (b'{"client_message_id":"a"}', 422, "invalid"),
        (b'{"client_message_id":"a","text":"b","choice":"c"}', 422, "invalid"),
        (b'{"client_message_id":"a","text":5}', 422, "invalid"),
        (b'{"client_message_id":"a","text":"   "}', 422, "invalid"),
        (b'{"client_message_id":"","text":"b"}', 422, "invalid"),
        (b'{"client_message_id":"a","attachment_id":"fil_nobody"}', 404, "not_found"),
    ],
)
async def test_what_cannot_be_read_is_refused_in_the_contracts_shape(
    gateway: Gateway, raw: bytes, status: int, code: str
) -> None:
    customer = await gateway.customer()
    refused = await customer.call("POST", "messages", raw)
    assert (refused.status, refused.code) == (status, code)
    assert set(refused.body["error"]) >= {"code", "message", "request_id"}
    assert refused.headers["X-Request-Id"] == refused.body["error"]["request_id"]


async def test_too_long_and_too_large_are_told_apart(gateway: Gateway) -> None:
    customer = await gateway.customer()
    long = await customer.call("POST", "messages", {"client_message_id": "a", "text": "长" * 4001})
    assert (long.status, long.code) == (422, "invalid")
    large = await customer.call("POST", "messages", {"client_message_id": "b", "text": "a" * 1_000_000})
    assert (large.status, large.code) == (413, "too_large")
    kept = await customer.call("POST", "messages", {"client_message_id": "c", "text": "长" * 4000})
    assert kept.status == 202


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}])
async def test_without_a_good_token_nothing_is_shown(gateway: Gateway, header: dict[str, str]) -> None:
    refused = await gateway.call("GET", "/api/v1/chat/messages", **header)
    assert (refused.status, refused.code) == (401, "unauthorized")


async def test_other_peoples_things_are_not_found(gateway: Gateway) -> None:
    one, other = await gateway.customer(), await gateway.customer()
    await one.says("我的事")
    serial = (await one.call("GET", "tickets")).body["tickets"][0]["serial"]
    assert (await one.call("GET", f"tickets/{serial}")).status == 200
    for method, path in (
        ("GET", f"tickets/{serial}"),
        ("POST", f"tickets/{serial}/close"),
    ):
        refused = await other.call(method, path, {} if method == "POST" else None)
        assert (refused.status, refused.code) == (404, "not_found")


async def test_a_visitor_who_writes_too_much_is_told_when_to_come_back(gateway: Gateway) -> None:
    customer = await gateway.customer()
    statuses = []
    for number in range(30):
        sent = await customer.call("POST", "messages", {"client_message_id": f"m{number}", "text": "快点"})
        statuses.append(sent.status)
    assert statuses[:20] == [202] * 20
    assert 429 in statuses
    assert sent.code == "rate_limited"
    assert int(sent.headers["Retry-After"]) >= 1
    # Others of the same office are served.
    await (await gateway.customer()).says("我是同事")


async def test_unknown_addresses_and_methods_have_the_same_shape(gateway: Gateway) -> None:
    for method, path, status in (
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/chat/sessions", 405),
        ("GET", "/api/v1/chat/messages/x/helpful", 405),
    ):
        refused = await gateway.call(method, path)
        assert refused.status == status
        assert refused.code
        assert b"Traceback" not in json.dumps(refused.body).encode()


@pytest.mark.parametrize(
    "text",
    [
        "/restart",
        "／restart",
        '/intent{"x":1}',
        "<script>alert(1)</script>",
        "'; DROP TABLE messages; --",
        "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n",
        "\u202eabc\u202c",
        "零\u200b宽\u200d字\ufeff",
        "👨‍👩‍👧‍👦🏳️‍🌈",
        "مرحبا كيف الحال",
        "\\close",
        "{{7*7}}${7*7}%s%n",
        "转" * 4000,
    ],
)
async def test_strange_words_are_plain_words(gateway: Gateway, text: str) -> None:
    """Kept to the letter, answered, never carried out."""
    customer = await gateway.customer()
    await customer.says(text)
    news = await customer.call("GET", "messages?after_seq=0")
    assert news.body["messages"][0]["text"] == text
    heard = await customer.hears()
    assert heard[0]["author"] in ("bot", "system")
    assert "<script" not in (heard[0].get("html") or "")


def _png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (20, 20), "teal").save(out, "PNG")
    return out.getvalue()


async def _upload(customer: Customer, data: bytes, name: str) -> tuple[int, Any]:
    form = aiohttp.FormData()
    form.add_field("file", data, filename=name, content_type="image/png")
    headers = {"Authorization": f"Bearer {customer.token}"}
    url = f"{customer.gateway.url}/api/v1/chat/attachments"
    async with customer.gateway.session.post(url, data=form, headers=headers) as response:
        return response.status, await response.json()


async def test_a_picture_is_kept_shown_to_its_owner_and_to_nobody_else(gateway: Gateway) -> None:
    customer, other = await gateway.customer(), await gateway.customer()
    status, stored = await _upload(customer, _png(), "截图.png")
    assert status == 201
    assert set(stored) == {"attachment_id", "kind", "name", "bytes"}
    sent = await customer.call("POST", "messages", {"client_message_id": "p", "attachment_id": stored["attachment_id"]})
    assert sent.status == 202
    path = f"attachments/{stored['attachment_id']}"
    shown = await customer.call("GET", path)
    assert (shown.status, shown.headers["Content-Type"]) == (200, "image/png")
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert (await other.call("GET", path)).status == 404


async def test_a_renamed_program_is_refused(gateway: Gateway) -> None:
    status, refused = await _upload(await gateway.customer(), b"MZ\x90\x00 program", "picture.png")
    assert (status, refused["error"]["code"]) == (422, "invalid")
    assert "图片" in refused["error"]["message"]


async def test_contact_needs_consent(gateway: Gateway) -> None:
    customer = await gateway.customer()
    await customer.says("转人工")
    refused = await customer.call("POST", "contact", {"phone": "13800138000", "consent": False})
    assert refused.status == 422
    assert (await customer.call("POST", "contact", {"consent": True})).status == 422
    kept = await customer.call("POST", "contact", {"phone": "13800138000", "consent": True})
    assert kept.status == 204


async def test_leaving_a_line_one_is_not_in_is_harmless(gateway: Gateway) -> None:
    assert (await (await gateway.customer()).call("DELETE", "queue")).status == 204


async def test_a_socket_resumes_after_a_seq_and_misses_nothing(gateway: Gateway) -> None:
    customer = await gateway.customer()
    seen: list[int] = []

    async def listen(after: int, until: int) -> None:
        async with gateway.session.ws_connect(
            f"{gateway.url}/api/v1/chat/stream?after_seq={after}",
            protocols=("frontline.v1", f"bearer.{customer.token}"),
        ) as socket:
            assert socket.protocol == "frontline.v1"
            while not seen or seen[-1] < until:
                frame = json.loads((await socket.receive(timeout=20)).data)
                if frame["type"] == "message":
                    seen.append(frame["message"]["seq"])

    await customer.says("第一句")
    await listen(0, 1)
    for number in range(3):
        await customer.says(f"断线时说的第{number}句")
    await listen(seen[-1], 4)
    assert seen == list(range(1, len(seen) + 1))


async def test_a_socket_says_pong_and_refuses_a_wrong_token(gateway: Gateway) -> None:
    customer = await gateway.customer()
    url = f"{gateway.url}/api/v1/chat/stream"
    async with gateway.session.ws_connect(url, protocols=("frontline.v1", f"bearer.{customer.token}")) as socket:
        await socket.send_str('{"type":"ping"}')
        kinds = []
        while "pong" not in kinds:
            kinds.append(json.loads((await socket.receive(timeout=20)).data)["type"])
    async with gateway.session.ws_connect(url, protocols=("frontline.v1", "bearer.nonsense")) as socket:
        closed = await socket.receive(timeout=20)
        assert closed.data == 4401


@pytest.mark.parametrize(
    "origin",
    ["null", "http://evil.example", "http://127.0.0.1.evil.example", "https://127.0.0.1:1", "http://localhost"],
)
async def test_a_page_of_another_site_is_refused(gateway: Gateway, origin: str) -> None:
    customer = await gateway.customer()
    refused = await gateway.call(
        "GET", "/api/v1/chat/messages", Authorization=f"Bearer {customer.token}", Origin=origin
    )
    assert (refused.status, refused.code) == (403, "forbidden")
    assert "Access-Control-Allow-Origin" not in refused.headers
    async with gateway.session.ws_connect(
        f"{gateway.url}/api/v1/chat/stream",
        protocols=("frontline.v1", f"bearer.{customer.token}"),
        headers={"Origin": origin},
    ) as socket:
        assert (await socket.receive(timeout=20)).data == 4403


async def test_the_channels_site_may_call(gateway: Gateway) -> None:
    origin = f"http://127.0.0.1:{gateway.services.settings.shop_port}"
    asked = await gateway.call("OPTIONS", "/api/v1/chat/messages", Origin=origin)
    assert asked.status == 204
    assert asked.headers["Access-Control-Allow-Origin"] == origin
    opened = await gateway.call("POST", "/api/v1/chat/sessions", {}, Origin=origin)
    assert (opened.status, opened.headers["Access-Control-Allow-Origin"]) == (201, origin)


async def test_the_document_describes_every_route_of_the_contract(gateway: Gateway) -> None:
    document = (await gateway.call("GET", "/api/v1/openapi.json")).body
    assert document["openapi"].startswith("3.1")
    for path in ("/api/v1/chat/sessions", "/api/v1/chat/messages", "/api/v1/tickets", "/api/v1/knowledge/search"):
        assert path in document["paths"]


async def test_open_search_finds_public_articles(gateway: Gateway) -> None:
    async with asyncio.timeout(60):
        while gateway.services.knowledge.live is None:
            await gateway.call("GET", "/health/ready")
    found = await gateway.call("GET", "/api/v1/knowledge/search?q=忘记密码怎么找回&limit=3")
    assert found.body["decision"] in ("answer", "ask", "none")
    assert set(found.body["results"][0]) >= {"article_id", "question", "answer", "score", "probability"}


async def test_ids_of_messages_may_be_anything(gateway: Gateway) -> None:
    customer = await gateway.customer()
    for odd in (uuid.uuid4().hex, "a b/c?d#e", "消息-1", "x" * 100):
        sent = await customer.call("POST", "messages", {"client_message_id": odd, "text": odd})
        assert sent.status == 202
