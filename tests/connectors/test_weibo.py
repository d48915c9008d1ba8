"""Weibo's fans service, against a stand-in that signs and limits as the platform does."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from bot.types import Happened
from connectors.weibo.codec import incoming, moment, signature
from core.clock import UTC
from core.errors import UnsupportedEvent
from core.ids import ChannelId
from tests.connectors.contract import ConnectorContract
from tests.connectors.platform_world import PlatformWorld

_PUSHES = Path(__file__).parents[1] / "fixtures" / "weibo"
_UNUSED = {"event-view", "mention", "hologram"}
_CHANNEL = ChannelId("chn_1")


class TestWeibo(ConnectorContract):
    kind = "weibo"

    async def test_the_acknowledgement_is_empty(self, platform: PlatformWorld) -> None:
        assert (await platform.write("小满", "在吗")).body == ""

    async def test_every_part_has_fewer_than_300_characters(self, platform: PlatformWorld) -> None:
        await platform.write("小满", "在吗")
        await platform.answer()
        assert all(len(part) < 300 for part in platform.phone("小满"))

    async def test_choices_come_as_numbers_and_a_number_is_a_choice(self, platform: PlatformWorld) -> None:
        await platform.write("小满", "呜啦啦巴扎黑")
        await platform.answer()
        shown = "\n".join(platform.phone("小满"))
        assert "1. " in shown


def test_a_known_good_signature() -> None:
    """The published example, with its timestamp in milliseconds."""
    assert signature("xyz123xyz", "1397022061823", "57155157") == "90e4c22c90a58f26526c2dd5b6c56c8822edeaa1"


@pytest.mark.parametrize("path", sorted(_PUSHES.glob("*.json")), ids=lambda path: path.stem)
def test_every_kind_of_push_is_kept_or_known(path: Path) -> None:
    if path.stem in _UNUSED:
        with pytest.raises(UnsupportedEvent):
            incoming(_CHANNEL, path.read_bytes())
        return
    found = incoming(_CHANNEL, path.read_bytes())
    if isinstance(found, Happened):
        assert found.what == {"event-follow": "followed", "event-unfollow": "left"}[path.stem]
        return
    assert found.text
    assert found.external_id == "2489518277"


def test_the_platforms_time_is_read_whatever_the_locale() -> None:
    assert moment("Mon Jul 16 18:09:20 +0800 2012") == datetime(2012, 7, 16, 10, 9, 20, tzinfo=UTC)
    assert moment("gestern") is None
