"""The result of a matter, and the message that tells the customer of it.

The message holds the result of its kind, what the customer gets for the trouble, a short history with its dates,
what to do when it is not right, and thanks. Staff's own words enter only as solution, reason and alternative.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.ports import Texts
from core.errors import Invalid
from tickets.store import Ticket

RESULT_KINDS = frozenset({"solved", "unsolvable", "follow_up", "withdrawn"})
CAUSES = frozenset({"platform", "user", "third_party"})


@dataclass(frozen=True, slots=True)
class Result:
    """What is written when a matter ends."""

    kind: str
    solution: str
    reason: str | None = None
    alternative: str | None = None
    team_id: str | None = None
    at: datetime | None = None
    cause: str | None = None
    cause_text: str | None = None

    def columns(self) -> dict[str, Any]:
        """The columns of the ticket; a result written anew leaves nothing of the one before."""
        values: dict[str, Any] = {
            "solution": self.solution,
            "result_kind": self.kind,
            "result_reason": self.reason,
            "alternative": self.alternative,
            "follow_up_team_id": self.team_id,
            "follow_up_at": self.at,
        }
        if self.cause is not None:
            values["cause"] = self.cause
        if self.cause_text is not None:
            values["cause_text"] = self.cause_text
        return values


def checked(result: Result, now: datetime) -> Result:
    """The result with what belongs to its kind and nothing else. Raises Invalid for what is missing."""
    if result.kind not in RESULT_KINDS:
        raise Invalid("result_kind")
    if result.cause is not None and result.cause not in CAUSES:
        raise Invalid("cause")
    solution, reason, alternative = (_clean(each) for each in (result.solution, result.reason, result.alternative))
    team_id: str | None = None
    at: datetime | None = None
    if result.kind == "unsolvable":
        if reason is None or alternative is None:
            raise Invalid("reason and alternative", text_id="error.unsolvable_wants")
        solution = solution or reason
    elif result.kind == "follow_up":
        if not result.team_id or result.at is None:
            raise Invalid("team and time", text_id="error.follow_up_wants")
        if result.at <= now:
            raise Invalid("follow_up_at is over", text_id="error.follow_up_past")
        team_id, at = result.team_id, result.at
    if result.kind != "unsolvable":
        alternative = None
    if solution is None:
        raise Invalid("solution is empty", text_id="error.text_empty")
    return Result(
        kind=result.kind,
        solution=solution,
        reason=reason,
        alternative=alternative,
        team_id=team_id,
        at=at,
        cause=result.cause,
        cause_text=_clean(result.cause_text),
    )


def conclusion(
    ticket: Ticket, texts: Texts, zone: ZoneInfo, *, now: datetime, given: Iterable[str], team: str = ""
) -> str:
    """The whole message; `given` are the compensations that were approved, in words."""
    kind = ticket.result_kind or "solved"
    solution = ticket.solution or ""
    said = [texts.get(f"ticket.conclusion.{kind}", serial=ticket.serial, solution=solution)]
    if kind == "unsolvable":
        if ticket.result_reason and ticket.result_reason != solution:
            said.append(texts.get("loop.conclusion.reason", reason=ticket.result_reason))
        said.append(texts.get("loop.conclusion.alternative", alternative=ticket.alternative or ""))
    if kind == "follow_up" and ticket.follow_up_at is not None:
        said.append(texts.get("loop.conclusion.follow_up", team=team, when=local(ticket.follow_up_at, zone)))
    if gifts := [each for each in given if each]:
        said.append(texts.get("loop.conclusion.compensation", what="、".join(gifts)))
    opened = local(ticket.first_received_at, zone)
    if ticket.confirmed_at is not None:
        confirmed = local(ticket.confirmed_at, zone)
        said.append(
            texts.get("loop.conclusion.history", opened=opened, confirmed=confirmed, concluded=local(now, zone))
        )
    else:
        said.append(texts.get("loop.conclusion.history_short", opened=opened, concluded=local(now, zone)))
    said.append(texts.get(f"loop.conclusion.end.{kind}"))
    return "\n\n".join(said)


def local(moment: datetime, zone: ZoneInfo) -> str:
    """A moment as customers read it."""
    here = moment.astimezone(zone)
    return f"{here.month}月{here.day}日 {here:%H:%M}"


def _clean(text: str | None) -> str | None:
    words = (text or "").replace("\x00", "").strip()
    return words or None


__all__ = ["CAUSES", "RESULT_KINDS", "Result", "checked", "conclusion", "local"]
