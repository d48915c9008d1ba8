"""What we change in Rasa itself, once, before it starts. Both are about time; neither changes what is said or kept."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator
from rasa.core.actions.action import RemoteAction
from sqlalchemy import event
from sqlalchemy.engine import Engine


def apply() -> None:
    _check_answers_with_one_validator()
    _commit_without_waiting_for_the_disk()


def _check_answers_with_one_validator() -> None:
    """Rasa proves its own schema again before each answer of an action: more than half of a turn's time."""
    validator = Draft202012Validator(RemoteAction.action_response_format_spec())

    def check(self: RemoteAction, result: Any) -> bool:
        validator.validate(result)
        return True

    RemoteAction._validate_action_result = check


def _commit_without_waiting_for_the_disk() -> None:
    """A crash of the process loses nothing; one of the machine may lose the last turns, which the gateway has."""

    @event.listens_for(Engine, "connect")
    def relax(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")
