"""Buttons that customers press, or name in words: what comes back means something only by its id.

On channels without buttons the choices are a numbered list; a customer then answers with a number or the words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.ports import Texts
from bot.types import Choice
from core.normaliser import normalise

HUMAN = "human"
NONE = "none"
NEW_MATTER = "new_matter"
LEAVE_LINE = "leave_line"
ARTICLE = "article:"
REOPEN = "reopen:"
RATING = "rating:"
SOLVED = "solved:"

# What the pages and the assistant call these buttons elsewhere.
_SYNONYMS = {"person": HUMAN, "none_of_these": NONE}

# Buttons that stand on the page or may be offered by anybody, so they need not have been shown in a message.
_STANDING = {
    HUMAN: "choice.human",
    "report": "choice.report",
    "ticket_status": "choice.ticket_status",
    LEAVE_LINE: "bot.choice.leave_line",
}

# Buttons that we answer ourselves; all others belong to the assistant.
_OURS = frozenset({HUMAN, NONE, NEW_MATTER, LEAVE_LINE})
_OUR_KINDS = (ARTICLE, REOPEN, RATING, SOLVED)

_RATING_WORDS = {
    "非常满意": 4,
    "很满意": 4,
    "满意": 3,
    "一般": 2,
    "一般般": 2,
    "还行": 2,
    "不满意": 1,
    "很不满意": 1,
    "非常不满意": 1,
}
# A whole text of these words answers 「解决了吗」; inside of a longer one they may be about anything.
_VERDICT_WORDS = {
    **dict.fromkeys(
        ("解决了", "已解决", "已经解决", "已经解决了", "问题解决了", "都解决了", "解决啦", "搞定了", "好了", "可以了"),
        "yes",
    ),
    **dict.fromkeys(
        (
            "没解决",
            "没有解决",
            "还没解决",
            "还没有解决",
            "未解决",
            "问题没解决",
            "并没有解决",
            "还是不行",
            "还不行",
            "依然不行",
            "没好",
        ),
        "no",
    ),
}
_NUMBER = re.compile(r"[第选]?([1-9])[.、个条号项]?")
_CHINESE_NUMBERS = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6}


def canonical(choice_id: str) -> str:
    """One name per button."""
    return _SYNONYMS.get(choice_id, choice_id)


def is_ours(choice_id: str) -> bool:
    """Whether the gateway answers this button without the assistant."""
    return choice_id in _OURS or choice_id.startswith(_OUR_KINDS)


def is_survey_answer(choice_id: str | None) -> bool:
    """Whether this is a word on a matter that was concluded."""
    return choice_id is not None and choice_id.startswith((RATING, SOLVED))


def standing_label(choice_id: str, texts: Texts) -> str | None:
    """The words on a button that may be pressed at any time, or None."""
    text_id = _STANDING.get(choice_id)
    return None if text_id is None else texts.get(text_id)


def named(text: str, offered: Sequence[Choice]) -> Choice | None:
    """The offered button that a text names: its label word for word, or its number in the list."""
    said = normalise(text).rstrip("。.!?~,")
    if not said:
        return None
    for choice in offered:
        if normalise(choice.label) == said:
            return choice
    number = _CHINESE_NUMBERS.get(said.removeprefix("第").removesuffix("个"))
    matched = _NUMBER.fullmatch(said)
    if matched:
        number = int(matched.group(1))
    return offered[number - 1] if number is not None and number <= len(offered) else None


def verdict_in(text: str) -> str | None:
    """`yes` or `no` for a text that says in so many words whether the matter is solved, or None."""
    return _VERDICT_WORDS.get(normalise(text).rstrip("。.!?~,呢啊哦"))


def rating_in(text: str) -> int | None:
    """The rating that a text gives in one of the four words, or None."""
    return _RATING_WORDS.get(normalise(text).rstrip("。.!?~,"))
