"""Playbooks through the service: refusal, steps in the history, faults that come back, appeals."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.errors import Conflict, IllegalMove, Invalid, NotFound
from tests.tickets.world import LIN, QIN, ZHOU, World
from tickets import store as tickets_store
from tickets.playbooks import store
from tickets.store import Ticket


async def seeded(world: World) -> World:
    """The delivered playbooks are there."""
    async with world.db.begin() as tx:
        await world.tickets.playbooks.seed(tx)
    return world


async def fault(world: World, who: str, text: str = "看剧一直黑屏 没有画面") -> Ticket:
    """A playback fault on a known device, which waits for a person."""
    ticket = await world.human(who=who, text=text)
    assert ticket.category_id == "technical/playback"
    async with world.db.begin() as tx:
        held = await world.tickets.kit.lock(tx, ticket.id)
        fields = {"device_model": "星海 X2", "app_version": "8.1.0"}
        await world.tickets.kit.change(tx, held, "form_done", tickets_store.CUSTOMER, fields=fields)
    await world.pass_time(seconds=5)
    return await world.ticket(ticket.serial)


async def shown(world: World, ticket: Ticket) -> dict[str, object]:
    """The detail's `playbook`."""
    found = await world.tickets.playbooks.now(ticket.serial, {"ticket.write"})
    assert isinstance(found, dict)
    return found


async def test_a_result_is_refused_until_what_is_wanted_is_known(any_world: World) -> None:
    """The refusal names what is missing, nothing is sent and nothing is half done; then it goes."""
    world = await seeded(any_world)
    ticket = await fault(world, "v-1")
    before = await world.seen(ticket.conversation_id or "")
    with pytest.raises(IllegalMove) as refused:
        await world.tickets.resolve_serial(ticket.serial, LIN, solution="已修复")
    assert "根因" in world.texts.get(refused.value.text_id, **refused.value.params)
    assert (await world.ticket(ticket.serial)).state == "new"
    assert len(await world.seen(ticket.conversation_id or "")) == len(before)
    with pytest.raises(Invalid):
        await world.tickets.playbooks.fill(ticket.serial, {"cause": "aliens"}, LIN)
    with pytest.raises(Invalid):
        await world.tickets.playbooks.fill(ticket.serial, {"nothing": "x"}, LIN)
    await world.tickets.playbooks.fill(ticket.serial, {"cause": "platform"}, LIN)
    await world.tickets.resolve_serial(ticket.serial, LIN, solution="已修复")
    await world.pass_time(minutes=2)
    solved = await world.ticket(ticket.serial)
    assert (solved.state, solved.cause) == ("resolved", "platform")
    await world.check_history(ticket.id)


async def test_the_cause_given_with_the_result_is_enough(world: World) -> None:
    """What is told in the same call counts."""
    await seeded(world)
    ticket = await fault(world, "v-1")
    await world.tickets.resolve_serial(ticket.serial, LIN, solution="已修复", cause="user")
    await world.pass_time(minutes=2)
    assert (await world.ticket(ticket.serial)).state == "resolved"


async def test_steps_stand_in_the_history_with_who_and_when(any_world: World) -> None:
    """Done, done again (nothing), undone; unknown ones are not found."""
    world = await seeded(any_world)
    ticket = await fault(world, "v-1")
    plays = world.tickets.playbooks
    await plays.do(ticket.serial, "collect", LIN, is_done=True, note="已拿到录屏")
    await plays.do(ticket.serial, "collect", LIN, is_done=True)
    first = (await shown(world, ticket))["steps"]
    assert isinstance(first, list)
    assert (first[0]["done_by"], first[0]["done_at"] is None) == ("林小岛", False)
    assert ticket.serial in first[0]["template"]
    await plays.do(ticket.serial, "collect", ZHOU, is_done=False)
    with pytest.raises(NotFound):
        await plays.do(ticket.serial, "dance", LIN, is_done=True)
    kinds = await world.kinds(ticket)
    assert [each for each in kinds if each.startswith("plan_")] == ["plan_step_done", "plan_step_undone"]
    async with world.db.read() as tx:
        told = [each for each in await tickets_store.events_of(tx, ticket.id) if each.kind == "plan_step_done"]
    assert (told[0].text, told[0].actor_name) == ("收集信息：已拿到录屏", "林小岛")


async def test_the_same_fault_within_seven_days_opens_the_released_matter_again(any_world: World) -> None:
    """Reopened for whoever had it, both linked, its last steps to be done again; told to the desk."""
    world = await seeded(any_world)
    first = await fault(world, "v-1")
    assert first.signature is not None
    plays = world.tickets.playbooks
    await plays.fill(first.serial, {"cause": "platform"}, LIN)
    await world.tickets.resolve_serial(first.serial, LIN, solution="新版本已修复")
    await world.pass_time(minutes=2)
    await plays.do(first.serial, "release", LIN, is_done=True)
    await world.pass_time(days=2)
    again = await fault(world, "v-2", "刚更新完又黑屏了 看不成剧")
    assert again.signature == first.signature
    assert "fault_known" in await world.kinds(again)
    back = await world.ticket(first.serial)
    assert (back.state, back.assignee_id, back.reopened_count) == ("new", "stf_lin", 1)
    assert (await world.kinds(back))[-1] == "fault_returned"
    watch = (await shown(world, back))["watch"]
    assert isinstance(watch, dict)
    assert watch["returned_at"] is not None
    await world.check_history(first.id)
    await world.check_history(again.id)


async def test_after_seven_days_it_is_another_fault(world: World) -> None:
    """Nothing is opened again for what came later."""
    await seeded(world)
    first = await fault(world, "v-1")
    await world.tickets.playbooks.do(first.serial, "release", LIN, is_done=True)
    await world.pass_time(days=8)
    again = await fault(world, "v-2")
    assert "fault_known" not in await world.kinds(again)
    assert "fault_returned" not in await world.kinds(first)


async def test_staff_name_a_fault_by_hand(world: World) -> None:
    """Where too little is known to tell it by, release asks for a name; the same name is the same fault."""
    await seeded(world)
    plays = world.tickets.playbooks
    first = await world.human(who="v-1", text="看剧一直黑屏 没有画面")
    with pytest.raises(Invalid) as refused:
        await plays.do(first.serial, "release", LIN, is_done=True)
    assert refused.value.text_id == "error.playbook_signature_wanted"
    await plays.sign(first.serial, "play-1024", LIN)
    await plays.do(first.serial, "release", LIN, is_done=True)
    second = await world.human(who="v-2", text="播放失败 提示错误")
    await plays.sign(second.serial, "PLAY-1024", ZHOU)
    await world.pass_time(seconds=5)
    assert "fault_known" in await world.kinds(second)
    assert (await world.kinds(first))[-1] == "fault_returned"


async def test_an_appeal_is_handled_by_somebody_else(any_world: World) -> None:
    """Who decided may not take it on, be given it, do its steps or write its result; a colleague may."""
    world = await seeded(any_world)
    ticket = await world.human(text="我要举报违规的低俗内容")
    assert ticket.category_id == "content/report"
    plays = world.tickets.playbooks
    await plays.fill(ticket.serial, {"violation_level": "warning", "violation_rule": "社区规则 3.2"}, LIN)
    for step in ("evidence", "act", "tell_concerned"):
        await plays.do(ticket.serial, step, LIN, is_done=True)
    await world.tickets.resolve_serial(ticket.serial, LIN, solution="已警告")
    await world.pass_time(minutes=2)
    made = await plays.appeal(ticket.serial, LIN, text="我没有违规", name="岛主小北", same_customer=False)
    assert (made.previous_id, made.reason, made.team_id) == (ticket.id, "appeal", "content-review")
    assert made.customer_id != ticket.customer_id
    with pytest.raises(Conflict) as refused:
        await world.tickets.confirm(made.serial, LIN)
    assert refused.value.text_id == "error.appeal_same_person"
    with pytest.raises(Conflict):
        await world.tickets.change(made.serial, QIN, made.version, assignee_id="stf_lin")
    with pytest.raises(Conflict):
        await plays.do(made.serial, "evidence", LIN, is_done=True)
    await world.tickets.confirm(made.serial, ZHOU)
    assert (await world.ticket(made.serial)).assignee_id == "stf_zhou"
    with pytest.raises(Conflict):
        await world.tickets.resolve_serial(made.serial, LIN, solution="维持", result_kind="withdrawn")
    detail = await shown(world, await world.ticket(ticket.serial))
    assert detail["appeals"] == [{"serial": made.serial, "state": "in_progress"}]
    assert (await shown(world, made))["appeal_of"] == ticket.serial
    for _ in range(2):
        await plays.appeal(ticket.serial, ZHOU, text="再看看")
    with pytest.raises(Conflict):
        await plays.appeal(ticket.serial, ZHOU, text="再看看")
    with pytest.raises(Invalid):
        await plays.appeal(ticket.serial, ZHOU, text="  ")


async def test_an_edited_playbook_is_kept_and_a_stale_edit_is_refused(any_world: World) -> None:
    """Seeding again changes nothing that somebody wrote."""
    world = await seeded(any_world)
    now = world.clock.now()
    async with world.db.begin() as tx:
        (technical, *_) = await store.load(tx)
        edited = replace(technical, name="播放故障处理")
        await store.save(tx, edited, by="stf_qin", now=now)
        with pytest.raises(Conflict):
            await store.save(tx, edited, by="stf_qin", now=now + timedelta(seconds=1))
    await seeded(world)
    async with world.db.read() as tx:
        assert (await store.load(tx))[0].name == "播放故障处理"
