"""A small invented service for the tests of search: eight articles about a library that lends bicycles."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from core.normaliser import normalise
from knowledge_base.types import FloatArray, IndexedArticle, IndexedText, TextKind

DIM = 64

ARTICLES: dict[str, tuple[str, str, list[str], list[str]]] = {
    "borrow": (
        "怎么借车",
        "怎么借一辆自行车",
        ["借车流程", "想借辆车骑", "第一次借车要做什么", "在哪里可以借到车", "扫码借车怎么弄", "我要租一辆单车"],
        ["打开小程序,扫车身上的码,锁打开就可以骑走。", "第一次借车需要实名认证。"],
    ),
    "return": (
        "怎么还车",
        "怎么把自行车还回去",
        ["还车流程", "骑完怎么还", "车停哪里算还了", "还车点在哪", "还车失败了怎么办", "锁关不上还不了车"],
        ["把车停进白线,手动关锁,听到提示音就算还车成功。"],
    ),
    "deposit": (
        "押金怎么退",
        "押金怎么退回来",
        ["退押金", "押金多久到账", "押金退到哪里", "不想用了把押金退给我", "为什么押金还没退"],
        ["在「我的」里点「退押金」,三个工作日内原路退回。"],
    ),
    "open-card": (
        "怎么开通月卡",
        "怎么开通骑行月卡",
        ["开通月卡", "办一张月卡", "月卡在哪里买", "开月卡要多少钱", "启用月卡"],
        ["在首页点「月卡」,选一个月或三个月,付款后马上生效。"],
    ),
    "cancel-card": (
        "怎么取消月卡",
        "怎么取消骑行月卡",
        ["取消月卡", "月卡怎么退订", "不要月卡了", "关闭月卡续费", "停用月卡"],
        ["在「我的月卡」里点「取消续费」,当月还可以用到期满。"],
    ),
    "broken": (
        "车坏了怎么办",
        "自行车坏了怎么报修",
        ["车链子掉了", "轮胎没气了", "刹车不灵", "座椅坏了", "报修在哪里", "骑到一半车坏了"],
        ["先关锁,再点「报修」,拍一张照片,这次骑行不收费。"],
    ),
    "fee": (
        "骑行怎么收费",
        "骑车一次多少钱",
        ["收费标准", "半小时多少钱", "超时怎么算钱", "为什么这次收了五块", "计费规则是什么"],
        ["前三十分钟一块五,之后每十五分钟五毛。"],
    ),
    "account": (
        "怎么换手机号",
        "怎么更换登录的手机号",
        ["换手机号", "手机号不用了怎么办", "绑定新号码", "旧号码收不到验证码", "改一下登录手机"],
        ["在「设置」里点「手机号」,用新号码收一条验证码。"],
    ),
}


def articles(leaving_out: Sequence[str] = ()) -> list[IndexedArticle]:
    """The whole service, with ids as SQL would issue them: not in order and not from zero."""
    made = []
    for number, (key, (title, question, variants, passages)) in enumerate(ARTICLES.items()):
        kinds = [(TextKind.TITLE, title), (TextKind.QUESTION, question)]
        kinds += [(TextKind.VARIANT, text) for text in variants] + [(TextKind.PASSAGE, text) for text in passages]
        texts = tuple(IndexedText(10_000 - 100 * number + at, kind, text) for at, (kind, text) in enumerate(kinds))
        if key not in leaving_out:
            made.append(IndexedArticle(key, 3, title, question, texts, public=key != "fee"))
    return made


def vector(text: str) -> FloatArray:
    """A stand-in for an encoder: each character has a direction of its own, a text is their sum.

    Texts that share characters are alike, and all have a large part in common, as with e5.
    """
    total = np.full(DIM, 0.6, np.float64)
    for character in normalise(text):
        seed = int.from_bytes(hashlib.sha256(character.encode()).digest()[:4], "big")
        total += np.random.default_rng(seed).normal(0, 0.25, DIM)
    return np.asarray(total / np.linalg.norm(total), np.float32)


def vectors(made: Sequence[IndexedArticle]) -> dict[int, FloatArray]:
    """A vector for each text."""
    return {text.question_id: vector(text.text) for article in made for text in article.texts}
