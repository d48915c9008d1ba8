"""The platforms' addresses in demo mode: their APIs, and the phone pages of their customers."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import msgspec
from aiohttp import web

from bot.store import channels
from core.errors import Forbidden, Invalid, NotFound
from core.files import inspect
from gateway.demo.platforms.phone import Phones, as_json
from gateway.demo.platforms.wechat import WeChatPlatform
from gateway.demo.platforms.weibo import WeiboPlatform
from gateway.http.chat import read_upload
from gateway.http.kit import MAX_BODY_BYTES, MAX_TEXT, OPEN, Route, body, number, own_address, read_limited, reply
from gateway.http.pages import own_url, page
from gateway.seed_demo import WECHAT_KEY, WEIBO_KEY
from gateway.services import Services, services

_USER = re.compile(r"[\w-]{1,40}")
_WAIT_S = 20


class Words(msgspec.Struct, forbid_unknown_fields=True):
    """What a phone sends: words, or an entry of a menu."""

    user: str
    text: str
    choice: str | None = None


class Platforms:
    """The two platforms, made when first needed from the demo channels' own configuration."""

    def __init__(self) -> None:
        self._wechat: WeChatPlatform | None = None
        self._weibo: WeiboPlatform | None = None
        self.openids: dict[str, str] = {}
        self.uids: dict[str, str] = {}

    async def wechat(self, parts: Services) -> WeChatPlatform:
        """WeChat's."""
        if self._wechat is None:
            config = await _config(parts, WECHAT_KEY)
            phones = Phones(parts.settings.data / "demo" / "wechat.jsonl")
            # The demo's story takes more than five answers; the limit is shown by the tests.
            self._wechat = WeChatPlatform(
                config["token"], config["app_id"], config["secret"], phones, _now(parts), quota=None
            )
        return self._wechat

    async def weibo(self, parts: Services) -> WeiboPlatform:
        """Weibo's."""
        if self._weibo is None:
            config = await _config(parts, WEIBO_KEY)
            phones = Phones(parts.settings.data / "demo" / "weibo.jsonl")
            self._weibo = WeiboPlatform(config["app_secret"], config["access_token"], phones, _now(parts))
        return self._weibo


PLATFORMS = web.AppKey("platforms", Platforms)


def _now(parts: Services) -> Any:
    return lambda: parts.clock.now().timestamp()


async def _config(parts: Services, key: str) -> dict[str, Any]:
    async with parts.db.read() as tx:
        found = await channels.by_key(tx, key)
    if found is None:
        raise NotFound("demo channel")
    return dict(found.config)


def _platforms(request: web.Request) -> Platforms:
    return request.app[PLATFORMS]


async def phone_page(request: web.Request) -> web.StreamResponse:
    return page(request, "customer/phone.html", public_url=own_url(request))


async def read_phone(request: web.Request) -> web.StreamResponse:
    """Bubbles after a number; waits for news."""
    kind, user = request.match_info["kind"], _user(request.query.get("user", ""))
    after, wait_s = number(request, "after", 0, 0, 2**31), number(request, "wait_s", 0, 0, _WAIT_S)
    parts, platforms = services(request), _platforms(request)
    phones = (await platforms.wechat(parts)).phones if kind == "wechat" else (await platforms.weibo(parts)).phones
    return reply({"bubbles": as_json(await phones.wait(user, after, wait_s))})


def _user(text: str) -> str:
    if not _USER.fullmatch(text):
        raise Invalid("user")
    return text


async def write_phone(request: web.Request) -> web.StreamResponse:
    """The invented customer writes; answers once the platform has delivered the push."""
    parts, platforms = services(request), _platforms(request)
    wish = await body(request, Words)
    user, text = _user(wish.user), wish.text.strip()
    if not text or len(text) > MAX_TEXT:
        raise Invalid("text", text_id="error.text_empty")
    here = own_address(parts)
    if request.match_info["kind"] == "wechat":
        wechat = await platforms.wechat(parts)
        platforms.openids[wechat.openid(user)] = user
        url = f"{here}/connectors/wechat/{WECHAT_KEY}"
        pushed = await wechat.write(parts.session, url, user, text, menu_id=wish.choice)
    else:
        weibo = await platforms.weibo(parts)
        platforms.uids[weibo.uid(user)] = user
        url = f"{here}/connectors/weibo/{WEIBO_KEY}"
        pushed = await weibo.write(parts.session, url, user, text)
    return reply({"deliveries": pushed.deliveries, "delivered": pushed.status == 200})


async def wechat_token(request: web.Request) -> web.StreamResponse:
    wechat = await _platforms(request).wechat(services(request))
    return reply(wechat.give_token(_object(await read_limited(request, MAX_BODY_BYTES))))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def wechat_send(request: web.Request) -> web.StreamResponse:
    platforms = _platforms(request)
    wechat = await platforms.wechat(services(request))
    raw = await read_limited(request, MAX_BODY_BYTES)
    return reply(await wechat.take(request.query.get("access_token", ""), raw, platforms.openids))


async def wechat_media(request: web.Request) -> web.StreamResponse:
    wechat = await _platforms(request).wechat(services(request))
    query = request.query
    content_type, data = wechat.give_media(query.get("access_token", ""), query.get("media_id", ""))
    return web.Response(body=data, content_type=content_type)


async def wechat_upload(request: web.Request) -> web.StreamResponse:
    wechat = await _platforms(request).wechat(services(request))
    name, data = await read_upload(request)
    query = request.query
    return reply(wechat.take_media(query.get("access_token", ""), query.get("type", ""), name, data))


async def weibo_media(request: web.Request) -> web.StreamResponse:
    weibo = await _platforms(request).weibo(services(request))
    content_type, data = weibo.give_media(request.query.get("access_token", ""), request.query.get("fid", ""))
    return web.Response(body=data, content_type=content_type)


async def send_picture(request: web.Request) -> web.StreamResponse:
    """The invented customer sends a picture from the phone's page."""
    parts, platforms = services(request), _platforms(request)
    user = _user(request.query.get("user", ""))
    _, data = await read_upload(request)
    kind, content_type, clean = await asyncio.to_thread(inspect, data)
    if kind != "image":
        raise Invalid("picture", text_id="error.file_type")
    here = own_address(parts)
    if request.match_info["kind"] == "wechat":
        wechat = await platforms.wechat(parts)
        platforms.openids[wechat.openid(user)] = user
        url = f"{here}/connectors/wechat/{WECHAT_KEY}"
        pushed = await wechat.send_file(parts.session, url, user, "image", content_type, clean)
    else:
        weibo = await platforms.weibo(parts)
        platforms.uids[weibo.uid(user)] = user
        url = f"{here}/connectors/weibo/{WEIBO_KEY}"
        pushed = await weibo.send_file(parts.session, url, user, "image", content_type, clean)
    return reply({"deliveries": pushed.deliveries, "delivered": pushed.status == 200})


async def weibo_send(request: web.Request) -> web.StreamResponse:
    platforms = _platforms(request)
    weibo = await platforms.weibo(services(request))
    form = {key: str(value) for key, value in (await request.post()).items()}
    return reply(await weibo.take(request.query.get("access_token", ""), form, platforms.uids))


def local_only(handler: Any) -> Any:
    """The stand-ins' APIs are for this machine: nobody else has a token anyway."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.remote not in ("127.0.0.1", "::1"):
            raise Forbidden("local only")
        response = await handler(request)
        assert isinstance(response, web.StreamResponse)
        return response

    handle.__name__ = handler.__name__
    return handle


ROUTES = (
    Route("GET", "/demo/{kind:wechat|weibo}", phone_page, OPEN),
    Route("GET", "/demo/platform/{kind:wechat|weibo}/phone", read_phone, OPEN),
    Route("POST", "/demo/platform/{kind:wechat|weibo}/phone", write_phone, OPEN, body=Words),
    Route("POST", "/demo/platform/{kind:wechat|weibo}/picture", send_picture, OPEN),
    Route("GET", "/demo/platform/wechat/cgi-bin/media/get", local_only(wechat_media), OPEN),
    Route("POST", "/demo/platform/wechat/cgi-bin/media/upload", local_only(wechat_upload), OPEN),
    Route("GET", "/demo/platform/weibo/2/mss/msget", local_only(weibo_media), OPEN),
    Route("POST", "/demo/platform/wechat/cgi-bin/stable_token", local_only(wechat_token), OPEN),
    Route("POST", "/demo/platform/wechat/cgi-bin/message/custom/send", local_only(wechat_send), OPEN),
    Route("POST", "/demo/platform/weibo/2/messages/reply.json", local_only(weibo_send), OPEN),
)
