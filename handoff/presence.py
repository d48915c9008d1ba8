"""Who is at the desk: status, reason and capacity in Redis, alive as long as somebody hears of them.

    offline ◀──▶ online ◀──▶ busy ◀──▶ away        said by the agent
    any ──not heard of for GRACE──▶ gone            found by `gone`; what they held goes back to the line

An agent is heard of through the desk's socket (each gateway beats for all of its own at once) and through
requests. Status `offline` with an open socket is still present: it takes nothing new and keeps what it holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import Redis

from core.clock import Clock, millis
from core.errors import QueueUnavailable
from core.redis_scripts import Script
from handoff.keys import Keys
from handoff.line import translated

_LUA = Path(__file__).parent / "lua"
_VERSION = 1

DEFAULT_CAPACITY = 5
MAX_CAPACITY = 50
# A reload, a lift, a change of network: shorter silences cost an agent nothing.
GRACE_S = 30.0
# Three beats fit into the grace, so that one lost beat changes nothing.
BEAT_S = 8.0


class Status(StrEnum):
    """What an agent says of themselves. Online and busy may accept; away and offline may not."""

    ONLINE = "online"
    BUSY = "busy"
    AWAY = "away"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class AgentPresence:
    """One agent now. `load` counts what they hold."""

    agent_id: str
    status: Status = Status.OFFLINE
    reason: str = ""
    capacity: int = DEFAULT_CAPACITY
    load: int = 0
    since_ms: int = 0
    seen_ms: int = 0

    @property
    def takes_work(self) -> bool:
        """Whether they may accept (room is another question)."""
        return self.status in (Status.ONLINE, Status.BUSY)

    @property
    def room(self) -> int:
        """How many more they can take."""
        return max(0, self.capacity - self.load) if self.takes_work else 0


class _Stored(msgspec.Struct):
    v: int
    status: str
    reason: str
    capacity: int
    since_ms: int


class Presence:
    """Reads and writes presence. Remembers what its own agents said, so that a server that lost it is told again."""

    def __init__(self, redis: Redis, keys: Keys, clock: Clock) -> None:
        self._redis: Any = redis
        self._keys = keys
        self._clock = clock
        self._set, self._beat, self._gone = (
            Script(redis, _LUA / f"{name}.lua") for name in ("presence", "beat", "gone")
        )
        self._said: dict[str, AgentPresence] = {}
        self._connected: dict[str, int] = {}
        self._heard_at: dict[str, float] = {}

    async def say(self, agent_id: str, status: Status, reason: str = "", capacity: int | None = None) -> AgentPresence:
        """Set status and capacity (None keeps the present one). Raises QueueUnavailable."""
        now = millis(self._clock.now())
        before = (await self.roster()).get(agent_id) or self._said.get(agent_id) or AgentPresence(agent_id)
        after = replace(
            before,
            status=status,
            reason=reason,
            capacity=before.capacity if capacity is None else capacity,
            since_ms=before.since_ms if before.status is status and before.since_ms else now,
            seen_ms=now,
        )
        await self._write(after)
        self._said[agent_id] = after
        return after

    async def of(self, agent_id: str) -> AgentPresence:
        """One agent now; offline when nobody has heard of them."""
        return (await self.roster()).get(agent_id) or AgentPresence(agent_id)

    async def roster(self) -> dict[str, AgentPresence]:
        """All agents who were heard of within the grace."""
        with translated():
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.hgetall(self._keys.presence)
            pipeline.zrange(self._keys.seen, self._alive_since(), "+inf", byscore=True, withscores=True)
            pipeline.hgetall(self._keys.load)
            said, seen, load = await pipeline.execute()
        alive = {raw.decode(): int(at) for raw, at in seen}
        found = {}
        for raw, value in said.items():
            agent_id = raw.decode()
            if agent_id in alive:
                found[agent_id] = _parse(agent_id, value, int(load.get(raw, 0)), alive[agent_id])
        return found

    async def arrive(self, agent_id: str) -> None:
        """An agent's socket opened here: the gateway beats for them until `disconnect`, once per socket.

        Who has said nothing yet is present but offline. Without Redis this is told with a later beat.
        """
        self.connect(agent_id)
        try:
            if agent_id not in self._said:
                self._said[agent_id] = await self.of(agent_id)
            await self.beat([agent_id])
        except QueueUnavailable:
            self._said.setdefault(agent_id, AgentPresence(agent_id))

    def connect(self, agent_id: str) -> None:
        """Count one more socket of an agent."""
        self._connected[agent_id] = self._connected.get(agent_id, 0) + 1

    def disconnect(self, agent_id: str) -> None:
        """One of their sockets closed. With the last one the grace begins."""
        left = self._connected.get(agent_id, 0) - 1
        if left > 0:
            self._connected[agent_id] = left
        else:
            self._connected.pop(agent_id, None)

    async def heard(self, agent_id: str, at_s: float) -> None:
        """A request came from them (`at_s` on a clock that never jumps). Never raises; most calls do nothing."""
        if at_s - self._heard_at.get(agent_id, float("-inf")) < BEAT_S or agent_id in self._connected:
            return
        self._heard_at[agent_id] = at_s
        with suppress(QueueUnavailable):
            await self.beat([agent_id])

    def said_last(self, agent_id: str) -> AgentPresence:
        """What they said last in this gateway, whatever became of it."""
        return self._said.get(agent_id) or AgentPresence(agent_id)

    async def beat(self, agent_ids: Iterable[str] | None = None) -> None:
        """Say that these agents (all who are connected here when None) are alive. Raises QueueUnavailable."""
        ids = sorted(self._connected if agent_ids is None else agent_ids)
        if not ids:
            return
        now = millis(self._clock.now())
        with translated():
            unknown = await self._beat([self._keys.presence, self._keys.seen], [now, *ids])
        for raw in unknown:
            said = self._said.get(raw.decode())
            if said is not None:
                await self._write(replace(said, seen_ms=now))

    async def gone(self) -> list[str]:
        """Remove and return the agents who were not heard of for the grace. Each is returned once, to one caller."""
        return await self._remove(self._alive_since(), "")

    async def dismiss(self, agent_id: str) -> None:
        """Remove one agent at once: the account was closed."""
        self._said.pop(agent_id, None)
        await self._remove(0, agent_id)

    async def expect(self, agent_ids: Iterable[str]) -> None:
        """Begin the grace of agents who hold something and of whom this server has never heard."""
        now = millis(self._clock.now())
        wanted = dict.fromkeys(agent_ids, now)
        if wanted:
            with translated():
                await self._redis.zadd(self._keys.seen, wanted, nx=True)

    @property
    def alive_since_ms(self) -> int:
        """Who was heard of after this is there."""
        return self._alive_since()

    def _alive_since(self) -> int:
        return millis(self._clock.now()) - int(GRACE_S * 1000)

    async def _write(self, agent: AgentPresence) -> None:
        stored = _Stored(_VERSION, agent.status.value, agent.reason, agent.capacity, agent.since_ms)
        with translated():
            await self._set(
                [self._keys.presence, self._keys.seen],
                [agent.agent_id, msgspec.json.encode(stored), agent.seen_ms],
            )

    async def _remove(self, before_ms: int, agent_id: str) -> list[str]:
        with translated():
            ids = await self._gone([self._keys.presence, self._keys.seen], [before_ms, agent_id])
        return [raw.decode() for raw in ids]


def _parse(agent_id: str, raw: bytes, load: int, seen_ms: int) -> AgentPresence:
    stored = msgspec.json.decode(raw, type=_Stored)
    return AgentPresence(
        agent_id=agent_id,
        status=Status(stored.status),
        reason=stored.reason,
        capacity=stored.capacity,
        load=load,
        since_ms=stored.since_ms,
        seen_ms=seen_ms,
    )
