"""The desk by HTTP and socket on a whole gateway: what an agent's page and other programs rely on."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, FormData, WSMsgType
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image
from sqlalchemy import insert, select, update

from core.ids import new_id
from core.people.tables import staff, staff_sessions
from core.redis_client import connect
from core.settings import Settings
from gateway.app import application, running
from gateway.services import Services
from tests.fixtures.staff import accept_agreement
from tickets.tables import tickets

Json = dict[str, Any]
# Logical databases of the shared server, in turn; each is emptied before it is used again.
REDIS_NUMBERS = itertools.cycle(range(1, 16))


@dataclass
class Person:
    """Somebody who is logged in, in a browser of their own."""

    client: TestClient[Any, Any]
    staff_id: str
    headers: dict[str, str]

    async def get(self, path: str, status: int = 200) -> Json:
        return await self._call("GET", path, None, status)

    async def post(self, path: str, body: Json | None = None, status: int = 200) -> Json:
        return await self._call("POST", path, body or {}, status)

    async def put(self, path: str, body: Json, status: int = 200) -> Json:
        return await self._call("PUT", path, body, status)

    async def _call(self, method: str, path: str, body: Json | None, status: int) -> Json:
        url = f"/api/v1/desk{path}" if not path.startswith("/api") else path
        async with self.client.request(method, url, json=body, headers=self.headers) as response:
            assert response.status == status, await response.text()
            return {} if status == 204 else await response.json()

    async def socket(self) -> ClientWebSocketResponse:
        slot = self.headers["X-Desk-Slot"]
        headers = {"Cookie": self.headers["Cookie"]}
        return await self.client.ws_connect(
            f"/api/v1/desk/stream?slot={slot}", protocols=["frontline.desk.v1"], headers=headers
        )


@dataclass
class Customer:
    """Somebody on the website."""

    client: TestClient[Any, Any]
    conversation_id: str
    headers: dict[str, str]
    seen: int = 0
    number: int = 0
    state: Json = field(default_factory=dict)

    async def says(self, text: str) -> None:
        self.number += 1
        body = {"client_message_id": f"c{self.number}", "text": text}
        async with self.client.post("/api/v1/chat/messages", json=body, headers=self.headers) as response:
            assert response.status == 202, await response.text()

    async def reads(self, *, until_mode: str | None = None, until_text: str | None = None) -> list[Json]:
        """Fetch until the state or the text has come."""
        found: list[Json] = []
        async with asyncio.timeout(20):
            while True:
                version = self.state.get("version", 0)
                path = f"/api/v1/chat/messages?after_seq={self.seen}&after_state={version}&wait_s=1"
                async with self.client.get(path, headers=self.headers) as response:
                    page = await response.json()
                self.state = page["state"]
                found += page["messages"]
                self.seen = max([self.seen, *(each["seq"] for each in page["messages"])])
                said = any(until_text is not None and until_text in each["text"] for each in found)
                if said or (until_mode is not None and self.state["mode"] == until_mode):
                    return found


@dataclass
class House:
    """One gateway and its doors."""

    services: Services
    client: TestClient[Any, Any]

    async def person(self, name: str, role: str = "agent", teams: tuple[str, ...] = ("general",)) -> Person:
        """Make an account and log it in."""
        parts, staff_id = self.services, new_id("stf")
        async with parts.db.begin() as tx:
            values = {"id": staff_id, "name": name, "display_name": f"客服{name}", "roles": [role]}
            await tx.execute(insert(staff).values(created_at=parts.clock.now(), **values))
            await parts.people.set_teams(tx, staff_id, teams)
        await accept_agreement(parts, staff_id)
        session = await parts.auth.open_session(staff_id, address="", agent="")
        headers = {"Cookie": f"fl_s1={session.secret}", "X-Desk-Slot": "1", "X-CSRF-Token": session.viewer.csrf}
        return Person(self.client, staff_id, headers)

    async def customer(self) -> Customer:
        async with self.client.post("/api/v1/chat/sessions", json={}) as response:
            assert response.status == 201, await response.text()
            made = await response.json()
        return Customer(self.client, made["conversation_id"], {"Authorization": f"Bearer {made['token']}"})

    async def waiting_customer(self, text: str = "会员扣费了两次") -> Customer:
        customer = await self.customer()
        await customer.says(text)
        await customer.says("转人工")
        await customer.reads(until_mode="waiting")
        return customer


@pytest.fixture
async def house(tmp_path: Path, redis_url: str) -> AsyncIterator[House]:
    """A gateway on SQLite with a logical Redis database of its own."""
    url = f"{redis_url}?db={next(REDIS_NUMBERS)}"
    async with connect(url) as redis:
        await redis.flushdb()
    settings = Settings(data=tmp_path, redis_url=url, turn_gather_s=0.05)
    async with running(settings) as services, TestClient(TestServer(application(services))) as client:
        yield House(services, client)


async def frame(socket: ClientWebSocketResponse, kind: str) -> Json:
    """The next frame of a kind; others are passed over."""
    async with asyncio.timeout(10):
        while True:
            received = await socket.receive()
            assert received.type is WSMsgType.TEXT, received
            found: Json = received.json()
            if found["type"] == kind:
                return found


async def test_from_the_wish_to_the_conclusion(house: House) -> None:
    """Wish, place in line, acceptance, context, words both ways, a note, typing, the conclusion."""
    agent = await house.person("lin")
    await agent.put("/presence", {"status": "online", "capacity": 3})
    async with await agent.socket() as socket:
        customer = await house.waiting_customer()
        assert customer.state["queue_position"] == 0
        await frame(socket, "queue")
        line = await agent.get("/queue")
        item = line["items"][0]
        assert (item["conversation_id"], item["position"], line["online"]) == (customer.conversation_id, 0, 1)
        assert item["reason_text"] == "用户要求人工"

        accepted = await agent.post(f"/handoffs/{item['handoff_id']}/accept")
        assert accepted == await agent.post(f"/handoffs/{item['handoff_id']}/accept")
        await customer.reads(until_mode="agent")
        assert customer.state["agent_name"] == "客服lin"

        page = await agent.get(f"/conversations/{customer.conversation_id}")
        assert page["conversation"]["agent_id"] == agent.staff_id
        assert page["ticket"]["state"] == "in_progress"
        assert page["ticket"]["assignee_id"] == agent.staff_id
        assert page["handoff"]["packet"]["wants_now"] == "会员扣费了两次"
        assert next(each["text"] for each in page["messages"] if each["author"] == "customer") == "会员扣费了两次"

        words = {"client_message_id": "m1", "text": "您好,我来帮您查一下"}
        sent = await agent.post(f"/conversations/{customer.conversation_id}/messages", words, 202)
        again = await agent.post(f"/conversations/{customer.conversation_id}/messages", words, 202)
        assert sent == again
        heard = await customer.reads(until_text="我来帮您查")
        assert [each["author"] for each in heard if "我来帮您查" in each["text"]] == ["agent"]
        page = await agent.get(f"/conversations/{customer.conversation_id}")
        assert page["messages"][-1]["client_message_id"] == "m1"

        await agent.post(f"/conversations/{customer.conversation_id}/notes", {"text": "疑似重复扣款"}, 201)
        page = await agent.get(f"/conversations/{customer.conversation_id}")
        assert page["messages"][-1]["kind"] == "note"
        assert "疑似重复扣款" not in str(await customer.reads(until_mode="agent"))

        await customer.says("好的,手机号13812345678")
        await frame(socket, "conversation")
        rows = (await agent.get("/conversations?view=mine"))["items"]
        assert rows[0]["last_text"] == "好的,手机号138****5678"
        assert rows[0]["unread"] >= 1
        page = await agent.get(f"/conversations/{customer.conversation_id}")
        await agent.post(f"/conversations/{customer.conversation_id}/read", {"seq": page["messages"][-1]["seq"]}, 204)
        assert (await agent.get("/conversations?view=mine"))["items"][0]["unread"] == 0

        await agent.post(f"/conversations/{customer.conversation_id}/resolve", {"solution": "已退还重复扣款"}, 204)
        await customer.reads(until_mode="bot")
        assert customer.state["survey"] is not None
        assert (await agent.get("/conversations?view=mine"))["items"] == []
        async with house.services.db.read() as tx:
            assert await tx.scalar(select(tickets.c.state)) == "resolved"


async def test_the_day_shows_who_waits_for_me(house: House) -> None:
    """Counts and the conversations with unread words."""
    agent = await house.person("lin")
    await agent.put("/presence", {"status": "online"})
    first, _ = await house.waiting_customer(), await house.waiting_customer()
    await agent.post(f"/conversations/{first.conversation_id}/take")
    found = await agent.get("/day")
    assert found["counts"]["line"] == 1
    assert found["counts"]["waiting_for_me"] == 1
    assert [each["conversation_id"] for each in found["waiting"]] == [first.conversation_id]


async def test_return_to_the_bot_and_ask_again(house: House) -> None:
    """The bot has it back, does not greet, and the next wish stands in line again."""
    agent = await house.person("lin")
    await agent.put("/presence", {"status": "online"})
    customer = await house.waiting_customer()
    await agent.post(f"/conversations/{customer.conversation_id}/take")
    await agent.post(f"/conversations/{customer.conversation_id}/return", {"reason": "机器人可答"}, 204)
    heard = await customer.reads(until_text="智能助手继续")
    assert customer.state["mode"] == "bot"
    assert not any(each["author"] == "bot" and "您好" in each["text"] for each in heard[-1:])
    await customer.says("转人工")
    await customer.reads(until_mode="waiting")


async def test_only_the_owner_writes_and_a_supervisor_may_take_over(house: House) -> None:
    """403 for a colleague, 409 for nobody's conversation, and the supervisor's take."""
    lin, chen = await house.person("lin"), await house.person("chen")
    boss = await house.person("wang", "supervisor")
    for each in (lin, chen, boss):
        await each.put("/presence", {"status": "online"})
    customer = await house.waiting_customer()
    path = f"/conversations/{customer.conversation_id}"
    words = {"client_message_id": "m1", "text": "您好"}
    await lin.post(f"{path}/messages", words, 409)
    await lin.post(f"{path}/take")
    error = (await chen.post(f"{path}/messages", words, 403))["error"]
    assert error["code"] == "forbidden"
    assert (await chen.post(f"{path}/take", status=409))["error"]["code"] == "conflict"
    await chen.post(f"{path}/resolve", {"solution": "好了"}, 403)
    await boss.post(f"{path}/take")
    await lin.post(f"{path}/messages", words, 403)
    await boss.post(f"{path}/messages", words, 202)


async def test_refusals_are_clear(house: House) -> None:
    """Not online, gone, unknown, not logged in, not allowed, no CSRF value."""
    lin, chen = await house.person("lin"), await house.person("chen")
    editor = await house.person("bian", "editor")
    await chen.put("/presence", {"status": "online"})
    customer = await house.waiting_customer()
    handoff_id = (await chen.get("/queue"))["items"][0]["handoff_id"]
    refused = await lin.post(f"/handoffs/{handoff_id}/accept", status=409)
    assert "在线" in refused["error"]["message"]
    await chen.post(f"/handoffs/{handoff_id}/accept")
    await lin.put("/presence", {"status": "online"})
    assert (await lin.post(f"/handoffs/{handoff_id}/accept", status=409))["error"]["code"] == "conflict"
    await lin.post("/handoffs/hnd_none/accept", status=404)
    await lin.get("/conversations/cnv_none", 404)
    await lin.get("/conversations?view=everything", 422)
    await lin.put("/presence", {"status": "asleep"}, 422)
    await lin.put("/presence", {"status": "online", "capacity": 0}, 422)
    await editor.get("/queue", 403)
    stranger = Person(house.client, "", {"X-Desk-Slot": "1"})
    await stranger.get("/queue", 401)
    forged = Person(house.client, lin.staff_id, {**lin.headers, "X-CSRF-Token": "wrong"})
    await forged.post(f"/conversations/{customer.conversation_id}/take", status=403)


async def test_drafts_and_files_belong_to_the_agent(house: House) -> None:
    """A draft survives a reload and goes with the message; a picture reaches the customer."""
    agent = await house.person("lin")
    await agent.put("/presence", {"status": "online"})
    customer = await house.waiting_customer()
    path = f"/conversations/{customer.conversation_id}"
    await agent.post(f"{path}/take")
    await agent.put(f"{path}/draft", {"text": "您好,关于扣费"}, 204)
    assert (await agent.get(path))["draft"] == "您好,关于扣费"
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(picture, "PNG")
    form = FormData(quote_fields=False)
    form.add_field("file", picture.getvalue(), filename="截图.png", content_type="image/png")
    async with house.client.post("/api/v1/desk/attachments", data=form, headers=agent.headers) as response:
        assert response.status == 201, await response.text()
        file_id = (await response.json())["attachment_id"]
    await agent.post(f"{path}/messages", {"client_message_id": "p1", "attachment_id": file_id}, 202)
    assert (await agent.get(path))["draft"] is None
    heard = await customer.reads(until_text="截图.png")
    assert heard[-1]["attachment"]["attachment_id"] == file_id
    async with house.client.get(f"/api/v1/desk/attachments/{file_id}?slot=1", headers=agent.headers) as response:
        assert (response.status, response.content_type) == (200, "image/png")
    async with house.client.get(f"/api/v1/chat/attachments/{file_id}", headers=customer.headers) as response:
        assert response.status == 200


async def test_a_promise_keeps_the_ticket_open(house: House) -> None:
    """With a next step the customer hears how it stands, and the matter is not resolved."""
    agent = await house.person("lin")
    await agent.put("/presence", {"status": "online"})
    customer = await house.waiting_customer()
    path = f"/conversations/{customer.conversation_id}"
    await agent.post(f"{path}/take")
    step = {"text": "财务核对后退款", "by": agent.staff_id, "at": "2099-01-01T00:00:00Z"}
    await agent.post(f"{path}/resolve", {"solution": "已提交财务", "next_step": step}, 204)
    await customer.reads(until_text="已提交财务")
    async with house.services.db.read() as tx:
        row = await tx.first(select(tickets.c.state, tickets.c.next_step))
    assert row is not None
    assert (row.state, row.next_step) == ("in_progress", "财务核对后退款")
    assert (await agent.get(path))["conversation"]["mode"] == "bot"


async def test_typing_goes_both_ways(house: House) -> None:
    """The customer's typing reaches the owner's socket; the owner's reaches the customer's."""
    agent = await house.person("lin")
    await agent.put("/presence", {"status": "online"})
    customer = await house.waiting_customer()
    await agent.post(f"/conversations/{customer.conversation_id}/take")
    token = customer.headers["Authorization"].removeprefix("Bearer ")
    async with (
        await agent.socket() as desk,
        house.client.ws_connect("/api/v1/chat/stream", protocols=["frontline.v1", f"bearer.{token}"]) as chat,
    ):
        await frame(chat, "state")
        await desk.send_json({"type": "ping"})
        await frame(desk, "pong")
        await chat.send_json({"type": "typing"})
        assert (await frame(desk, "typing"))["conversation_id"] == customer.conversation_id
        await desk.send_json({"type": "typing", "conversation_id": customer.conversation_id})
        assert (await frame(chat, "typing"))["author"] == "agent"


async def test_a_disabled_account_is_out_within_a_second(house: House) -> None:
    """Its socket closes, and what it held is back in line."""
    agent = await house.person("lin")
    await agent.put("/presence", {"status": "online"})
    customer = await house.waiting_customer()
    await agent.post(f"/conversations/{customer.conversation_id}/take")
    async with await agent.socket() as socket:
        await socket.send_json({"type": "ping"})
        await frame(socket, "pong")
        async with house.services.db.begin() as tx:
            await house.services.auth.set_disabled(tx, agent.staff_id, True, by="stf_admin")
        started = asyncio.get_running_loop().time()
        await frame(socket, "logout")
        closed = await socket.receive(timeout=1)
        assert closed.type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
        assert socket.close_code == 4401
        assert asyncio.get_running_loop().time() - started < 1
    await customer.reads(until_mode="waiting")


async def test_a_socket_without_a_session_or_from_another_site_is_refused(house: House) -> None:
    """4401 and 4403, with a reason and without a hint."""
    agent = await house.person("lin")
    async with house.client.ws_connect("/api/v1/desk/stream?slot=2", protocols=["frontline.desk.v1"]) as socket:
        assert (await socket.receive()).data == 4401
    headers = {"Cookie": agent.headers["Cookie"], "Origin": "https://evil.example"}
    async with house.client.ws_connect(
        "/api/v1/desk/stream?slot=1", protocols=["frontline.desk.v1"], headers=headers
    ) as socket:
        assert (await socket.receive()).data == 4403


async def test_a_session_that_ends_without_a_hint_is_noticed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another gateway ended it while Redis was down: the next look finds out."""
    monkeypatch.setattr("gateway.http.desk_stream._LOOK_AGAIN_S", 0.05)
    agent = await house.person("lin")
    async with await agent.socket() as socket:
        await socket.send_json({"type": "ping"})
        await frame(socket, "pong")  # From here on the session has been looked at once.
        async with house.services.db.begin() as tx:
            past = house.services.clock.now()
            await tx.execute(update(staff_sessions).values(expires_at=past))
        await frame(socket, "logout")
