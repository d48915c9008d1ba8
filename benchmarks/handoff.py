"""`make bench-handoff`: how fast the line hands out work, with few and with many waiting.

Three measures in one run on one server: an empty script (what a round trip costs), the line alone (join, take,
settle: the scripts of one handoff), and the whole acceptance with its decision in SQL (SQLite, FULL sync). The
scripts must not slow down more than log n with the length of the line.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from sqlalchemy import insert

import gateway.tables
from benchmarks.report import publish
from bot.store import channels, conversations, customers, episodes
from bot.types import HandoffReason, HandoffRequest, Speaker
from core.audit import Audit
from core.clock import SystemClock, millis
from core.counters import Counters
from core.db import Database, metadata
from core.fanout import Fanout
from core.ids import StaffId, TicketId
from core.jobs import Jobs
from core.log import set_up_logging
from core.messages import Catalogue
from core.people.store import ALWAYS, PeopleStore, Team, delivered_calendars
from core.people.tables import staff
from core.redis_client import connect
from core.redis_scripts import Script
from core.secrets import load_secrets
from core.settings import Settings
from gateway.auth.tokens import Tokens
from gateway.launch.redis_server import answers, find_redis, url_of, write_configuration
from handoff.keys import Keys
from handoff.line import Line, Place, Standing
from handoff.presence import Presence, Status
from handoff.service import HandoffService
from tickets.service import Tickets

assert gateway.tables

TEAM = "general"
ROOM = 1_000_000
# How many run at once: about what a busy desk does, and enough to fill the wire.
TOGETHER = 16
LENGTHS = (10, 1_000, 10_000)
ROUNDS = 2_000
ACCEPTANCES = 400


async def timed(count: int, one: Callable[[int], Awaitable[object]]) -> dict[str, float]:
    """Run `one` so many times, some at once; rate and latency in milliseconds."""
    took: list[float] = []
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            started = time.perf_counter()
            await one(number)
            took.append((time.perf_counter() - started) * 1000)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(TOGETHER):
            group.create_task(worker())
    elapsed = time.perf_counter() - started
    took.sort()
    return {"per second": count / elapsed, "p50 ms": took[count // 2], "p99 ms": took[int(count * 0.99)]}


async def measure_scripts(redis: Redis, folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    """The scripts of one handoff beside a script that does nothing."""
    (folder / "nothing.lua").write_text("return 1", encoding="utf-8")
    nothing = Script(redis, folder / "nothing.lua")
    found = {}
    for length in LENGTHS:
        keys = Keys(f"b{secrets.token_hex(3)}")
        line, presence = Line(redis, keys), Presence(redis, keys, SystemClock())
        await presence.say("agent", Status.ONLINE, "", ROOM)
        now = millis(SystemClock().now())
        waiting = [Standing(f"hnd_{n:08}", TEAM, Place.WAITING, 3, now - n) for n in range(length)]
        await line.settle_all(waiting)

        async def script(number: int) -> None:
            await nothing(["{desk}"], [number])

        async def hand_over(number: int, line: Line = line, now: int = now) -> None:
            handoff_id = f"new_{number:08}"
            await line.join(handoff_id, TEAM, 3, now + number)
            await line.take(handoff_id, TEAM, "agent", until_ms=now + 60_000, seen_after_ms=0)
            await line.settle(Standing(handoff_id, TEAM, Place.ACTIVE, 3, now, "agent", now))

        found[f"{length} waiting"] = {
            "empty script": await timed(ROUNDS, script),
            "join, take, settle": await timed(ROUNDS, hand_over),
        }
    return found


async def measure_acceptance(redis: Redis, folder: Path) -> dict[str, dict[str, float]]:
    """Request, accept with the decision in SQL, finish: what one conversation costs the desk."""
    db = Database(f"sqlite+aiosqlite:///{folder / 'bench.db'}")
    async with db.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    clock, people, texts, fanout = SystemClock(), PeopleStore(), Catalogue(), Fanout(None, "bench", "bench")
    settings = Settings(data=folder)
    tokens = Tokens(load_secrets(folder / "secret.json"), clock)
    jobs = Jobs(db, clock, "bench")
    tickets = Tickets(db, clock, fanout, jobs, texts, Audit(clock), tokens, people, settings)
    keys = Keys(f"b{secrets.token_hex(3)}")
    service = HandoffService(db, redis, clock, fanout, people, texts, tickets, Counters(), keys=keys)
    agent = Speaker(StaffId("stf_bench"), "客服")
    wishes = await _customers(db, people, agent)
    await service.presence.say(agent.staff_id, Status.ONLINE, "", ROOM)

    async def request(number: int) -> None:
        async with db.begin() as tx:
            await service.request(tx, wishes[number], "open")

    ids: dict[int, str] = {}

    async def accept(number: int) -> None:
        await service.accept(ids[number], agent)

    found = {"request": await timed(ACCEPTANCES, request)}
    await service.settled()
    for number, wish in enumerate(wishes):
        placed = await service.place(wish.conversation_id)
        assert placed is not None
        ids[number] = str(placed.handoff_id)
    found["accept"] = await timed(ACCEPTANCES, accept)
    await service.settled()
    await db.close()
    return found


async def _customers(db: Database, people: PeopleStore, agent: Speaker) -> list[HandoffRequest]:
    now = SystemClock().now()
    wishes = []
    async with db.begin() as tx:
        for row in delivered_calendars(now.year):
            await people.save_calendar(tx, row)
        await people.save_team(tx, Team(TEAM, "综合", ALWAYS))
        values = {"id": agent.staff_id, "name": "bench", "display_name": agent.name, "roles": ["agent"]}
        await tx.execute(insert(staff).values(created_at=now, **values))
        channel = await channels.create(tx, key="web", kind="web", name="web", now=now)
        for number in range(ACCEPTANCES):
            identity = await customers.create(
                tx, channel_id=channel.id, external_id=f"v-{number}", proven=False, now=now
            )
            conversation = await conversations.create(
                tx, identity_id=identity.id, customer_id=identity.customer_id, channel_id=channel.id, now=now
            )
            episode = await episodes.begin(
                tx, conversation_id=conversation.id, ticket_id=f"tkt_{number}", now=now, slots=1
            )
            await conversations.set_episode(tx, conversation.id, episode.id)
            wishes.append(
                HandoffRequest(
                    conversation_id=conversation.id,
                    episode_id=episode.id,
                    ticket_id=TicketId(f"tkt_{number}"),
                    customer_id=identity.customer_id,
                    reason=HandoffReason.EXPLICIT_WISH,
                    packet={"version": 1, "summary": "会员扣费了两次"},
                )
            )
    return wishes


@asynccontextmanager
async def redis_server(folder: Path) -> AsyncIterator[Redis]:
    """A server of our own with the settings of `make run`, or the one named by FRONTLINE_REDIS_URL."""
    named = os.environ.get("FRONTLINE_REDIS_URL")
    if named:
        async with connect(named) as redis:
            yield redis
        return
    program = find_redis(os.environ.get("FRONTLINE_REDIS_SERVER", ""))
    socket_path = folder / "redis.sock"
    configuration = write_configuration(folder / "redis", socket_path, "bench")
    print(f"Server: {program}")
    process = subprocess.Popen([program.path, configuration], stdout=subprocess.DEVNULL)  # noqa: ASYNC220 - before the measuring
    try:
        while not answers(socket_path, "bench"):  # noqa: ASYNC110 - the server tells nobody that it is ready
            await asyncio.sleep(0.05)
        async with connect(url_of(socket_path, "bench")) as redis:
            yield redis
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


async def main() -> None:
    """Measure and publish."""
    set_up_logging("WARNING")
    with tempfile.TemporaryDirectory(prefix="fl-bench-") as name:
        folder = Path(name)
        async with redis_server(folder) as redis:
            numbers = await measure_scripts(redis, folder)
            numbers["decided in SQL"] = await measure_acceptance(redis, folder)
    publish("handoff", numbers)


if __name__ == "__main__":
    asyncio.run(main())
