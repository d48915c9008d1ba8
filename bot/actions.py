"""The assistant's custom actions, answered by the gateway: Rasa's action call in, events and messages out.

Pure and quick: nothing is read, written or awaited here, so that a call may be repeated and costs Rasa no time.
What a message leads to is told as a `custom` message (nlu/README.md has the contract) and done by the gateway in the
turn's own transaction. Outside the form Rasa calls `action_turn`; in the form, and to open it,
`validate_report_problem_form`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.heard import Heard, Say, answers_of, latest_metadata, read
from bot.problem_form import FORM, SLOTS, Step, continue_form, open_form

ActionCall = Mapping[str, Any]
ActionResult = dict[str, Any]

TURN = "action_turn"
VALIDATE_FORM = f"validate_{FORM}"


def run_action(payload: ActionCall) -> ActionResult:
    """Answer one action call. Never raises: what cannot be read gives a message of kind "error" and no events."""
    try:
        name = payload["next_action"]
        if name == TURN:
            return _outside(read(payload))
        if name == VALIDATE_FORM:
            return _form(read(payload))
        return _error(payload, "unknown_action")
    except Exception:  # The top of a request: Rasa drops a whole turn on any other answer than 200.
        return _error(payload, "unreadable")


def exchange_id(payload: ActionCall) -> str | None:
    """Which exchange a call belongs to, so that its search can be waited for; None when the call cannot be read."""
    try:
        value = latest_metadata(payload).get("exchange_id")
    except Exception:  # The same border as above.
        return None
    return value if isinstance(value, str) and value else None


def _outside(heard: Heard) -> ActionResult:
    says = heard.usual_reply()
    if says.kind == "handoff":
        says = Say(says.kind, says.text_id, {**says.params, **answers_of(_form_slots(heard.slots))}, says.choices)
    return {"events": [], "responses": [_custom(heard, says), _turn(heard, None, None, heard.slots)]}


def _form(heard: Heard) -> ActionResult:
    """Open, continue or drop the form. `requested_slot` is empty exactly when the form is being opened."""
    if heard.drops_form or heard.requested_slot is None:
        step = open_form(heard) if heard.intent == "report_problem" else Step((heard.usual_reply(),))
    else:
        step = continue_form(heard)
    slots = {**heard.slots, **step.slots}
    # Rasa takes a validation without a slot for a refusal to run the form; the bookkeeping is always told.
    changed = {"form_state": slots.get("form_state"), **step.slots, "requested_slot": step.requested}
    events: list[dict[str, Any]] = [{"event": "slot", "name": k, "value": v} for k, v in changed.items()]
    if not step.is_open:
        events.append({"event": "active_loop", "name": None})
    responses = [_custom(heard, says) for says in step.says]
    responses.append(_turn(heard, FORM if step.is_open else None, step.requested, slots))
    return {"events": events, "responses": responses}


def _custom(heard: Heard, says: Say) -> dict[str, dict[str, Any]]:
    return {
        "custom": {
            "kind": says.kind,
            "exchange_id": heard.exchange_id,
            "text_id": says.text_id,
            "params": dict(says.params),
            "choices": [{"id": choice, "label_id": label} for choice, label in says.choices],
            "intent": {"name": heard.intent, "confidence": heard.confidence},
        }
    }


def _turn(heard: Heard, form: str | None, requested: str | None, slots: Mapping[str, Any]) -> dict[str, Any]:
    message = _custom(heard, Say("turn"))
    message["custom"].update(
        request_id=heard.request_id,
        ranking=[{"name": name, "confidence": confidence} for name, confidence in heard.ranking],
        entities=[{"entity": entity.name, "value": entity.value} for entity in heard.entities],
        active_form=form,
        requested_slot=requested,
        slots=_form_slots(slots),
    )
    return message


def _form_slots(slots: Mapping[str, Any]) -> dict[str, Any]:
    return {name: slots.get(name) for name in SLOTS}


def _error(payload: Any, code: str) -> ActionResult:
    message: dict[str, Any] = {
        "kind": "error",
        "exchange_id": exchange_id(payload),
        "text_id": None,
        "params": {"code": code},
        "choices": [],
        "intent": {"name": None, "confidence": 0.0},
    }
    return {"events": [], "responses": [{"custom": message}]}
