"""All connectors by kind; implements `bot.ports.Outbox`, and answers pushes of platforms."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.intake import Intake
from bot.store import channels
from bot.store.channels import Channel
from bot.types import Delivered, Fetched, Happened, Kind, Outgoing
from connectors.http import PlatformHttp
from connectors.seam import Attached, Capabilities, Connector
from connectors.wechat.connector import WeChatConnector
from connectors.weibo.connector import WeiboConnector
from core.clock import Clock
from core.counters import Counters
from core.db import Database
from core.errors import NotFound, UnsupportedEvent
from core.files import Files
from core.ids import ChannelId


@dataclass(frozen=True, slots=True)
class Limits:
    """What the desk shows beside the composer. `window_until` is None where there is no window."""

    max_chars: int | None
    in_bytes: bool
    window_until: datetime | None
    files: bool
    """Whether pictures can be sent there."""
    messages_left: int | None
    """How many messages the platform still takes until the customer writes again; None: any number."""


class Connectors:
    """The connectors of this gateway."""

    def __init__(self, db: Database, clock: Clock, counters: Counters, files: Files) -> None:
        self._db = db
        self._files = files
        self._counters = counters
        self._http = PlatformHttp()
        wechat: Connector = WeChatConnector(self._http, clock)
        weibo: Connector = WeiboConnector(self._http)
        self._by_kind: dict[str, Connector] = {each.kind: each for each in (wechat, weibo)}

    def pushes(self, channel_kind: str) -> bool:
        """Whether messages must be sent to a platform (False for the web: browsers fetch)."""
        return channel_kind in self._by_kind

    def capabilities(self, channel_kind: str) -> Capabilities | None:
        """What a kind of channel can carry; None for the web, which carries everything."""
        connector = self._by_kind.get(channel_kind)
        return connector.capabilities if connector else None

    def quota(self, channel_kind: str) -> int | None:
        """How many messages the platform takes after each of the customer's; None: any number."""
        can = self.capabilities(channel_kind)
        return can.quota if can else None

    def limits(self, channel_kind: str, last_customer_at: datetime | None, sends: int = 0) -> Limits | None:
        """What an agent must know before writing; None where there is nothing to know."""
        can = self.capabilities(channel_kind)
        if can is None:
            return None
        until = last_customer_at + can.window if can.window and last_customer_at else None
        left = None if can.quota is None else max(0, can.quota - sends)
        return Limits(can.text_limit, can.in_bytes, until, Kind.IMAGE in can.kinds, left)

    async def channel(self, kind: str, key: str) -> tuple[Connector, Channel]:
        """The connector and the open channel account of an address. Raises NotFound."""
        async with self._db.read() as tx:
            found = await channels.by_key(tx, key)
        connector = self._by_kind.get(kind)
        if connector is None or found is None or found.kind != kind:
            raise NotFound("channel")
        return connector, found

    async def push(self, kind: str, key: str, query: Mapping[str, str], raw: bytes, intake: Intake) -> str:
        """Take one push in and return the acknowledgement; it is given only once the message is stored.

        Raises NotFound, NotFromThisChannel, and whatever keeps a message from being stored.
        """
        connector, channel = await self.channel(kind, key)
        try:
            found = connector.parse(channel, query, raw)
            if isinstance(found, Happened):
                await intake.happened(found)
            else:
                await intake.accept(found)
        except UnsupportedEvent as exc:
            self._counters.count("platform_events_ignored", channel=kind, event=exc.detail[:40])
        return connector.acknowledgement()

    async def deliver(self, message: Outgoing) -> Delivered:
        """Send one message by its channel's rules. Never raises for what a platform does."""
        async with self._db.read() as tx:
            channel = await channels.get(tx, message.channel_id)
        if channel.disabled_at is not None:
            return Delivered("failed", "channel_closed")
        connector = self._by_kind.get(message.channel_kind)
        if connector is None:
            return Delivered("failed", "no_connector")
        if message.file_id is None:
            return await connector.send(channel, message)
        if message.kind not in connector.capabilities.kinds:
            return Delivered("failed", "file_not_carried")
        try:
            async with self._db.read() as tx:
                stored = await self._files.find(tx, message.file_id)
            data = await asyncio.to_thread(self._files.path(stored).read_bytes)
        except (NotFound, OSError):
            return Delivered("failed", "file_gone")
        return await connector.send(channel, message, Attached(data, stored.name, stored.content_type, stored.sha256))

    async def fetch(self, channel_id: str, reference: str) -> Fetched:
        """Get a file that a customer sent there. Never raises for what a platform does."""
        async with self._db.read() as tx:
            channel = await channels.get(tx, ChannelId(channel_id))
        connector = self._by_kind.get(channel.kind)
        if connector is None or channel.disabled_at is not None:
            return Fetched("failed", error="channel_closed")
        return await connector.fetch(channel, reference)

    async def close(self) -> None:
        """End the sessions with platforms."""
        await self._http.close()
