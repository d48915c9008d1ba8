"""The demo keeps and breaks promises: its past is counted, what still runs is told at its time, groups hear of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sqlalchemy import select

from gateway.demo.clear import clear_demo
from gateway.demo.history import make_history
from tests.gateway.offline import parts_of
from tickets.replay import replay
from tickets.sla.tables import sla_clocks
from tickets.store import events_of, get, tracked
from tickets.tables import ticket_events, tickets


async def test_the_demos_past_has_kept_broken_and_running_promises(tmp_path: Path) -> None:
    async with parts_of(tmp_path) as parts:
        await make_history(parts, 60)
        async with parts.db.read() as tx:
            clocks = await tx.all(select(sla_clocks))
            outcomes = Counter(row.outcome for row in clocks)
            marked = await tx.all(select(tickets).where(tickets.c.sla_clock.is_not(None)))
            told = await tx.all(select(ticket_events).where(ticket_events.c.kind == "sla_breached"))
            robots = await parts.tickets.sla.robots.all_of(tx)
            for row in told:
                ticket = await get(tx, row.ticket_id)
                assert replay(await events_of(tx, ticket.id)) == tracked(ticket)
            now = parts.clock.now()
            late = [row for row in clocks if row.stopped_at is None and row.due_at and row.due_at < now]
        assert outcomes["kept"] > outcomes["broken"] > 0
        assert outcomes[None] > 0
        assert marked
        assert told
        assert all(row.noted_at is not None for row in late), "what is late was told when it became so"
        assert len(robots) == 3
        await clear_demo(parts)
        async with parts.db.read() as tx:
            assert await tx.all(select(sla_clocks)) == []
            assert await parts.tickets.sla.robots.all_of(tx) == []
