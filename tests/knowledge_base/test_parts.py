"""The small parts of search: terms, inverted lists, vectors, the two fits and the zones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.dense import Dense
from knowledge_base.index import VectorIndex
from knowledge_base.lexical import bm25, bm25_query, tfidf, unit_query
from knowledge_base.logistic import fit_binary, fit_choice, sigmoid
from knowledge_base.outside import outside_texts
from knowledge_base.words import grams, words
from knowledge_base.zones import HeldOut, Zones, choose


def test_words_are_dictionary_words_pairs_and_latin_runs() -> None:
    """Whatever the segmenter thinks, each pair of neighbours is there."""
    found = words("app登录不了3次")
    assert {"app", "登录", "录不", "不了", "3", "次"} <= set(found)
    assert words("？！") == ()


def test_grams_are_runs_of_one_to_three() -> None:
    """With repetitions, which count."""
    assert grams("会会员") == ["会", "会", "员", "会会", "会员", "会会员"]


def test_a_text_is_wholly_like_itself() -> None:
    """Cosine one with itself, less with others, nothing with strangers."""
    texts = ["怎么退款", "怎么退货", "发票"]
    lists = tfidf([grams(text) for text in texts])
    scores = lists.scores(unit_query(lists, grams("怎么退款")))
    assert scores[0] == pytest.approx(1.0, abs=1e-5)
    assert 0 < scores[1] < 1
    assert scores[2] == 0
    assert not lists.scores(unit_query(lists, grams("xyz"))).any()
    assert not lists.scores({}).any()
    rows = [lists.scores(unit_query(lists, grams(text))) for text in texts]
    assert np.allclose(lists.products(), rows, atol=1e-6)


def test_bm25_prefers_the_telling_word() -> None:
    """A word that stands in one text says more than one that stands in all; unknown words lower the score."""
    texts = ["怎么 退款", "怎么 发票", "怎么 登录"]
    lists = bm25([text.split() for text in texts])
    scores = lists.scores(bm25_query(lists, ["怎么", "发票"]))
    assert scores.argmax() == 1
    assert scores[1] > lists.scores(bm25_query(lists, ["怎么", "发票", "陌生"]))[1]


def test_the_nearest_come_first_and_never_more_than_there_are() -> None:
    """Ids are those that were handed in."""
    rows = np.eye(4, dtype=np.float32)
    index = VectorIndex.of(np.array([40, 10, 30, 20]), rows, 4)
    assert index.ids.tolist() == [40, 10, 30, 20]
    assert index.nearest(rows[2], 10)[0] == 2
    assert len(index.nearest(rows[2], 10)) == 4
    assert np.array_equal(index.matrix, rows)
    assert len(VectorIndex.of(np.empty(0, np.int64), np.empty((0, 4), np.float32), 4).nearest(rows[0], 3)) == 0


def test_a_doubled_id_is_refused() -> None:
    """FAISS would keep both vectors and say nothing."""
    with pytest.raises(ValueError, match="twice"):
        VectorIndex.of(np.array([1, 1]), np.eye(2, dtype=np.float32), 2)


def test_centred_likeness_is_the_cosine_after_the_mean_is_taken_off() -> None:
    """Worked out from plain products, it is the same number."""
    rows = np.random.default_rng(3).normal(1.0, 0.3, (6, 5)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    dense = Dense.of(VectorIndex.of(np.arange(6), rows, 5), np.arange(6), rows)
    centred = rows - rows.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    for row in range(6):
        assert np.allclose(dense.likeness(rows[row]), centred @ centred[row], atol=1e-4)
        assert np.allclose(dense.likeness(rows[row], np.array([4, 1])), (centred @ centred[row])[[4, 1]], atol=1e-4)


def test_choosing_learns_which_column_tells() -> None:
    """The right row has the higher second number; the first is noise."""
    chance = np.random.default_rng(0)
    examples = []
    for _ in range(200):
        matrix = chance.normal(size=(5, 2))
        examples.append((matrix, int(matrix[:, 1].argmax())))
    weights = fit_choice(examples, np.zeros(2), 1.0)
    assert weights[1] > 10 * abs(weights[0])
    assert fit_choice([], np.array([1.0, 2.0]), 1.0).tolist() == [1.0, 2.0]


def test_chances_match_what_happens() -> None:
    """Where seven in ten are right, the fit says about seven in ten; far from the data the prior holds."""
    chance = np.random.default_rng(0)
    rows = np.stack([np.ones(4000), chance.integers(0, 2, 4000)], axis=1).astype(float)
    labels = (chance.random(4000) < np.where(rows[:, 1] > 0, 0.7, 0.2)).astype(float)
    weights = fit_binary(rows, labels, np.ones(4000), np.zeros(2), 0.1)
    assert sigmoid(np.array([weights.sum(), weights[0]])) == pytest.approx([0.7, 0.2], abs=0.03)
    assert fit_binary(rows[:0], labels[:0], labels[:0], np.array([3.0, 4.0]), 1.0).tolist() == [3.0, 4.0]


def held_out() -> HeldOut:
    """Three hundred questions whose probabilities mean what they say, and a hundred outsiders below a half."""
    chance = np.random.default_rng(0)
    first = np.concatenate([chance.random(300), chance.random(100) * 0.5])
    kind = np.concatenate([np.zeros(300), np.full(100, 2.0)])
    right = ((chance.random(400) < first) & (kind == 0)).astype(float)
    return HeldOut(kind, first, right, first, right)


def test_zones_keep_the_wanted_shares() -> None:
    """Right answers among the given ones, and outsiders who get one."""
    data = held_out()
    zones = choose(data, Zones(0.5, 0.5), precision=0.9, false_answers=0.02, needless=0.3)
    given = data.first >= zones.answer_from
    assert data.first_right[given & (data.kind == 0)].mean() >= 0.85
    assert given[data.kind == 2].mean() <= 0.02
    assert zones.ask_from <= zones.answer_from
    stricter = choose(data, Zones(0.5, 0.5), precision=0.97, false_answers=0.02, needless=0.3)
    assert stricter.answer_from >= zones.answer_from


def test_too_few_questions_leave_the_delivered_zones() -> None:
    """Nineteen prove nothing."""
    data = held_out()
    few = HeldOut(data.kind[:19], data.first[:19], data.first_right[:19], data.among[:19], data.among_right[:19])
    assert choose(few, Zones(0.81, 0.21), 0.9, 0.02, 0.3) == Zones(0.81, 0.21)


def test_the_outsiders_are_many_and_distinct() -> None:
    """In normal form, as they are compared with phrasings."""
    assert len(outside_texts()) >= 200
    assert len(set(outside_texts())) == len(outside_texts())


def test_a_gateway_that_searches_loads_no_model_library() -> None:
    """Search and the encoder's client come without torch, onnxruntime and their gigabyte."""
    program = (
        "import sys, knowledge_base.engine, core.encoder;"
        "heavy = {'torch', 'onnx', 'onnxruntime', 'sentence_transformers', 'transformers', 'sklearn'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).resolve().parents[2], check=True)
