"""Opposites in a question and in an article's phrasings."""

from __future__ import annotations

import pytest

from core.normaliser import normalise
from knowledge_base.guards import Guards, delivered
from knowledge_base.types import Opposites

OPEN, CANCEL = ["怎么开通会员", "开启会员", "会员开通入口"], ["怎么取消会员", "关闭会员", "会员退订"]


@pytest.mark.parametrize(
    ("asked", "phrasings", "conflict"),
    [
        ("我要取消会员", OPEN, True),
        ("我要取消会员", CANCEL, False),
        ("我要开通会员", CANCEL, True),
        ("会员多少钱", OPEN, False),
        ("取消之后怎么再开通", OPEN, False),
        ("用支付宝付不了钱", ["微信付不了钱", "微信支付失败"], True),
        ("电视能投屏吗", ["电视不能投屏", "投屏不能用"], True),
        ("电视能不能投屏", ["电视不能投屏", "投屏不能用"], False),
        ("我要退货", ["怎么换货", "想换一件"], True),
        ("安卓手机怎么下载", ["苹果手机怎么下载", "iphone 下载"], True),
    ],
)
def test_only_the_other_side_is_a_conflict(asked: str, phrasings: list[str], conflict: bool) -> None:
    """A question that names both sides, or none, contradicts nobody."""
    guards = Guards(delivered())
    found = guards.conflict(guards.asked(normalise(asked)), guards.answered([normalise(p) for p in phrasings]))
    assert found is conflict


def test_a_stray_phrasing_does_not_turn_an_article() -> None:
    """One in five speaks of the other side; two of four are of two minds."""
    guards = Guards([Opposites(("开通",), ("取消",))])
    asked = guards.asked("取消会员")
    assert guards.conflict(asked, guards.answered(["开通"] * 4 + ["取消"]))
    assert not guards.conflict(asked, guards.answered(["开通"] * 2 + ["取消"] * 2))


def test_the_longest_word_decides() -> None:
    """不能 is not 能, and words are compared in normal form."""
    guards = Guards([Opposites(("能",), ("不能",)), Opposites(("ＷＩＦＩ",), ("流量",))])
    assert guards.asked("为什么不能看") == bytes([2, 0])
    assert guards.asked("wifi 能看吗") == bytes([1, 1])


def test_a_pair_without_words_finds_nothing() -> None:
    """As a broken file might hold."""
    guards = Guards([Opposites((), ())])
    assert guards.asked("什么都行") == bytes([0])
    assert guards.answered(["什么都行"]) == bytes([0])
