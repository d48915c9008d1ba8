"""A guest has one ticket, masked, for some time, and says only what was allowed."""

from __future__ import annotations

import json

import pytest

from core.errors import Forbidden, Invalid, NotFound
from tests.tickets.world import LIN, World
from tickets.store import Ticket


async def invited(world: World, *, may_answer: bool = False) -> tuple[Ticket, dict[str, str], str]:
    await world.says("会员没到账，电话 13812345678，邮箱 wo@xin.example")
    ticket = await world.human()
    made = await world.tickets.guests.invite(
        ticket.serial, LIN, name="陈工", organisation="支付通道", text="请查一下这笔", may_answer=may_answer
    )
    return ticket, made, str(made["url"]).rpartition("/")[2]


async def test_a_guest_sees_the_matter_masked_and_answers_its_people(any_world: World) -> None:
    world = any_world
    ticket, _, token = await invited(world)
    page = await world.tickets.guests.page(token)
    text = json.dumps(page, ensure_ascii=False)
    assert "13812345678" not in text
    assert "wo@xin.example" not in text
    assert page["matter"]["serial"] == ticket.serial
    assert [each["text"] for each in page["words"]] == ["请查一下这笔"]
    await world.tickets.guests.says(token, "对账单里有这笔", to_customer=False)
    (shown,) = await world.tickets.guests.guests_of(ticket.serial, {"ticket.write"})
    assert [each["text"] for each in shown["words"]] == ["请查一下这笔", "对账单里有这笔"]
    kinds = await world.kinds(ticket)
    assert [each for each in kinds if each.startswith("guest")] == ["guest_invited", "guest_seen", "guest_said"]
    await world.check_history(ticket.id)


async def test_only_who_was_allowed_to_answers_the_customer(world: World) -> None:
    ticket, _, token = await invited(world)
    with pytest.raises(Forbidden):
        await world.tickets.guests.says(token, "您好", to_customer=True)
    other = await world.tickets.guests.invite(
        ticket.serial, LIN, name="王店长", organisation="云上百货", may_answer=True, days=1
    )
    other_token = str(other["url"]).rpartition("/")[2]
    await world.tickets.guests.says(other_token, "今天就给您补发", to_customer=True)
    said = (await world.seen(str(ticket.conversation_id)))[-1]
    assert (said.text, said.staff_name) == ("今天就给您补发", "王店长(云上百货)")
    page = await world.tickets.guests.page(token)
    assert not page["may_answer"]


async def test_a_link_ends_with_its_time_or_at_once(world: World) -> None:
    ticket, made, token = await invited(world)
    await world.tickets.guests.revoke(ticket.serial, made["id"], LIN)
    await world.tickets.guests.revoke(ticket.serial, made["id"], LIN)
    with pytest.raises(NotFound):
        await world.tickets.guests.page(token)
    again = await world.tickets.guests.invite(ticket.serial, LIN, name="陈工", organisation="支付通道", days=2)
    second = str(again["url"]).rpartition("/")[2]
    world.clock.advance(days=2, seconds=1)
    with pytest.raises(NotFound):
        await world.tickets.guests.page(second)
    with pytest.raises(NotFound):
        await world.tickets.guests.page(world.links.link("ticket", made["id"]))
    assert (await world.kinds(ticket)).count("guest_revoked") == 1


async def test_a_guest_has_a_name_and_a_house(world: World) -> None:
    ticket = await world.human()
    with pytest.raises(Invalid):
        await world.tickets.guests.invite(ticket.serial, LIN, name=" ", organisation="x")
