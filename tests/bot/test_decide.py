"""The order of the promise, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from bot.assistant import Said
from bot.decide import Decided, Decision, Situation, decide, worth_asking
from bot.types import Found, HandoffReason, SearchAnswer
from bot.wish import Wish
from tests.fakes import turn_of

FOUND = tuple(Found(f"art_{n}", n, f"标题{n}", f"问题{n}", 0.9, 0.9 - n / 10) for n in range(5))
NONE = SearchAnswer("none", (), "rel")
NEAR = SearchAnswer("none", FOUND, "rel")
ASK = SearchAnswer("ask", FOUND, "rel")
ANSWER = SearchAnswer("answer", FOUND, "rel")
ALIAS = SearchAnswer("answer", FOUND, "rel", exact=True)

GREET = turn_of(Said("text", "smalltalk.greet"), intent="greet")
UNSURE = turn_of(Said("text", "smalltalk.greet"), intent="greet", confidence=0.6)
UNKNOWN = turn_of(Said("unknown"), intent="nlu_fallback", confidence=0.3)
OUT = turn_of(Said("unknown", "scope.out", {"out_of_scope": True}), intent="out_of_scope")
QUESTION = turn_of(Said("text", "form.ask.city"), active_form="f", intent="inform", confidence=0.5)
INTERRUPTED = turn_of(Said("faq"), Said("text", "form.ask.city"), active_form="f")
COMPLAINT = turn_of(Said("handoff", "handoff.complaint", {"reason": "complaint"}), intent="complain")
HUMAN = turn_of(Said("handoff", "handoff.wish", {"reason": "wish"}), intent="ask_human")
HALF_HUMAN = turn_of(Said("handoff", "handoff.wish", {"reason": "wish"}), intent="ask_human", confidence=0.5)

TABLE: list[tuple[str, dict[str, Any], Decided]] = [
    (
        "a wish beats everything",
        {"wish": Wish.PERSON, "search": ALIAS, "assistant": GREET, "form_open": True},
        Decided.WISH,
    ),
    ("a question who this is gets the truth", {"wish": Wish.IS_THIS_ONE, "search": ALIAS}, Decided.TASK),
    ("a threat with the law beats the form", {"rule": "legal", "form_open": True, "assistant": QUESTION}, Decided.RULE),
    ("an open form beats an answer", {"form_open": True, "assistant": QUESTION, "search": ANSWER}, Decided.FORM),
    ("an exact alias interrupts a form", {"form_open": True, "assistant": QUESTION, "search": ALIAS}, Decided.ALIAS),
    (
        "a sure answer interrupts a form",
        {"form_open": True, "assistant": INTERRUPTED, "search": ANSWER},
        Decided.ANSWER,
    ),
    ("choices do not interrupt a form", {"form_open": True, "assistant": INTERRUPTED, "search": ASK}, Decided.FORM),
    ("without the assistant a form waits", {"form_open": True, "assistant": None, "search": ANSWER}, Decided.ANSWER),
    ("an alias beats a task", {"assistant": GREET, "search": ALIAS}, Decided.ALIAS),
    ("a sure task beats an answer", {"assistant": GREET, "search": ANSWER}, Decided.TASK),
    ("an unsure task does not", {"assistant": UNSURE, "search": ANSWER}, Decided.ANSWER),
    ("an unsure task does not beat choices either", {"assistant": UNSURE, "search": ASK}, Decided.ASK),
    ("an unsure task is better than nothing", {"assistant": UNSURE, "search": NONE}, Decided.TASK),
    ("the answer zone answers", {"assistant": UNKNOWN, "search": ANSWER}, Decided.ANSWER),
    ("the ask zone asks", {"assistant": UNKNOWN, "search": ASK}, Decided.ASK),
    ("out of scope, but known, is answered", {"assistant": OUT, "search": ANSWER}, Decided.ANSWER),
    ("below the zones the first failure asks again", {"assistant": UNKNOWN, "search": NEAR}, Decided.FALLBACK),
    ("the second failure offers a person", {"assistant": UNKNOWN, "search": NEAR, "failed_turns": 1}, Decided.OFFER),
    ("anger offers at the first", {"assistant": UNKNOWN, "search": NONE, "emotion": 0.9}, Decided.OFFER),
    ("a half-heard wish is an offer", {"assistant": HALF_HUMAN, "search": NONE}, Decided.OFFER),
    ("a complaint goes to a person", {"assistant": COMPLAINT, "search": ANSWER}, Decided.TASK),
    ("a dispute about money is answered when known", {"rule": "payment_dispute", "search": ANSWER}, Decided.ANSWER),
    ("and goes to a person when not", {"rule": "payment_dispute", "search": NEAR}, Decided.RULE),
    ("who wants no person gets none", {"wish": Wish.NO_PERSON, "assistant": HUMAN, "search": NONE}, Decided.TASK),
    ("small talk without the assistant", {"small_talk": "bot.hello", "search": NONE}, Decided.TASK),
    ("nothing at all", {"search": NONE}, Decided.FALLBACK),
]


@pytest.mark.parametrize(("known", "decided"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_order(known: dict[str, Any], decided: Decided) -> None:
    assert decide(Situation(**{"search": NONE, **known})).decided is decided


def test_every_decision_says_or_does_something() -> None:
    """Whatever comes together, a customer never gets silence."""
    turns = (None, GREET, UNSURE, UNKNOWN, OUT, QUESTION, INTERRUPTED, COMPLAINT, HUMAN, HALF_HUMAN, turn_of())
    for turn in turns:
        for search in (NONE, NEAR, ASK, ANSWER, ALIAS):
            for wish in Wish:
                for form in (True, False):
                    for failed in (0, 1, 5):
                        known = Situation(search, turn, wish, None, form, failed)
                        assert _says(decide(known)), known


def _says(made: Decision) -> bool:
    spoken = any(said.text_id or said.kind == "ticket_status" for said in made.said)
    return bool(made.article or made.ask or made.handoff or made.text_id or spoken)


def test_reasons_and_questions_are_carried_along() -> None:
    assert decide(Situation(NONE, COMPLAINT)).handoff is HandoffReason.COMPLAINT
    assert decide(Situation(NONE, HUMAN)).handoff is HandoffReason.EXPLICIT_WISH
    assert decide(Situation(NONE, rule="legal")).handoff is HandoffReason.RULE
    interrupted = decide(Situation(ANSWER, INTERRUPTED, form_open=True))
    assert [said.text_id for said in interrupted.said] == ["form.ask.city"]
    assert len(decide(Situation(ASK, UNKNOWN)).ask) == 3
    assert decide(Situation(NONE, OUT)).text_id == "scope.out"
    assert decide(Situation(NONE, UNKNOWN)).failed


def test_a_candidate_that_can_hardly_be_meant_is_not_offered() -> None:
    found = tuple(Found(f"art_{n}", n, f"标题{n}", f"问题{n}", 0.5, p) for n, p in enumerate((0.3, 0.05, 0.001)))
    assert [each.article_id for each in worth_asking(SearchAnswer("ask", found, "rel_1"))] == ["art_0", "art_1"]
    hardly = (Found("art_9", 9, "标题", "问题", 0.1, 0.001),)
    assert worth_asking(SearchAnswer("ask", hardly, "rel_1")) == hardly
