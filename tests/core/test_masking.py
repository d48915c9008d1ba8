"""Masks: enough to compare, never enough to use; what only looks like a number of a person stays readable."""

from __future__ import annotations

import pytest

from core.masking import mask_email, mask_external, mask_phone, mask_text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("手机13812345678", "手机138****5678"),
        ("+86 138-1234-5678打给我", "138****5678打给我"),
        ("邮箱 xiao.li@example.com.cn", "邮箱 x***@example.com.cn"),
        ("身份证11010519491231002X", "身份证110*************2X"),
        ("卡号6225 7600 0821 9524", "卡号************9524"),
        ("订单2026112112345678", "订单2026112112345678"),
        ("工单FL-20261121-000123", "工单FL-20261121-000123"),
        ("版本 12.3.4567", "版本 12.3.4567"),
        ("12345678901234", "12345678901234"),
        ("", ""),
    ],
)
def test_numbers_of_people_are_masked_in_free_text(text: str, masked: str) -> None:
    assert mask_text(text) == masked
    assert mask_text(masked) == masked


def test_single_values_are_masked() -> None:
    assert mask_phone("+8613812345678") == "138****5678"
    assert mask_phone("057188887777") == "057*****7777"
    assert mask_phone("8888777") == "8****77"
    assert mask_phone("12345") == "****45"
    assert mask_phone(None) is None
    assert mask_email("a@b.cn") == "a***@b.cn"
    assert mask_email("") is None
    assert mask_external("oABCdef12345") == "oA***45"
