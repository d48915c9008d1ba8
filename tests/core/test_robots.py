"""Group robots against local servers that check signatures by code of their own; retries, leases, the journal."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac as hmac_library
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from core.clock import UTC, FakeClock
from core.db import Database
from core.errors import Invalid
from core.robots.robots import WAITS_S, Robot, Robots, checked
from core.robots.tables import robot_messages
from core.robots.wire import RobotKind, refusal

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
SECRET = "SEC密钥-7"
KEY = "693a91f6-7c41"


def hmac_by_hand(key: bytes, message: bytes) -> str:
    """HMAC-SHA256 from its definition, so that the product's signature is not checked by itself."""
    block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(each ^ 0x36 for each in block) + message).digest()
    return base64.b64encode(hashlib.sha256(bytes(each ^ 0x5C for each in block) + inner).digest()).decode()


@dataclass
class Platforms:
    """The three platforms' robot addresses, as strict as they are."""

    url: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)
    answers: list[web.Response] = field(default_factory=list)

    def _turn(self, good: dict[str, Any], body: dict[str, Any]) -> web.Response:
        if self.answers:
            return self.answers.pop(0)
        self.heard.append(body)
        return web.json_response(good)

    async def wecom(self, request: web.Request) -> web.Response:
        if request.query.get("key") != KEY:
            return web.json_response({"errcode": 93000, "errmsg": "invalid webhook url"})
        body = await request.json()
        assert body["msgtype"] == "markdown"
        assert len(body["markdown"]["content"].encode()) <= 4096
        return self._turn({"errcode": 0, "errmsg": "ok"}, body)

    async def dingtalk(self, request: web.Request) -> web.Response:
        stamp = request.query.get("timestamp", "")
        fresh = stamp.isdigit() and len(stamp) == 13
        wanted = hmac_by_hand(SECRET.encode(), f"{stamp}\n{SECRET}".encode())
        if request.query.get("access_token") != KEY or not fresh or request.query.get("sign") != wanted:
            return web.json_response({"errcode": 310000, "errmsg": "sign not match"})
        body = await request.json()
        assert body["msgtype"] == "markdown"
        assert body["markdown"]["title"]
        return self._turn({"errcode": 0, "errmsg": "ok"}, body)

    async def feishu(self, request: web.Request) -> web.Response:
        body = await request.json()
        stamp = str(body.get("timestamp", ""))
        fresh = stamp.isdigit() and len(stamp) == 10
        wanted = hmac_by_hand(f"{stamp}\n{SECRET}".encode(), b"")
        if request.match_info["key"] != KEY or not fresh or body.get("sign") != wanted:
            return web.json_response({"code": 19021, "msg": "sign match fail or timestamp is not within one hour"})
        assert body["msg_type"] == "post"
        return self._turn({"code": 0, "msg": "success", "data": {}}, body)


@pytest.fixture
async def platforms() -> AsyncIterator[Platforms]:
    played = Platforms()
    app = web.Application()
    app.router.add_post("/cgi-bin/webhook/send", played.wecom)
    app.router.add_post("/robot/send", played.dingtalk)
    app.router.add_post("/open-apis/bot/v2/hook/{key}", played.feishu)
    async with TestServer(app) as server:
        played.url = f"http://127.0.0.1:{server.port}"
        yield played


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def robot(kind: RobotKind, base: str, secret: str | None = SECRET, key: str = KEY) -> Robot:
    path = {
        RobotKind.WECOM: f"/cgi-bin/webhook/send?key={key}",
        RobotKind.DINGTALK: f"/robot/send?access_token={key}",
        RobotKind.FEISHU: f"/open-apis/bot/v2/hook/{key}",
    }[kind]
    signs = kind is not RobotKind.WECOM
    return Robot(f"rbt_{kind}", f"群 {kind}", kind, base + path, secret if signs else None, ("warning", "breach"), ())


async def tell(robots: Robots, db: Database, topic: str = "breach", team: str | None = None) -> int:
    async with db.begin() as tx:
        return await robots.tell(
            tx,
            topic,
            title="已超时:首次人工响应",
            lines=["工单号:FL-20261121-000123", "团队:支付组"],
            url="https://desk.example.org/desk/u/0/tickets/FL-20261121-000123",
            team_id=team,
        )


async def states(db: Database) -> list[tuple[str, int]]:
    async with db.read() as tx:
        rows = await tx.all(select(robot_messages).order_by(robot_messages.c.created_at, robot_messages.c.id))
    return [(row.state, row.attempts) for row in rows]


def test_the_hmac_by_hand_is_one() -> None:
    for key in (b"k", b"x" * 100):
        known = base64.b64encode(hmac_library.new(key, b"text", hashlib.sha256).digest()).decode()
        assert hmac_by_hand(key, b"text") == known


@pytest.mark.parametrize("kind", list(RobotKind))
async def test_each_platform_takes_what_we_send(
    kind: RobotKind, db: Database, platforms: Platforms, session: aiohttp.ClientSession
) -> None:
    robots = Robots(db, FakeClock(NOW))
    async with db.begin() as tx:
        await robots.save(tx, robot(kind, platforms.url))
    assert await tell(robots, db) == 1
    assert await robots.run_due(session) == 1
    assert await states(db) == [("sent", 1)]
    [body] = platforms.heard
    assert "FL-20261121-000123" in str(body)
    assert "首次人工响应" in str(body)
    assert await robots.run_due(session) == 0


@pytest.mark.parametrize("kind", [RobotKind.DINGTALK, RobotKind.FEISHU])
async def test_a_wrong_secret_fails_at_once_and_says_why(
    kind: RobotKind, db: Database, platforms: Platforms, session: aiohttp.ClientSession
) -> None:
    robots = Robots(db, FakeClock(NOW))
    async with db.begin() as tx:
        await robots.save(tx, robot(kind, platforms.url, secret="another"))
    await tell(robots, db)
    await robots.run_due(session)
    assert await states(db) == [("failed", 1)]
    async with db.read() as tx:
        [line] = await robots.journal(tx, f"rbt_{kind}")
    assert "sign" in line["error"]


async def test_a_key_that_nobody_knows_fails_at_once(
    db: Database, platforms: Platforms, session: aiohttp.ClientSession
) -> None:
    robots = Robots(db, FakeClock(NOW))
    async with db.begin() as tx:
        await robots.save(tx, robot(RobotKind.WECOM, platforms.url, key="unknown"))
    await tell(robots, db)
    await robots.run_due(session)
    assert await states(db) == [("failed", 1)]


async def test_a_platform_that_is_busy_is_asked_again_later_and_later(
    db: Database, platforms: Platforms, session: aiohttp.ClientSession
) -> None:
    clock = FakeClock(NOW)
    robots = Robots(db, clock)
    async with db.begin() as tx:
        await robots.save(tx, robot(RobotKind.WECOM, platforms.url))
    platforms.answers = [
        web.json_response({"errcode": 45009, "errmsg": "api freq out of limit"}),
        web.Response(status=502, text="bad gateway"),
    ]
    await tell(robots, db)
    await robots.run_due(session)
    assert await states(db) == [("pending", 1)]
    assert await robots.run_due(session) == 0, "not before its time"
    clock.advance(seconds=WAITS_S[0])
    await robots.run_due(session)
    assert await states(db) == [("pending", 2)]
    clock.advance(seconds=WAITS_S[1])
    await robots.run_due(session)
    assert await states(db) == [("sent", 3)]
    assert len(platforms.heard) == 1


async def test_a_house_that_is_not_there_is_given_up_in_the_end(
    db: Database, session: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    clock = FakeClock(NOW)
    robots = Robots(db, clock)
    async with db.begin() as tx:
        await robots.save(tx, robot(RobotKind.WECOM, f"http://127.0.0.1:{unused_tcp_port}"))
    await tell(robots, db)
    for _ in range(len(WAITS_S) + 3):
        await robots.run_due(session)
        clock.advance(seconds=WAITS_S[-1] + 1)
    assert await states(db) == [("failed", len(WAITS_S))]


async def test_two_senders_tell_it_once(any_db: Database, platforms: Platforms, session: aiohttp.ClientSession) -> None:
    one, other = Robots(any_db, FakeClock(NOW)), Robots(any_db, FakeClock(NOW))
    async with any_db.begin() as tx:
        await one.save(tx, robot(RobotKind.WECOM, platforms.url))
    for _ in range(10):
        await tell(one, any_db)
    await asyncio.gather(one.run_due(session), other.run_due(session))
    assert len(platforms.heard) == 10
    assert await states(any_db) == [("sent", 1)] * 10


async def test_a_sender_that_vanished_is_followed_by_another(
    db: Database, platforms: Platforms, session: aiohttp.ClientSession
) -> None:
    clock = FakeClock(NOW)
    robots = Robots(db, clock)
    async with db.begin() as tx:
        await robots.save(tx, robot(RobotKind.WECOM, platforms.url))
    await tell(robots, db)
    assert len(await robots._claim()) == 1  # … and then the process was gone.
    assert await robots.run_due(session) == 0
    clock.advance(seconds=31)
    assert await robots.run_due(session) == 1
    assert len(platforms.heard) == 1


async def test_a_robot_hears_what_it_is_for(db: Database) -> None:
    robots = Robots(db, FakeClock(NOW))
    base = robot(RobotKind.WECOM, "https://example.org")
    async with db.begin() as tx:
        await robots.save(tx, base)
        await robots.save(tx, Robot("rbt_2", "支付群", base.kind, base.url, None, ("breach",), ("payment",)))
        await robots.save(tx, Robot("rbt_3", "停用", base.kind, base.url, None, ("breach",), (), enabled=False))
    assert await tell(robots, db, "warning") == 1
    assert await tell(robots, db, "breach", "payment") == 2
    assert await tell(robots, db, "breach", "technical") == 1
    assert await tell(robots, db, "alarm") == 0


async def test_a_test_message_goes_at_once_and_is_not_tried_again(
    db: Database, platforms: Platforms, session: aiohttp.ClientSession
) -> None:
    clock = FakeClock(NOW)
    robots = Robots(db, clock)
    async with db.begin() as tx:
        await robots.save(tx, robot(RobotKind.FEISHU, platforms.url))
        await robots.save(tx, robot(RobotKind.DINGTALK, platforms.url, secret="another"))
    good = await robots.try_now(session, "rbt_feishu", title="测试", lines=["好"])
    bad = await robots.try_now(session, "rbt_dingtalk", title="测试", lines=["好"])
    assert (good["state"], bad["state"]) == ("sent", "failed")
    clock.advance(days=1)
    assert await robots.run_due(session) == 0


@pytest.mark.parametrize(
    "url", ["http://example.org/x", "ftp://example.org", "https://", "https://user@example.org/", "https://a b/", "x"]
)
def test_addresses_that_no_platform_has_are_refused(url: str) -> None:
    with pytest.raises(Invalid):
        checked(Robot("r", "n", RobotKind.WECOM, url, None, ("breach",), ()))


def test_answers_are_read_as_the_platforms_mean_them() -> None:
    assert refusal(RobotKind.FEISHU, 200, {"StatusCode": 0, "StatusMessage": "success"}) is None
    assert refusal(RobotKind.WECOM, 200, {"errcode": 0, "errmsg": "ok"}) is None
    assert refusal(RobotKind.WECOM, 200, None) == ("not a robot's answer", False)
    assert refusal(RobotKind.DINGTALK, 200, {"errcode": 130101, "errmsg": "send too fast"}) == (
        "130101 send too fast",
        True,
    )
    assert refusal(RobotKind.DINGTALK, 404, None) == ("http 404", False)
