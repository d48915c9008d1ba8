"""The loop with customers in the demo: the head of the house was asked, guests were let in, some say how likely they
recommend us."""

from __future__ import annotations

import random
from collections import defaultdict

from sqlalchemy import select, update

from bot.tables import messages
from bot.types import Speaker
from core.errors import IllegalMove
from core.ids import StaffId
from gateway.demo.plan import SEED
from gateway.demo.stage import Stage
from gateway.services import Services
from tickets import store
from tickets.tables import surveys, tickets

_ASKED_SHARE = 0.25
_ANSWERED_SHARE = 0.85
_RECOMMEND_SHARE = 0.6
# What people of each rating tend to say.
_RECOMMEND = {4: (9, 9, 10, 10, 8), 3: (7, 8, 8, 9), 2: (5, 6, 7), 1: (0, 2, 3, 4)}
_WISHES = (
    "同一个问题来回说了三遍还没解决，希望负责人看一下。",
    "我不想再听解释了，只想知道什么时候退款。",
    "孩子每天都看的节目放不了，请给一个准确的时间。",
    "扣了两次钱，客服都说没问题，请您亲自核对。",
)
_ANSWERS = (
    "您好，事情的经过我已经看完，是我们核对不仔细。多扣的款今天退回，我会盯到到账为止。",
    "抱歉让您跑了这么多趟。已经安排专人今天处理完，结果由我亲自确认。",
    "您说得对，这件事拖得太久了。修复今晚上线，另外为您补偿七天会员。",
)
_GUESTS = (
    ("陈工", "支付通道", "请核对这笔订单的扣款记录。", "对账单里有两笔，第二笔今天原路退回。", False),
    ("王店长", "云上百货", "用户反映少发了一件，请确认库存并补发。", "已查到，今天补发，单号稍后给到。", True),
    ("赵老师", "内容合作方", "请确认这一集的上线时间。", "下周二 10 点上线，片源已交付。", False),
    ("孙工", "网络运维", "华南多位用户卡顿，请看一下线路。", None, False),
)


async def play_head(stage: Stage, customer_id: str, serial: str, chance: random.Random) -> None:
    """Now and then a customer who was let down asks the head of the house, who mostly answers in time."""
    if chance.random() > _ASKED_SHARE:
        return
    stage.clock.advance(seconds=chance.uniform(300, 3_000))
    try:
        await stage.tickets.customer_asks_head(customer_id, serial, chance.choice(_WISHES))
    except IllegalMove:
        return
    if chance.random() > _ANSWERED_SHARE:
        return
    stage.clock.advance(seconds=chance.uniform(3_600, 30_000))
    async with stage.db.begin() as tx:
        ticket = await store.by_serial(tx, serial)
    views = await stage.tickets.guests.guests_of(serial, {"ticket.review"})
    seat = next(each for each in views if each["kind"] == "executive")
    token = str(seat["url"]).rpartition("/")[2]
    proof = await stage.tickets.top.prove(token, staff_id=ticket.executive_id)
    await stage.tickets.top.answer(token, proof, chance.choice(_ANSWERS))


async def seed_loop(parts: Services) -> None:
    """Guests of open matters, and how likely customers recommend us; what the past left unsent counts as sent."""
    chance = random.Random(SEED + 5)  # noqa: S311 - invents a past, guards nothing
    async with parts.db.begin() as tx:
        await tx.execute(
            update(messages)
            .where(messages.c.demo.is_(True), messages.c.delivery == "pending")
            .values(delivery="sent", delivery_due_at=None)
        )
        rated = await tx.all(
            select(surveys.c.id, surveys.c.rating)
            .where(surveys.c.demo.is_(True), surveys.c.rating.is_not(None))
            .order_by(surveys.c.sent_at, surveys.c.id)
        )
        said: dict[int, list[str]] = defaultdict(list)
        for row in rated:
            if chance.random() < _RECOMMEND_SHARE:
                said[chance.choice(_RECOMMEND[row.rating])].append(row.id)
        for value, ids in said.items():
            for at in range(0, len(ids), 400):
                await tx.execute(update(surveys).where(surveys.c.id.in_(ids[at : at + 400])).values(recommend=value))
        open_ones = await tx.all(
            select(tickets.c.serial, tickets.c.assignee_id)
            .where(tickets.c.demo.is_(True), tickets.c.state == "in_progress", tickets.c.assignee_id.is_not(None))
            .order_by(tickets.c.updated_at.desc())
            .limit(len(_GUESTS))
        )
        names = await parts.people.names(tx, [row.assignee_id for row in open_ones])
    for row, (name, organisation, asked, answer, may_answer) in zip(open_ones, _GUESTS, strict=False):
        by = Speaker(StaffId(row.assignee_id), names.get(row.assignee_id, ""))
        made = await parts.tickets.guests.invite(
            row.serial, by, name=name, organisation=organisation, text=asked, may_answer=may_answer
        )
        if answer is not None:
            token = str(made["url"]).rpartition("/")[2]
            await parts.tickets.guests.page(token)
            await parts.tickets.guests.says(token, answer, to_customer=False)


__all__ = ["play_head", "seed_loop"]
