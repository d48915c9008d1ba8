"""A platform's stand-in, our connectors behind a real HTTP server, and the heart of the system on SQLite."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import BodyPartReader, web
from sqlalchemy import select

from bot.media import MediaLoop
from bot.outbox import DeliveryLoop
from bot.store import channels, messages
from bot.store.messages import Message
from bot.tables import conversations
from connectors.registry import Connectors
from core.clock import FakeClock
from core.counters import Counters
from core.db import Database
from core.errors import FrontlineError
from core.files import Files
from gateway.demo.platforms.wechat import WeChatPlatform
from gateway.demo.platforms.weibo import WeiboPlatform
from tests.bot.world import World, build

ACCOUNT = "shop-account"
GREETING = "您好,我是小星,播放、会员、订单的问题都可以问我。"


@dataclass
class PlatformWorld:
    """What a connector's test talks to. `url` is our webhook, `api` the platform's own address."""

    kind: str
    world: World
    connectors: Connectors
    delivery: DeliveryLoop
    media: MediaLoop
    files: Files
    session: aiohttp.ClientSession
    platform: Any
    url: str = ""
    api: str = ""
    users: dict[str, str] = field(default_factory=dict)
    fail_next: int = 0
    cut_files: bool = False

    def name_of(self, user: str) -> str:
        """The platform's name of a customer."""
        name: str = self.platform.openid(user) if self.kind == "wechat" else self.platform.uid(user)
        self.users[name] = user
        return name

    async def write(self, user: str, text: str, **more: Any) -> Any:
        """The customer writes on the platform."""
        self.name_of(user)
        return await self.platform.write(self.session, self.url, user, text, **more)

    async def follow(self, user: str, **more: Any) -> Any:
        """The customer follows the account, or (`leave`) leaves it."""
        self.name_of(user)
        return await self.platform.follow(self.session, self.url, user, **more)

    async def send_file(self, user: str, kind: str, content_type: str, data: bytes) -> Any:
        """The customer sends a file on the platform."""
        self.name_of(user)
        return await self.platform.send_file(self.session, self.url, user, kind, content_type, data)

    async def answer(self) -> None:
        """Take the turn that is due and deliver what it says."""
        self.world.clock.advance(seconds=2)
        await self.world.turns.run_due()
        await self.delivery.run_due()

    def phone(self, user: str) -> list[str]:
        """What the customer's phone shows from us."""
        return [bubble.text for bubble in self.platform.phones.after(user, 0) if not bubble.mine]

    async def stored(self) -> list[Message]:
        """All messages of the one conversation."""
        async with self.world.db.read() as tx:
            row = await tx.first(select(conversations.c.id))
            return [] if row is None else await messages.after(tx, row.id, 0)


async def _webhook(world: PlatformWorld, request: web.Request) -> web.StreamResponse:
    if world.fail_next:
        world.fail_next -= 1
        return web.Response(status=503)
    kind, account = request.match_info["kind"], request.match_info["account"]
    try:
        if request.method == "GET":
            connector, channel = await world.connectors.channel(kind, account)
            return web.Response(text=connector.check(channel, request.query))
        answer = await world.connectors.push(kind, account, request.query, await request.read(), world.world.intake)
    except FrontlineError as exc:
        return web.Response(status=exc.status, text=exc.code)
    return web.Response(text=answer)


async def _wechat_token(world: PlatformWorld, request: web.Request) -> web.StreamResponse:
    return web.json_response(world.platform.give_token(await request.json()))


async def _wechat_send(world: PlatformWorld, request: web.Request) -> web.StreamResponse:
    answer = await world.platform.take(request.query.get("access_token", ""), await request.read(), world.users)
    return web.json_response(answer)


async def _wechat_media(world: PlatformWorld, request: web.Request) -> web.StreamResponse:
    if world.cut_files:
        return web.Response(status=502)
    found = world.platform.give_media(request.query.get("access_token", ""), request.query.get("media_id", ""))
    return web.Response(body=found[1], content_type=found[0])


async def _wechat_upload(world: PlatformWorld, request: web.Request) -> web.StreamResponse:
    field = await (await request.multipart()).next()
    assert isinstance(field, BodyPartReader)
    assert field.name == "media"
    token, kind = request.query.get("access_token", ""), request.query.get("type", "")
    return web.json_response(world.platform.take_media(token, kind, field.filename or "", bytes(await field.read())))


async def _weibo_media(world: PlatformWorld, request: web.Request) -> web.StreamResponse:
    if world.cut_files:
        return web.Response(status=502)
    found = world.platform.give_media(request.query.get("access_token", ""), request.query.get("fid", ""))
    return web.Response(body=found[1], content_type=found[0])


async def _weibo_send(world: PlatformWorld, request: web.Request) -> web.StreamResponse:
    form = {key: str(value) for key, value in (await request.post()).items()}
    return web.json_response(await world.platform.take(request.query.get("access_token", ""), form, world.users))


@contextlib.asynccontextmanager
async def platform_world(db: Database, kind: str, folder: Path, **options: Any) -> AsyncIterator[PlatformWorld]:
    """Both servers on free ports of this machine; `options` are the platform's."""
    world = await build(db)
    clock: FakeClock = world.clock

    def now() -> float:
        return clock.now().timestamp()

    platform: Any
    if kind == "wechat":
        platform = WeChatPlatform("token-of-ours", "wx0123456789abcdef", "app-secret", now=now, **options)
        config = {"token": platform.token, "app_id": platform.app_id, "secret": platform.secret}
        config["aes_key"] = platform.aes_key
    else:
        platform = WeiboPlatform("app-secret-of-ours", "access-token", now=now)
        config = {"app_secret": platform.app_secret, "access_token": platform.access_token}
    files = Files(db, folder, clock, 0)
    connectors = Connectors(db, clock, Counters(), files)
    media = MediaLoop(db, clock, connectors, files, world.notifier, Counters())
    delivery = DeliveryLoop(db, clock, connectors, world.notifier, Counters())
    async with aiohttp.ClientSession() as session:
        made = PlatformWorld(kind, world, connectors, delivery, media, files, session, platform)

        def bind(handler: Any) -> Any:
            async def handle(request: web.Request) -> web.StreamResponse:
                response = await handler(made, request)
                assert isinstance(response, web.StreamResponse)
                return response

            return handle

        app = web.Application()
        app.router.add_route("*", "/connectors/{kind}/{account}", bind(_webhook))
        app.router.add_post("/platform/cgi-bin/stable_token", bind(_wechat_token))
        app.router.add_post("/platform/cgi-bin/message/custom/send", bind(_wechat_send))
        app.router.add_get("/platform/cgi-bin/media/get", bind(_wechat_media))
        app.router.add_post("/platform/cgi-bin/media/upload", bind(_wechat_upload))
        app.router.add_get("/platform/2/mss/msget", bind(_weibo_media))
        app.router.add_post("/platform/2/messages/reply.json", bind(_weibo_send))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        made.url = f"http://127.0.0.1:{port}/connectors/{kind}/{ACCOUNT}"
        made.api = f"http://127.0.0.1:{port}/platform"
        async with db.begin() as tx:
            await channels.create(
                tx,
                key=ACCOUNT,
                kind=kind,
                name="店铺",
                now=clock.now(),
                config={**config, "api_base": made.api},
                profile={"greeting": GREETING, "hot": [{"article_id": "password", "label": "忘记密码怎么办"}]},
            )
        try:
            yield made
        finally:
            await connectors.close()
            await runner.cleanup()
