"""What came beside chat in the demo: written down by agents, sent by the app, live rooms and the forum, one sheet;
and a data platform that heard of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.store import exchanges
from bot.tables import conversations
from bot.types import Speaker
from core.db import Tx
from core.errors import FrontlineError
from core.ids import new_id
from core.webhooks import store as hooks
from core.webhooks.service import body_of
from core.webhooks.store import Attempt
from gateway.demo.stage import Stage, channel_ids, speakers
from gateway.demo.work import result_of
from gateway.services import Services
from tickets.intake.imports import Imports
from tickets.intake.told import Told
from tickets.tables import tickets

DEMO = "demo"
_TOLD_CALLS = 14


@dataclass(frozen=True, slots=True)
class _Matter:
    hours_ago: float
    source: str
    title: str
    text: str
    original: str = ""
    person: str = ""
    phone: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    solution: str = ""


_BY_HAND = (
    _Matter(
        3,
        "phone",
        "来电反映会员被扣两次",
        "客户称本月扣了两笔，要求退回一笔。",
        "我这个月被扣了两次钱，都是同一天。",
        "罗女士",
        "13800003101",
    ),
    _Matter(
        7,
        "wechat_group",
        "车友亲子群多人反映动画加载慢",
        "三位家长同一晚反映少儿频道加载慢。",
        "晚上八点开始一直转圈，换了无线网也一样",
        "陶爸爸",
        None,
        {"city": "成都", "network_provider": "城市宽带"},
    ),
    _Matter(
        20,
        "qq_group",
        "球迷群反映直播延迟半分钟",
        "群里看球慢半分钟，影响观看。",
        "别人家都进球了我们还在中圈",
        "阿澄",
        None,
        {"live_room": "8801"},
        "已切换到低延迟线路，请客户刷新后观看。",
    ),
    _Matter(
        28,
        "in_person",
        "线下活动现场咨询家庭共享人数",
        "客户问家庭会员能几个人一起用。",
        "",
        "苏先生",
        "13800003104",
        {},
        "已说明家庭会员可同时四台设备观看。",
    ),
    _Matter(
        31,
        "forum",
        "论坛长帖：投屏后字幕消失",
        "楼主更新系统后投屏没有字幕，楼下十余人附和。",
        "更新之后投屏就没字幕了，手机上是有的",
        "星河听雨",
        None,
        {"device_model": "智能电视 55 寸", "app_version": "8.1.0"},
    ),
    _Matter(
        50,
        "mail",
        "学校来信询问课堂播放授权",
        "希望在课堂播放纪录片，询问授权方式。",
        "我校拟在科学课播放贵站纪录片，请告知授权流程。",
        "韩老师",
        None,
        {},
        "已转商务合作并回信说明流程。",
    ),
    _Matter(
        55,
        "live_room",
        "直播间商品与介绍不符",
        "主播称赠保温杯，实收没有。",
        "说好送杯子的，拆开只有衣服",
        "小鹿",
        "13800003107",
        {"live_room": "9027", "order_number": "XY20261118077", "merchant": "云上百货"},
    ),
    _Matter(
        75,
        "phone",
        "老人不会关自动续费",
        "客户替父亲来电，请帮忙关闭自动续费。",
        "",
        "孟女士",
        "13800003108",
        {},
        "已电话指导在「我的-会员」里关闭，下月不再扣费。",
    ),
)
_SENT = (
    (
        "problem",
        "app",
        _Matter(
            2,
            "app",
            "离线下载到一半就停",
            "飞机上想看，下载到 60% 就不动了，重启也不行。",
            fields={"device_model": "安卓手机", "system_version": "16", "app_version": "8.1.0", "city": "杭州"},
        ),
    ),
    (
        "report",
        "live_room",
        _Matter(
            5,
            "live_room",
            "主播引导私下转账",
            "主播让加好友私下转账买门票。",
            "[00:41:20] 阿澈：想要票的私聊转账就行\n[00:41:33] 海棠：这靠谱吗",
            fields={
                "live_room": "8816",
                "stream_time": "00:41:20",
                "host": "阿澈",
                "reporter": "海棠",
                "quoted": "想要票的私聊转账就行",
            },
        ),
    ),
    ("suggestion", "page", _Matter(11, "page", "希望能按演员找节目", "家里老人只记得演员的名字，希望能按演员搜。")),
    (
        "problem",
        "forum",
        _Matter(
            26,
            "forum",
            "电视端遥控器返回键失灵",
            "更新后返回键要按两次，论坛里好几个人遇到。",
            fields={"device_model": "智能电视 65 寸", "app_version": "8.1.0", "reporter": "北风入海"},
        ),
    ),
    ("praise", "page", _Matter(40, "page", "表扬深夜帮我的客服", "半夜两点帮我找回账号，很耐心，谢谢。")),
    (
        "report",
        "app",
        _Matter(
            60,
            "app",
            "动画区出现不合适的广告",
            "给孩子看动画，片头出现不适合儿童的广告。",
            fields={"city": "武汉", "app_version": "8.0.4"},
        ),
    ),
)
_SHEET = (
    "编号,标题,描述,客户,手机,渠道,提交时间\n"
    "OLD-101,发票抬头开错,十月的发票抬头写成了个人,周女士,13800003201,电话,2026-11-02 10:12\n"
    "OLD-102,换手机后会员不见了,登录后显示普通用户,贺先生,13800003202,电话,2026-11-03 15:40\n"
    "OLD-103,搜不到上周的球赛回放,页面提示无内容,阿树,,论坛,2026-11-05 21:05\n"
    "OLD-104,,,无名,,电话,2026-11-05 22:00\n"
)


async def seed_intake(parts: Services, stage: Stage, now: datetime) -> None:
    """Play them at their times, some to the end; the rest waits in the lists of today."""
    people, channel_id = await speakers(parts), (await channel_ids(parts))["web"]
    anybody = [each for team in people.values() for each in team]
    if not anybody:
        return
    async with stage.db.batch():
        for number, matter in enumerate(_BY_HAND):
            stage.clock.set(now - timedelta(hours=matter.hours_ago))
            await _by_hand(stage, matter, anybody[number % len(anybody)], channel_id, number)
        for kind, source, matter in _SENT:
            stage.clock.set(now - timedelta(hours=matter.hours_ago))
            await stage.tickets.feedback(
                channel_id=channel_id,
                channel_kind="web",
                kind=kind,
                text=matter.text,
                told=Told(
                    text=matter.text,
                    title=matter.title,
                    source=source,
                    source_text=matter.original or None,
                    fields=matter.fields,
                ),
                demo=True,
            )
        stage.clock.set(now)
        await _sheet(parts, stage, anybody[0])
        async with stage.db.begin() as tx:
            fresh = await _fresh(tx)
            for conversation_id in fresh:
                # A person answers from the ticket; nothing of the past waits for a turn.
                await exchanges.drop_left_over(tx, conversation_id, now)
            stage.touched.update(fresh)
        await stage.mark()
    async with parts.db.begin() as tx:
        await _platform(tx, now)


async def _by_hand(stage: Stage, matter: _Matter, by: Speaker, channel_id: str, number: int) -> None:
    made = await stage.tickets.create(
        by,
        channel_id=channel_id,
        title=matter.title,
        description=matter.text,
        channel_kind=matter.source,
        customer_name=matter.person or None,
        phone=matter.phone,
        told=Told(
            text=matter.text,
            source=matter.source,
            source_text=matter.original or None,
            source_url="https://example.com/talk" if matter.source in ("forum", "live_room") else None,
            fields=matter.fields,
            received_at=stage.clock.now() - timedelta(minutes=20),
        ),
        take=number % 3 != 0 or bool(matter.solution),
        demo=True,
    )
    if matter.solution:
        stage.clock.advance(seconds=3_600)
        try:
            await stage.tickets.resolve_serial(
                made.serial, by, solution=matter.solution, **result_of("建议与咨询", number, stage.clock.now())
            )
        except FrontlineError:
            return  # A playbook may ask for more than was written down; then it goes on tomorrow.


async def _sheet(parts: Services, stage: Stage, by: Speaker) -> None:
    imports = Imports(stage.db, stage.clock, stage.tickets, parts.people, parts.settings.timezone)
    made, _ = await imports.add("旧系统导出.csv", _SHEET.encode(), by, demo=True)
    async with stage.db.begin() as tx:
        await imports.start(tx, made.id)
    await imports.finish(made.id)


async def _fresh(tx: Tx) -> list[str]:
    """The conversations of matters that came beside chat."""
    rows = await tx.all(
        select(conversations.c.id)
        .join(tickets, tickets.c.conversation_id == conversations.c.id)
        .where(tickets.c.source.is_not(None), tickets.c.demo.is_(True))
    )
    return [row.id for row in rows]


async def _platform(tx: Tx, now: datetime) -> None:
    """A receiver that was switched off, and what it heard before: nothing of the demo leaves the machine."""
    if any(each.created_by == DEMO for each in await hooks.all_of(tx)):
        return
    made = await hooks.create(
        tx,
        name="数据平台",
        url="https://hooks.example.com/frontline",
        kinds=["ticket.*", "sla.*"],
        with_text=False,
        by=DEMO,
        now=now - timedelta(days=20),
    )
    rows = await tx.all(
        select(tickets.c.id, tickets.c.serial, tickets.c.state, tickets.c.created_at)
        .where(tickets.c.demo.is_(True), tickets.c.tier > 1)
        .order_by(tickets.c.created_at.desc())
        .limit(_TOLD_CALLS)
    )
    for number, row in enumerate(reversed(rows)):
        event_id, at, subject = new_id("evt"), row.created_at, f"ticket:{row.id}"
        data = {"ticket": {"id": row.id, "serial": row.serial, "state": "new"}, "by": "customer"}
        body = body_of(event_id, "ticket.created", at, subject, data)
        one = await hooks.put(
            tx, webhook_id=made.id, event_id=event_id, kind="ticket.created", subject=subject, body=body, now=at
        )
        failed = number == _TOLD_CALLS // 2
        tried = Attempt(at, 503 if failed else 200, "refused" if failed else None, 120 + 13 * number, "ok")
        state = hooks.DEAD if failed else hooks.SENT
        await hooks.settle(tx, one, tried, state=state, due_at=at, now=at)
    await hooks.change(tx, made.id, disabled_at=now)


async def clear_intake(tx: Tx) -> None:
    """Forget the receiver of the demo."""
    for each in await hooks.all_of(tx):
        if each.created_by == DEMO:
            await hooks.remove(tx, each.id)


__all__ = ["clear_intake", "seed_intake"]
