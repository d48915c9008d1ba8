"""One normal form for documents, questions, training data and ticket search."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core.normaliser
from core.normaliser import normalise, terms

_DATA = json.loads((Path(core.normaliser.__file__).parent / "data" / "normaliser.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", _DATA["vectors"], ids=lambda vector: repr(vector["in"]))
def test_every_vector_of_the_data_file_holds(vector: dict[str, str]) -> None:
    assert normalise(vector["in"]) == vector["out"]


@given(st.text(max_size=80))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(alphabet="会员退款abc12 ！!～？?　", max_size=40))
def test_width_and_case_never_matter(text: str) -> None:
    assert normalise(text.upper()) == normalise(text)


def test_two_character_words_are_terms() -> None:
    """A trigram index cannot find 退款; pairs can."""
    assert "退款" in terms("我要退款!")
    assert terms("退款 FL-20261121") == ["退款", "fl", "20261121"]
