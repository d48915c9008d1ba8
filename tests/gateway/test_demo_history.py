"""The demo's history: made once, true to the rules of real traffic, and removed without a trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.tables import conversations, customers, exchanges, messages
from core.clock import SHANGHAI, UTC
from core.people.tables import staff
from gateway.demo.clear import clear_demo
from gateway.demo.history import make_history
from gateway.demo.plan import DAYS, Topic, plan
from gateway.services import Services
from handoff.tables import handoffs
from tests.gateway.offline import parts_of
from tickets.replay import replay
from tickets.store import events_of, get
from tickets.tables import surveys, tickets

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
KNOWN = [
    Topic("membership-price", "会员与支付/订阅与续费", ("多少钱", "会员价格", "贵不贵")),
    Topic("playback-stutter", "技术/播放与网络", ("卡", "一直转圈", "看不了")),
]
UNKNOWN = [Topic(None, "建议与咨询/功能建议", ("能不能点歌", "有没有点歌"))]


def test_the_same_moment_gives_the_same_plan() -> None:
    assert plan(NOW, KNOWN, UNKNOWN, 200) == plan(NOW, KNOWN, UNKNOWN, 200)


def test_the_plan_has_its_ninety_days_its_peak_and_its_incident() -> None:
    planned = plan(NOW, KNOWN, UNKNOWN, 3_000)
    assert len(planned) > 2_800
    assert all(NOW - timedelta(days=DAYS + 1) <= each.at <= NOW for each in planned)
    local = [each.at.astimezone(SHANGHAI) for each in planned if each.category.startswith("会员与支付")]
    by_evening = Counter(at.weekday() for at in local if at.hour in (21, 22))
    others = [by_evening[day] for day in range(6)]
    assert by_evening[6] > 2 * max(others)
    assert sum(each.incident for each in planned) == 64
    assert {each.profile.get("city") for each in planned if each.incident and each.channel == "web"} == {"杭州"}


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Services]:
    async with parts_of(tmp_path / "data") as made:
        yield made


async def test_the_history_keeps_the_rules_and_can_be_removed(parts: Services) -> None:
    assert "matters" in await make_history(parts, 60)
    assert "already" in await make_history(parts, 60)
    async with parts.db.read() as tx:
        modes = {row.mode for row in await tx.all(select(conversations.c.mode).distinct())}
        pending = await tx.scalar(select(func.count()).select_from(messages).where(messages.c.delivery == "pending"))
        states = {row.state for row in await tx.all(select(handoffs.c.state).distinct())}
        unmarked = await tx.scalar(select(func.count()).select_from(tickets).where(tickets.c.demo.is_(False)))
        loose = await tx.scalar(
            select(func.count()).select_from(exchanges).where(exchanges.c.state.in_(("open", "posted")))
        )
        rows = await tx.all(select(tickets.c.id))
        for row in rows:
            ticket = await get(tx, row.id)
            assert replay(await events_of(tx, row.id))["state"] == ticket.state
    assert modes == {"bot"}
    assert (pending, unmarked, loose) == (0, 0, 0)
    assert states <= {"ended", "abandoned"}
    assert len(rows) >= 50
    assert "removed" in await clear_demo(parts)
    async with parts.db.read() as tx:
        for table in (tickets, messages, conversations, customers, exchanges, handoffs, surveys):
            assert await tx.scalar(select(func.count()).select_from(table)) == 0, table.name
    assert await parts.audit.first_bad(parts.db) is None
    # Who starts the demo again has it again.
    assert "matters" in await make_history(parts, 30)
    async with parts.db.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(staff).where(staff.c.disabled_at.is_not(None))) == 0
