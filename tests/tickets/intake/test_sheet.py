"""Sheets as they come: encodings, columns in everyday words, and a reason for each row that stays out."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import UTC
from core.errors import FrontlineError, Invalid, TooLarge
from tickets.intake import sheet
from tickets.intake.sheet import Sheet

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
CATEGORIES = {"技术/播放与网络": "technical/playback", "播放与网络": "technical/playback"}
TEAMS = {"支付组": "payment"}


def _read(text: str) -> Sheet:
    return sheet.read(text, now=NOW, zone=ZONE, categories=CATEGORIES, teams=TEAMS)


def test_columns_are_understood_by_everyday_names() -> None:
    found = _read(
        "反馈时间,客户姓名,手机号,问题描述,问题类型,优先级,小组,来源,直播间号,备注\n"
        "2026年11月20日 21:03,王女士,138 1234 5678,看直播一直转圈,播放与网络,高,支付组,微信群,8801,老客户\n"
    )
    assert [name for _, name in found.columns][-1] is None
    [row] = found.rows
    assert (row.told.text, row.told.source, row.priority) == ("看直播一直转圈", "wechat_group", 2)
    assert (row.category_id, row.team_id, row.person.phone) == ("technical/playback", "payment", "13812345678")
    assert row.told.fields == {"live_room": "8801"}
    assert row.told.received_at == datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
    assert found.faults == ()


@pytest.mark.parametrize(
    ("encoding", "name"), [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("gb18030", "GBK"), ("utf-16", "UTF-16")]
)
def test_sheets_of_every_usual_encoding_are_read(encoding: str, name: str) -> None:
    assert sheet.decode("标题,描述\n会员没到账,付了钱没有会员\n".encode(encoding)) == (
        "标题,描述\n会员没到账,付了钱没有会员\n",
        name,
    )


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\xff\xff", b"PK\x03\x04\x00\x00\xff\xfe\xfd", b"a\x00b"])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        sheet.decode(data)


def test_each_row_that_stays_out_has_its_reason_and_a_doubt_keeps_none_out() -> None:
    found = _read(
        "标题\t手机\t邮箱\t提交时间\t分类\t来源\n"
        "\t13812345678\t\t\t\t\n"
        "会员没到账\t123\t\t\t\t\n"
        "会员没到账\t\t没有\t\t\t\n"
        "会员没到账\t\t\t昨天\t\t\n"
        "会员没到账\t\t\t2027-01-01\t\t\n"
        "会员没到账\t\t\t2026/11/2 9:05\t不存在\t飞鸽\n"
    )
    assert [(each.row, each.text_id.rsplit(".")[-1]) for each in found.faults if each.is_error] == [
        (2, "no_words"),
        (3, "phone"),
        (4, "email"),
        (5, "time"),
        (6, "time_to_come"),
    ]
    [row] = found.rows
    assert (row.number, row.category_id, row.told.source) == (7, None, "other")
    assert [each.column for each in found.faults if not each.is_error] == ["分类", "来源"]


def test_a_row_is_known_again_by_its_number_or_by_what_it_says() -> None:
    first = _read("工单号,标题\nA-1,登不上\n,登不上\n").rows
    again = _read("标题,工单号\n登不上了,A-1\n登不上,\n").rows
    assert [row.key for row in first] == [row.key for row in again] or first[0].key == again[0].key
    assert first[0].key == again[0].key == "id:A-1"
    assert first[1].key == again[1].key


@pytest.mark.parametrize("text", ["", "标题\n", "姓名,手机\n王,138\n", '标题,描述\n"没有结束,的引号\n'])
def test_what_is_no_sheet_of_matters_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        _read(text)


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(TooLarge):
        _read("标题\n" + "登不上\n" * (sheet.MAX_ROWS + 1))


@given(st.text(max_size=400))
def test_no_text_breaks_it(text: str) -> None:
    try:
        found = _read("标题,描述,时间,手机\n" + text)
    except FrontlineError:
        return
    assert found.total >= len(found.rows)
