"""Markdown becomes safe HTML, readable text, and a short answer with steps behind it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import markdown

ARTICLE = """用绑定的手机号收一条**验证码**,就能设新密码。详见[这里](https://a.example/x)。

## 步骤
1. 点「忘记密码」
   - 手机号
2. 填验证码

| 渠道 | 时间 |
|---|---|
| 微信 | 1 天 |
"""

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "![x](data:text/html;base64,AAAA)",
    "<iframe src=//evil.example></iframe>",
    "[x](<javascript:alert(1)>)",
    "`<b onclick=x>`",
    "<style>*{display:none}</style>",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_acts_gets_through(attack: str) -> None:
    _check(markdown.to_html(attack))


@given(st.text(alphabet="<>!&[]()\"'`*#-_|=:/ \nabsjx1", max_size=80))
def test_nothing_random_gets_through(text: str) -> None:
    _check(markdown.to_html(text))


def _check(html: str) -> None:
    for tag, attributes in re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)([^>]*)>", html):
        assert tag in markdown.TAGS
        assert not re.search(r"\bon\w+\s*=|javascript:|data:", attributes, re.IGNORECASE)


def test_the_short_answer_comes_first() -> None:
    parts = markdown.split(ARTICLE)
    assert parts.short.startswith("用绑定")
    assert parts.rest.startswith("## 步骤")
    assert markdown.summary(ARTICLE) == "用绑定的手机号收一条验证码,就能设新密码。详见这里(https://a.example/x)。"
    assert markdown.split("只有一句。") == markdown.Split("只有一句。", "")
    assert markdown.split("1. 一\n2. 二") == markdown.Split("1. 一\n2. 二", "")


def test_plain_text_keeps_numbers_cells_and_addresses() -> None:
    assert markdown.to_text(ARTICLE) == (
        "用绑定的手机号收一条验证码,就能设新密码。详见这里(https://a.example/x)。\n\n步骤\n\n"
        "1. 点「忘记密码」\n  - 手机号\n2. 填验证码\n\n渠道 | 时间\n微信 | 1 天"
    )


def test_long_openings_are_cut_at_a_sentence() -> None:
    summary = markdown.summary("这是一句话。" * 60)
    assert len(summary) <= 140
    assert summary.endswith("。")
