"""Fan-out of events to whoever watches a topic, in this process at once and in the others through Redis.

An event is a hint that something changed: it may be lost (Redis down, slow reader), never relied on. Watchers
read the truth from SQL by `seq` or version, on connecting and on every hint.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.tasks import together

log = structlog.get_logger(__name__)

# A watcher that falls this far behind loses hints and gets one "behind" instead, which makes it read anew.
_BUFFER = 256
_PENDING = 4096
# How long a server that is down is left alone; without a pause these loops would spin.
_SEND_AGAIN_S = 0.1
_LISTEN_AGAIN_S = 0.5


class Watch:
    """A bounded buffer of the events of some topics. Close it by leaving the `watch` block."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_BUFFER)
        self._behind = False

    def put(self, event: dict[str, Any]) -> None:
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self._behind = True

    async def next(self, timeout_s: float | None = None) -> dict[str, Any] | None:
        """The next event, `{"type": "behind"}` when some were lost, or None when the time is over."""
        if self._behind:
            self._behind = False
            return {"type": "behind"}
        try:
            async with asyncio.timeout(timeout_s):
                return await self._queue.get()
        except TimeoutError:
            return None

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        while True:
            event = await self.next()
            if event is not None:
                yield event


class Fanout:
    """Publish and watch. `run` carries events between processes and must be kept running by the gateway."""

    def __init__(self, redis: Redis | None, channel: str, origin: str) -> None:
        self._redis = redis
        self._channel = channel
        self._origin = origin
        self._watches: dict[str, set[Watch]] = defaultdict(set)
        self._pending: asyncio.Queue[bytes] = asyncio.Queue(_PENDING)

    def publish(self, topic: str, event: Mapping[str, Any]) -> None:
        """Tell all who watch `topic`. Never blocks, never fails."""
        self._local(topic, dict(event))
        if self._redis is not None:
            data = msgspec.json.encode([self._origin, topic, event])
            with contextlib.suppress(asyncio.QueueFull):
                self._pending.put_nowait(data)

    @contextmanager
    def watch(self, *topics: str) -> Any:
        """Watch topics for the length of the block."""
        watch = Watch()
        for topic in topics:
            self._watches[topic].add(watch)
        try:
            yield watch
        finally:
            for topic in topics:
                self._watches[topic].discard(watch)
                if not self._watches[topic]:
                    del self._watches[topic]

    def _local(self, topic: str, event: dict[str, Any]) -> None:
        for watch in tuple(self._watches.get(topic, ())):
            watch.put({"topic": topic, **event})

    async def run(self) -> None:
        """Send what was published here, receive what others published. Ends only by cancellation."""
        if self._redis is None:
            return
        await together(self._send(), self._receive())

    async def _send(self) -> None:
        assert self._redis is not None
        while True:
            data = await self._pending.get()
            try:
                await self._redis.publish(self._channel, data)
            except (RedisError, OSError):
                # Hints of this moment are lost; watchers look by themselves.
                await asyncio.sleep(_SEND_AGAIN_S)

    async def _receive(self) -> None:
        assert self._redis is not None
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
                    await subscription.subscribe(self._channel)
                    while True:
                        message = await subscription.get_message(timeout=30.0)
                        if message is not None:
                            self._received(message["data"])
            except (RedisError, OSError):
                await asyncio.sleep(_LISTEN_AGAIN_S)

    def _received(self, data: bytes) -> None:
        origin, topic, event = msgspec.json.decode(data)
        if origin != self._origin:
            self._local(topic, event)
