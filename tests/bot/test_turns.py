"""A turn from the customer's side: what is said, what is recorded, and that it happens once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from bot.assistant import Question, Said
from bot.mind import NOTHING_FOUND
from bot.outcome import Outcome
from bot.store import conversations, customers
from bot.turn import Applied
from bot.types import Author, Delivery, Kind, Mode
from bot.work import Work
from core.db import Database
from core.errors import AssistantUnavailable, DatabaseUnavailable
from tests.bot.world import LIN, World, build
from tests.fakes import NullAssistant, ScriptedAssistant, turn_of

KNOWN = {
    "密码": ("answer", False, ("忘记密码",)),
    "退款": ("ask", False, ("会员退款", "商品退款", "取消续费", "发票")),
    "怎么开发票": ("answer", True, ("发票",)),
}


@pytest.fixture(autouse=True)
def _knowledge(world: World) -> None:
    world.answers.known.update(KNOWN)


async def test_a_known_question_is_answered_with_its_article(world: World) -> None:
    said = await world.says("密码忘了登不上去怎么办")
    [reply] = await world.spoken(said.conversation_id)
    assert (reply.author, reply.seq, reply.text) == (Author.BOT, 2, "忘记密码的答案")
    assert reply.articles[0].url == "/help/art_忘记密码"
    assert reply.payload["answer"] is True
    [exchange] = await world.exchanges(said.conversation_id)
    assert (exchange.state, exchange.decision, exchange.answered_by) == ("answered", "answer", "bot")
    assert exchange.reply == (reply.id,)
    assert exchange.articles[0]["article_id"] == "art_忘记密码"
    assert (exchange.release_id, exchange.latency_ms) == ("rel_1", 2000)
    assert world.tickets.replies == [(exchange.ticket_id, "bot")]


async def test_an_unclear_question_gets_three_choices_none_and_a_person(world: World) -> None:
    said = await world.says("退款")
    reply = await world.last(said.conversation_id)
    assert [each.label for each in reply.choices] == ["会员退款", "商品退款", "取消续费", "都不是", "转人工"]
    await world.says(choice="article:art_会员退款", run=False)
    await world.turns.run_due()  # A press of a button waits for nothing.
    assert (await world.last(said.conversation_id)).text == "会员退款的答案"
    assert world.answers.choices == [("退款", "art_会员退款")]
    assert (await world.exchanges(said.conversation_id))[-1].decision == "choice"


async def test_choices_may_be_named_by_number_or_words(world: World) -> None:
    said = await world.says("退款", channel="wechat")
    await world.says("2", channel="wechat")
    assert (await world.last(said.conversation_id)).text == "商品退款的答案"
    await world.says("退款", channel="wechat")
    await world.says("取消续费", channel="wechat")
    assert (await world.last(said.conversation_id)).text == "取消续费的答案"


async def test_none_of_these_is_a_failed_turn_and_a_gap(world: World) -> None:
    said = await world.says("退款")
    await world.says(choice="none_of_these")
    assert world.answers.choices == [("退款", None)]
    assert world.answers.gaps == [("退款", "none")]
    assert (await world.episode(said.conversation_id)).failed_turns == 1


async def test_after_two_failed_turns_a_person_is_offered_and_yes_is_enough(world: World) -> None:
    assert isinstance(world.assistant, ScriptedAssistant)
    said = await world.says("月球上能看吗")
    first = await world.last(said.conversation_id)
    assert "转人工" in [each.label for each in first.choices]
    await world.says("那火星呢")
    offer = await world.last(said.conversation_id)
    assert offer.text == world.texts.get("bot.offer_person")
    assert [each.decision for each in await world.exchanges(said.conversation_id)] == ["fallback", "offer"]
    world.assistant.answer = lambda _text: turn_of(Said("affirm", "smalltalk.affirm"), intent="affirm")
    await world.says("好的")
    assert world.handoffs.requests[0].reason == "failed_turns"
    assert (await world.conversation(said.conversation_id)).mode is Mode.WAITING


async def test_messages_within_the_gather_time_are_one_turn(world: World) -> None:
    assert isinstance(world.assistant, ScriptedAssistant)
    said = await world.says("你好", run=False)
    await world.says("密码忘了", run=False)
    await world.says("急", run=False)
    assert await world.turns.run_due() == 0
    world.clock.advance(seconds=2)
    assert await world.turns.run_due() == 1
    [question] = world.assistant.asked
    assert question.text == "你好,密码忘了,急"
    assert len(await world.spoken(said.conversation_id)) == 1
    replies = {each.reply for each in await world.exchanges(said.conversation_id)}
    assert len(replies) == 1
    assert {each.state for each in await world.exchanges(said.conversation_id)} == {"answered"}


async def test_what_arrives_while_a_turn_runs_is_the_next_turn(world: World) -> None:
    assert isinstance(world.assistant, ScriptedAssistant)

    async def more(question: Question) -> None:
        world.assistant.before_answer = None  # type: ignore[union-attr]  # checked above
        await world.says("怎么开发票", run=False)

    world.assistant.before_answer = more
    said = await world.says("密码忘了")
    texts = [each.text for each in await world.messages(said.conversation_id)]
    assert texts == ["密码忘了", "怎么开发票", "忘记密码的答案", "发票的答案"]
    assert [each.seq for each in await world.messages(said.conversation_id)] == [1, 2, 3, 4]


async def test_a_wish_for_a_person_goes_into_the_line_with_everything_known(world: World) -> None:
    assert isinstance(world.assistant, ScriptedAssistant)
    said = await world.says("密码忘了", profile={"device_model": "某型号", "city": "杭州"})
    asked = len(world.assistant.asked)
    await world.says("转人工")
    assert len(world.assistant.asked) == asked  # Nobody is asked whether the customer means it.
    notice = await world.last(said.conversation_id)
    assert (notice.author, notice.kind) == (Author.SYSTEM, Kind.NOTICE)
    conversation = await world.conversation(said.conversation_id)
    assert (conversation.mode, conversation.epoch) == (Mode.WAITING, 1)
    [wish] = world.handoffs.requests
    packet = wish.packet
    assert (packet["version"], packet["reason"]) == (1, "explicit_wish")
    assert packet["articles"][0]["article_id"] == "art_忘记密码"
    assert [each["text"] for each in packet["messages"]] == ["密码忘了", "忘记密码的答案", "转人工"]
    assert packet["summary"] == "密码忘了"
    assert packet["device"] == {"device_model": "某型号"}
    assert packet["place"] == {"city": "杭州"}
    assert wish.team_id == "team_support"
    assert world.tickets.wanted[0]["queued"] is True


@pytest.mark.parametrize("outlook", ["nobody_online", "after_hours", "full", "queue_down"])
async def test_without_a_line_the_ticket_waits_and_the_words_differ(world: World, outlook: str) -> None:
    world.handoffs.state = outlook
    said = await world.says("转人工")
    reply = await world.last(said.conversation_id)
    [ref] = world.tickets.tickets.values()
    assert reply.text == world.texts.get(f"bot.{outlook}", serial=ref.serial)
    conversation = await world.conversation(said.conversation_id)
    assert conversation.mode is Mode.BOT
    assert world.tickets.wanted[0]["queued"] is False
    assert (world.tickets.wanted[0]["reason"] == "queue_down") == (outlook == "queue_down")
    async with world.db.read() as tx:
        assert await world.conversations.contact_wanted(tx, conversation)
    await world.conversations.leave_contact(said.conversation_id, phone="13800000000", email=None)
    async with world.db.read() as tx:
        assert not await world.conversations.contact_wanted(tx, conversation)


async def test_an_unreachable_line_is_a_waiting_ticket(world: World) -> None:
    world.handoffs.broken = True
    said = await world.says("转人工")
    assert world.tickets.wanted[0]["reason"] == "queue_down"
    assert (await world.conversation(said.conversation_id)).mode is Mode.BOT


async def test_a_reply_that_comes_after_a_person_is_dropped_and_recorded(world: World) -> None:
    assert isinstance(world.assistant, ScriptedAssistant)

    async def take(question: Question) -> None:
        async with world.db.begin() as tx:
            await world.handoffs.take(tx, question.conversation_id, LIN)

    world.assistant.before_answer = take
    said = await world.says("密码忘了")
    assert await world.spoken(said.conversation_id) == []
    [dropped] = [each for each in await world.hidden(said.conversation_id) if each.author is Author.BOT]
    assert (dropped.seq, dropped.delivery, dropped.text) == (None, Delivery.DROPPED, "忘记密码的答案")
    [exchange] = await world.exchanges(said.conversation_id)
    assert (exchange.state, exchange.answered_by) == ("dropped", "nobody")
    assert (await world.conversation(said.conversation_id)).last_seq == 1


async def test_with_the_assistant_down_the_knowledge_base_answers_alone(db: Database) -> None:
    world = await build(db, NullAssistant())
    world.answers.known.update(KNOWN)
    said = await world.says("密码忘了")
    assert (await world.last(said.conversation_id)).text == "忘记密码的答案"
    await world.says("你好")
    assert (await world.last(said.conversation_id)).text == world.texts.get("bot.hello")
    await world.says("月球上能看吗")
    offer = await world.last(said.conversation_id)
    assert "human" in [each.id for each in offer.choices]


async def test_with_everything_on_fire_the_customer_hears_an_apology_once(world: World) -> None:
    said = await world.says("你好")
    world.answers.broken = True
    await world.says("密码忘了")
    assert (await world.last(said.conversation_id)).text == world.texts.get("bot.not_understood")

    async def burn(*_: Any, **__: Any) -> None:
        raise RuntimeError("on fire")

    world.tickets.reply_sent = burn  # type: ignore[method-assign]
    before = len(await world.messages(said.conversation_id))
    await world.says("再说一次")
    sorry = (await world.messages(said.conversation_id))[before + 1 :]
    assert [each.text for each in sorry] == [world.texts.get("bot.sorry")]
    assert [each.id for each in sorry[0].choices] == ["human"]
    assert await world.turns.run_due() == 0
    assert (await world.exchanges(said.conversation_id))[-1].failed


class _Crash(BaseException):
    """The process is gone."""


async def test_a_turn_left_by_a_crash_is_taken_up_again_and_never_posts_twice(world: World) -> None:
    """The crash falls between the post to the assistant and the reply."""
    assert isinstance(world.assistant, ScriptedAssistant)
    world.assistant.answer = lambda _text: turn_of(Said("text", "smalltalk.greet"), intent="greet")

    async def crash(question: Question) -> None:
        raise _Crash

    world.assistant.before_answer = crash
    with pytest.raises(_Crash):
        await world.says("你好呀")
    world.assistant.before_answer = None
    assert await world.turns.run_due() == 0  # Still claimed.
    late = await world.says("密码忘了", run=False)
    world.clock.advance(seconds=21)
    assert await world.turns.run_due() == 2  # The old turn, then the message that came since.
    texts = [each.text for each in await world.spoken(late.conversation_id)]
    assert texts == [world.texts.get("smalltalk.greet"), world.texts.get("smalltalk.greet")]
    assert [question.text for question in world.assistant.asked] == ["你好呀", "密码忘了"]
    assert world.assistant.recalled == [(await world.exchanges(late.conversation_id))[0].id]


async def test_a_crash_before_the_post_reached_the_assistant_asks_it_after_a_look(world: World) -> None:
    assert isinstance(world.assistant, ScriptedAssistant)
    answer = world.assistant.answer

    def crash(_text: str) -> Any:
        raise _Crash

    world.assistant.answer = crash
    with pytest.raises(_Crash):
        await world.says("密码忘了")
    world.assistant.answer, world.assistant.asked = answer, []
    world.clock.advance(seconds=21)
    await world.turns.run_due()
    assert len(world.assistant.recalled) == 1
    assert len(world.assistant.asked) == 1


async def test_a_form_question_is_asked_and_its_answers_reach_the_ticket(world: World) -> None:
    assert isinstance(world.assistant, ScriptedAssistant)
    world.assistant.answer = lambda _text: turn_of(
        Said("text", "form.ask.network_kind", {}, (("set:network_kind:wifi", "form.value.wifi"),)),
        intent="report_problem",
        active_form="report_problem_form",
        requested_slot="network_kind",
        slots={"problem": "一直转圈"},
    )
    said = await world.says("看电影一直转圈")
    asked = await world.last(said.conversation_id)
    assert [(each.id, each.label) for each in asked.choices] == [("set:network_kind:wifi", "Wi-Fi")]
    assert (await world.episode(said.conversation_id)).memory.form == "report_problem_form"
    world.assistant.answer = lambda _text: turn_of(
        Said("form_done", "form.done", {"answers": {"network_kind": "wifi"}}), intent="inform"
    )
    await world.says(choice="set:network_kind:wifi")
    assert world.assistant.asked[-1].choice == "set:network_kind:wifi"
    assert world.tickets.forms == [("report_problem", {"network_kind": "wifi"})]
    assert world.tickets.wanted[0]["reason"] == "problem_report"
    done = await world.last(said.conversation_id)
    assert (done.text, [each.id for each in done.choices]) == (world.texts.get("form.done"), ["human"])


async def test_a_question_in_the_middle_of_a_form_is_answered_and_the_form_goes_on(world: World) -> None:
    assert isinstance(world.assistant, ScriptedAssistant)
    form: dict[str, Any] = {"active_form": "report_problem_form", "requested_slot": "city", "slots": {}}
    world.assistant.answer = lambda _text: turn_of(Said("text", "form.ask.city"), intent="report_problem", **form)
    said = await world.says("看不了")
    world.assistant.answer = lambda _text: turn_of(Said("faq"), Said("text", "form.ask.city"), **form)
    await world.says("密码忘了怎么办")
    texts = [each.text for each in await world.spoken(said.conversation_id)]
    assert texts[-2:] == ["忘记密码的答案", world.texts.get("form.ask.city")]
    assert (await world.episode(said.conversation_id)).memory.form == "report_problem_form"


async def test_a_form_that_a_person_interrupted_is_dropped(world: World) -> None:
    assert isinstance(world.assistant, ScriptedAssistant)
    form: dict[str, Any] = {"active_form": "report_problem_form", "requested_slot": "city", "slots": {}}
    world.assistant.answer = lambda _text: turn_of(Said("text", "form.ask.city"), intent="report_problem", **form)
    said = await world.says("看不了")
    async with world.db.begin() as tx:
        await world.handoffs.take(tx, said.conversation_id, LIN)
    async with world.db.begin() as tx:
        await world.handoffs.give_back(tx, said.conversation_id)
    await world.says("北京")
    assert world.assistant.asked[-1].drop_form is True


async def test_a_complaint_goes_to_a_person_with_words_of_regret(world: World) -> None:
    assert isinstance(world.assistant, ScriptedAssistant)
    complaint = Said("handoff", "handoff.complaint", {"reason": "complaint", "answers": {"problem": "扣费"}})
    world.assistant.answer = lambda _text: turn_of(complaint, intent="complain")
    said = await world.says("你们这服务我要去上面反映")
    texts = [each.text for each in await world.spoken(said.conversation_id)]
    assert texts == [world.texts.get("handoff.complaint"), world.texts.get("bot.waiting")]
    [wish] = world.handoffs.requests
    assert (wish.reason, wish.priority, wish.packet["form"]) == ("complaint", 2, {"problem": "扣费"})


async def test_in_the_line_the_place_is_told_to_those_who_ask(world: World) -> None:
    said = await world.says("转人工", channel="wechat")
    texts = [each.text for each in await world.spoken(said.conversation_id)]
    assert "马上就轮到您" in texts[-1]  # Channels without a state hear it once on entering.
    await world.says("我的会员到期了", channel="wechat")
    assert len(await world.spoken(said.conversation_id)) == 2
    await world.says("前面还有几个人", channel="wechat")
    last = await world.last(said.conversation_id)
    assert (last.author, last.kind, last.delivery) == (Author.SYSTEM, Kind.NOTICE, Delivery.PENDING)
    states = [(each.decision, each.state) for each in await world.exchanges(said.conversation_id)]
    assert states == [("wish", "answered"), ("waiting", "open"), ("waiting", "answered")]


async def test_the_line_can_be_left_by_words(world: World) -> None:
    said = await world.says("转人工")
    await world.says("取消排队")
    assert (await world.conversation(said.conversation_id)).mode is Mode.BOT
    assert "已经离开队列" in (await world.last(said.conversation_id)).text
    await world.says("密码忘了")
    assert (await world.last(said.conversation_id)).text == "忘记密码的答案"


async def test_the_state_of_the_tickets_is_told(world: World) -> None:
    assert isinstance(world.assistant, ScriptedAssistant)
    world.assistant.answer = lambda _text: turn_of(Said("ticket_status"), intent="ask_ticket_status")
    said = await world.says("我的工单怎么样了")
    assert (await world.last(said.conversation_id)).text == world.texts.get("bot.tickets_none")
    customer = (await world.conversation(said.conversation_id)).customer_id
    ref = world.tickets.add(customer, state="in_progress", tier=2, title="卡顿")
    await world.says("工单进度")
    assert f"{ref.serial}「卡顿」：正在处理" in (await world.last(said.conversation_id)).text


async def test_the_matter_of_last_time_is_asked_about_once_and_can_be_opened_again(world: World) -> None:
    met = await world.intake.meet(world.channel_ids["web"], "v-1")
    old = world.tickets.add(met.customer_id, state="resolved", tier=2, title="卡顿")
    world.tickets.again = old
    said = await world.says("密码忘了")
    answer, asked = await world.spoken(said.conversation_id)
    assert answer.text == "忘记密码的答案"
    assert [each.id for each in asked.choices] == [f"reopen:{old.ticket_id}", "new_matter"]
    await world.says(choice=f"reopen:{old.ticket_id}")
    assert world.tickets.said == [(old.ticket_id, "reopen")]
    assert {each.ticket_id for each in await world.exchanges(said.conversation_id)} == {old.ticket_id}
    assert [reason for _, reason in world.tickets.ended] == ["merged"]
    world.tickets.again = None
    await world.says("密码忘了")
    assert (await world.last(said.conversation_id)).text == "忘记密码的答案"


async def test_one_tap_on_the_survey_is_a_word_on_the_old_matter(world: World) -> None:
    met = await world.intake.meet(world.channel_ids["wechat"], "o-1")
    old = world.tickets.add(met.customer_id, state="resolved", tier=2)
    async with world.db.begin() as tx:
        await conversations.set_survey(tx, met.conversation_id, old.ticket_id)
    await world.says("满意", who="o-1", channel="wechat")
    assert world.tickets.said == [(old.ticket_id, "rating:3")]
    assert (await world.last(met.conversation_id)).text == world.texts.get("bot.rated_well")
    assert (await world.conversation(met.conversation_id)).survey_ticket_id is None
    assert {each.ticket_id for each in await world.exchanges(met.conversation_id)} == {old.ticket_id}


async def test_a_late_search_and_an_angry_customer_still_get_an_answer(world: World) -> None:
    said = await world.says("垃圾软件,密码忘了!!!")
    reply = await world.last(said.conversation_id)
    assert reply.text == "忘记密码的答案"
    assert [each.id for each in reply.choices] == ["human"]
    assert (await world.exchanges(said.conversation_id))[0].emotion == pytest.approx(1.0)


async def test_pictures_alone_are_kept_and_asked_about(world: World) -> None:
    said = await world.says("截图.png", kind=Kind.IMAGE)
    assert (await world.last(said.conversation_id)).text == world.texts.get("bot.attachment_received")
    assert world.answers.searched == []


async def test_an_assistant_that_was_late_is_told_to_drop_what_it_began(world: World) -> None:
    assert isinstance(world.assistant, ScriptedAssistant)

    async def late(question: Question) -> None:
        raise AssistantUnavailable("late")

    world.assistant.before_answer = late
    said = await world.says("看电影一直转圈")
    assert (await world.episode(said.conversation_id)).memory.stale
    world.assistant.before_answer = None
    await world.says("昨天开始的")
    assert world.assistant.asked[-1].drop_form is True
    assert not (await world.episode(said.conversation_id)).memory.stale


async def test_the_action_endpoint_sees_the_search_of_a_running_turn(world: World) -> None:
    assert isinstance(world.assistant, ScriptedAssistant)
    seen: list[Any] = []

    async def look(question: Question) -> None:
        seen.append(await world.turns.search_of(question.exchange_id))

    world.assistant.before_answer = look
    await world.says("密码忘了")
    assert seen == [{"decision": "answer", "exact": False, "probability": 0.95}]
    assert await world.turns.search_of("exc_unknown") is None
    assert NOTHING_FOUND.results == ()


async def test_the_loop_answers_without_being_asked(world: World) -> None:
    """The same as above, by the running loop: wake-ups and real time."""
    answered = asyncio.Event()
    publish = world.notifier.publish

    def listen(topic: str, event: Mapping[str, Any]) -> None:
        publish(topic, event)
        if event.get("seq") == 2:
            answered.set()

    world.notifier.publish = listen  # type: ignore[method-assign]
    task = asyncio.create_task(world.turns.run())
    try:
        said = await world.says("密码忘了", run=False)
        world.clock.advance(seconds=2)
        world.turns.wake(world.clock.now())
        async with asyncio.timeout(5):
            await answered.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert (await world.last(said.conversation_id)).text == "忘记密码的答案"


async def test_a_busy_database_costs_the_customer_no_answer(world: World) -> None:
    """The outcome is applied again; what was thought is not thought twice."""
    apply, failures = world.turns._hand.apply, [DatabaseUnavailable("locked")]

    async def busy(work: Work, outcome: Outcome) -> Applied:
        if failures:
            raise failures.pop()
        return await apply(work, outcome)

    world.turns._hand.apply = busy  # type: ignore[method-assign]
    said = await world.says("密码忘了")
    assert (await world.last(said.conversation_id)).text == "忘记密码的答案"
    assert len(world.answers.searched) == 1


async def test_an_english_visitor_is_answered_in_english(world: World) -> None:
    said = await world.says("can I watch it on the moon", profile={"language": "en-GB"})
    assert (await world.last(said.conversation_id)).text == world.texts.get("bot.not_understood", "en")
    await world.says("月球上能看吗")
    assert (await world.last(said.conversation_id)).text == world.texts.get("bot.offer_person")


async def test_a_phone_number_typed_when_nobody_was_there_is_kept_as_contact(world: World) -> None:
    """On WeChat and Weibo there is no form for it."""
    world.handoffs.state = "nobody_online"
    accepted = await world.says("转人工", channel="wechat")
    await world.says("那打我电话 138 0013 8000", channel="wechat")
    async with world.db.read() as tx:
        customer = await customers.get(tx, (await world.conversation(accepted.conversation_id)).customer_id)
    assert customer.phone == "138 0013 8000"
    assert customer.contact_consent_at is not None
    assert "8000" in (await world.last(accepted.conversation_id)).text
    assert "0013" not in (await world.last(accepted.conversation_id)).text


async def test_who_says_that_the_picture_stutters_is_offered_a_speed_test(world: World) -> None:
    world.answers.known["卡顿"] = ("answer", False, ("播放卡顿",))
    accepted = await world.says("看电影一直卡顿转圈")
    cards = [each for each in await world.spoken(accepted.conversation_id) if each.payload.get("card")]
    assert len(cards) == 1
    assert cards[0].kind is Kind.CARD
