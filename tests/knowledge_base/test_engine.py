"""A release answers, asks or gives up; with vectors or without; and says the same after a trip through its folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_base.engine import ReleaseIndex, build_release, build_unlearned
from knowledge_base.outside import outside_texts
from knowledge_base.types import Decision, IndexedArticle, IndexedText, SearchSettings, TextKind
from tests.knowledge_base.texts import ARTICLES, DIM, articles, vector, vectors

UNSEEN = {
    "我想借一辆车": "borrow",
    "骑完了车怎么还": "return",
    "押金什么时候退给我": "deposit",
    "链子掉了骑不了": "broken",
    "骑一个小时多少钱": "fee",
    "我换了手机号码": "account",
}


@pytest.fixture(scope="module")
def index() -> ReleaseIndex:
    """The whole service, learned from itself."""
    made = articles()
    outside = {text: vector(text) for text in outside_texts()}
    return build_release(made, vectors(made), outside=outside, release="rel_1")


@pytest.fixture(scope="module")
def lexical() -> ReleaseIndex:
    """The same built while the encoder is down."""
    return build_release(articles(), None)


def test_a_known_phrasing_is_answered_word_for_word(index: ReleaseIndex) -> None:
    """Whatever its width, script or punctuation marks; no vector is needed."""
    for text in ("退押金", " 退押金 ", "退押金\u200b"):
        result = index.search(text)
        assert (result.decision, result.exact) == (Decision.ANSWER, True)
        assert [(hit.article_id, hit.probability, hit.revision) for hit in result.results] == [("deposit", 1.0, 3)]
    assert index.search("取消月卡", vector("取消月卡")).results[0].article_id == "cancel-card"


def test_the_title_is_a_known_phrasing_too() -> None:
    """Also when it does not stand among the texts."""
    texts = (IndexedText(7, TextKind.QUESTION, "车怎么借"),)
    index = build_release([IndexedArticle("a", 1, "借车指南", "车怎么借", texts)], None)
    assert index.search("借车指南").results[0].question_id == 7


def test_a_phrasing_of_two_articles_is_asked_about() -> None:
    """Nobody can know which one was meant."""
    made = [
        IndexedArticle(key, 1, key, "怎么退", (IndexedText(number, TextKind.QUESTION, "怎么退"),))
        for number, key in enumerate(("押金", "月卡"))
    ]
    result = build_release(made, None).search("怎么退?")
    assert result.decision is Decision.ASK
    assert {hit.article_id for hit in result.results} == {"押金", "月卡"}


@pytest.mark.parametrize("with_vector", [True, False])
def test_unseen_questions_find_their_article(index: ReleaseIndex, with_vector: bool) -> None:
    """At first place, or at least among three."""
    found = [
        [hit.article_id for hit in index.search(text, vector(text) if with_vector else None).results] for text in UNSEEN
    ]
    assert sum(ids[0] == right for ids, right in zip(found, UNSEEN.values(), strict=True)) >= 5
    assert all(right in ids[:3] for ids, right in zip(found, UNSEEN.values(), strict=True))


@pytest.mark.parametrize(
    "text", ["今天天气怎么样", "how tall is the highest mountain", "给我讲个笑话", "asdfgh", "……", "😀", ""]
)
def test_what_belongs_nowhere_is_never_answered(index: ReleaseIndex, lexical: ReleaseIndex, text: str) -> None:
    """Asked about at most."""
    for result in (index.search(text, vector(text)), index.search(text), lexical.search(text)):
        assert result.decision is not Decision.ANSWER


def test_opposites_are_kept_apart(index: ReleaseIndex) -> None:
    """One word makes the difference, and the wrong one of the two is never the answer."""
    for text, wrong in (
        ("月卡可以取消吗", "open-card"),
        ("我要关闭月卡", "open-card"),
        ("月卡开通一下", "cancel-card"),
    ):
        for result in (index.search(text, vector(text)), index.search(text)):
            assert result.results[0].article_id != wrong
            assert not (result.decision is Decision.ANSWER and result.results[0].article_id == wrong)


def test_results_are_ordered_distinct_and_within_bounds(index: ReleaseIndex) -> None:
    """For anything that can be typed."""

    @settings(max_examples=150, deadline=None)
    @given(st.text(max_size=60), st.integers(1, 8), st.booleans())
    def holds(text: str, limit: int, with_vector: bool) -> None:
        result = index.search(text, vector(text) if with_vector else None, limit)
        ids = [hit.article_id for hit in result.results]
        scores = [hit.score for hit in result.results]
        chances = [hit.probability for hit in result.results]
        assert len(ids) == len(set(ids)) <= limit
        assert scores == sorted(scores, reverse=True)
        assert chances == sorted(chances, reverse=True)
        assert all(0.0 <= chance <= 1.0 for chance in chances)
        assert bool(ids) or result.decision is Decision.NONE
        assert set(ids) <= set(ARTICLES)

    holds()


def test_the_same_question_has_the_same_answer(index: ReleaseIndex) -> None:
    """Two builds of one release agree to the last bit, and so do two searches."""
    made = articles()
    again = build_release(made, vectors(made), outside={t: vector(t) for t in outside_texts()}, release="rel_1")
    for text in UNSEEN:
        assert index.search(text, vector(text)) == index.search(text, vector(text)) == again.search(text, vector(text))


def test_a_release_survives_its_folder(index: ReleaseIndex, lexical: ReleaseIndex, tmp_path: Path) -> None:
    """Saved and loaded it answers as before, with vectors, without, and with none at all."""
    for name, each in (("dense", index), ("lexical", lexical)):
        each.save(tmp_path / "cache" / name)
        each.save(tmp_path / "cache" / name)
        loaded = ReleaseIndex.load(tmp_path / "cache" / name)
        assert (loaded.release, loaded.learned, loaded.dim) == (each.release, each.learned, each.dim)
        for text in (*UNSEEN, "退押金", "今天天气怎么样"):
            assert loaded.search(text, vector(text)) == each.search(text, vector(text))
            assert loaded.search(text) == each.search(text)
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["dense", "lexical"]


def test_a_damaged_folder_is_refused(index: ReleaseIndex, tmp_path: Path) -> None:
    """One changed byte in any file, a missing file, one too many, another version."""
    names = ["manifest.json", "content.json", "terms.json", "arrays.npz", "index.faiss"]
    for name in names:
        folder = tmp_path / f"changed-{name}"
        index.save(folder)
        assert sorted(path.name for path in folder.iterdir()) == sorted(names)
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 0x55
        (folder / name).write_bytes(bytes(data))
        with pytest.raises(ValueError):
            ReleaseIndex.load(folder)
    index.save(tmp_path / "missing")
    (tmp_path / "missing" / "index.faiss").unlink()
    index.save(tmp_path / "added")
    (tmp_path / "added" / "more.json").write_text("{}", encoding="utf-8")
    index.save(tmp_path / "older")
    manifest = json.loads((tmp_path / "older" / "manifest.json").read_text(encoding="utf-8"))
    manifest["versions"]["engine"] = 0
    (tmp_path / "older" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    for name in ("missing", "added", "older"):
        with pytest.raises(ValueError):
            ReleaseIndex.load(tmp_path / name)


def test_a_publish_keeps_what_was_learned(index: ReleaseIndex) -> None:
    """Without an article the others are judged by the same numbers, and the article is gone."""
    made = articles(leaving_out=["broken"])
    smaller = build_release(made, vectors(made), learned=index.learned)
    assert smaller.learned == index.learned
    text = "链子掉了骑不了"
    assert "broken" not in [hit.article_id for hit in smaller.search(text, vector(text)).results]
    assert smaller.search("车链子掉了", vector("车链子掉了")).decision is not Decision.ANSWER


def test_an_answer_in_other_words_takes_over_all_that_was_asked(index: ReleaseIndex) -> None:
    """Which is nearly all of the work of a publish; and nobody can tell the two from each other."""
    made = [replace(each, revision=each.revision + 1) for each in articles()]
    last = made[-1].texts[-1]
    texts = (*made[-1].texts[:-1], IndexedText(9_999, TextKind.PASSAGE, last.text + "押金也在那里退。"))
    made[-1] = replace(made[-1], texts=texts)
    taken = build_release(made, vectors(made), learned=index.learned, before=index)
    anew = build_release(made, vectors(made), learned=index.learned)
    assert taken.classes is index.classes
    assert taken.corpus.runs is index.corpus.runs
    for text in (*UNSEEN, "退押金", "今天天气怎么样"):
        for asked in (None, vector(text)):
            one, other = taken.search(text, asked), anew.search(text, asked)
            assert one.decision is other.decision
            assert [hit.article_id for hit in one.results] == [hit.article_id for hit in other.results]
            assert [hit.score for hit in one.results] == pytest.approx([hit.score for hit in other.results], rel=1e-3)


@pytest.mark.parametrize("change", ["phrasing", "article", "vectors", "learned"])
def test_nothing_is_taken_over_from_a_release_that_asks_otherwise(index: ReleaseIndex, change: str) -> None:
    made = articles(leaving_out=["broken"] if change == "article" else [])
    known, learned = vectors(made), index.learned
    if change == "phrasing":
        texts = tuple(replace(t, text=t.text + "吗") if t.text == "退押金" else t for t in made[2].texts)
        made[2] = replace(made[2], texts=texts)
        known = vectors(made)
    elif change == "vectors":
        known = {number: -each for number, each in known.items()}
    elif change == "learned":
        learned = replace(learned, dense=replace(learned.dense, vector_weight=learned.dense.vector_weight + 1))
    taken = build_release(made, known, learned=learned, before=index)
    anew = build_release(made, known, learned=learned)
    assert taken.classes is not index.classes
    for text in UNSEEN:
        assert taken.search(text, vector(text)) == anew.search(text, vector(text))


def test_before_it_has_learned_a_release_knows_its_phrasings_and_guesses_others() -> None:
    early = build_unlearned(articles())
    assert early.search("退押金").decision is Decision.ANSWER
    first = [early.search(text).results[0].article_id for text in UNSEEN]
    assert sum(one == other for one, other in zip(first, UNSEEN.values(), strict=True)) >= len(UNSEEN) - 1


def test_texts_without_a_vector_yet_are_found_by_words() -> None:
    """As right after a change, before the encoder came round to them."""
    made = articles()
    known = {i: v for i, v in vectors(made).items() if i % 3}
    index = build_release(made, known)
    for text, right in UNSEEN.items():
        assert right in [hit.article_id for hit in index.search(text, vector(text)).results[:3]]


@pytest.mark.parametrize("bad", [np.ones(DIM + 1, np.float32), np.full(DIM, np.nan, np.float32)])
def test_a_vector_that_does_not_fit_is_ignored(
    index: ReleaseIndex, bad: np.ndarray[tuple[int], np.dtype[np.float32]]
) -> None:
    """Of another model, or no numbers: words decide, and the result says so."""
    result = index.search("我想借一辆车", bad)
    assert result.lexical
    assert result == index.search("我想借一辆车")


def test_an_empty_release_gives_up() -> None:
    """Before the first publish."""
    index = build_release([], None)
    assert index.search("怎么借车").decision is Decision.NONE
    assert index.articles == 0


def test_private_articles_say_so(index: ReleaseIndex) -> None:
    """The one who shows results decides who may see them."""
    assert index.search("收费标准").results[0].public is False
    assert index.search("退押金").results[0].public is True


def test_a_stricter_precision_answers_no_more_often() -> None:
    """The wanted share of right answers moves the threshold."""
    made = articles()
    outside = {text: vector(text) for text in outside_texts()}
    strict, loose = (
        build_release(made, vectors(made), SearchSettings(precision=wanted), outside=outside).learned.dense.zones
        for wanted in (0.99, 0.6)
    )
    assert strict.answer_from >= loose.answer_from
    assert loose.ask_from <= strict.answer_from
