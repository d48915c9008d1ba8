"""Sorting by words: right or silent."""

from __future__ import annotations

import pytest

from tickets.categories import DELIVERED_TEAMS, Tree, delivered
from tickets.store import UNSORTED

TREE = Tree(delivered())


def test_the_tree_is_the_delivered_one() -> None:
    names = {TREE.name(each.id) for each in delivered()}
    assert {
        "技术/播放与网络",
        "技术/账号受限",
        "会员与支付/退款与扣费争议",
        "内容/虚假宣传与过度营销",
        "商业/商家服务",
        "合作与媒体/版权合作",
        "建议与咨询/使用指导",
        "待细化",
    } <= names
    assert sum("/" in name for name in names) == 27
    assert {each.team_id for each in delivered()} <= {team.id for team in DELIVERED_TEAMS}


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("密码忘了登不上去怎么办", "technical/account"),
        ("看電影一直轉圈", "technical/playback"),
        ("多扣了我一个月的钱 我要退款", "payment/refund"),
        ("发票怎么开", "payment/invoice"),
        ("钱付了但会员没到账", "payment/failed"),
        ("怎么取消自动续费", "payment/subscription"),
        ("账号被封了怎么申诉", "technical/restricted"),
        ("快递到哪了", "commerce/delivery"),
        ("希望增加倍速功能", "advice/feature"),
        ("想采购版权合作", "partners/licensing"),
        ("你好", UNSORTED),
        ("转人工", UNSORTED),
        ("", UNSORTED),
        ("😀😀", UNSORTED),
    ],
)
def test_words_sort_a_first_text(text: str, category: str) -> None:
    assert TREE.sort(text) == category
