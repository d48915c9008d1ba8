"""Fields: known ones once, an admin's own by category, required before a result; sources; the first receipt."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.types import Incoming, Kind
from core.errors import Invalid
from core.ids import ChannelId
from tests.tickets.world import LIN, World
from tickets import fields
from tickets.attachments import Opener
from tickets.fields import Custom

READER = Opener(LIN.staff_id, ("payment",), {"ticket.read"})


async def added(world: World, name: str, kind: str = "text", **more: object) -> Custom:
    wish = {"choices": (), "categories": (), "required": False, "shown": False, **more}
    async with world.db.begin() as tx:
        made = await fields.add(tx, name=name, kind=kind, by="stf_admin", now=world.clock.now(), **wish)  # type: ignore[arg-type]  # names and types as above
    world.tickets.forget_settings()
    return made


async def test_every_known_field_has_its_label_once(world: World) -> None:
    views = fields.known_views(world.texts)
    assert len({each["key"] for each in views}) == len(views)
    assert all(each["label"] != f"ticket.field.{each['key']}" for each in views)


async def test_accounts_and_phones_are_masked_as_what_they_are(any_world: World) -> None:
    ticket = await any_world.human()
    values = {
        "account": "wang_xiaoming",
        "phone": "13812345678",
        "order_number": "20261121000001",
        "live_room": "88231",
    }
    ticket = await any_world.tickets.change(ticket.serial, LIN, ticket.version, fields=values)
    shown = (await any_world.tickets.detail(ticket.serial, set()))["fields"]
    assert (shown["account"], shown["phone"]) == ("wa***ng", "138****5678")
    assert (shown["order_number"], ticket.live_room) == ("20261121000001", "88231")
    ticket = await any_world.tickets.change(ticket.serial, LIN, ticket.version, fields={"live_room": ""})
    assert (ticket.live_room, "live_room" in ticket.fields) == (None, False)


async def test_an_admins_field_is_of_its_kind_and_category(any_world: World) -> None:
    plan = await added(any_world, "套餐", "choice", choices=("月卡", "年卡"), categories=("payment",))
    date = await added(any_world, "扣款日", "date")
    ticket = await any_world.human()
    assert ticket.category_id.startswith("payment")
    listed = (await any_world.tickets.matter(ticket.serial, READER))["field_list"]
    assert [each["label"] for each in listed if each["custom"]] == ["套餐", "扣款日"]
    ticket = await any_world.tickets.change(ticket.serial, LIN, ticket.version, fields={plan.id: "年卡"})
    assert ticket.fields[plan.id] == "年卡"
    for wrong in ({plan.id: "周卡"}, {date.id: "明天"}, {"不行": "x"}, {"speed": "x" * 501}):
        with pytest.raises(Invalid):
            await any_world.tickets.change(ticket.serial, LIN, ticket.version, fields=wrong)
    other = await any_world.tickets.change(ticket.serial, LIN, ticket.version, category_id="technical/playback")
    with pytest.raises(Invalid):
        await any_world.tickets.change(other.serial, LIN, other.version, fields={plan.id: "月卡"})


async def test_a_required_field_holds_the_result_back_until_it_is_filled(any_world: World) -> None:
    number = await added(any_world, "订单金额", "number", required=True, categories=("payment",))
    ticket = await any_world.tickets.confirm((await any_world.human()).serial, LIN)
    assert (await any_world.tickets.matter(ticket.serial, READER))["fields_missing"] == ["订单金额"]
    with pytest.raises(Invalid) as refused:
        await any_world.tickets.resolve_serial(ticket.serial, LIN, solution="好了。")
    assert refused.value.params == {"names": "订单金额"}
    await any_world.tickets.change(ticket.serial, LIN, ticket.version, fields={number.id: "19.90"})
    assert (await any_world.tickets.resolve_serial(ticket.serial, LIN, solution="好了。")).state == "resolved"


async def test_a_field_put_away_is_asked_for_no_more_and_keeps_its_values(world: World) -> None:
    made = await added(world, "备案号", required=True)
    ticket = await world.tickets.confirm((await world.human()).serial, LIN)
    async with world.db.begin() as tx:
        changed = await fields.change(tx, made.id, now=world.clock.now(), disabled=True, name="备案")
        assert (changed.disabled, changed.name) == (True, "备案")
        with pytest.raises(Invalid):
            await fields.change(tx, made.id, now=world.clock.now(), name=" ")
    world.tickets.forget_settings()
    assert (await world.tickets.resolve_serial(ticket.serial, LIN, solution="好了。")).state == "resolved"


async def test_the_first_receipt_is_the_platforms_own_time(world: World) -> None:
    sent_at = world.clock.now() - timedelta(minutes=7)

    async def hear(who: str, offset: timedelta) -> str:
        accepted = await world.intake.accept(
            Incoming(
                channel_id=ChannelId(world.channel_ids["wechat"]),
                external_id=who,
                dedupe_key=who,
                kind=Kind.TEXT,
                text="充值没有到账",
                sent_at=sent_at + offset,
            )
        )
        return str(accepted.conversation_id)

    late = await world.newest(await hear("v-late", timedelta()))
    assert late.first_received_at == sent_at
    # A platform whose clock runs ahead does not put the first receipt into the future.
    ahead = await world.newest(await hear("v-ahead", timedelta(hours=1)))
    assert ahead.first_received_at == world.clock.now()


async def test_cause_and_source_are_told_in_the_history_by_name(world: World) -> None:
    ticket = await world.tickets.confirm((await world.human()).serial, LIN)
    ticket = await world.tickets.change(
        ticket.serial,
        LIN,
        ticket.version,
        cause="third_party",
        cause_text="支付渠道延迟",
        source="forum",
        source_url="https://forum.example/t/88",
        source_text="楼主:充值没到账",
    )
    assert (ticket.cause, ticket.source_url) == ("third_party", "https://forum.example/t/88")
    changes = (await world.tickets.detail(ticket.serial, set()))["events"][-1]["changes"]
    assert {"name": "根因", "old": None, "new": "第三方"} in changes
    with pytest.raises(Invalid):
        await world.tickets.change(ticket.serial, LIN, ticket.version, cause="weather")
