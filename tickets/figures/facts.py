"""From what happened on one ticket to its row of facts: pure, and the only place where it is decided what counts.

A double that was merged away counts nothing: its matter goes on elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tickets.figures.tables import DIMENSIONS, MEASURES
from tickets.states import State

# Counts differently since; every fact of another edition is counted anew.
EDITION = "1"

# Who comes back within this has not been helped.
BACK_WITHIN = timedelta(hours=24)
# A person's first answer, by kind of channel; what is not named has the mail's time.
FIRST_ANSWER_S = {"web": 180, "phone": 180, "wechat": 3_600, "weibo": 3_600, "wecom": 3_600, "mail": 7_200}
_SLOWEST = 7_200

_CONTENT = 3  # 满意 and 非常满意
_UNHAPPY = 1
# So much of what was said before, said again, is the same explanation; shorter words are no explanation.
_SAME = 0.6
_LEAST_TERMS = 5
# The events that facts ask for.
KINDS = (
    "confirmed",
    "result_written",
    "resolved",
    "handed_over",
    "escalated",
    "not_solved",
    "self_solved",
    "closed",
    "sla_breached",
)
# The bot had nothing to say to it.
_NO_ANSWER = frozenset({"fallback", "offer", "ask"})
_ANSWERED = frozenset({"answer", "alias"})
_ENDS = frozenset({State.CLOSED.value, State.SELF_SOLVED.value})
_DONE = frozenset({State.RESOLVED.value, State.CLOSED.value, State.MERGED.value})
PLAYBACK = ("technical/playback", "technical/live")
"""Categories of pictures that do not come."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One event."""

    at: datetime
    actor: str
    kind: str


@dataclass(frozen=True, slots=True)
class Round:
    """One round of the survey."""

    sent_at: datetime
    answered_at: datetime | None
    rating: int | None
    solved: bool | None
    recommend: int | None


@dataclass(frozen=True, slots=True)
class Talk:
    """One message of the customer, with what answered it."""

    at: datetime
    state: str
    answered_by: str | None
    decision: str | None
    failed: bool
    latency_ms: int | None
    answered_at: datetime | None
    article: str | None
    words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Story:
    """All that is counted of one ticket. `ticket` is its row; `came_back`: the customer had another matter so soon."""

    ticket: Mapping[str, Any]
    events: Sequence[Happened]
    rounds: Sequence[Round]
    talks: Sequence[Talk]
    ups: int = 0
    downs: int = 0
    came_back: bool = False
    clocks: bool = False
    """Some promise was made, …"""
    late: bool = False
    """… and one was broken, by what its clock says now."""


@dataclass(slots=True)
class _Seen:
    """What several measures need to know."""

    story: Story
    human: bool
    ended: bool
    result_writers: list[str] = field(default_factory=list)

    @property
    def row(self) -> Mapping[str, Any]:
        return self.story.ticket

    def has(self, *kinds: str) -> bool:
        return any(each.kind in kinds for each in self.story.events)

    @property
    def reopened(self) -> bool:
        """A person's result did not hold. A bot's answer that did not help only made it a person's matter."""
        ended_by_bot = sum(each.kind == "self_solved" for each in self.story.events)
        went_on = ended_by_bot - int(self.row["state"] == State.SELF_SOLVED.value)
        return bool(self.human and self.row["reopened_count"] > went_on)

    @property
    def last_round(self) -> Round | None:
        answered = [each for each in self.story.rounds if each.answered_at is not None]
        return max(answered, key=lambda each: each.answered_at or each.sent_at) if answered else None


def fact_of(story: Story, zone: ZoneInfo) -> dict[str, Any]:
    """The ticket's row of facts."""
    row = story.ticket
    human = row["tier"] > 1 or row["person_wanted_at"] is not None
    seen = _Seen(story, human, row["state"] in _ENDS)
    seen.result_writers = [each.actor for each in story.events if each.kind == "result_written"]
    local = row["first_received_at"].astimezone(zone)
    wanted = _wanted_at(row) if human else None
    left = _left_at(row) if human else None
    counted = dict.fromkeys(MEASURES, 0)
    if row["state"] != State.MERGED.value:
        for part in (_volume, _speed, _endings, _surveys, _bot, _ways):
            counted |= part(seen)
    return {
        "ticket_id": row["id"],
        "edition": edition(zone),
        "version": row["version"],
        "last_customer_at": row["last_customer_at"],
        "last_reply_at": row["last_reply_at"],
        "breached": bool(row["sla_breached"]),
        "votes": votes_of(story.ups, story.downs),
        "customer_id": row["customer_id"],
        "received_at": row["first_received_at"],
        "day": local.date().isoformat(),
        "weekday": local.weekday(),
        "hour": local.hour,
        "wanted_day": wanted.astimezone(zone).date().isoformat() if wanted else None,
        "wanted_unix": int(wanted.timestamp()) if wanted else None,
        "left_day": left.astimezone(zone).date().isoformat() if left else None,
        **_dimensions(seen),
        **counted,
    }


def edition(zone: ZoneInfo) -> str:
    """Of definitions and zone; local days move with the zone."""
    return f"{EDITION}:{zone.key}"[:40]


def votes_of(ups: int, downs: int) -> int:
    """Thumbs as one number that changes with every thumb."""
    return ups * 1_000 + downs


def _wanted_at(row: Mapping[str, Any]) -> datetime:
    found: datetime = row["person_wanted_at"] or row["first_received_at"]
    return found


def _left_at(row: Mapping[str, Any]) -> datetime | None:
    if row["state"] not in _DONE:
        return None
    found: datetime | None = row["resolved_at"] or row["closed_at"] or row["updated_at"]
    return found


def _dimensions(seen: _Seen) -> dict[str, Any]:
    row, fields = seen.row, seen.row["fields"] or {}
    article = next((each.article for each in seen.story.talks if each.article and each.decision in _ANSWERED), None)
    found = {
        "channel": row["channel_kind"],
        "team": row["team_id"],
        # The bot's matters are nobody's, and a reopened one is still whose who wrote its last result.
        "agent": row["assignee_id"] or (seen.result_writers[-1] if seen.result_writers else None),
        "category": row["category_id"],
        "merchant": row["merchant"],
        "live_room": row["live_room"],
        "tier": row["tier"],
        "state": row["state"],
        "reason": row["reason"] if seen.human else None,
        "city": fields.get("city"),
        "provider": fields.get("network_provider"),
        "device": fields.get("device_model"),
        "app_version": fields.get("app_version"),
        "article": article,
    }
    assert set(found) == set(DIMENSIONS)
    return {name: value if name == "tier" else str(value or "")[:120] for name, value in found.items()}


def _volume(seen: _Seen) -> dict[str, int]:
    tier = min(3, max(1, seen.row["tier"]))
    return {
        "matters": 1,
        "tier_1": int(tier == 1),
        "tier_2": int(tier == 2),
        "tier_3": int(tier == 3),
        "people": int(seen.human),
    }


def _seconds(start: datetime, end: datetime) -> int:
    return max(0, int((end - start).total_seconds()))


def _speed(seen: _Seen) -> dict[str, int]:
    row = seen.row
    found: dict[str, int] = {}
    answered = [each for each in seen.story.talks if each.state == "answered" and each.answered_at is not None]
    by_person = _first_by_person(seen, answered)
    firsts = [each.answered_at for each in answered if each.answered_by == "bot"]
    first = min((each for each in (*firsts, by_person) if each is not None), default=None)
    # What was written down for somebody, or came by a form, had nobody waiting in front of a chat.
    found["talked"] = int(bool(seen.story.talks))
    if first is not None and seen.story.talks:
        found |= {"answered": 1, "answer_s": _seconds(row["first_received_at"], first)}
    for by, name in (("agent", "reply"), ("bot", "bot_reply")):
        theirs = [each.latency_ms for each in answered if each.answered_by == by and each.latency_ms is not None]
        found |= {f"{'replies' if by == 'agent' else 'bot_replies'}": len(theirs), f"{name}_ms": sum(theirs)}
    if not seen.human:
        return found
    wanted = _wanted_at(row)
    if by_person is not None:
        took = _seconds(wanted, by_person)
        limit = FIRST_ANSWER_S.get(row["channel_kind"], _SLOWEST)
        found |= {"person_answered": 1, "person_s": took, "person_in_time": int(took <= limit)}
    if row["confirmed_at"] is not None:
        found |= {"confirmed_by_team": 1, "confirm_s": _seconds(wanted, row["confirmed_at"])}
    if row["resolved_at"] is not None:
        found["conclude_s"] = _seconds(row["first_received_at"], row["resolved_at"])
        found["concluded"] = 1
    return found


def _first_by_person(seen: _Seen, answered: Sequence[Talk]) -> datetime | None:
    """The first words of a person to the customer, a delivered conclusion included."""
    found = [each.answered_at for each in answered if each.answered_by == "agent" and each.state == "answered"]
    found += [seen.row["first_human_reply_at"]]
    found += [each.at for each in seen.story.events if each.kind == "resolved"]
    return min((each for each in found if each is not None), default=None)


def _endings(seen: _Seen) -> dict[str, int]:
    """How it ended, and on whose word. Silence is never the customer's word."""
    row, last = seen.row, seen.last_round
    no = (last is not None and (last.rating == _UNHAPPY or last.solved is False)) or seen.story.downs > seen.story.ups
    content = (last is not None and not no and ((last.rating or 0) >= _CONTENT or last.solved is True)) or (
        last is None and seen.story.ups > 0 and not no
    )
    yes = row["close_ground"] == "customer_confirmed" or (
        row["state"] == State.SELF_SOLVED.value and _ended_by_customer(seen)
    )
    ended = seen.ended
    said_yes = ended and yes
    settled = ended and (yes or content)
    good = row["state"] == State.SELF_SOLVED.value or (
        row["state"] in (State.CLOSED.value, State.RESOLVED.value) and row["result_kind"] in (None, "solved")
    )
    once = (
        seen.human
        and row["resolved_at"] is not None
        and good
        and not no
        and not seen.reopened
        and not seen.has("handed_over", "escalated", "not_solved")
        and len(seen.result_writers) <= 1
    )
    return {
        "ended": int(ended),
        "settled": int(settled),
        "said_yes": int(said_yes),
        "silent": int(ended and not yes),
        "spoke": int(ended and (yes or last is not None or seen.story.ups + seen.story.downs > 0)),
        "solved": int(good and not no),
        "once": int(once),
        "reopened": int(seen.reopened),
        "told": int(seen.human and seen.has("resolved")),
        "escalated": int(seen.human and (row["tier"] > 2 or seen.has("escalated"))),
    }


def _ended_by_customer(seen: _Seen) -> bool:
    last = next((each for each in reversed(seen.story.events) if each.kind in ("self_solved", "closed")), None)
    return last is not None and last.actor not in ("system", "bot")


def _surveys(seen: _Seen) -> dict[str, int]:
    rounds = seen.story.rounds
    rated = [each for each in rounds if each.answered_at is not None and each.rating is not None]
    told = [each.recommend for each in rounds if each.recommend is not None]
    found = {
        "asked": len(rounds),
        "given": sum(each.answered_at is not None for each in rounds),
        "rated": len(rated),
        "content": sum((each.rating or 0) >= _CONTENT for each in rated),
        "recommend_rated": len(told),
        "recommend_net": sum((each >= 9) - (each <= 6) for each in told),
    }
    if not seen.human:
        last, ups, downs = seen.last_round, seen.story.ups, seen.story.downs
        if last is not None:
            good = last.rating >= _CONTENT if last.rating is not None else last.solved is True
            found |= {"own_voted": 1, "own_content": int(good)}
        elif ups + downs:
            found |= {"own_voted": 1, "own_content": int(ups > 0 and downs == 0)}
    return found


def _bot(seen: _Seen) -> dict[str, int]:
    """What the assistant kept, what it gave on, and who went away without an answer."""
    by_bot = [each for each in seen.story.talks if each.answered_by == "bot" and each.state == "answered"]
    if not by_bot:
        return {}
    helpless = all(each.failed or each.decision in _NO_ANSWER for each in by_bot)
    # Asked and left before anything was answered, or left the line: neither kept by the bot nor given on.
    abandoned = (not seen.human and helpless) or (
        seen.human and seen.ended and _first_by_person(seen, seen.story.talks) is None
    )
    last = seen.last_round
    bad = (
        seen.story.downs > 0
        or (last is not None and (last.rating == _UNHAPPY or last.solved is False))
        or seen.has("not_solved")
    )
    stayed = not abandoned
    return {
        "bot_talks": 1,
        "transferred": int(seen.human),
        "stayed": int(stayed),
        "contained": int(stayed and not seen.human and not bad and not seen.story.came_back),
        "bounced": int(not seen.human and helpless and len(seen.story.talks) == 1),
    }


def _ways(seen: _Seen) -> dict[str, int]:
    """Promises, the way to the top, and having to explain again."""
    row = seen.row
    found: dict[str, int] = {}
    if row["executive_asked_at"] is not None:
        answered, due = row["executive_answered_at"], row["executive_due_at"]
        in_time = answered is not None and (due is None or answered <= due)
        solved = row["close_ground"] == "customer_confirmed"
        found |= {"top_asked": 1, "top_in_time": int(in_time), "top_solved": int(solved)}
    if seen.human:
        found["explained_again"] = int(_explained_again(seen))
        # Where no clock ran nothing was promised. A breach that was told stays one, also when limits grow later.
        if seen.story.clocks or seen.has("sla_breached"):
            broken = seen.story.late or bool(row["sla_breached"]) or seen.has("sla_breached")
            found |= {"promised": 1, "kept": int(not broken)}
    return found


def _explained_again(seen: _Seen) -> bool:
    """After somebody took it on the customer said what they had said before."""
    talks = [each for each in seen.story.talks if len(each.words) >= _LEAST_TERMS]
    if len(talks) < 2:
        return False
    taken = [each.at for each in seen.story.events if each.kind == "confirmed"]
    return any(
        len(later.words & earlier.words) >= _SAME * min(len(later.words), len(earlier.words))
        for moment in taken
        for later in talks
        if later.at >= moment
        for earlier in talks
        if earlier.at < moment
    )


def words_of(terms: Iterable[str]) -> frozenset[str]:
    """What a message says, for comparing."""
    return frozenset(terms)


__all__ = [
    "BACK_WITHIN",
    "EDITION",
    "FIRST_ANSWER_S",
    "KINDS",
    "PLAYBACK",
    "Happened",
    "Round",
    "Story",
    "Talk",
    "edition",
    "fact_of",
    "votes_of",
    "words_of",
]
