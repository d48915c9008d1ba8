"""The wish to speak to the head of the house: 找你们老板, 我要找领导, 让负责人给我打电话.

Few fixed phrases, like the wish for a person (`wish.py`), which every one of them also is: who may not yet go to the
head is offered a person instead. 老板 and 领导 that belong to the customer (我领导, 我们老板) are nobody of ours.
"""

from __future__ import annotations

import re

from core.normaliser import normalise

# `Memory.asked` while the one sentence for the head is awaited: the prefix and the ticket's id.
ASKED = "executive:"

_HEAD = "(老板|老总|总经理|总裁|董事长|大?领导|负责人|管事的?|主管领导|ceo|boss)(?!娘|的?(剧|电视剧|电影|片|节目|角色))"
_VERB = "(找|叫|喊|请|让|联系|投诉到|投诉给|转(给|接|到)?|见|要见|直接找|跟|和|问问|换|给我|想找|要找)"
_WISH = re.compile(
    f"{_VERB}(一?下|个|到|出)?(你们|贵|咱们|这里|这边|公司|平台|客服|那个|那边)?(公司|平台|客服)?(的|家)?{_HEAD}"
    f"|(你们|贵公司|公司|平台)(的|家)?{_HEAD}(呢|在哪|在不在|电话|出来|来|联系方式|怎么联系|是谁)"
    f"|^(我?要|我?找)?{_HEAD}(来|出来|呢)?[!?。.~]*$"
    r"|\b(talk|speak|complain) (to|with) (your )?(boss|ceo|manager in charge|head)\b"
)
_THEIR_OWN = re.compile(f"(我|我们|我家|咱)(们)?(的|家)?{_HEAD}")
_NOT = re.compile(f"(不用|不要|不想|先不|别|没必要)(再)?{_VERB}.{{0,6}}{_HEAD}")
_CANCEL = re.compile("(算了|取消|不用了|不找了|先不用|不说了|没事了|cancel|never mind)[!?。.~ 吧了]*")
# Longer texts tell a story in which a head is mentioned.
_STORY_CHARACTERS = 40


def wants_head(text: str) -> bool:
    """Whether the text asks for the head of the house."""
    said = normalise(text)
    if not said or len(said) > _STORY_CHARACTERS or _NOT.search(said):
        return False
    found = _WISH.search(said)
    return found is not None and not _THEIR_OWN.search(said)


def takes_back(text: str) -> bool:
    """Whether somebody who was asked for the sentence would rather not."""
    return bool(_CANCEL.fullmatch(normalise(text)))


__all__ = ["ASKED", "takes_back", "wants_head"]
