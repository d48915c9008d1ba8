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
        ("电话１３８１２３４５６７８", "电话138****5678"),
        ("一三八一二三四五六七八是我", "138****5678是我"),
        ("幺三八 一二三四 五六七八", "138****5678"),
        ("1 3 8 1 2 3 4 5 6 7 8", "138****5678"),
        ("0086-138.1234.5678", "138****5678"),
        ("座机0571-88887777转801", "座机057********7801"),
        ("客服热线400-123-4567", "客服热线400-123-4567"),
        ("身份证11010519491231002X9", "身份证110**************X9"),
        ("身份证号:110105194912310021", "身份证号:110*************21"),
        ("流水110105194912310021", "流水110105194912310021"),
        ("订单号6225760008219524", "订单号6225760008219524"),
        ("寄到浙江省杭州市西湖区文三路90号东部软件园1号楼302室", "寄到浙江省杭州市西湖区****"),
        ("看到第3号直播间 一件4号电池 三号线", "看到第3号直播间 一件4号电池 三号线"),
        ("２０２６年１１月２１日", "２０２６年１１月２１日"),
        ("小李＠example．com", "小李＠example．com"),
        ("xiaoli＠example．com", "x***@example.com"),
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
