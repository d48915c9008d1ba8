"""Wishes, moods and buttons in words: what must be understood, and what must not be misunderstood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import mood, taps, wish
from bot.types import Choice
from bot.wish import Wish

PERSON = [
    *("转人工", "找人工", "人工客服", "真人", "rg", "zrg", "ZRG!!", "转仁工", "转 人 工", "zhuan ren gong", "人工"),
    *(
        "我要找人工客服",
        "帮我转一下人工",
        "轉人工",
        "有没有真人",
        "别用机器人敷衍我",
        "叫你们经理来",
        "客服",
        "人工在吗",
    ),
    *("你是机器人吧,我要真人", "I want to talk to a human", "换个活人来说", "能不能给我转客服", "接人工!"),
]
NOT_PERSON = [
    *("人工智能是什么", "人工审核多久", "真人秀在哪看", "客服电话是多少", "客服几点上班", "客服在吗", "有人吗", "你好"),
    *("怎么退款", "会员多少钱", "自动续费怎么关", "机器人大战这部片有吗", "一个人看不了双人房", "送人会员怎么操作"),
]


@pytest.mark.parametrize("text", PERSON)
def test_a_wish_for_a_person_is_heard(text: str) -> None:
    assert wish.detect(text) is Wish.PERSON


@pytest.mark.parametrize("text", NOT_PERSON)
def test_what_only_sounds_like_a_wish_moves_nobody(text: str) -> None:
    assert wish.detect(text) is Wish.NONE


@pytest.mark.parametrize("text", ["不用转人工", "先不转人工了", "我不想找客服", "不需要人工", "别给我转人工"])
def test_who_wants_no_person_is_believed(text: str) -> None:
    assert wish.detect(text) is Wish.NO_PERSON


@pytest.mark.parametrize("text", ["你是人工吗", "你是机器人吗", "是真人还是机器人?", "你是谁", "are you a bot"])
def test_a_question_who_this_is_is_a_question(text: str) -> None:
    assert wish.detect(text) is Wish.IS_THIS_ONE


@pytest.mark.parametrize("text", ["前面还有几个人", "还要等多久", "排到第几了", "什么时候轮到我", "怎么还没人", "??"])
def test_asking_for_the_place_is_heard(text: str) -> None:
    assert wish.asks_place(text)


@pytest.mark.parametrize("text", ["取消排队", "不等了", "不排了", "离开队列", "不用人工了", "cancel", "算了"])
def test_leaving_the_line_is_heard(text: str) -> None:
    assert wish.leaves_line(text)


@given(st.text(max_size=200))
def test_no_text_breaks_the_words(text: str) -> None:
    wish.detect(text)
    assert 0.0 <= mood.anger(text) <= 1.0
    assert mood.rule(text) in (None, "legal", "payment_dispute")
    assert taps.named(text, (Choice("a", "甲"), Choice("b", "乙"))) in (None, Choice("a", "甲"), Choice("b", "乙"))


def test_anger_is_more_than_a_problem() -> None:
    assert mood.anger("看电影一直转圈怎么办") == 0.0
    assert mood.anger("太差了,等了半天没人管") == pytest.approx(0.5)
    assert mood.anger("什么破软件!!!") == pytest.approx(1.0)
    assert mood.anger("清理垃圾文件在哪个菜单") == 0.0


def test_threats_call_for_a_person_and_interviews_do_not() -> None:
    assert mood.rule("再不处理我就打12315") == "legal"
    assert mood.rule("我要起诉你们") == "legal"
    assert mood.rule("我是记者想采访你们") is None
    assert mood.rule("验证码123456789") is None
    assert mood.rule("没经过我同意就扣了钱") == "payment_dispute"


@pytest.mark.parametrize(
    ("text", "found"),
    [("1", "a"), ("2.", "b"), ("第二个", "b"), ("选1", "a"), ("甲方", None), ("乙", "b"), ("9", None), ("12", None)],
)
def test_a_choice_is_named_by_number_or_label(text: str, found: str | None) -> None:
    named = taps.named(text, (Choice("a", "甲"), Choice("b", "乙")))
    assert (named.id if named else None) == found


def test_the_four_words_of_the_survey() -> None:
    words = ("非常满意", "满意", "一般", "不满意!", "退款")
    assert [taps.rating_in(text) for text in words] == [4, 3, 2, 1, None]
