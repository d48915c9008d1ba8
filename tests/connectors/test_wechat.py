"""WeChat Official Account, against a stand-in that signs, repeats and counts as the platform does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.store import conversations
from bot.types import Author, Delivered, Happened, Incoming, Kind, Outgoing
from connectors.wechat.codec import check_signature, read_xml, signature
from connectors.wechat.incoming import incoming
from core.errors import NotFromThisChannel, UnsupportedEvent
from core.ids import ChannelId, FileId
from tests.connectors.contract import PICTURE, ConnectorContract
from tests.connectors.platform_world import PlatformWorld

_PUSHES = Path(__file__).parents[1] / "fixtures" / "wechat"
_CHANNEL = ChannelId("chn_1")
_AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


class TestWeChat(ConnectorContract):
    kind = "wechat"

    async def test_the_acknowledgement_is_success(self, platform: PlatformWorld) -> None:
        assert (await platform.write("小满", "在吗")).body == "success"

    @pytest.mark.parametrize("age_s", [-700, 700])
    async def test_an_address_of_another_time_is_refused(self, platform: PlatformWorld, age_s: int) -> None:
        kept = platform.platform.signed()
        platform.world.clock.advance(seconds=age_s)
        body = (_PUSHES / "text.xml").read_bytes()
        async with platform.session.post(platform.url, params=kept, data=body) as response:
            assert response.status == 401
        assert await platform.stored() == []

    async def test_a_tapped_menu_entry_is_a_choice(self, platform: PlatformWorld) -> None:
        await platform.write("小满", "转人工", menu_id="human")
        stored = (await platform.stored())[0]
        assert stored.choice_id == "human"

    async def test_a_picture_of_an_agent_is_uploaded_once_and_sent(self, platform: PlatformWorld) -> None:
        await platform.write("小满", "在吗")
        stored = await platform.files.store(PICTURE, name="步骤.png", owner="staff:1")
        for _ in range(2):
            assert (await _send(platform, "步骤.png", kind=Kind.IMAGE, file_id=stored.id)).state == "sent"
        assert platform.phone("小满") == ["[图片]", "[图片]"]
        assert len(platform.platform.media) == 1
        platform.platform.media.clear()
        assert (await _send(platform, "步骤.png", kind=Kind.IMAGE, file_id=stored.id)).state == "sent"

    async def test_a_lost_token_is_fetched_anew_once(self, platform: PlatformWorld) -> None:
        await platform.write("小满", "在吗")
        await platform.answer()
        platform.platform.forget_token()
        await platform.write("小满", "还在吗")
        before = len(platform.phone("小满"))
        await platform.answer()
        assert len(platform.phone("小满")) > before

    async def test_the_count_of_five_is_a_failure_with_its_name(self, platform: PlatformWorld) -> None:
        await platform.write("小满", "在吗")
        platform.platform._customers[platform.name_of("小满")].messages_left = 0
        assert (await _send(platform, "一句")).error == "quota"

    async def test_an_unfollowed_account_gets_nothing(self, platform: PlatformWorld) -> None:
        await platform.write("小满", "在吗")
        platform.platform.unfollow("小满")
        assert (await _send(platform, "一句")).error == "window_closed"

    async def test_a_long_text_arrives_whole_in_parts(self, platform: PlatformWorld) -> None:
        await platform.write("小满", "在吗")
        platform.platform.quota = None
        text = "".join(f"第{number}步,请打开设置里的网络检测,等它跑完再看。" for number in range(120))
        assert (await _send(platform, text)).state == "sent"
        parts = platform.phone("小满")
        assert len(parts) > 1
        assert "".join(parts) == text
        assert all(len(part.encode()) <= 2047 for part in parts)


class TestWeChatSecure(TestWeChat):
    """The same promises in secure mode, and that nothing else is believed there."""

    options: Mapping[str, Any] = {"aes_key": _AES_KEY}

    async def test_plain_words_are_refused_though_their_address_is_signed(self, platform: PlatformWorld) -> None:
        body = (_PUSHES / "text.xml").read_bytes()
        async with platform.session.post(platform.url, params=platform.platform.signed(), data=body) as response:
            assert response.status == 401
        assert await platform.stored() == []

    async def test_what_was_encrypted_for_another_account_is_refused(self, platform: PlatformWorld) -> None:
        platform.platform.app_id = "wx-another-account"
        pushed = await platform.write("小满", "在吗")
        assert pushed.status == 401
        assert await platform.stored() == []


class TestWeChatCompatible(TestWeChatSecure):
    """Plain fields stand beside the encrypted ones, and are not what counts."""

    options: Mapping[str, Any] = {"aes_key": _AES_KEY, "compatible": True}


async def _send(
    platform: PlatformWorld, text: str, *, kind: Kind = Kind.TEXT, file_id: FileId | None = None
) -> Delivered:
    stored = (await platform.stored())[0]
    async with platform.world.db.read() as tx:
        conversation = await conversations.get(tx, stored.conversation_id)
    message = Outgoing(
        message_id=stored.id,
        conversation_id=stored.conversation_id,
        channel_id=conversation.channel_id,
        channel_kind=platform.kind,
        external_id=platform.name_of("小满"),
        author=Author.AGENT,
        kind=kind,
        text=text,
        choices=(),
        articles=(),
        file_id=file_id,
        last_customer_at=conversation.last_customer_at,
    )
    return await platform.connectors.deliver(message)


def test_known_good_signatures() -> None:
    """Two published examples."""
    assert signature("test", "1410685589", "test") == "f21891de399b4e33a1a93c9a7b8a8fffb5a443ff"
    assert signature("AAAAA", "1714037059", "486452656") == "899cf89e464efb63f54ddac96b0a0a235f53aa78"


def test_without_a_token_nothing_is_right() -> None:
    query = {"timestamp": "1", "nonce": "2", "signature": signature("", "1", "2")}
    with pytest.raises(NotFromThisChannel):
        check_signature("", query)


@pytest.mark.parametrize(
    "raw",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><xml><Content>&a;</Content></xml>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml/>',
        b"<xml>" + b"<a>" * 900 + b"</a>" * 900 + b"</xml>",
        b"<xml>" + b"<a/>" * 5000 + b"</xml>",
        "<xml><Content>x</Content></xml>".encode("utf-16") + b"\x00",
        b"<html></html>",
    ],
    ids=["entity", "external", "deep", "wide", "utf-16", "other root"],
)
def test_hostile_xml_is_refused(raw: bytes) -> None:
    with pytest.raises(NotFromThisChannel):
        read_xml(raw)


@pytest.mark.parametrize("path", sorted(_PUSHES.glob("*.xml")), ids=lambda path: path.stem)
def test_every_kind_of_push_is_kept_or_known(path: Path) -> None:
    fields = read_xml(path.read_bytes())
    if path.stem in ("event-subscribe", "event-unsubscribe"):
        act = incoming(_CHANNEL, fields)
        assert isinstance(act, Happened)
        assert act.what == {"event-subscribe": "followed", "event-unsubscribe": "left"}[path.stem]
        return
    if path.stem.startswith("event-") and path.stem != "event-click":
        with pytest.raises(UnsupportedEvent):
            incoming(_CHANNEL, fields)
        return
    found = incoming(_CHANNEL, fields)
    assert isinstance(found, Incoming)
    assert found.text
    assert found.external_id == fields["FromUserName"]


def test_events_of_one_second_have_keys_of_their_own() -> None:
    fields = read_xml((_PUSHES / "event-click.xml").read_bytes())
    one = incoming(_CHANNEL, fields)
    other = incoming(_CHANNEL, {**fields, "EventKey": "另一个菜单"})
    assert isinstance(one, Incoming)
    assert isinstance(other, Incoming)
    assert one.dedupe_key != other.dedupe_key
