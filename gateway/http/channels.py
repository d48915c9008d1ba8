"""Channel accounts for administrators: `/api/v1/channels`. Secrets go in and never come out."""

from __future__ import annotations

import re
import secrets
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from aiohttp import web
from sqlalchemy.exc import IntegrityError

from bot.store import channels
from bot.store.channels import Channel
from core.clock import rfc3339
from core.errors import Conflict, Invalid
from core.people.roles import Permission
from gateway.http.kit import Route, body, no_content, reply, viewer
from gateway.services import services

_KINDS = ("web", "wechat", "weibo")
# What each kind keeps beside its public facts; the first tuple is secret.
_SECRET = {"web": ("identity_key",), "wechat": ("token", "aes_key", "secret"), "weibo": ("app_secret", "access_token")}
_OPEN = {"web": (), "wechat": ("app_id", "original_id", "api_base"), "weibo": ("uid", "api_base")}
_Text = Annotated[str, msgspec.Meta(max_length=500)]


class NewChannel(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a new channel account; `config` holds the fields of its kind."""

    kind: str
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    key: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{2,40}$")]
    sites: list[_Text] = []
    config: dict[str, _Text] = {}
    greeting: Annotated[str, msgspec.Meta(max_length=300)] = ""
    privacy_url: _Text = ""


class ChannelChange(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a change; what is absent stays. An empty secret stays as it is."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    sites: list[_Text] | None = None
    config: dict[str, _Text] | None = None
    greeting: Annotated[str, msgspec.Meta(max_length=300)] | None = None
    privacy_url: _Text | None = None
    disabled: bool | None = None


def _view(channel: Channel, base_url: str) -> dict[str, Any]:
    return {
        "id": channel.id,
        "kind": channel.kind,
        "key": channel.key,
        "name": channel.name,
        "sites": channel.sites,
        "config": {name: str(channel.config.get(name, "")) for name in _OPEN.get(channel.kind, ())},
        "secrets": {name: bool(channel.config.get(name)) for name in _SECRET.get(channel.kind, ())},
        "greeting": channel.profile.get("greeting", ""),
        "privacy_url": channel.profile.get("privacy_url") or "",
        "disabled": channel.disabled_at is not None,
        "webhook": f"{base_url}/connectors/{channel.kind}/{channel.key}" if channel.kind != "web" else None,
        "created_at": rfc3339(channel.created_at),
    }


def _check_sites(sites: list[str]) -> tuple[str, ...]:
    for site in sites:
        parts = urlsplit(site)
        if parts.scheme not in ("http", "https") or not parts.hostname or site != f"{parts.scheme}://{parts.netloc}":
            raise Invalid("sites", text_id="error.channel_site")
    return tuple(dict.fromkeys(sites))


def _check_config(kind: str, config: dict[str, str]) -> None:
    if not set(config) <= {*_SECRET[kind], *_OPEN[kind]}:
        raise Invalid("config", text_id="error.channel_config")
    base = config.get("api_base", "")
    if base and not re.match(r"^https?://[^/\s@]+(/[^\s?#]*)?$", base):
        raise Invalid("api_base", text_id="error.channel_config")


async def list_channels(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    async with parts.db.read() as tx:
        found = await channels.all_of(tx)
    return reply({"items": [_view(each, parts.settings.base_url) for each in found], "next": None})


async def add_channel(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    wish = await body(request, NewChannel)
    if wish.kind not in _KINDS:
        raise Invalid("kind")
    _check_config(wish.kind, wish.config)
    config = dict(wish.config)
    if wish.kind == "web":
        config.setdefault("identity_key", secrets.token_urlsafe(32))
    try:
        async with parts.db.begin() as tx:
            made = await channels.create(
                tx,
                key=wish.key,
                kind=wish.kind,
                name=wish.name.strip(),
                now=parts.clock.now(),
                sites=_check_sites(wish.sites),
                config=config,
                profile={"greeting": wish.greeting, "privacy_url": wish.privacy_url or None, "hot": []},
            )
            await parts.audit.write(tx, who.staff_id, "channel.added", made.id, kind=made.kind)
    except IntegrityError as exc:
        raise Conflict("key taken", text_id="error.channel_key") from exc
    return reply(_view(made, parts.settings.base_url), 201)


async def change_channel(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    wish = await body(request, ChannelChange)
    async with parts.db.begin() as tx:
        known = await channels.get(tx, request.match_info["id"])
        config = None
        if wish.config is not None:
            _check_config(known.kind, wish.config)
            secret = _SECRET[known.kind]
            # The page shows no secrets, so an empty field means "as it is", not "none".
            config = {**known.config, **{key: text for key, text in wish.config.items() if text or key not in secret}}
        profile = None
        if wish.greeting is not None or wish.privacy_url is not None:
            profile = dict(known.profile)
            if wish.greeting is not None:
                profile["greeting"] = wish.greeting
            if wish.privacy_url is not None:
                profile["privacy_url"] = wish.privacy_url or None
        sites = _check_sites(wish.sites) if wish.sites is not None else None
        await channels.change(tx, known.id, name=wish.name, sites=sites, config=config, profile=profile)
        if wish.disabled is not None:
            await channels.set_disabled(tx, known.id, parts.clock.now() if wish.disabled else None)
        changed = [name for name in wish.__struct_fields__ if getattr(wish, name) is not None]
        await parts.audit.write(tx, who.staff_id, "channel.changed", known.id, fields=changed)
    return no_content()


ROUTES = (
    Route("GET", "/api/v1/channels", list_channels, Permission.SETTINGS_WRITE),
    Route("POST", "/api/v1/channels", add_channel, Permission.SETTINGS_WRITE, body=NewChannel, status=201),
    Route("PATCH", "/api/v1/channels/{id}", change_channel, Permission.SETTINGS_WRITE, body=ChannelChange, status=204),
)
