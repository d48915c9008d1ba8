"""Outgoing messages: in order, tried again, failed aloud, and at most once too often after a crash."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from bot.outbox import LEASE_S, TRIES, DeliveryLoop
from bot.types import Delivered, Delivery, Outgoing
from core.errors import Conflict
from tests.bot.world import World


@pytest.fixture
async def loop(world: World) -> DeliveryLoop:
    world.answers.known["密码"] = ("answer", False, ("忘记密码",))
    return DeliveryLoop(world.db, world.clock, world.outbox, world.notifier, world.counters)


async def _answered(world: World) -> str:
    said = await world.says("密码忘了", channel="wechat", who="openid-1")
    return said.conversation_id


async def test_a_reply_on_wechat_is_sent_to_the_platform(world: World, loop: DeliveryLoop) -> None:
    conversation_id = await _answered(world)
    assert await loop.run_due() == 1
    [sent] = world.outbox.sent
    assert (sent.external_id, sent.channel_kind, sent.text) == ("openid-1", "wechat", "忘记密码的答案")
    message = await world.last(conversation_id)
    assert (message.delivery, message.platform_id, message.delivery_attempts) == (Delivery.SENT, "p1", 1)
    assert await loop.run_due() == 0


async def test_replies_on_the_web_are_fetched(world: World, loop: DeliveryLoop) -> None:
    await world.says("密码忘了")
    assert await loop.run_due() == 0


async def test_a_message_waits_for_the_one_before_it(world: World, loop: DeliveryLoop) -> None:
    await _answered(world)
    await world.says("转人工", channel="wechat", who="openid-1")
    world.outbox.answers = [Delivered("retry", "busy", 30.0)]
    assert await loop.run_due() == 1
    world.clock.advance(seconds=29)
    assert await loop.run_due() == 0
    world.clock.advance(seconds=20)
    assert await loop.run_due() == 3
    seqs = [each.text for each in world.outbox.sent]
    assert seqs[0] == seqs[1] == "忘记密码的答案"
    assert seqs[2] == world.texts.get("bot.waiting")


async def test_what_fails_is_shown_and_does_not_hold_up_the_next(world: World, loop: DeliveryLoop) -> None:
    conversation_id = await _answered(world)
    await world.says("转人工", channel="wechat", who="openid-1")
    world.outbox.answers = [Delivered("failed", "window_closed")]
    await loop.run_due()
    first, *rest = await world.spoken(conversation_id)
    assert (first.delivery, first.delivery_error) == (Delivery.FAILED, "window_closed")
    assert {each.delivery for each in rest} == {Delivery.SENT}
    assert ("desk", {"type": "conversation", "id": conversation_id}) in world.notifier.events
    await loop.retry(first.id)
    await loop.run_due()
    assert (await world.spoken(conversation_id))[0].delivery is Delivery.SENT
    with pytest.raises(Conflict):
        await loop.retry(first.id)


async def test_tries_end(world: World, loop: DeliveryLoop) -> None:
    conversation_id = await _answered(world)
    world.outbox.answers = [Delivered("retry", "busy")] * TRIES
    for _ in range(TRIES + 2):
        await loop.run_due()
        world.clock.advance(seconds=600)
    message = await world.last(conversation_id)
    assert (message.delivery, message.delivery_error, len(world.outbox.sent)) == (Delivery.FAILED, "busy", TRIES)


async def test_after_a_crash_a_message_is_sent_once_more_and_not_again(world: World, loop: DeliveryLoop) -> None:
    conversation_id = await _answered(world)

    async def crash(message: Outgoing) -> Delivered:
        world.outbox.sent.append(message)
        raise asyncio.CancelledError

    world.outbox.deliver = crash  # type: ignore[method-assign]
    for expected in (1, 2, 2):
        with contextlib.suppress(asyncio.CancelledError):
            await loop.run_due()
        assert len(world.outbox.sent) == expected
        world.clock.advance(seconds=LEASE_S + 1)
    message = await world.last(conversation_id)
    assert (message.delivery, message.delivery_error) == (Delivery.FAILED, "unsure")


async def test_two_gateways_send_once(world: World, loop: DeliveryLoop) -> None:
    await _answered(world)
    other = DeliveryLoop(world.db, world.clock, world.outbox, world.notifier, world.counters)
    await asyncio.gather(loop.run_due(), other.run_due())
    assert len(world.outbox.sent) == 1
