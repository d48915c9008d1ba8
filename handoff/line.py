"""The line in Redis: one method per script. It admits; what it says is never the last word (SQL's is).

    join ──▶ waiting ──take──▶ offered ──settle──▶ active
                ▲                 │                  │
                └─────settle──────┴─────settle───────┘        settle(none) removes from anywhere

`offered` is a lease: an agent was admitted and SQL has not decided yet. A lease that ran out is settled by what
SQL says. All errors of the client become QueueUnavailable here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.errors import QueueUnavailable
from core.redis_scripts import Script
from handoff.keys import Keys, score

_LUA = Path(__file__).parent / "lua"
# Ids settled in one round trip of a rebuild.
_CHUNK = 500
# Two gateways that move a handoff between teams at once agree after one or two tries.
_MOVES = 5


class Place(StrEnum):
    """Where the line has a handoff."""

    WAITING = "waiting"
    OFFERED = "offered"
    ACTIVE = "active"
    NONE = "none"


class Admission(StrEnum):
    """What an agent hears who asks for a handoff."""

    TAKEN = "taken"
    YOURS = "yours"
    GONE = "gone"
    FULL = "full"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a handoff belongs: waiting, active with an agent, or nowhere."""

    handoff_id: str
    team_id: str
    place: Place
    priority: int = 3
    since_ms: int = 0
    agent_id: str = ""
    accepted_ms: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole line at one moment. `waiting` keeps the order of each team."""

    waiting: dict[str, list[str]]
    offered: dict[str, int]
    active: dict[str, int]
    holder: dict[str, str]
    origin: dict[str, str]
    load: dict[str, int]
    built: bool

    def place_of(self, handoff_id: str) -> tuple[Place, str, str]:
        """Place, team and holder of one id."""
        team = self.origin.get(handoff_id, "")
        holder = self.holder.get(handoff_id, "")
        if handoff_id in self.active:
            return Place.ACTIVE, team, holder
        if handoff_id in self.offered:
            return Place.OFFERED, team, holder
        if handoff_id in self.waiting.get(team, ()):
            return Place.WAITING, team, holder
        return Place.NONE, team, holder


class Line:
    """The scripts, bound to a server and a prefix. Holds no state of its own."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        # The client's types mix its sync and async answers; every answer is given its type here instead.
        self._redis: Any = redis
        self._keys = keys
        self._join, self._take, self._settle = (
            Script(redis, _LUA / f"{name}.lua") for name in ("join", "take", "settle")
        )

    async def join(self, handoff_id: str, team_id: str, priority: int, since_ms: int) -> int | None:
        """Stand at the end of one's priority. Returns the number strictly ahead, None when known already."""
        keys = [self._keys.waiting(team_id), self._keys.origin]
        with translated():
            place = int(await self._join(keys, [handoff_id, score(priority, since_ms), team_id]))
        return None if place < 0 else place

    async def take(
        self, handoff_id: str, team_id: str, agent_id: str, *, until_ms: int, seen_after_ms: int
    ) -> Admission:
        """Lease a waiting handoff to an agent who is there and has room. Anything but `taken` changes nothing."""
        k = self._keys
        keys = [k.waiting(team_id), k.offered, k.holder, k.load, k.presence, k.seen]
        with translated():
            said = await self._take(keys, [handoff_id, agent_id, until_ms, seen_after_ms])
        return Admission(said.decode())

    async def settle(self, wanted: Standing) -> Place:
        """Put a handoff where it belongs and return where it was. Twice is harmless."""
        with translated():
            former = wanted.team_id
            for _ in range(_MOVES):
                was, detail = await self._settle(*self._settling(wanted, former))
                if was != b"moved":
                    return Place(was.decode())
                former = detail.decode()
        raise QueueUnavailable("moved too often")

    async def settle_all(self, wanted: Sequence[Standing]) -> None:
        """Settle many that this server does not know yet: the rebuild."""
        with translated():
            for start in range(0, len(wanted), _CHUNK):
                chunk = wanted[start : start + _CHUNK]
                said = await self._settle.many([self._settling(each, each.team_id) for each in chunk])
                for each, (was, _) in zip(chunk, said, strict=True):
                    if was == b"moved":
                        await self.settle(each)

    async def place(self, handoff_id: str, team_id: str) -> int | None:
        """The number strictly ahead in the team's line, None when the id is not in it."""
        with translated():
            rank = await self._redis.zrank(self._keys.waiting(team_id), handoff_id)
        return None if rank is None else int(rank)

    async def waiting(self, team_id: str) -> list[str]:
        """Ids of the team's line in order."""
        with translated():
            ids: list[bytes] = await self._redis.zrange(self._keys.waiting(team_id), 0, -1)
        return [each.decode() for each in ids]

    async def size(self, team_id: str) -> int:
        """How many wait in the team's line."""
        with translated():
            return int(await self._redis.zcard(self._keys.waiting(team_id)))

    async def run_out(self, now_ms: int) -> list[str]:
        """Ids whose lease has ended; settle them by what SQL says."""
        with translated():
            ids: list[bytes] = await self._redis.zrange(self._keys.offered, "-inf", now_ms, byscore=True)
        return [each.decode() for each in ids]

    async def snapshot(self, team_ids: Iterable[str]) -> Snapshot:
        """Everything at one moment; `team_ids` are added to the teams that the line itself knows."""
        k = self._keys
        with translated():
            known: list[bytes] = await self._redis.hvals(k.origin)
            teams = sorted({*team_ids, *(value.decode().split(" ", 1)[1] for value in known)})
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.hgetall(k.origin)
            pipeline.zrange(k.offered, 0, -1, withscores=True)
            pipeline.zrange(k.active, 0, -1, withscores=True)
            pipeline.hgetall(k.holder)
            pipeline.hgetall(k.load)
            pipeline.exists(k.built)
            for team in teams:
                pipeline.zrange(k.waiting(team), 0, -1)
            origin, offered, active, holder, load, built, *lines = await pipeline.execute()
        return Snapshot(
            waiting={team: [each.decode() for each in line] for team, line in zip(teams, lines, strict=True)},
            offered={each.decode(): int(value) for each, value in offered},
            active={each.decode(): int(value) for each, value in active},
            holder={each.decode(): value.decode() for each, value in holder.items()},
            origin={each.decode(): value.decode().split(" ", 1)[1] for each, value in origin.items()},
            load={each.decode(): int(value) for each, value in load.items()},
            built=bool(built),
        )

    async def mark_built(self, now_ms: int) -> None:
        """Note that this server holds what SQL held; a server that lost its data lacks the mark."""
        with translated():
            await self._redis.set(self._keys.built, now_ms)

    async def is_built(self) -> bool:
        """Whether the server has been filled since it last lost its data."""
        with translated():
            return bool(await self._redis.exists(self._keys.built))

    async def server_ms(self) -> int:
        """The server's own clock, Unix milliseconds."""
        with translated():
            seconds, micros = await self._redis.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def _settling(self, wanted: Standing, former: str) -> tuple[list[str], list[str | int]]:
        k = self._keys
        keys = [k.waiting(wanted.team_id), k.waiting(former), k.offered, k.active, k.holder, k.origin, k.load]
        place = score(wanted.priority, wanted.since_ms)
        return keys, [
            wanted.handoff_id,
            wanted.place.value,
            wanted.team_id,
            place,
            wanted.agent_id,
            wanted.accepted_ms,
            former,
        ]


@contextmanager
def translated() -> Iterator[None]:
    """The client's errors end here: the line is there or it is not."""
    try:
        yield
    except (RedisError, OSError) as exc:
        raise QueueUnavailable(type(exc).__name__, text_id="handoff.error.queue_down") from exc
