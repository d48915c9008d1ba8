"""What keeps the line true while time passes: rebuild, reconcile, sweep, patience, places, clocks.

Every gateway runs all of it; each step is guarded in SQL or handed out once by Redis, so that many keepers do no
more than one. A round that fails is logged and tried again; only cancellation ends the loops.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from bot.ports import Notifier
from bot.signals import tell_state
from bot.store import conversations
from core.clock import Clock, millis
from core.counters import Counters
from core.db import Database
from core.errors import FrontlineError
from core.tasks import together
from handoff import store
from handoff.line import Place, Snapshot, Standing
from handoff.outlook import Bounds
from handoff.presence import BEAT_S
from handoff.routing import line_for
from handoff.store import Handoff

if TYPE_CHECKING:
    from handoff.service import HandoffService

log = structlog.get_logger(__name__)

RECONCILE_EVERY_S = 2.0
SWEEP_EVERY_S = 1.0
PATIENCE_EVERY_S = 5.0
CLOCKS_EVERY_S = 60.0
# Places that change together are told together.
_GATHER_S = 0.2
_BUMPS_PER_TX = 50
# Leases of ten seconds bear half a second; a clock further off than this must not hand out any.
MAX_SKEW_MS = 500

_Difference = tuple[str, Standing, tuple[Place, str, str]]


class Keeper:
    """The background of one gateway's hand-off."""

    def __init__(
        self,
        service: HandoffService,
        db: Database,
        clock: Clock,
        notifier: Notifier,
        counters: Counters,
        bounds: Bounds,
    ) -> None:
        self._service = service
        self._db = db
        self._clock = clock
        self._notifier = notifier
        self._counters = counters
        self._bounds = bounds
        self._suspects: set[_Difference] = set()
        self._empty_since: dict[str, datetime] = {}
        self._told: dict[str, int] = {}
        self._dirty: set[str] = set()
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """All loops. Ends only by cancellation."""
        await together(
            self._repeat(self.reconcile, RECONCILE_EVERY_S),
            self._repeat(self.sweep, SWEEP_EVERY_S),
            self._repeat(self.lose_patience, PATIENCE_EVERY_S),
            self._repeat(self._service.presence.beat, BEAT_S),
            self._repeat(self.compare_clocks, CLOCKS_EVERY_S),
            self._tell_places(),
        )

    async def rebuild(self) -> int:
        """Put the whole line as SQL says and mark the server as filled; returns how many ids were put right.

        Leases are left alone: whoever holds one is deciding in SQL at this moment.
        """
        rows, snapshot = await self._compare()
        wrong = [wanted for _, wanted, have in self._differences(rows, snapshot) if have[0] is not Place.OFFERED]
        await self._service.line.settle_all(wanted=wrong)
        await self._service.presence.expect(_holders(rows))
        await self._service.line.mark_built(millis(self._clock.now()))
        log.info("handoff.rebuilt", settled=len(wrong), open=len(rows))
        return len(wrong)

    async def reconcile(self) -> int:
        """Repair what differs from SQL in two looks running (once is a step under way); returns how many."""
        if not await self._service.line.is_built():
            repaired = await self.rebuild()
            self._count_repairs("rebuilt", repaired)
            return repaired
        rows, snapshot = await self._compare()
        differences = set(self._differences(rows, snapshot))
        certain = differences & self._suspects
        self._suspects = differences - certain
        for handoff_id, _, _ in certain:
            await self._service.sync(handoff_id)
        self._count_repairs("differed", len(certain))
        await self._service.presence.expect(_holders(rows))
        await self._dismiss_closed_accounts(rows)
        return len(certain)

    async def sweep(self) -> None:
        """Settle leases that ran out, and put back what agents held who are gone."""
        for handoff_id in await self._service.line.run_out(millis(self._clock.now())):
            self._counters.count("handoff_leases_ran_out")
            await self._service.sync(handoff_id)
        for agent_id in await self._service.presence.gone():
            released = await self._service.release_agent(agent_id)
            self._notifier.publish("desk", {"type": "presence"})
            log.info("handoff.agent_gone", agent_id=agent_id, released=released)

    async def lose_patience(self) -> None:
        """Move waiting customers to where somebody is; tell those for whom nobody comes."""
        async with self._db.read() as tx:
            rows = await store.waiting(tx)
        if not rows:
            self._empty_since.clear()
            return
        situation = await self._service.prospects.look()
        now = self._clock.now()
        for one in rows:
            line = line_for(one.team_id, situation.roster, situation.memberships)
            if line is None:
                since = self._empty_since.setdefault(one.team_id, now)
                if (now - max(since, one.requested_at)).total_seconds() >= self._bounds.nobody_s:
                    await self._service.abandon(one, "nobody", "handoff.nobody_left")
                continue
            self._empty_since.pop(one.team_id, None)
            if line != one.team_id:
                await self._service.move_line(one, line)
            elif (now - one.waiting_since).total_seconds() >= self._bounds.longest_wait_s:
                await self._service.abandon(one, "waited", "handoff.waited_too_long")

    async def compare_clocks(self) -> None:
        """Take this gateway out of hand-off while its clock is off, and back in when it is right again."""
        before = time.time()
        server_ms = await self._service.line.server_ms()
        own_ms = (before + time.time()) * 500
        skew = abs(own_ms - server_ms)
        in_time = skew <= MAX_SKEW_MS
        if in_time is not self._service.prospects.in_time:
            log.warning("handoff.clock", skew_ms=round(skew), in_time=in_time)
        self._service.prospects.in_time = in_time
        self._counters.show("handoff_clock_skew_ms", skew)

    def line_changed(self, team_id: str) -> None:
        """Somebody joined or left this line: those behind will be told their new place."""
        self._dirty.add(team_id)
        self._changed.set()

    async def tell_places(self, team_id: str) -> int:
        """Tell each waiting customer on the web whose place changed; returns how many."""
        async with self._db.read() as tx:
            line = await store.waiting(tx, [team_id])
            on_the_web = set(await store.waiting_on_the_web(tx, team_id))
        moved = []
        for place, one in enumerate(line):
            if one.id in on_the_web and self._told.get(one.id) != place:
                moved.append(one)
                self._told[one.id] = place
        for start in range(0, len(moved), _BUMPS_PER_TX):
            async with self._db.begin() as tx:
                for one in sorted(moved[start : start + _BUMPS_PER_TX], key=lambda each: each.conversation_id):
                    await conversations.bump_state(tx, one.conversation_id)
                    tell_state(tx, self._notifier, one.conversation_id)
        return len(moved)

    async def _tell_places(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(_GATHER_S)
            self._changed.clear()
            teams, self._dirty = self._dirty, set()
            for team_id in sorted(teams):
                await self._once(lambda team_id=team_id: self.tell_places(team_id))  # type: ignore[misc]  # bound now

    async def _repeat(self, work: Callable[[], Awaitable[object]], every_s: float) -> None:
        while True:
            await self._once(work)
            await asyncio.sleep(every_s)

    async def _once(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except FrontlineError as exc:
            log.warning("handoff.round_skipped", code=exc.code, detail=exc.detail)
        except Exception:
            log.exception("handoff.round_failed")

    async def _compare(self) -> tuple[dict[str, Handoff], Snapshot]:
        async with self._db.read() as tx:
            rows = {one.id: one for one in await store.all_open(tx)}
        # The line is read after SQL: what was accepted in between looks different once, not twice.
        return rows, await self._service.line.snapshot({one.team_id for one in rows.values()})

    @staticmethod
    def _differences(rows: dict[str, Handoff], snapshot: Snapshot) -> list[_Difference]:
        found: list[_Difference] = []
        for handoff_id in {*rows, *snapshot.origin}:
            have = snapshot.place_of(handoff_id)
            one = rows.get(handoff_id)
            wanted = one.standing if one else Standing(handoff_id, have[1], Place.NONE)
            leased = have[0] is Place.OFFERED and wanted.place is not Place.NONE
            same = have == (wanted.place, wanted.team_id, wanted.agent_id)
            if not same and not leased:
                found.append((handoff_id, wanted, have))
        return found

    async def _dismiss_closed_accounts(self, rows: dict[str, Handoff]) -> None:
        async with self._db.read() as tx:
            closed = await store.closed_accounts(tx, _holders(rows))
        for agent_id in closed:
            await self._service.presence.dismiss(agent_id)
            await self._service.release_agent(agent_id)

    def _count_repairs(self, kind: str, repaired: int) -> None:
        if repaired:
            self._counters.count("handoff_repaired", repaired, kind=kind)
            log.warning("handoff.repaired", kind=kind, count=repaired)


def _holders(rows: dict[str, Handoff]) -> set[str]:
    return {one.agent_id for one in rows.values() if one.agent_id and one.state == store.ACTIVE}
