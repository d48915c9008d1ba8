"""The history as the truth: replaying its events gives the present state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tickets.store import TRACKED, Event


class BadHistory(ValueError):
    """The events have a gap, or one does not start from where the one before ended."""


def replay(events: Iterable[Event]) -> dict[str, Any]:
    """The tracked columns after all events. Raises BadHistory when the events do not hang together."""
    state: dict[str, Any] = dict.fromkeys(TRACKED)
    for expected, event in enumerate(events, start=1):
        if event.number != expected:
            raise BadHistory(f"event {expected} is missing")
        for name, old in event.old.items():
            if state[name] != old:
                raise BadHistory(f"event {expected}: {name} was not what it says")
        state.update(event.new)
    return state
