"""The platform's count of five: whatever the house says, a person's first answer always goes through."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.store import conversations, messages
from bot.tables import conversations as conversations_table
from bot.tables import identities
from bot.types import Author, Delivery, Kind, Speaker
from core.clock import FakeClock
from core.db import Database
from core.ids import StaffId
from tests.connectors.platform_world import PlatformWorld, platform_world

_LIN = Speaker(StaffId("stf_lin"), "小林")
_LONG = "".join(f"第{number}步,请打开设置里的网络检测,等它跑完再看。" for number in range(100))
_STEPS = st.lists(st.sampled_from(["bot", "bot_long", "notice", "survey", "agent", "agent_late"]), max_size=9)
_USERS = itertools.count(1)


@pytest.fixture
async def platform(db: Database, tmp_path: Path) -> AsyncIterator[PlatformWorld]:
    async with platform_world(db, "wechat", tmp_path / "files") as made:
        yield made


async def _say(platform: PlatformWorld, conversation_id: str, step: str) -> str:
    clock: FakeClock = platform.world.clock
    agent = step.startswith("agent")
    choices = {"choices": [{"id": "rating:4", "label": "非常满意"}]} if step == "survey" else {}
    async with platform.world.db.begin() as tx:
        message = await messages.append(
            tx,
            conversation_id=conversation_id,
            author=Author.AGENT if agent else Author.BOT if step.startswith("bot") else Author.SYSTEM,
            kind=Kind.NOTICE if step == "notice" else Kind.CHOICE if choices else Kind.TEXT,
            text=_LONG if step == "bot_long" else f"{step} 说的话",
            at=clock.now(),
            payload=choices,
            staff=_LIN if agent else None,
            delivery=Delivery.PENDING,
        )
    return message.id


async def _delivery(platform: PlatformWorld, message_id: str) -> Delivery:
    async with platform.world.db.read() as tx:
        return (await messages.get(tx, message_id)).delivery


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(windows=st.lists(_STEPS, min_size=1, max_size=3), at_once=st.booleans())
async def test_a_persons_first_answer_is_never_without_a_message(
    platform: PlatformWorld, windows: list[list[str]], at_once: bool
) -> None:
    user = f"顾客{next(_USERS)}"
    for steps in windows:
        # Each round begins with the customer's words, which set the platform's count back to five.
        pushed = await platform.write(user, "在吗")
        assert pushed.status == 200
        conversation_id = await _conversation(platform, user)
        said = []
        for step in steps:
            said.append((step, await _say(platform, conversation_id, step)))
            if not at_once:
                await platform.delivery.run_due()
        await platform.delivery.run_due()
        answers = [message_id for step, message_id in said if step.startswith("agent")]
        if answers:
            assert await _delivery(platform, answers[0]) is Delivery.SENT
        for step, message_id in said:
            # Nothing of the house's fails for want of count: it arrives, or waits for the customer.
            if not step.startswith("agent"):
                assert await _delivery(platform, message_id) in (Delivery.SENT, Delivery.HELD)


async def _conversation(platform: PlatformWorld, user: str) -> str:
    query = (
        select(conversations_table.c.id)
        .join(identities, identities.c.id == conversations_table.c.identity_id)
        .where(identities.c.external_id == platform.name_of(user))
    )
    async with platform.world.db.read() as tx:
        row = await tx.first(query)
    assert row is not None
    return str(row.id)


async def test_what_was_held_goes_with_the_customers_next_words(platform: PlatformWorld) -> None:
    await platform.write("小满", "在吗")
    conversation_id = await _conversation(platform, "小满")
    for _ in range(4):
        await _say(platform, conversation_id, "notice")
        await platform.delivery.run_due()
    last = await _say(platform, conversation_id, "notice")
    await platform.delivery.run_due()
    assert await _delivery(platform, last) is Delivery.HELD
    before = len(platform.phone("小满"))
    await platform.write("小满", "还在吗")
    await platform.delivery.run_due()
    assert await _delivery(platform, last) is Delivery.SENT
    # What waited came as one message, not as three.
    assert len(platform.phone("小满")) == before + 1


async def test_the_survey_of_a_conclusion_goes_out_with_the_last_of_the_count(platform: PlatformWorld) -> None:
    await platform.write("小满", "转人工")
    conversation_id = await _conversation(platform, "小满")
    for step in ("bot", "notice", "agent", "agent_late"):
        await _say(platform, conversation_id, step)
        await platform.delivery.run_due()
    survey = await _say(platform, conversation_id, "survey")
    await platform.delivery.run_due()
    assert await _delivery(platform, survey) is Delivery.SENT


async def test_what_the_house_says_at_once_is_one_message(platform: PlatformWorld) -> None:
    await platform.write("小满", "在吗")
    conversation_id = await _conversation(platform, "小满")
    for step in ("bot", "bot", "notice"):
        await _say(platform, conversation_id, step)
    before = len(platform.phone("小满"))
    await platform.delivery.run_due()
    assert len(platform.phone("小满")) == before + 1
    async with platform.world.db.read() as tx:
        assert (await conversations.get(tx, conversation_id)).sends == 1
