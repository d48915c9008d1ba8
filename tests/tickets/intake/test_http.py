"""Intake and webhooks by HTTP on a whole gateway: pages, programs, staff, sheets, receivers."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image

from core.clock import rfc3339
from core.people.roles import Role
from core.redis_client import connect
from core.settings import Settings
from core.webhooks import signing
from gateway.app import application, running
from tests.tickets.test_http import REDIS_NUMBERS, SITE, House

Json = dict[str, Any]


@pytest.fixture
async def house(tmp_path: Path, redis_url: str) -> AsyncIterator[House]:
    """A gateway on SQLite that may call receivers on this machine."""
    url = f"{redis_url}?db={next(REDIS_NUMBERS)}"
    async with connect(url) as redis:
        await redis.flushdb()
    settings = Settings(data=tmp_path, redis_url=url, turn_gather_s=0.05, webhook_private=True)
    async with running(settings) as services, TestClient(TestServer(application(services))) as client:
        yield House(services, client)


def _picture() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(written, "PNG")
    return written.getvalue()


async def _upload(house: House, path: str, status: int, data: bytes, name: str, headers: dict[str, str]) -> Json:
    form = FormData()
    form.add_field("file", data, filename=name)
    async with house.client.post(f"/api/v1{path}", data=form, headers=headers) as response:
        assert response.status == status, await response.text()
        found: Json = await response.json()
        return found


async def test_a_page_sends_pictures_first_and_a_double_tap_is_one_matter(house: House) -> None:
    sent = await _upload(house, "/feedback/attachments?channel_key=web", 201, _picture(), "截图.png", {})
    await _upload(house, "/feedback/attachments?channel_key=web", 422, b"MZ not a picture", "a.exe", {})
    await _upload(house, "/feedback/attachments?channel_key=nothing", 404, _picture(), "截图.png", {})
    wish = {
        "channel_key": "web",
        "kind": "problem",
        "title": "今晚的球赛一直转圈",
        "text": "换了网络也不行",
        "attachments": [sent["attachment_id"]],
        "idempotency_key": "page-0001",
        "live_room": "8801",
        "device_model": "手机 X",
        "app_version": "8.1.0",
        "phone": "138 1234 5678",
        "consent": True,
    }
    made = await asyncio.gather(*(house.call("POST", "/feedback", 201, {}, wish) for _ in range(3)))
    assert len({each["serial"] for each in made}) == 1
    await house.call("POST", "/feedback", 409, {}, {**wish, "text": "别的"})
    agent = await house.person("lin", "supervisor")
    detail = await house.call("GET", f"/tickets/{made[0]['serial']}", 200, agent)
    assert (detail["title"], detail["customer"]["phone_masked"]) == ("今晚的球赛一直转圈", "138****5678")
    assert detail["fields"]["app_version"] == "8.1.0"
    assert [each["kind"] for each in detail["messages"] if each["author"] == "customer"] == ["text", "image"]
    page = await house.call("GET", f"/t/{made[0]['url'].rsplit('/', 1)[-1]}", 200, {})
    assert page["serial"] == made[0]["serial"]


async def test_a_live_room_and_a_forum_tell_everything_they_know(house: House) -> None:
    wish = {
        "channel_key": "web",
        "kind": "report",
        "text": "主播卖的东西和介绍不一样",
        "source": "live_room",
        "source_url": "https://live.example.com/8801",
        "live_room": "8801",
        "stream_time": "01:12:40",
        "quotes": [{"at": "01:12:31", "name": "小棠", "text": "这个是真的吗 13812345678"}, {"text": "假的吧"}],
        "reporter": {"name": "海棠", "id": "u-17"},
        "host": {"name": "阿澈"},
        "occurred_at": "2026-11-20T21:12:40+08:00",
        "idempotency_key": "live-8801-0001",
    }
    _, key = await house.services.auth.add_key("live", Role.AGENT, by="cli")
    made = await house.call("POST", "/feedback", 201, {"Authorization": f"Bearer {key}"}, wish)
    agent = await house.person("lin", "supervisor")
    detail = await house.call("GET", f"/tickets/{made['serial']}", 200, agent)
    assert detail["first_received_at"].startswith("2026-11-20T13:12:40")
    assert (detail["fields"]["host"], detail["fields"]["reporter"]) == ("阿澈", "海棠（u-17）")
    assert "13812345678" not in str(detail)
    reader = (await house.services.auth.add_key("reader", Role.MANAGER, by="cli"))[1]
    await house.call("POST", "/feedback", 403, {"Authorization": f"Bearer {reader}"}, wish)
    await house.call("POST", "/feedback", 401, {"Authorization": "Bearer nothing"}, wish)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"},
        {"text": "   "},
        {"text": ""},
        {"more": 1},
        {"source_url": "javascript:1"},
        {"stream_time": "noon"},
        {"phone": "13812345678"},
        {"occurred_at": "2036-01-01T00:00:00Z"},
        {"occurred_at": "2026-01-01T00:00:00"},
        {"attachments": ["x"] * 10},
        {"idempotency_key": "short"},
    ],
)
async def test_what_is_not_in_the_contract_is_refused(house: House, change: Json) -> None:
    wish = {"channel_key": "web", "kind": "problem", "text": "看直播卡", **change}
    await house.call("POST", "/feedback", 422, {}, wish)


async def test_uploads_and_feedback_have_their_limits(house: House) -> None:
    wish = {"channel_key": "web", "kind": "praise", "text": "客服很好"}
    for _ in range(20):
        await house.call("POST", "/feedback", 201, {}, wish)
    await house.call("POST", "/feedback", 429, {}, wish)
    async with house.client.options("/api/v1/feedback/attachments", headers={"Origin": SITE}) as response:
        assert response.status == 403


async def test_an_agent_writes_a_matter_down_for_somebody_found(house: House) -> None:
    agent = await house.person("lin", "agent")
    shot = await _upload(house, "/desk/attachments", 201, _picture(), "群截图.png", agent)
    wish = {
        "title": "群里反映重复扣费",
        "description": "十一月被扣两次",
        "channel_kind": "wechat_group",
        "source_url": "https://example.com/g/9",
        "source_text": "海棠：扣了我两次钱",
        "customer_name": "海棠",
        "phone": "13812345678",
        "attachments": [shot["attachment_id"]],
        "fields": {"order_number": "D-1"},
        "received_at": rfc3339(house.services.clock.now() - timedelta(hours=1)),
        "take": True,
    }
    await house.call("POST", "/tickets", 422, agent, wish)
    made = await house.call("POST", "/tickets", 201, agent, {**wish, "consent": True})
    assert (made["state"], made["channel_kind"], made["assignee_name"]) == ("in_progress", "wechat_group", "lin")
    found = await house.call("GET", "/intake/customers?q=5678", 200, agent)
    [person] = found["items"]
    assert (person["phone_masked"], person["open"][0]["serial"]) == ("138****5678", made["serial"])
    guess = await house.call("POST", "/intake/suggestion", 200, agent, {"text": "重复扣费 要退款"})
    assert (guess["category_id"], guess["team_id"]) == ("payment/refund", "payment")
    link = await house.call("POST", f"/tickets/{made['serial']}/link", 200, agent)
    page = await house.call("GET", f"/t/{link['url'].rsplit('/', 1)[-1]}", 200, {})
    assert (page["serial"], page["history"][-1]["text"]) != ("", "")
    assert "海棠：扣了我两次钱" in [line["text"] for line in page["history"]]
    manager = await house.person("boss", "manager")
    await house.call("GET", "/intake/customers?q=5678", 403, manager)
    await house.call("POST", "/tickets", 422, agent, {"title": "x", "channel_kind": "moon"})
    await house.call("POST", "/tickets", 404, agent, {"title": "x", "customer_id": "cus_nobody"})


async def test_a_sheet_is_looked_at_and_then_taken_in(house: House) -> None:
    admin, agent = await house.person("root", "admin"), await house.person("lin", "agent")
    data = "标题,手机,渠道\n会员没到账,13812345678,电话\n,13912345678,电话\n".encode("gb18030")
    await _upload(house, "/imports", 403, data, "旧系统.csv", agent)
    seen = await _upload(house, "/imports", 201, data, "旧系统.csv", admin)
    preview = seen["preview"]
    assert (seen["name"], preview["encoding"], preview["ready"], preview["refused"]) == ("旧系统.csv", "GBK", 1, 1)
    assert [each["text"] for each in preview["faults"]] == ["标题和描述都是空的"]
    await _upload(house, "/imports", 422, b"\x89PNG\xff", "a.csv", admin)
    await house.call("POST", f"/imports/{seen['id']}", 200, admin, {"action": "start"})
    await house.services.imports.finish(seen["id"])
    one = await house.call("GET", f"/imports/{seen['id']}", 200, admin)
    assert one["state"] == "done"
    assert (one["made"], one["refused"]) == (1, 1)
    await house.call("POST", f"/imports/{seen['id']}", 409, admin, {"action": "start"})


async def test_a_receiver_hears_of_a_matter_and_its_log_shows_it(house: House) -> None:
    heard: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()

    async def hear(request: web.Request) -> web.Response:
        heard.put_nowait((dict(request.headers), await request.read()))
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_post("/hook", hear)
    admin, agent = await house.person("root", "admin"), await house.person("lin", "agent")
    async with TestServer(app) as receiver:
        wish = {"name": "客户系统", "url": str(receiver.make_url("/hook")), "kinds": ["ticket.*"], "with_text": True}
        await house.call("POST", "/webhooks", 403, agent, wish)
        await house.call("POST", "/webhooks", 422, admin, {**wish, "kinds": ["moon.*"]})
        made = await house.call("POST", "/webhooks", 201, admin, wish)
        assert made["key"].startswith("whk_")
        listed = await house.call("GET", "/webhooks", 200, admin)
        assert [each["key"] for each in listed["items"]] == [None]
        tested = await house.call("POST", f"/webhooks/{made['id']}/test", 200, admin)
        assert (tested["state"], tested["status"], tested["kind"]) == ("sent", 200, "ping")
        await heard.get()
        ticket = await house.call("POST", "/tickets", 201, agent, {"title": "请回电 13812345678", "take": True})
        kinds = []
        async with asyncio.timeout(10):
            while "ticket.state_changed" not in kinds:
                headers, body = await heard.get()
                told = msgspec.json.decode(body)
                kinds.append(told["kind"])
                stamp = headers[signing.TIMESTAMP]
                assert signing.verify(made["key"], stamp, headers[signing.SIGNATURE], body, now=float(stamp))
                assert told["data"]["ticket"]["serial"] == ticket["serial"]
                assert b"13812345678" not in body
        assert kinds[0] == "ticket.created"
        log = await house.call("GET", f"/webhooks/{made['id']}/deliveries?state=sent", 200, admin)
        one = await house.call("GET", f"/webhook-deliveries/{log['items'][-1]['id']}", 200, admin)
        assert (one["kind"], one["tries"][0]["status"]) == ("ping", 200)
        await house.call("POST", f"/webhook-deliveries/{one['id']}/resend", 202, admin)
        async with asyncio.timeout(10):
            while msgspec.json.decode((await heard.get())[1])["id"] != one["event_id"]:
                pass
        assert (await house.call("POST", f"/webhooks/{made['id']}/key", 200, admin))["key"] != made["key"]
        await house.call("PATCH", f"/webhooks/{made['id']}", 200, admin, {"disabled": True})
        await house.call("DELETE", f"/webhooks/{made['id']}", 204, admin)
        await house.call("GET", f"/webhooks/{made['id']}/deliveries", 404, admin)
