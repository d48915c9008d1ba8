"""Sorting and playbooks in the demo: matters that people sorted, some that wait to be, and steps done on the way."""

from __future__ import annotations

import random
from datetime import timedelta

from sqlalchemy import select, update

from bot.tables import conversations, customers, messages
from bot.types import Speaker
from core.clock import Clock
from core.db import Tx
from core.ids import StaffId
from core.people.roles import Role
from core.people.tables import staff
from gateway.demo.plan import SEED
from gateway.services import Services
from tickets import categories, store
from tickets.playbooks.plan import Playbook
from tickets.service import Tickets
from tickets.sorting import store as sorting_store
from tickets.states import is_open
from tickets.store import UNSORTED
from tickets.tables import ticket_events, tickets

# How many of the unsorted matters of the past somebody has sorted meanwhile; the rest waits in the queue.
_SORTED_SHARE = 0.9
_HISTORY_OF_STEPS = 14
_AFTER_TRAINING = timedelta(minutes=3)
# Words that no list knows: what a queue of the unclear looks like.
_UNCLEAR = (
    ("那个东西又不行了", "昨天还好好的，今天就不行了，你们看看吧。"),
    ("客服给我回个电话", "有点复杂，打字说不清，方便的话请给我回个电话。"),
    ("上次说的事情怎么样了", "上周和你们说过的，一直没有下文。"),
    ("小孩把平板给点了一通", "现在整个界面都变了，找不到以前那个地方。"),
    ("麻烦帮忙看一下截图", "就是截图里那样，不知道是哪里的问题。"),
    ("你们这个到底怎么回事", "弄了半天还是老样子，很着急。"),
    ("家里老人不会弄", "老人说按了遥控器就变成英文了，看不到节目。"),
    ("楼下邻居说可以我的不行", "同样的盒子，他家可以，我家就是不出来。"),
)
_RULES = (
    "社区规则 3.2 不得发布低俗内容",
    "社区规则 4.1 不得诱导站外交易",
    "社区规则 2.5 不得人身攻击",
    "未发现违规内容",
)
_CAUSES = ("platform", "platform", "user", "third_party")


async def sorters(parts: Services) -> list[Speaker]:
    """The demo's classifiers."""
    async with parts.db.read() as tx:
        rows = await tx.all(select(staff).where(staff.c.demo.is_(True)).order_by(staff.c.created_at, staff.c.name))
    return [Speaker(StaffId(row.id), row.display_name) for row in rows if Role.CLASSIFIER.value in row.roles]


async def sort_by_person(desk: Tickets, tx: Tx, serial: str, named: str, sorter: Speaker, share: float) -> None:
    """What words did not sort, a classifier did; not all of it."""
    ticket = await store.by_serial(tx, serial)
    if ticket.category_id != UNSORTED or ticket.tier == 1 or share > _SORTED_SHARE:
        return
    category_id = (await categories.load(tx)).find(named)
    if category_id is not None:
        await desk.change(serial, sorter, ticket.version, category_id=category_id)


async def follow_playbook(desk: Tickets, tx: Tx, serial: str, agent: Speaker, chance: random.Random) -> None:
    """Before a result is written: what its playbook asks for."""
    ticket = await store.by_serial(tx, serial)
    playbook = await desk.playbooks.of(tx, ticket)
    if playbook is None:
        return
    await desk.playbooks.fill(serial, _values(playbook, chance, desk.kit.clock), agent)
    for step in playbook.steps:
        if step.wanted:
            await desk.playbooks.do(serial, step.id, agent, is_done=True)


def _values(playbook: Playbook, chance: random.Random, clock: Clock) -> dict[str, str]:
    said = {}
    for each in playbook.fields:
        if each.key == "cause":
            said[each.key] = chance.choice(_CAUSES)
        elif each.options:
            said[each.key] = chance.choice(list(each.options))
        elif each.kind == "date":
            said[each.key] = (clock.now() + timedelta(hours=20)).isoformat()
        else:
            said[each.key] = chance.choice(_RULES)
    return said


async def seed_sorting(parts: Services) -> None:
    """Unclear matters in the classifier's queue, steps done on what is open, a fix that is being watched."""
    chance = random.Random(SEED + 7)  # noqa: S311 - invents a past, guards nothing
    desk = parts.tickets
    people = await sorters(parts)
    channel = await parts.web.channel(None)
    async with parts.db.read() as tx:
        rows = await tx.all(
            select(tickets.c.serial, tickets.c.assignee_id, tickets.c.category_id)
            .where(tickets.c.demo.is_(True), tickets.c.state == "in_progress", tickets.c.assignee_id.is_not(None))
            .order_by(tickets.c.updated_at.desc())
            .limit(200)
        )
        names = await parts.people.names(tx, [row.assignee_id for row in rows])
        agent = await tx.first(select(staff).where(staff.c.name == "agent1"))
    if not people or agent is None:
        return
    by = Speaker(StaffId(agent.id), agent.display_name)
    for title, text in _UNCLEAR:
        made = await desk.create(
            by,
            channel_id=channel.id,
            title=title,
            description=text,
            category_id=UNSORTED,
            customer_name=chance.choice(("海边的小林", "周末看剧的人", "一只安静的猫", "江上渔火")),
            demo=True,
        )
        async with parts.db.begin() as tx:
            await tx.execute(update(tickets).where(tickets.c.id == made.id).values(demo=True))
            await tx.execute(update(ticket_events).where(ticket_events.c.ticket_id == made.id).values(demo=True))
            await tx.execute(update(customers).where(customers.c.id == made.customer_id).values(demo=True))
            theirs = conversations.c.customer_id == made.customer_id
            talks = select(conversations.c.id).where(theirs).scalar_subquery()
            await tx.execute(update(messages).where(messages.c.conversation_id.in_(talks)).values(demo=True))
            await tx.execute(update(conversations).where(theirs).values(demo=True))
    async with parts.db.begin() as tx:
        # The past was not looked at by the model; what still waits is, as soon as there is one.
        for row in await tx.all(select(tickets.c.id).where(sorting_store.waiting())):
            await sorting_store.put(tx, row.id, parts.clock.now() + _AFTER_TRAINING)
    played = 0
    for row in rows:
        if played >= _HISTORY_OF_STEPS:
            break
        who = Speaker(StaffId(row.assignee_id), names.get(row.assignee_id, ""))
        played += await _some_steps(parts, row.serial, who, chance)


async def _some_steps(parts: Services, serial: str, who: Speaker, chance: random.Random) -> int:
    """The first steps of an open matter's playbook; 1 when it has one."""
    desk = parts.tickets
    async with parts.db.read() as tx:
        ticket = await store.by_serial(tx, serial)
        playbook = await desk.playbooks.of(tx, ticket)
    if playbook is None or not is_open(ticket.state):
        return 0
    count = chance.randrange(1, len(playbook.steps))
    for step in playbook.steps[:count]:
        if step.marks != "released":
            await desk.playbooks.do(serial, step.id, who, is_done=True)
    if chance.random() < 0.3 and playbook.id == "technical":
        await desk.playbooks.sign(serial, f"PLAY-{1_000 + chance.randrange(900)}", who)
        await desk.playbooks.do(serial, "release", who, is_done=True)
    return 1


__all__ = ["follow_playbook", "seed_sorting", "sort_by_person", "sorters"]
