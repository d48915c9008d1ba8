"""Work on tickets in the demo: results of each kind with their cause, what customers were given, promises, links,
tags, files, an admin's own fields."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy import select

from bot.types import Speaker
from gateway.demo.plan import SEED
from gateway.demo.stage import Stage, speakers
from gateway.services import Services
from tickets import fields, store
from tickets.store import Ticket
from tickets.tables import tickets

# Who made the fields, so that they can be removed with everything else.
DEMO = "demo"
_UNSOLVED_SHARE = 0.03
_WITHDRAWN_SHARE = 0.02
_FOLLOW_SHARE = 0.015
_GIVEN_SHARE = 0.12
_REASONS = (
    ("影片的版权在上月到期，平台暂时不能播放。", "同系列的前两季仍可观看，已为您置顶到首页。"),
    ("订单已超过可退款的期限，系统不能原路退回。", "可以为您换成等值的会员时长或观影券。"),
    ("这台电视的系统太旧，新版客户端装不上。", "可以用手机投屏观看，画质相同，步骤已发给您。"),
)
_WITHDRAWN = ("用户自己重启设备后恢复，表示不用再处理。", "用户找到了订单，撤回了申请。")
_CAUSES = {
    "技术": (("platform", "边缘节点证书过期，已更换"), ("user", "家中路由器丢包"), ("third_party", "运营商线路拥塞")),
    "会员与支付": (("third_party", "支付渠道回调延迟"), ("platform", "到账任务积压"), ("user", "登录了另一个账号")),
    "商业": (("third_party", "商家漏发"), ("third_party", "快递转运破损")),
}
_GIVEN = (
    ("membership_days", 3, None, "播放卡顿影响了整晚观看"),
    ("membership_days", 7, None, "权益晚到账一周"),
    ("coupon", 1_000, None, "多次联系才解决"),
    ("refund", 1_990, None, "重复扣费，核对属实"),
)
_WAITING = (
    ("refund", 19_800, None, "连续两个月重复扣费，用户提供了账单"),
    ("membership_days", 31, None, "整月无法投屏，用户两次反馈"),
    ("coupon", 5_000, None, "商品质量问题，商家同意承担一半"),
    ("other", 9_900, "亲子观影礼盒", "孩子的生日节目没能播放"),
)
_PROMISES = (
    ("callback", "核对账单后回电"),
    ("merchant", "等商家回传发货凭证"),
    ("retest", "新版本上线后复测投屏"),
    ("visit", "约宽带师傅上门检查线路"),
)
_TAGS = ("重复扣费", "投屏", "首页推荐", "大促", "老年用户", "需要截图", "周末高峰")
_ACCOUNTS = ("xingyu_8217", "wang.family", "tv_living_room", "chen_88", "dad_of_two")


def result_of(area: str, number: int, now: datetime) -> dict[str, Any]:
    """What a matter's result holds beside its solution; mostly 已解决, now and then another kind."""
    chance = random.Random(SEED + number)  # noqa: S311 - invents a past, guards nothing
    found: dict[str, Any] = {}
    if area in _CAUSES and chance.random() < 0.6:
        found["cause"], found["cause_text"] = chance.choice(_CAUSES[area])
    kind = chance.random()
    if kind < _UNSOLVED_SHARE:
        reason, alternative = chance.choice(_REASONS)
        found |= {"result_kind": "unsolvable", "reason": reason, "alternative": alternative}
    elif kind < _UNSOLVED_SHARE + _WITHDRAWN_SHARE:
        found |= {"result_kind": "withdrawn", "solution": chance.choice(_WITHDRAWN)}
    elif kind < _UNSOLVED_SHARE + _WITHDRAWN_SHARE + _FOLLOW_SHARE:
        team = "merchant" if area == "商业" else "technical"
        found |= {"result_kind": "follow_up", "follow_up_team_id": team, "follow_up_at": now + timedelta(hours=26)}
    return found


async def give(stage: Stage, serial: str, agent: Speaker, number: int) -> None:
    """Some customers get something for the trouble, within the limit of an agent."""
    chance = random.Random(SEED + 7 * number)  # noqa: S311 - invents a past, guards nothing
    if chance.random() < _GIVEN_SHARE:
        kind, amount, what, reason = chance.choice(_GIVEN)
        await stage.tickets.ask_compensation(
            serial, agent, ("agent",), kind=kind, amount=amount, what=what, reason=reason
        )


async def seed_work(parts: Services, stage: Stage, now: datetime) -> None:
    """What stands around the matters of today; then the fields that an admin added."""
    people = [each for team in (await speakers(parts)).values() for each in team]
    by_id: dict[str, Speaker] = {each.staff_id: each for each in people}
    async with stage.db.batch() as tx:
        stage.clock.set(now)
        rows = await tx.all(
            select(tickets)
            .where(
                tickets.c.demo.is_(True), tickets.c.tier > 1, tickets.c.state.in_(("in_progress", "waiting_customer"))
            )
            .order_by(tickets.c.updated_at.desc())
        )
        working = [each for each in map(store.value, rows) if each.assignee_id in by_id]
    picture = await _picture(parts, working, by_id)
    async with stage.db.batch() as tx:
        for number, ticket in enumerate(working):
            await _around(stage, ticket, by_id[str(ticket.assignee_id)], number)
        await _between(stage, working, by_id, people, now)
        if picture is not None and working:
            await stage.tickets.put_file(
                working[0].serial,
                by_id[str(working[0].assignee_id)],
                picture,
                description="用户账单的截图：11 月有两笔同样金额的扣款",
                access="team",
            )
        for ticket in working:
            if ticket.conversation_id:
                await stage.sent(ticket.conversation_id)
                stage.touched.add(ticket.conversation_id)
        await stage.mark()
    async with parts.db.begin() as tx:
        if not await fields.custom_of(tx, all_of_them=True):
            await _own_fields(parts, tx, now)
    parts.tickets.forget_settings()


async def _around(stage: Stage, ticket: Ticket, by: Speaker, number: int) -> None:
    """One ticket's own things, each for some of them."""
    work = stage.tickets
    values: dict[str, Any] = {"account": _ACCOUNTS[number % len(_ACCOUNTS)]}
    if ticket.category_id.startswith(("commerce", "payment")):
        values["order_number"] = f"2026112100{4_100 + number}"
    if ticket.category_id.startswith("commerce"):
        values |= {"merchant": "云上百货", "goods_url": "https://shop.example/goods/88231"}
    if number % 4 == 1:
        values |= {"live_room": str(88_000 + number), "stream_time": "20:31"}
    changes: dict[str, Any] = {"fields": values}
    if number % 3 == 0:
        changes["tags"] = [_TAGS[number % len(_TAGS)], _TAGS[(number + 3) % len(_TAGS)]]
    await work.change(ticket.serial, by, ticket.version, **changes)
    if number < len(_WAITING):
        kind, amount, what, reason = _WAITING[number]
        await work.ask_compensation(ticket.serial, by, ("agent",), kind=kind, amount=amount, what=what, reason=reason)
    if number % 5 < 2 and ticket.conversation_id and number < 20:
        kind, text = _PROMISES[number % len(_PROMISES)]
        at = stage.clock.now() + timedelta(hours=3 + number % 30)
        await work.set_next_step(ticket.serial, by, text=text, who=None, at=at, kind=kind, tell=number % 2 == 0)


async def _between(
    stage: Stage, working: Sequence[Ticket], by_id: dict[str, Speaker], people: Sequence[Speaker], now: datetime
) -> None:
    """Links, followers, and what was put off."""
    for number in range(0, min(len(working) - 1, 8), 2):
        one, other = working[number], working[number + 1]
        by = by_id[str(one.assignee_id)]
        kind = ("related", "duplicate", "caused_by", "related")[number // 2]
        await stage.tickets.link(one.serial, by, other=other.serial, kind=kind)
        await stage.tickets.follow(one.serial, people[number % len(people)], on=True)
        await stage.tickets.follow(one.serial, people[(number + 3) % len(people)], on=True)
    for ticket in working[8:11]:
        by = by_id[str(ticket.assignee_id)]
        await stage.tickets.snooze(ticket.serial, by, now + timedelta(hours=9), "等财务对账")


async def _picture(parts: Services, working: Sequence[Ticket], by_id: dict[str, Speaker]) -> str | None:
    """A drawn bill, uploaded by whoever works on the first ticket."""
    if not working:
        return None
    data = await asyncio.to_thread(_bill)
    owner = f"staff:{by_id[str(working[0].assignee_id)].staff_id}"
    stored = await parts.files.store(data, name="账单截图.png", owner=owner)
    return str(stored.id)


def _bill() -> bytes:
    """A bill as a picture: bars for words, since no font is at hand everywhere."""
    picture = Image.new("RGB", (420, 260), "white")
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((12, 12, 408, 248), 14, outline="#c9d3da", width=2)
    pen.rectangle((32, 34, 180, 50), fill="#22606f")
    for row in range(4):
        top = 80 + row * 40
        doubled = row in (1, 2)
        pen.rectangle((32, top, 150 + row * 12, top + 12), fill="#b9c4cb")
        pen.rectangle((320, top, 386, top + 12), fill="#c0392b" if doubled else "#7f8c93")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


async def _own_fields(parts: Services, tx: Any, now: datetime) -> None:
    own: tuple[dict[str, Any], ...] = (
        {
            "name": "套餐",
            "kind": "choice",
            "choices": ("月卡", "季卡", "年卡"),
            "categories": ("payment",),
            "shown": True,
        },
        {"name": "扣款日", "kind": "date", "choices": (), "categories": ("payment",), "shown": False},
        {
            "name": "故障频率",
            "kind": "choice",
            "choices": ("偶尔", "经常", "每次"),
            "categories": ("technical",),
            "shown": False,
        },
        {"name": "合同编号", "kind": "text", "choices": (), "categories": ("partners",), "shown": False},
    )
    for wish in own:
        await fields.add(tx, required=False, by=DEMO, now=now, **wish)


__all__ = ["DEMO", "give", "result_of", "seed_work"]
