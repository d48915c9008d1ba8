"""What customers say: talks of some turns each, drawn with a seed. One turn is one text, or some sent in one go."""

from __future__ import annotations

import random

from knowledge_base.demo_content import read_articles

Turn = tuple[str, ...]

_SMALL_TALK = ("你好", "在吗", "谢谢", "好的知道了", "哈喽", "辛苦了", "再见")
_TASKS = ("我的工单处理到哪一步了", "我想提个建议,希望增加倍速播放", "查一下我反馈的问题有结果了吗", "转人工")
_NOWHERE = ("今天天气怎么样", "呜啦啦巴扎黑", "你们食堂几点开饭", "帮我写首诗")
_PROBLEM = (
    ("我要报障,看电影一直转圈", "电视打开就黑屏,想反映一下故障", "我要反馈问题,播放总是卡住"),
    ("昨天晚上开始的", "从今天早上起", "大概三天前"),
    ("小米13", "华为Mate60", "苹果15"),
    ("安卓14", "鸿蒙4", "iOS 17"),
    ("不知道", "跳过", "8.2.1"),
)


def talks(count: int, turns: int, seed: int) -> list[list[Turn]]:
    """`count` talks of `turns` turns: six in ten ask the knowledge base, two report a problem, two chat and ask about
    their matters; one turn in twelve comes as two messages."""
    chance = random.Random(seed)
    questions = [variant for article in read_articles() for variant in article.content.variants]
    return [_talk(chance, questions, turns) for _ in range(count)]


def _talk(chance: random.Random, questions: list[str], turns: int) -> list[Turn]:
    kind = chance.random()
    found: list[Turn] = []
    for number in range(turns):
        if kind < 0.2 and number < len(_PROBLEM):
            found.append((chance.choice(_PROBLEM[number]),))
        elif kind < 0.4 and chance.random() < 0.6:
            found.append((chance.choice(chance.choice((_SMALL_TALK, _TASKS, _NOWHERE))),))
        elif chance.random() < 1 / 12:
            found.append((chance.choice(_SMALL_TALK), chance.choice(questions)))
        else:
            found.append((chance.choice(questions),))
    return found
