"""The form of a technical problem, as pure functions: what was heard → what to say and which slots change.

    open_form ──► asking ──► done        every needed slot has a value or "unknown"
                    │  ▲ └─► cancelled   「算了」, or goodbye before there was a problem
                    ▼  │ └─► handed on   the wish for a person, or anger
                 interrupted             another matter is answered, then the question is asked again

A question is asked at most three times; then the slot becomes "unknown" and the form goes on. What the browser tells is
filled in and confirmed in one question. One answer may fill several slots.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.heard import Heard, Say, answers_of
from core.normaliser import normalise

FORM = "report_problem_form"
PROFILE = "profile"
"""Requested while what the browser told waits to be confirmed."""
UNKNOWN = "unknown"
TOLD_SLOTS = (
    "device_model",
    "system_version",
    "app_version",
    "network_kind",
    "network_provider",
    "city",
    "speed",
)
SLOTS = ("problem", "since", *TOLD_SLOTS)

NETWORK_KINDS = ("wifi", "5g", "4g", "mobile", "wired")
_KINDS_BY_OTHER_NAMES = {"cellular": "mobile", "3g": "mobile", "ethernet": "wired", "wi-fi": "wifi"}
_MOST_ASKS = 3
# Longer answers to a small question are about something else; problems may be told at length.
_LONGEST_ANSWER = {"problem": 2000, "since": 60, "device_model": 60, "network_provider": 16, "city": 16}
_SURE = 0.8
_FAIRLY_SURE = 0.6
# Intents that are another matter even while a question is open, when they are sure.
_OTHER_MATTERS = frozenset({"greet", "thanks", "ask_ticket_status", "suggest", "faq", "out_of_scope"})

_ASKS_TO_RECORD = re.compile(r"反馈|报修|报障|上报|申报|报告|登记|提交|反映|反应|记录一?下|bug|试过|试了|还是|也不行")
# Nothing but the wish to report: what happens is still to be asked.
_ONLY_ASKS_TO_RECORD = re.compile(
    r"^(我|帮我|给我|我要|我想|我想要|你好|请|麻烦|有|发现)*(要|想|去|来)?"
    r"(反馈|报修|报障|上报|申报|报告|登记|提交|反映|记录|问题|故障|情况|bug|有|要报|给你们|给|技术|你们|个|一个|一下|下|这个|东西|点|要|想|来)+$"
)
_SKIP = re.compile(
    r"^(我|这个|先|也|真|都|就)*"
    r"(不知道|不清楚|不太清楚|不记得|记不清|忘记|忘|不晓得|不懂|不会看|不会|没测过|没测|不知|唔知|说不上来|没注意"
    r"|找不到|看不到|跳过|略过|下一个|下一题|不填|不想说|不想填|没有|skip|pass|don't know|unknown)"
    r"(了|啊|呢|诶|吧|怎么看|在哪看|怎么测)*$"
)
_SKIP_ALL = re.compile(
    r"(都|全|全部)跳过|(后面|剩下|其他|其它|别的).{0,4}(不知道|不清楚|跳过|不填)|直接提交|就这些|skip (all|the rest)"
)
_DIGIT = re.compile(r"\d")
_CJK_OR_LETTER = re.compile(r"[㐀-鿿a-z]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """What a turn does to the form. `requested` None with `is_open` False ends it."""

    says: tuple[Say, ...]
    slots: dict[str, Any] = field(default_factory=dict)
    requested: str | None = None
    is_open: bool = False


def open_form(heard: Heard) -> Step:
    """Begin, or leave it to the knowledge base when that has an answer and nobody asked to record anything."""
    asks_to_record = heard.choice == "report" or bool(_ASKS_TO_RECORD.search(normalise(heard.text)))
    if heard.search.answers and not asks_to_record:
        return Step((Say("faq"),))
    slots: dict[str, Any] = dict.fromkeys(SLOTS)
    # A second problem of the same episode happens on the same device.
    slots.update({name: heard.slots.get(name) for name in TOLD_SLOTS if heard.slots.get(name) != UNKNOWN})
    told = _told(heard.profile, slots)
    slots.update(told)
    slots.update(_found(heard))
    if heard.choice != "report" and not _ONLY_ASKS_TO_RECORD.match(re.sub(r"[\W_]", "", normalise(heard.text))):
        slots["problem"] = _kept("problem", heard.text)
    state = {"asked": {}, "told": [name for name in told if slots[name] == told[name]], "confirmed": False}
    return _ask_next(slots, state, (Say("text", "form.intro"),))


def continue_form(heard: Heard) -> Step:
    """Take the answer to the open question, or be interrupted."""
    slots = {name: heard.slots.get(name) for name in SLOTS}
    state = _state(heard.slots.get("form_state"))
    text = normalise(heard.text)
    if heard.choice == "human" or heard.means("ask_human", _FAIRLY_SURE):
        return _leave(slots, state, Say("handoff", "handoff.wish", {"reason": "wish", **answers_of(slots)}))
    if heard.choice == "skip_all" or (not heard.choice and _SKIP_ALL.search(text)):
        return _finish(slots, state, "form.done_partial")
    if heard.choice == "cancel" or (heard.means("cancel", _FAIRLY_SURE) and len(text) <= 16):
        return _leave(dict.fromkeys(SLOTS), _state(None), Say("form_cancelled", "form.cancelled"))
    if heard.means("bye", _SURE) and not heard.entities:
        if slots["problem"]:
            return _finish(slots, state, "form.done_partial")
        return _leave(dict.fromkeys(SLOTS), _state(None), Say("form_cancelled", "smalltalk.bye"))
    asked = heard.requested_slot or "problem"
    if asked == PROFILE:
        return _confirm(heard, text, slots, state)
    return _answer(heard, text, asked, slots, state)


def _confirm(heard: Heard, text: str, slots: dict[str, Any], state: dict[str, Any]) -> Step:
    found = _found(heard)
    if found:
        # The customer told what is right; that needs no second question about it.
        slots.update(found)
        state["told"] = [name for name in state["told"] if name not in found]
        state["confirmed"] = not state["told"] or not heard.means("deny", _FAIRLY_SURE)
        return _ask_next(slots, state) if state["confirmed"] else _ask_again(PROFILE, slots, state)
    if heard.choice in ("affirm", "skip") or heard.means("affirm", _FAIRLY_SURE) or _SKIP.match(text):
        state["confirmed"] = True
        return _ask_next(slots, state)
    if heard.choice == "deny" or heard.means("deny", _FAIRLY_SURE) or heard.means("correct", _FAIRLY_SURE):
        slots.update(dict.fromkeys(state["told"]))
        state["told"] = []
        return _ask_next(slots, state)
    return _other_matter(heard, PROFILE, slots, state) or _ask_again(PROFILE, slots, state)


def _answer(heard: Heard, text: str, asked: str, slots: dict[str, Any], state: dict[str, Any]) -> Step:
    found = _found(heard)
    choice = _set_by_choice(heard.choice)
    if choice is not None:
        slots[choice[0]] = choice[1]
        return _ask_next(slots, {**state, "last": choice[0]})
    if heard.choice == "skip" or _SKIP.match(text) or (asked != "problem" and heard.means("deny", _SURE) and not found):
        # Without a problem there is nothing to record, so that one question is not skipped at the first word.
        if asked == "problem":
            return _ask_again(asked, slots, state)
        slots[asked] = UNKNOWN
        return _ask_next(slots, {**state, "last": asked})
    if heard.means("correct", _FAIRLY_SURE):
        if not found:
            return _step_back(asked, slots, state)
        slots.update(found)
        return _ask_next(slots, state)
    if asked in found or _is_plainly(asked, text):
        slots.update(found)
        slots[asked] = found.get(asked) or _kept(asked, heard.text)
        return _ask_next(slots, {**state, "last": asked})
    interruption = _other_matter(heard, asked, slots, state)
    if interruption is not None:
        return interruption
    if asked != "problem" and found:
        slots.update(found)
        return _ask_again(asked, slots, state)
    if _could_be(asked, text, heard) and (state["asked"].get(asked, 1) > 1 or not _is_odd(text, heard)):
        slots.update(found)
        slots[asked] = _kept(asked, heard.text)
        return _ask_next(slots, {**state, "last": asked})
    return _ask_again(asked, slots, state)


def _other_matter(heard: Heard, asked: str, slots: dict[str, Any], state: dict[str, Any]) -> Step | None:
    """Answer what was not an answer, and ask again; anger ends the form and brings a person."""
    if heard.means("complain", _SURE) and asked != "problem":
        reply = Say("handoff", "handoff.complaint", {"reason": "complaint", **answers_of(slots)})
        return _leave(slots, state, reply)
    is_question = heard.intent == "faq" and (heard.search.answers or asked != "problem")
    by_search = heard.search.exact or (heard.search.answers and asked not in ("problem", "since"))
    by_intent = heard.intent in _OTHER_MATTERS and heard.confidence >= _SURE and heard.intent != "faq"
    if not (by_intent or by_search or (is_question and heard.confidence >= _SURE)):
        return None
    reply = Say("faq") if not by_intent else heard.usual_reply()
    step = _ask_again(asked, slots, state, after_interruption=True)
    return Step((reply, *step.says), step.slots, step.requested, step.is_open)


def _step_back(asked: str, slots: dict[str, Any], state: dict[str, Any]) -> Step:
    last = state.get("last")
    if last is None or last == asked:
        return _ask_again(asked, slots, state)
    slots[last] = None
    asked_before = {name: times for name, times in state["asked"].items() if name != last}
    return _ask(last, slots, {**state, "asked": asked_before, "last": None})


def _ask_next(slots: dict[str, Any], state: dict[str, Any], before: tuple[Say, ...] = ()) -> Step:
    for name in ("problem", "since"):
        if slots[name] is None:
            return _ask(name, slots, state, before)
    if state["told"] and not state["confirmed"]:
        return _ask(PROFILE, slots, state, before)
    for name in TOLD_SLOTS:
        if slots[name] is None:
            return _ask(name, slots, state, before)
    return _finish(slots, state, "form.done" if slots["problem"] != UNKNOWN else "form.done_partial")


def _ask_again(asked: str, slots: dict[str, Any], state: dict[str, Any], *, after_interruption: bool = False) -> Step:
    if state["asked"].get(asked, 1) >= _MOST_ASKS:
        if asked == PROFILE:
            return _ask_next(slots, {**state, "told": [], "unconfirmed": True})
        return _ask_next({**slots, asked: UNKNOWN}, state)
    if after_interruption:
        return _ask(asked, slots, state, (Say("text", "form.still_asking"),))
    return _ask(asked, slots, state, again=True)


def _ask(
    name: str, slots: dict[str, Any], state: dict[str, Any], before: tuple[Say, ...] = (), *, again: bool = False
) -> Step:
    asked = {**state["asked"], name: state["asked"].get(name, 0) + 1}
    params: dict[str, Any] = {}
    choices: tuple[tuple[str, str], ...] = (("skip", "choice.skip"), ("cancel", "choice.cancel"))
    if name == PROFILE:
        params = {"facts": [_fact(told, slots[told]) for told in TOLD_SLOTS if told in state["told"]]}
        choices = (("affirm", "choice.affirm"), ("deny", "choice.deny"), ("cancel", "choice.cancel"))
    elif name == "network_kind":
        kinds = tuple((f"set:network_kind:{kind}", f"form.value.{kind}") for kind in NETWORK_KINDS)
        choices = (*kinds, ("skip", "choice.skip"))
    elif name == "problem":
        choices = (("cancel", "choice.cancel"), ("human", "choice.human"))
    elif name in TOLD_SLOTS:
        choices = (("skip", "choice.skip"), ("skip_all", "choice.skip_all"))
    question = Say("text", f"form.{'reask' if again else 'ask'}.{name}", params, choices)
    return Step((*before, question), {**slots, "form_state": {**state, "asked": asked}}, name, True)


def _finish(slots: dict[str, Any], state: dict[str, Any], text_id: str) -> Step:
    answers = {name: UNKNOWN if value is None else value for name, value in slots.items()}
    params = {
        "answers": answers,
        "unknown": [name for name in SLOTS if answers[name] == UNKNOWN],
        "confirmed": bool(state["confirmed"]),
    }
    return _leave(answers, state, Say("form_done", text_id, params))


def _leave(slots: dict[str, Any], state: dict[str, Any], says: Say) -> Step:
    return Step((says,), {**slots, "form_state": state})


def _fact(name: str, value: str) -> dict[str, str]:
    fact = {"label_id": f"form.label.{name}", "value": value}
    return {**fact, "value_id": f"form.value.{value}"} if value in (*NETWORK_KINDS, UNKNOWN) else fact


def _state(value: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"asked": {}, "told": [], "confirmed": False}
    return {**empty, **value} if isinstance(value, dict) else empty


def _told(profile: Mapping[str, Any], slots: Mapping[str, Any]) -> dict[str, str]:
    """What the browser tells and the customer has not said."""
    told: dict[str, str] = {}
    for name in TOLD_SLOTS:
        value = profile.get(name)
        if isinstance(value, str) and value.strip() and slots.get(name) is None:
            value = " ".join(value.split())[:80]
            told[name] = _KINDS_BY_OTHER_NAMES.get(value.lower(), value.lower()) if name == "network_kind" else value
    return told


def _found(heard: Heard) -> dict[str, str]:
    """Slots whose entities are in the text; an app version inside a system version is not one."""
    found: dict[str, str] = {}
    systems = [(e.start, e.end) for e in heard.entities if e.name == "system_version"]
    for entity in heard.entities:
        inside = any(start <= entity.start and entity.end <= end for start, end in systems)
        if entity.name in SLOTS and entity.name not in found and (entity.name == "system_version" or not inside):
            found[entity.name] = entity.value
    if found.get("network_kind") not in (None, *NETWORK_KINDS):
        del found["network_kind"]
    return found


def _set_by_choice(choice: str | None) -> tuple[str, str] | None:
    match (choice or "").split(":"):
        case ["set", "network_kind", kind] if kind in NETWORK_KINDS:
            return "network_kind", kind
        case _:
            return None


def _is_plainly(asked: str, text: str) -> bool:
    """Whether the text can hardly be anything but the answer: a version or a speed has a number and few words."""
    return asked in ("system_version", "app_version", "speed") and len(text) <= 24 and bool(_DIGIT.search(text))


def _could_be(asked: str, text: str, heard: Heard) -> bool:
    """Whether free words may be taken as the answer when nothing else was recognised in them."""
    if heard.means("affirm", _FAIRLY_SURE) or len(text) > _LONGEST_ANSWER.get(asked, 24):
        return False
    letters = len(_CJK_OR_LETTER.findall(text))
    if asked == "problem":
        return letters >= 4 or (letters >= 2 and heard.intent in ("report_problem", "faq"))
    if asked == "network_kind":
        return False
    if asked in ("app_version", "system_version", "speed"):
        return "最新" in text
    if letters >= 2 and heard.intent not in ("report_problem", "complain"):
        return True
    return letters >= 1 and bool(_DIGIT.search(text))


def _is_odd(text: str, heard: Heard) -> bool:
    """Whether to ask once more before believing: nonsense, or letters of another script without any number."""
    has_chinese = bool(re.search(r"[㐀-鿿]", text))
    return heard.means("out_of_scope", _FAIRLY_SURE) or not (has_chinese or _DIGIT.search(text))


def _kept(name: str, text: str) -> str:
    return " ".join(text.split())[: _LONGEST_ANSWER.get(name, 80)]
