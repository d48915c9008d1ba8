"""Texts on which back ends are compared at start-up: the kinds that customers type, short and long, odd and plain."""

from __future__ import annotations

PROBE: list[str] = [
    "密码忘了登不上去怎么办",
    "会员自动续费怎么取消",
    "看到一半一直转圈圈,网络明明没问题",
    "我要退款",
    "電視上看不了,畫面是黑的",
    "ＶＩＰ 会员可以几个人一起用",
    "how do i change the language of subtitles?",
    "扣了我两次钱😡😡 什么时候退",
    "孩子用的模式密码是多少",
    "你们家的发票可以开公司抬头吗,税号填哪里",
    "直播间进不去,提示 error 403",
    "昨天买的杯子到现在还没发货,订单号是20260318,麻烦帮我催一下,谢谢",
    "?",
    "换手机号",
]
