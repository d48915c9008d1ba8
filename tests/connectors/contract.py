"""What every connector promises. A connector's own test inherits this and names its kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.store import messages
from bot.types import Author, Delivery, Kind
from core.db import Database
from tests.connectors.platform_world import GREETING, PlatformWorld, platform_world


def _picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (8, 8), (20, 120, 90)).save(out, "PNG")
    return out.getvalue()


PICTURE = _picture()


class ConnectorContract:
    """Inherit, and set `kind`; `options` go to the platform's stand-in."""

    kind: str
    options: Mapping[str, Any] = {}

    @pytest.fixture
    async def platform(self, db: Database, tmp_path: Path) -> AsyncIterator[PlatformWorld]:
        async with platform_world(db, self.kind, tmp_path / "files", **self.options) as made:
            yield made

    async def test_the_url_check_echoes_byte_for_byte(self, platform: PlatformWorld) -> None:
        query = {**platform.platform.signed(), "echostr": "1616140317555161061"}
        async with platform.session.get(platform.url, params=query) as response:
            assert (response.status, await response.text()) == (200, "1616140317555161061")

    @pytest.mark.parametrize("change", ["signature", "timestamp", "nonce"])
    async def test_a_wrong_signature_is_refused(self, platform: PlatformWorld, change: str) -> None:
        query = {**platform.platform.signed(), "echostr": "x"}
        query[change] = "0" * 40
        async with platform.session.get(platform.url, params=query) as response:
            assert response.status == 401
        async with platform.session.post(platform.url, params=query, data=b"<xml></xml>") as response:
            assert response.status == 401
        assert await platform.stored() == []

    async def test_a_message_is_stored_and_answered_once(self, platform: PlatformWorld) -> None:
        pushed = await platform.write("小满", "会员怎么退订?😀")
        assert (pushed.deliveries, pushed.status) == (1, 200)
        assert [each.text for each in await platform.stored()] == ["会员怎么退订?😀"]
        await platform.answer()
        said = [each for each in await platform.stored() if each.author is Author.BOT]
        assert said
        assert all(each.delivery is Delivery.SENT for each in said)
        assert len(platform.phone("小满")) >= len(said)

    async def test_three_deliveries_of_one_message_are_one_message(self, platform: PlatformWorld) -> None:
        pushed = await platform.write("小满", "在吗", deliveries=3)
        assert (pushed.deliveries, pushed.status) == (3, 200)
        assert len(await platform.stored()) == 1

    async def test_a_push_that_we_could_not_store_comes_again(self, platform: PlatformWorld) -> None:
        platform.fail_next = 2
        pushed = await platform.write("小满", "画面卡住了")
        assert (pushed.deliveries, pushed.status) == (3, 200)
        assert [each.text for each in await platform.stored()] == ["画面卡住了"]

    async def test_two_customers_in_one_second_are_two_conversations(self, platform: PlatformWorld) -> None:
        await asyncio.gather(platform.write("小满", "你好"), platform.write("未晚", "你好"))
        await platform.answer()
        assert platform.phone("小满")
        assert platform.phone("未晚")

    async def test_two_different_messages_in_one_second_are_both_kept(self, platform: PlatformWorld) -> None:
        await platform.write("小满", "第一句")
        await platform.write("小满", "第二句")
        assert [each.text for each in await platform.stored()] == ["第一句", "第二句"]

    @pytest.mark.parametrize("raw", [b"", b"\x00\xff\xfe", b"{}", b"<xml>", b"[1,2]", b"a" * 70_000, b"null"])
    async def test_nonsense_is_refused_and_stores_nothing(self, platform: PlatformWorld, raw: bytes) -> None:
        async with platform.session.post(platform.url, params=platform.platform.signed(), data=raw) as response:
            assert response.status in (400, 401, 413, 422)
        assert await platform.stored() == []

    async def test_an_unknown_account_is_not_found(self, platform: PlatformWorld) -> None:
        url = platform.url.replace("shop-account", "nobody")
        async with platform.session.get(url, params=platform.platform.signed()) as response:
            assert response.status == 404

    async def test_a_long_answer_goes_on_from_the_part_that_was_refused(self, platform: PlatformWorld) -> None:
        await platform.write("小满", "在吗")
        await platform.answer()
        before = len(platform.phone("小满"))
        text = "".join(f"第{number}步,请打开设置里的网络检测,等它跑完再看。" for number in range(120))
        conversation_id = (await platform.stored())[0].conversation_id
        if self.kind == "wechat":
            platform.platform.quota = None
        platform.platform.busy_after = 1
        async with platform.world.db.begin() as tx:
            long = await messages.append(
                tx,
                conversation_id=conversation_id,
                author=Author.AGENT,
                kind=Kind.TEXT,
                text=text,
                at=platform.world.clock.now(),
                delivery=Delivery.PENDING,
            )
        await platform.delivery.run_due()
        assert len(platform.phone("小满")) == before + 1
        platform.world.clock.advance(seconds=60)
        await platform.delivery.run_due()
        async with platform.world.db.read() as tx:
            assert (await messages.get(tx, long.id)).delivery is Delivery.SENT
        assert "".join(platform.phone("小满")[before:]) == text

    async def test_who_follows_is_greeted_once_with_the_hot_questions(self, platform: PlatformWorld) -> None:
        pushed = await platform.follow("小满", deliveries=3)
        assert (pushed.deliveries, pushed.status) == (3, 200)
        await platform.delivery.run_due()
        shown = platform.phone("小满")
        assert len(shown) == 1
        assert GREETING in shown[0]
        # A greeting is no matter: there is no ticket until the customer says something.
        [greeted] = await platform.stored()
        assert greeted.ticket_id is None

    async def test_who_left_is_not_written_to_until_they_are_back(self, platform: PlatformWorld) -> None:
        await platform.write("小满", "在吗")
        assert (await platform.follow("小满", leave=True)).status == 200
        await platform.answer()
        told = [each for each in await platform.stored() if each.author is Author.BOT]
        assert told
        assert all((each.delivery, each.delivery_error) == (Delivery.FAILED, "unsubscribed") for each in told)
        platform.world.clock.advance(seconds=5)
        await platform.follow("小满")
        await platform.delivery.run_due()
        assert any(GREETING in each for each in platform.phone("小满"))

    async def test_a_picture_is_acknowledged_thanked_for_and_then_fetched(self, platform: PlatformWorld) -> None:
        pushed = await platform.send_file("小满", "image", "image/png", PICTURE)
        assert (pushed.deliveries, pushed.status) == (1, 200)
        [said] = await platform.stored()
        assert (said.kind, said.file_id) == (Kind.IMAGE, None)
        assert await platform.media.run_due() == 1
        fetched = (await platform.stored())[0]
        assert fetched.file_id is not None
        async with platform.world.db.read() as tx:
            kept = await platform.files.find(tx, fetched.file_id)
        assert (kept.kind, kept.content_type) == ("image", "image/png")
        await platform.answer()
        assert platform.phone("小满")

    async def test_a_recording_is_kept_as_it_came(self, platform: PlatformWorld) -> None:
        sound = b"#!AMR\n" + bytes(range(200))
        await platform.send_file("小满", "voice", "voice/amr", sound)
        await platform.media.run_due()
        [said] = await platform.stored()
        assert said.file_id is not None
        async with platform.world.db.read() as tx:
            kept = await platform.files.find(tx, said.file_id)
        assert (kept.kind, kept.content_type) == ("voice", "audio/amr")
        assert platform.files.path(kept).read_bytes() == sound

    async def test_a_file_that_is_none_of_ours_is_given_up_and_the_message_stays(self, platform: PlatformWorld) -> None:
        await platform.send_file("小满", "image", "image/png", b"MZ this is a program")
        assert await platform.media.run_due() == 1
        [said] = await platform.stored()
        assert (said.file_id, said.payload["media"]) == (None, "failed")
        assert await platform.media.run_due() == 0

    async def test_a_file_that_cannot_be_had_now_is_asked_for_again(self, platform: PlatformWorld) -> None:
        await platform.send_file("小满", "image", "image/png", PICTURE)
        platform.cut_files = True
        await platform.media.run_due()
        assert (await platform.stored())[0].payload["media"] == "pending"
        platform.cut_files = False
        assert await platform.media.run_due() == 0
        platform.world.clock.advance(seconds=30)
        assert await platform.media.run_due() == 1
        assert (await platform.stored())[0].file_id is not None

    async def test_a_closed_window_is_a_failure_that_people_see(self, platform: PlatformWorld) -> None:
        await platform.write("小满", "在吗")
        await platform.answer()
        before = len(platform.phone("小满"))
        platform.world.clock.advance(hours=49)
        stored = await platform.stored()
        conversation_id = stored[0].conversation_id
        async with platform.world.db.begin() as tx:
            late = await messages.append(
                tx,
                conversation_id=conversation_id,
                author=Author.AGENT,
                kind=Kind.TEXT,
                text="查到了",
                at=platform.world.clock.now(),
                delivery=Delivery.PENDING,
            )
        await platform.delivery.run_due()
        async with platform.world.db.read() as tx:
            found = await messages.get(tx, late.id)
        assert (found.delivery, found.delivery_error) == (Delivery.FAILED, "window_closed")
        assert len(platform.phone("小满")) == before
