"""Weeks of random matters through the real services: whatever may happen to a ticket happens to some."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from bot.tables import messages
from bot.types import Speaker
from core.errors import FrontlineError
from tests.tickets.world import LIN, QIN, SHEN, ZHOU, World
from tickets import store
from tickets.store import SYSTEM, Ticket
from tickets.tables import surveys, tickets

STAFF: tuple[Speaker, ...] = (LIN, ZHOU, QIN, SHEN)
TEXTS = (
    "密码忘了",
    "密码改不了",
    "原来的密码不对",
    "密码在哪里改",
    "支付失败了 怎么办",
    "看视频一直转圈 卡顿 黑屏",
    "转人工",
    "昨天充值的会员一直没有到账 订单在这里",
    "昨天充值的会员一直没有到账 订单在这里呀",
    "还是不行",
    "谢谢",
    "主播说的话和商品不一样",
)
CITIES, PROVIDERS = ("杭州", "成都", "=1+2"), ("电信", "移动")


class Past:
    """Chance with one seed; `step` does one thing that a customer, a member of staff or time might do."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        world.handoffs.state = "nobody_online"
        self.number = 0

    async def steps(self, count: int) -> None:
        for _ in range(count):
            await self.step()

    async def step(self) -> None:
        await self.chance.choices(
            (self.says, self.staff, self.customer, self.waits, self.thumb, self.oddities, self.by_hand),
            (9, 9, 5, 5, 2, 3, 1),
        )[0]()

    async def says(self) -> None:
        who, channel = f"v-{self.chance.randrange(14)}", self.chance.choice(("web", "web", "wechat"))
        await self.tried(self.world.says(self.chance.choice(TEXTS), who=who, channel=channel))

    async def by_hand(self) -> None:
        """Somebody telephoned."""
        by, channel = self.chance.choice(STAFF), self.world.channel_ids["web"]
        title, take = self.chance.choice(TEXTS), self.chance.random() < 0.5
        await self.tried(self.world.tickets.create(by, channel_id=channel, title=title, take=take))

    async def staff(self) -> None:
        ticket = await self.one()
        if ticket is None:
            return
        by, book, serial = self.chance.choice(STAFF), self.world.tickets, ticket.serial
        self.number += 1
        key = f"p-{self.number}"
        match self.chance.randrange(8):
            case 0:
                await self.tried(book.confirm(serial, by))
            case 1 | 2:
                await self.tried(book.answer(serial, by, "您好", key))
            case 3:
                await self.tried(book.escalate(serial, by, to="expert", summary="请专家核对一下"))
            case 4:
                await self.tried(book.wait_customer(serial, by, "请补充订单号", key))
            case 5:
                await self.tried(book.reopen(serial, by, "复核发现问题"))
            case _:
                await self.tried(book.resolve_serial(serial, by, solution="已经处理好了。"))

    async def customer(self) -> None:
        ticket = await self.one()
        if ticket is None:
            return
        book, customer = self.world.tickets, ticket.customer_id
        match self.chance.randrange(4):
            case 0:
                await self.tried(book.customer_closes(customer, ticket.serial))
            case 1:
                await self.tried(book.customer_reopens(customer, ticket.serial, "又坏了"))
            case _:
                rating, solved = self.chance.randrange(1, 5), self.chance.choice((True, True, False, None))
                await self.tried(book.customer_rates(customer, ticket.serial, rating, solved, ""))

    async def waits(self) -> None:
        await self.world.pass_time(hours=self.chance.choice((0.05, 0.3, 2, 5, 26, 80)))

    async def thumb(self) -> None:
        async with self.world.db.begin() as tx:
            rows = await tx.all(select(messages.c.id).where(messages.c.author == "bot").order_by(messages.c.at))
            if rows:
                chosen = self.chance.choice(rows).id
                up = self.chance.random() < 0.7
                await tx.execute(update(messages).where(messages.c.id == chosen).values(helpful=up))

    async def oddities(self) -> None:
        """What other parts of the house write on a ticket."""
        ticket = await self.one()
        if ticket is None:
            return
        now, kit = self.world.clock.now(), self.world.tickets.kit
        async with self.world.db.begin() as tx:
            ticket = await kit.lock(tx, ticket.id)
            match self.chance.randrange(9):
                case 0 if ticket.tier > 1:
                    await kit.change(tx, ticket, "sla_breached", SYSTEM, sla_breached=True)
                case 1 if ticket.tier > 1:
                    due = now + timedelta(hours=9)
                    await kit.change(
                        tx, ticket, "executive_asked", SYSTEM, executive_asked_at=now, executive_due_at=due
                    )
                case 2 if ticket.executive_asked_at is not None:
                    at = now + timedelta(hours=self.chance.choice((0, 40)))
                    await kit.change(tx, ticket, "executive_answered", SYSTEM, executive_answered_at=at)
                case 3 | 6 | 7:
                    score = self.chance.randrange(11)
                    await tx.execute(
                        update(surveys)
                        .where(surveys.c.ticket_id == ticket.id, surveys.c.answered_at.is_not(None))
                        .values(recommend=score)
                    )
                case 4:
                    await kit.change(tx, ticket, "changed", SYSTEM, category_id=self.chance.choice(_CATEGORIES))
                case _:
                    await self.described(tx, kit, ticket)

    async def described(self, tx: Any, kit: Any, ticket: Ticket) -> None:
        fields = {
            "city": self.chance.choice(CITIES),
            "network_provider": self.chance.choice(PROVIDERS),
            "device_model": "星帆 X5",
            "app_version": self.chance.choice(("8.2.0", "8.3.0")),
        }
        merchant = self.chance.choice((None, "@好物小店", "清风数码"))
        room = self.chance.choice((None, "直播间 1001"))
        await kit.change(tx, ticket, "changed", SYSTEM, fields=fields, merchant=merchant, live_room=room)

    async def one(self) -> Ticket | None:
        async with self.world.db.read() as tx:
            found = [store.value(row) for row in await tx.all(select(tickets).order_by(tickets.c.serial))]
        if not found:
            return None
        # Mostly what is going on, sometimes what is long past.
        return self.chance.choice(found[-6:]) if self.chance.random() < 0.7 else self.chance.choice(found)

    @staticmethod
    async def tried(work: Awaitable[Any]) -> None:
        """An honest refusal is fine, anything else is not."""
        with contextlib.suppress(FrontlineError):
            await work


_CATEGORIES = ("technical/playback", "technical/live", "payment/failed", "commercial/quality")
