"""Channels: the places customers write from, plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, insert, select, update

from bot.tables import channels
from core.db import Tx
from core.errors import NotFound
from core.ids import ChannelId, new_id


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


async def get(tx: Tx, channel_id: str) -> Channel:
    """The channel, disabled ones too. Raises NotFound."""
    row = await tx.first(select(channels).where(channels.c.id == channel_id))
    if row is None:
        raise NotFound("channel")
    return _value(row)


async def by_key(tx: Tx, key: str) -> Channel | None:
    """The enabled channel with this public key, or None."""
    row = await tx.first(select(channels).where(channels.c.key == key, channels.c.disabled_at.is_(None)))
    return None if row is None else _value(row)


async def all_of(tx: Tx, kind: str | None = None) -> list[Channel]:
    """All channels in order of birth, disabled ones too."""
    query = select(channels).order_by(channels.c.created_at, channels.c.id)
    if kind is not None:
        query = query.where(channels.c.kind == kind)
    return [_value(row) for row in await tx.all(query)]


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


def _value(row: Row[Any]) -> Channel:
    return of_values(dict(row._mapping))


def of_values(values: dict[str, Any]) -> Channel:
    """A channel from its columns."""
    values["sites"] = tuple(values["sites"])
    values["config"] = msgspec.json.decode(values["config"] or "{}")
    return Channel(**values)
