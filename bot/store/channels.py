"""Channels: the places customers write from, plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, insert, select, update

from bot.tables import channels
from core.db import Tx
from core.errors import NotFound
from core.ids import ChannelId, new_id
from core.statements import Shape, Statement


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel account. `config` holds its secrets and never leaves the server."""

    id: ChannelId
    key: str
    kind: str
    name: str
    sites: tuple[str, ...]
    config: Mapping[str, Any]
    profile: Mapping[str, Any]
    disabled_at: datetime | None
    demo: bool
    created_at: datetime


def _config(stored: str) -> Any:
    return msgspec.json.decode(stored or "{}")


SHAPE = Shape(Channel, channels, convert={"sites": tuple, "config": _config})

_GET = Statement(select(*SHAPE.columns).where(channels.c.id == bindparam("id")))
_BY_KEY = Statement(select(*SHAPE.columns).where(channels.c.key == bindparam("key"), channels.c.disabled_at.is_(None)))


async def get(tx: Tx, channel_id: str) -> Channel:
    """The channel, disabled ones too. Raises NotFound."""
    row = await _GET.first(tx, id=channel_id)
    if row is None:
        raise NotFound("channel")
    return SHAPE.value(row)


async def by_key(tx: Tx, key: str) -> Channel | None:
    """The enabled channel with this public key, or None."""
    row = await _BY_KEY.first(tx, key=key)
    return None if row is None else SHAPE.value(row)


async def all_of(tx: Tx, kind: str | None = None) -> list[Channel]:
    """All channels in order of birth, disabled ones too."""
    query = select(*SHAPE.columns).order_by(channels.c.created_at, channels.c.id)
    if kind is not None:
        query = query.where(channels.c.kind == kind)
    return [SHAPE.value(row) for row in await tx.all(query)]


async def create(
    tx: Tx,
    *,
    key: str,
    kind: str,
    name: str,
    now: datetime,
    sites: tuple[str, ...] = (),
    config: Mapping[str, Any] | None = None,
    profile: Mapping[str, Any] | None = None,
    demo: bool = False,
    channel_id: str | None = None,
) -> Channel:
    """Make a channel. A key that is taken raises IntegrityError."""
    values: dict[str, Any] = {
        "id": channel_id or new_id("chn"),
        "key": key,
        "kind": kind,
        "name": name,
        "sites": list(sites),
        "config": _dump(config or {}),
        "profile": dict(profile or {}),
        "demo": demo,
        "created_at": now,
    }
    await tx.execute(insert(channels).values(**values))
    return await get(tx, values["id"])


async def change(
    tx: Tx,
    channel_id: str,
    *,
    name: str | None = None,
    sites: tuple[str, ...] | None = None,
    config: Mapping[str, Any] | None = None,
    profile: Mapping[str, Any] | None = None,
) -> Channel:
    """Change what is named and leave the rest; `config` replaces the whole configuration."""
    values: dict[str, Any] = {}
    if name is not None:
        values["name"] = name
    if sites is not None:
        values["sites"] = list(sites)
    if config is not None:
        values["config"] = _dump(config)
    if profile is not None:
        values["profile"] = dict(profile)
    if values:
        await tx.execute(update(channels).where(channels.c.id == channel_id).values(**values))
    return await get(tx, channel_id)


async def set_disabled(tx: Tx, channel_id: str, at: datetime | None) -> None:
    """Close a channel (`at`) or open it again (None). Its conversations stay."""
    await tx.execute(update(channels).where(channels.c.id == channel_id).values(disabled_at=at))


def _dump(config: Mapping[str, Any]) -> str:
    return msgspec.json.encode(dict(config)).decode()
