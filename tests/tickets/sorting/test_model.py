"""The classifier by itself: learns, knows what it does not know, survives being stored, holds no words."""

from __future__ import annotations

import numpy as np
import pytest

from tickets.sorting import model
from tickets.sorting.features import BOXES, clean, counts, opening, pieces
from tickets.sorting.model import Classifier, Example

_SAID = {
    "payment/refund": ["多扣了{0}我要退款", "把{0}的钱退给我", "退款多久到账{0}", "{0}重复扣费请退"],
    "technical/playback": ["{0}看视频一直卡", "播放{0}就转圈", "{0}黑屏没有画面", "画面{0}花屏"],
    "advice/feature": ["希望增加{0}功能", "建议{0}加个夜间模式", "能不能出{0}倍速", "{0}建议优化"],
}
_WHEN = ["昨天", "今天早上", "在家里", "用平板", "上周", "会员", "刚才", "周末", "晚上", "手机上", "电视", "一直"]


def examples() -> list[Example]:
    """Twelve ways to say each of twelve sentences."""
    return [
        Example(clean(said.format(when)), category, f"c{number}-{at}")
        for category, sentences in _SAID.items()
        for number, said in enumerate(sentences)
        for at, when in enumerate(_WHEN)
    ]


def classifier(rows: list[Example]) -> Classifier:
    """Words only."""
    prepared = model.prepare(rows, None)
    head, _ = model.learn(prepared, with_vectors=False)
    return Classifier(None, head, None, head)


def test_it_learns_what_it_was_shown_and_says_how_sure_it_is() -> None:
    """New sentences of known kinds are found, and probabilities are shares of one."""
    made = classifier(examples())
    guess = made.guess(clean("前天多扣了钱 请给我退款"), None)
    assert guess.category_id == "payment/refund"
    assert guess.probability > 0.6
    assert sum(probability for _, probability in guess.items) == pytest.approx(1.0, abs=0.01)


def test_it_is_unsure_of_what_is_like_nothing_it_knows() -> None:
    """A sentence of another world is no category's."""
    guess = classifier(examples()).guess(clean("qwerty zxcvb"), None)
    assert not guess.sure


def test_what_the_customer_chose_narrows_the_guess() -> None:
    """Within a branch only its categories share the probability."""
    guess = classifier(examples()).guess(clean("多扣了钱"), None, among=["technical"])
    assert guess.category_id == "technical/playback"
    assert guess.items == (("technical/playback", 1.0),)
    assert not guess.sure  # it believes in another branch altogether


def test_a_stored_version_says_the_same() -> None:
    """Weights survive their way through the database but for rounding."""
    made = classifier(examples())
    again = Classifier.from_bytes(made.to_bytes())
    text = clean("播放的时候一直转圈")
    assert again.guess(text, None).category_id == made.guess(text, None).category_id
    assert again.guess(text, None).probability == pytest.approx(made.guess(text, None).probability, abs=0.02)
    with pytest.raises((ValueError, KeyError)):
        Classifier.from_bytes(b"no weights")


def test_the_held_out_answers_are_those_of_a_model_that_never_saw_them() -> None:
    """The short way (one solution, then each fifth taken out) equals solving without the fifth."""
    rows = examples()
    prepared = model.prepare(rows, None)
    labels = sorted({each.category_id for each in rows})
    head, held = model._learn(prepared, labels, 0.3, 0.0)
    inside = np.flatnonzero(prepared.folds != 0)
    outside = np.flatnonzero(prepared.folds == 0)
    without, _ = model._learn(prepared.at(inside), labels, 0.3, 0.0)
    theirs = without.probabilities([rows[at].text for at in outside], None)
    # The weights of rare words differ a little, since they are counted over all rows.
    agree = theirs.argmax(axis=1) == held.probabilities[outside].argmax(axis=1)
    assert agree.mean() > 0.95
    assert held.threshold == head.threshold


def test_the_threshold_keeps_what_is_right_often_enough() -> None:
    """The surest answers are right, the others are not: the line lies between them."""
    shares = np.array([[0.9, 0.1]] * 60 + [[0.55, 0.45]] * 40, np.float32)
    right = np.array([0] * 60 + [1] * 40)
    assert model.threshold_of(shares, right, np.ones(100)) == pytest.approx(0.9, abs=0.001)


def test_features_hold_no_numbers_and_any_text_can_be_read() -> None:
    """Numbers are alike, contacts are masked, and nothing breaks on emptiness."""
    assert clean("订单 20261121 打 13812345678") == clean("订单 20269999 打 13912345679")
    assert counts(["", "a"]).shape == (2, BOXES)
    assert pieces("") == [""]
    assert len(pieces("很长。" * 800)) == 4
    assert opening("标题\n正文。更多") == "标题"
