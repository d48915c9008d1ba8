"""How angry a text sounds, and words that call for a person by rule. Word lists: deterministic and explainable."""

from __future__ import annotations

import re

from core.normaliser import normalise

_RAGE = re.compile(
    "气死|气炸|恶心|骗子|骗钱|骗人|坑人|坑爹|坑钱|黑店|垃圾(?!文件|箱|桶|邮件|短信|信息|清理|分类|评论)|辣鸡|什么破|破软件|破平台|破玩意|滚|傻[逼比bx]|煞笔|脑残|(?<!爸)妈的|他妈|tmd|nmd|sb"
    "|去死|无耻|不要脸|流氓|忍无可忍|太过分|受够了|人工智障|智障|白痴|废物|欺骗消费者|霸王条款"
)
_UNHAPPY = re.compile(
    "投诉|差评|失望|无语|烦死|太差|很差|差劲|不满|生气|愤怒|糟糕|敷衍|踢皮球|没人管|没用|答非所问|听不懂|再也不|卸载|等了(好|很|半|几|这么)"
    "|到底(能不能|行不行|有没有)|怎么还(没|不)|一直不(解决|处理|回)|第?[三四五六七八九十几\\d]+次了"
)
_LOUD = re.compile("[!?]{1,}$")

# Threats with law, authorities or the press. These matters are never left to a machine. A journalist who asks for an
# interview is no threat.
_LEGAL = re.compile(
    "律师(函|团队)?|起诉|告(你们|上法庭|到法院)|法院|仲裁|(?<!\\d)(12315|12345)(?!\\d)|工商(局|部门|投诉)|消协|消费者协会|市场监管|监管局|我要报警|已经报警|曝光|(找|叫|联系|告诉|请)(媒体|记者)"
)
# Money taken without consent: the knowledge base may know the first steps, but a person must be at hand.
_DISPUTE = re.compile(
    "盗刷|被盗.{0,4}(扣|刷|付|充)|(没|未)(经)?.{0,3}(同意|授权|允许).{0,6}(扣|刷|付|充)|诈骗|被骗了?.{0,6}(钱|元|块)"
)


_STUTTER = re.compile(
    "卡顿|卡住|卡死|卡成|(很|好|太|老|总|一直|一卡)卡|缓冲|转圈|加载(不出|慢|很慢|半天)|画面不动|断断续续"
)


def stutters(text: str) -> bool:
    """Whether a text complains about a picture that stops and goes: then a speed test tells more than words."""
    return _STUTTER.search(normalise(text)) is not None


def anger(text: str) -> float:
    """0 (calm) to 1 (furious). 0.8 and more is anger at us; below it is a customer who has a problem."""
    said = normalise(text)
    score = 0.0
    if _RAGE.search(said):
        score += 0.8
    if _UNHAPPY.search(said):
        score += 0.5
    # The normaliser folds runs of marks, so loudness is read from the original.
    if score and (_LOUD.search(said) and ("!!" in text or "！！" in text or "??" in text or "？？" in text)):
        score += 0.2
    return min(score, 1.0)


def rule(text: str) -> str | None:
    """`legal` (a person, at once), `payment_dispute` (a person unless the knowledge base has an answer) or None."""
    said = normalise(text)
    if _LEGAL.search(said):
        return "legal"
    return "payment_dispute" if _DISPUTE.search(said) else None
