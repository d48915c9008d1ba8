"""What the assistant understood of one message, read from the body that Rasa posts; and what is said in return.

Parsed once and leniently: whatever is missing or of a wrong shape is simply not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Say:
    """One message of ours: a kind for the gateway, the id of a text of nlu/texts.json, choices as (id, label id)."""

    kind: str
    text_id: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """One entity. `start` and `end` count in the normal form of the text."""

    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Search:
    """What the knowledge search said, as far as it is known by now."""

    decision: str | None = None
    exact: bool = False
    probability: float = 0.0

    @property
    def answers(self) -> bool:
        return self.exact or self.decision == "answer"


@dataclass(frozen=True, slots=True)
class Heard:
    text: str
    intent: str | None
    confidence: float
    ranking: tuple[tuple[str, float], ...]
    entities: tuple[Found, ...]
    choice: str | None
    drops_form: bool
    profile: Mapping[str, Any]
    search: Search
    exchange_id: str | None
    request_id: str | None
    slots: Mapping[str, Any]
    active_form: str | None
    requested_slot: str | None

    def means(self, intent: str, at_least: float) -> bool:
        return self.intent == intent and self.confidence >= at_least

    def usual_reply(self) -> Say:
        """The answer outside any form."""
        return _USUAL.get(self.intent or "", Say("unknown"))


_START = (("report", "choice.report"), ("ticket_status", "choice.ticket_status"), ("human", "choice.human"))
_USUAL = {
    "greet": Say("text", "smalltalk.greet", choices=_START),
    "thanks": Say("text", "smalltalk.thanks"),
    "bye": Say("text", "smalltalk.bye"),
    "affirm": Say("affirm", "smalltalk.affirm"),
    "deny": Say("deny", "smalltalk.deny", choices=(("human", "choice.human"),)),
    "ask_human": Say("handoff", "handoff.wish", {"reason": "wish"}),
    "complain": Say("handoff", "handoff.complaint", {"reason": "complaint"}),
    "ask_ticket_status": Say("ticket_status", "ticket_status.lookup"),
    "suggest": Say("suggestion", "suggestion.thanks"),
    "cancel": Say("text", "dialogue.nothing_to_cancel"),
    "faq": Say("faq"),
    "out_of_scope": Say("unknown", "scope.out", {"out_of_scope": True}),
}


def read(payload: Mapping[str, Any]) -> Heard:
    """Read an action call; raises KeyError, TypeError or ValueError when it is none."""
    tracker = payload["tracker"]
    message = tracker["latest_message"]
    metadata = latest_metadata(payload)
    slots = tracker["slots"]
    text = _latest_text(payload)
    return Heard(
        text=text,
        intent=_name(message.get("intent")),
        confidence=float((message.get("intent") or {}).get("confidence") or 0.0),
        ranking=tuple(
            (str(one.get("name")), float(one.get("confidence") or 0.0))
            for one in (message.get("intent_ranking") or [])[:3]
        ),
        entities=tuple(_entities(message, text)),
        choice=_text(metadata.get("choice")),
        drops_form=metadata.get("form") == "drop",
        profile=_mapping(metadata.get("profile")),
        search=_search(payload.get("search") or metadata.get("search")),
        exchange_id=_text(metadata.get("exchange_id")),
        request_id=_text(metadata.get("request_id")),
        slots=slots,
        active_form=_name(tracker.get("active_loop")),
        requested_slot=_text(slots.get("requested_slot")),
    )


def latest_metadata(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metadata of the customer's last message; empty when there is none."""
    return _mapping(_latest_user_event(payload).get("metadata"))


def _latest_text(payload: Mapping[str, Any]) -> str:
    """What the customer wrote; the latest message of the tracker only has its normal form."""
    return _text(_latest_user_event(payload).get("text")) or ""


def _latest_user_event(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    for event in reversed(payload["tracker"].get("events") or []):
        if event.get("event") == "user":
            return _mapping(event)
    return {}


def answers_of(slots: Mapping[str, Any]) -> dict[str, Any]:
    """What a form knows so far, as a parameter."""
    return {"answers": {name: value for name, value in slots.items() if value is not None and name != "form_state"}}


def _entities(message: Mapping[str, Any], text: str) -> list[Found]:
    found = []
    for one in message.get("entities") or []:
        value = one.get("value")
        if isinstance(value, str) and isinstance(one.get("entity"), str):
            # Entities come from the normal form; what is shown again keeps the customer's own capitals.
            at = text.lower().find(value)
            value = text[at : at + len(value)] if at >= 0 and one["entity"] != "network_kind" else value
            found.append(Found(one["entity"], value.strip(), int(one.get("start") or 0), int(one.get("end") or 0)))
    return sorted(found, key=lambda entity: (entity.start, -entity.end))


def _search(value: Any) -> Search:
    given = _mapping(value)
    probability = given.get("probability")
    return Search(
        decision=_text(given.get("decision")),
        exact=given.get("exact") is True,
        probability=float(probability) if isinstance(probability, int | float) else 0.0,
    )


def _name(value: Any) -> str | None:
    return _text(_mapping(value).get("name"))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
