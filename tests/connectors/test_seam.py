"""Splitting: nothing is lost, nothing is too long, whatever the text."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.seam import length, split_text, with_numbers

_TEXT = st.text(alphabet=st.sampled_from("会员退款。！？,，; \n\nabc😀é𠮷"), max_size=400)


@given(_TEXT, st.integers(8, 60), st.booleans())
def test_parts_fit_and_together_are_the_text(text: str, limit: int, in_bytes: bool) -> None:
    parts = split_text(text, limit, in_bytes=in_bytes)
    assert all(0 < length(part, in_bytes=in_bytes) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_a_cut_stands_at_the_end_of_a_sentence() -> None:
    assert split_text("先打开设置。再点网络检测。最后截图。", 8, in_bytes=False) == [
        "先打开设置。",
        "再点网络检测。",
        "最后截图。",
    ]


def test_choices_become_numbers() -> None:
    assert with_numbers("您想问哪个?", ["退款", "都不是"]) == "您想问哪个?\n1. 退款\n2. 都不是"
