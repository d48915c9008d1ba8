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


def rating_in(text: str) -> int | None:
    """The rating that a text gives in one of the four words, or None."""
    return _RATING_WORDS.get(normalise(text).rstrip("。.!?~,"))
