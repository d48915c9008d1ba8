"""The same figures once more, the slow way: from the raw history alone, ticket by ticket, one loop per figure.

Shares nothing with the product's counting but the tables that it reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from bot.tables import exchanges, messages
from core.db import Tx
from core.normaliser import terms
from tickets.sla.tables import sla_clocks
from tickets.tables import surveys, ticket_events, tickets

DAY = timedelta(hours=24)
LIMITS = {"web": 180, "phone": 180, "wechat": 3600}


@dataclass
class Matter:
    """A ticket's past: the end state by replaying its events, and everything said on it."""

    id: str
    customer: str
    channel: str
    merchant: str | None
    room: str | None
    received: datetime
    now: dict[str, Any]
    events: list[Any]
    said: list[Any]
    asked: list[Any]
    rounds: list[Any]
    others: list[datetime]
    clocks: list[Any]

    # What a reader of the history would say.

    @property
    def double(self) -> bool:
        return bool(self.now["state"] == "merged")

    @property
    def persons(self) -> bool:
        return self.now["tier"] > 1 or self.now["person_wanted_at"] is not None

    @property
    def wanted(self) -> datetime:
        at = self.now["person_wanted_at"]
        return datetime.fromisoformat(at) if at else self.received

    def times(self, kind: str) -> list[datetime]:
        return [each.at for each in self.events if each.kind == kind]

    @property
    def concluded_at(self) -> datetime | None:
        """When the conclusion that stands now was delivered: not before the last reopening."""
        found = None
        for each in self.events:
            if each.kind == "resolved":
                found = each.at
            elif each.new.get("state") in ("new", "in_progress") and each.old.get("state") in _OVER:
                found = None
        return found

    @property
    def left_at(self) -> datetime | None:
        if self.now["state"] not in ("resolved", "closed", "merged"):
            return None
        ends = [each.at for each in self.events if each.new.get("state") in ("closed", "merged")]
        return self.concluded_at or ends[-1]

    @property
    def first_person(self) -> datetime | None:
        results = set(self.times("result_written"))
        spoken = [
            each.at for each in self.said if each.author == "agent" and each.kind != "note" and each.at not in results
        ]
        answered = [each.answered_at for each in self.asked if each.state == "answered" and each.answered_by == "agent"]
        return min([*spoken, *answered, *self.times("resolved")], default=None)

    @property
    def first_any(self) -> datetime | None:
        by_bot = [each.answered_at for each in self.asked if each.state == "answered" and each.answered_by == "bot"]
        return min([*by_bot, *([self.first_person] if self.first_person else [])], default=None)

    @property
    def ended(self) -> bool:
        return self.now["state"] in ("closed", "self_solved")

    @property
    def ups(self) -> int:
        return sum(each.helpful is True for each in self.said)

    @property
    def downs(self) -> int:
        return sum(each.helpful is False for each in self.said)

    @property
    def last_round(self) -> Any:
        answered = [each for each in self.rounds if each.answered_at]
        return sorted(answered, key=lambda each: each.answered_at)[-1] if answered else None

    @property
    def says_no(self) -> bool:
        last = self.last_round
        return bool(last and (last.rating == 1 or last.solved is False)) or self.downs > self.ups

    @property
    def says_content(self) -> bool:
        if self.says_no:
            return False
        if self.last_round:
            return (self.last_round.rating or 0) >= 3 or self.last_round.solved is True
        return self.ups > 0

    @property
    def confirmed(self) -> bool:
        if not self.ended:
            return False
        if self.now["state"] == "closed":
            return bool(self.now["close_ground"] == "customer_confirmed")
        return bool([each for each in self.events if each.kind == "self_solved"][-1].actor == "customer")

    @property
    def good(self) -> bool:
        if self.now["state"] == "self_solved":
            return True
        return self.now["state"] in ("resolved", "closed") and self.now["result_kind"] in (None, "solved")

    @property
    def reopened(self) -> bool:
        return self.persons and any(
            each.old.get("state") in ("resolved", "closed") and each.new.get("state") == "new" for each in self.events
        )

    @property
    def by_bot(self) -> list[Any]:
        return [each for each in self.asked if each.state == "answered" and each.answered_by == "bot"]

    @property
    def helpless(self) -> bool:
        return all(each.failed or each.decision in ("fallback", "offer", "ask") for each in self.by_bot)

    @property
    def stayed(self) -> bool:
        if not self.by_bot:
            return False
        if not self.persons:
            return not self.helpless
        return not (self.ended and self.first_person is None)

    @property
    def came_back(self) -> bool:
        words = [each.at for each in self.said if each.author == "customer"]
        left = max(words, default=self.received)
        return any(left < at <= left + DAY for at in self.others)

    @property
    def again(self) -> bool:
        spoken = [
            (each.at, set(terms(each.text)))
            for each in self.said
            if each.author == "customer" and each.kind == "text" and len(set(terms(each.text))) >= 5
        ]
        for taken in self.times("confirmed"):
            for at, words in spoken:
                for before, known in spoken:
                    if before < taken <= at and len(words & known) >= 0.6 * min(len(words), len(known)):
                        return self.persons
        return False


_OVER = ("resolved", "closed", "self_solved")


async def past(tx: Tx) -> list[Matter]:
    """All tickets with what was recorded of them."""
    found = []
    rows = await tx.all(select(tickets))
    for row in rows:
        events = await tx.all(
            select(ticket_events).where(ticket_events.c.ticket_id == row.id).order_by(ticket_events.c.number)
        )
        state: dict[str, Any] = dict.fromkeys(_TRACKED)
        for event in events:
            state |= event.new or {}
        found.append(
            Matter(
                id=row.id,
                customer=row.customer_id,
                channel=row.channel_kind,
                merchant=row.merchant,
                room=row.live_room,
                received=row.first_received_at,
                now=state,
                events=events,
                said=await tx.all(select(messages).where(messages.c.ticket_id == row.id)),
                asked=await tx.all(select(exchanges).where(exchanges.c.ticket_id == row.id)),
                rounds=await tx.all(select(surveys).where(surveys.c.ticket_id == row.id)),
                clocks=await tx.all(select(sla_clocks).where(sla_clocks.c.ticket_id == row.id)),
                others=[
                    each.first_received_at for each in rows if each.customer_id == row.customer_id and each.id != row.id
                ],
            )
        )
    return found


_TRACKED = (
    "state",
    "tier",
    "close_ground",
    "result_kind",
    "person_wanted_at",
    "executive_asked_at",
    "executive_due_at",
    "executive_answered_at",
    "sla_breached",
)


def share(part: Iterable[Any], whole: Iterable[Any]) -> float | None:
    """Part by whole, None without a whole."""
    of = len(list(whole))
    return len(list(part)) / of if of else None


def own_good(last: Any) -> bool:
    return bool(last.solved if last.rating is None else last.rating >= 3)


def mean(numbers: Iterable[float]) -> float | None:
    known = list(numbers)
    return sum(known) / len(known) if known else None


def whole_seconds(start: datetime, end: datetime) -> int:
    return int((end - start).total_seconds())


def figures(all_of_them: list[Matter], first: date, last: date, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """Every figure of the local days from first to last."""
    start = datetime.combine(first, time(), zone)
    end = datetime.combine(last + timedelta(days=1), time(), zone)
    mine = [each for each in all_of_them if start <= each.received < end and not each.double]
    people = [each for each in mine if each.persons]
    bot = [each for each in mine if each.by_bot]
    ended = [each for each in mine if each.ended]
    hours = Counter(each.received.astimezone(zone).strftime("%Y-%m-%d %H") for each in mine)
    open_at_end = [
        each
        for each in all_of_them
        if each.persons and not each.double and each.wanted < end and not (each.left_at and each.left_at < end)
    ]
    until = min(now, end)
    concluded = [each for each in people if each.concluded_at]
    told = [each for each in people if each.times("resolved")]
    spoke = [each for each in ended if each.confirmed or each.last_round or each.ups + each.downs]
    rounds = [found for each in mine for found in each.rounds]
    rated = [each for each in rounds if each.rating is not None and each.answered_at]
    scores = [each.recommend for each in rounds if each.recommend is not None]
    own = [each for each in mine if not each.persons]
    own_said = [each for each in own if each.last_round or each.ups + each.downs]
    stayed = [each for each in bot if each.stayed]
    top = [each for each in mine if each.now["executive_asked_at"]]

    def latencies(by: str) -> list[int]:
        return [
            found.latency_ms
            for each in mine
            for found in each.asked
            if found.state == "answered" and found.answered_by == by and found.latency_ms is not None
        ]

    talked = [each for each in mine if each.asked]
    promised = [each for each in people if each.clocks or each.times("sla_breached")]
    in_time = [
        each
        for each in people
        if each.first_person and whole_seconds(each.wanted, each.first_person) <= LIMITS[each.channel]
    ]
    return {
        "volume": len(mine),
        "peak_load": max(hours.values(), default=0),
        "tier_1_share": share((each for each in mine if each.now["tier"] == 1), mine),
        "tier_2_share": share((each for each in mine if each.now["tier"] == 2), mine),
        "tier_3_share": share((each for each in mine if each.now["tier"] == 3), mine),
        "backlog": len(open_at_end),
        "backlog_age": mean(int(until.timestamp()) - int(each.wanted.timestamp()) for each in open_at_end),
        "answer_rate": share((each for each in talked if each.first_any), talked),
        "answer_time": mean(max(0, whole_seconds(each.received, each.first_any)) for each in talked if each.first_any),
        "person_answer_rate": share((each for each in people if each.first_person), people),
        "person_answer_time": mean(
            max(0, whole_seconds(each.wanted, each.first_person)) for each in people if each.first_person
        ),
        "person_in_time": share(in_time, people),
        "reply_time": _in_seconds(mean(latencies("agent"))),
        "bot_reply_time": _in_seconds(mean(latencies("bot"))),
        "confirm_time": mean(
            max(0, whole_seconds(each.wanted, each.times("confirmed")[0])) for each in people if each.times("confirmed")
        ),
        "solving_time": mean(whole_seconds(each.received, at) for each in people if (at := each.concluded_at)),
        "first_contact": share(
            (
                each
                for each in concluded
                if each.good
                and not each.says_no
                and not each.reopened
                and len(each.times("result_written")) == 1
                and not (each.times("handed_over") or each.times("escalated") or each.times("not_solved"))
            ),
            concluded,
        ),
        "final_solution": share((each for each in ended if each.confirmed or each.says_content), ended),
        "spoken_solution": share((each for each in ended if each.confirmed or each.says_content), spoke),
        "confirmed_share": share((each for each in ended if each.confirmed), ended),
        "silent_share": share((each for each in ended if not each.confirmed), ended),
        "solved_share": share((each for each in mine if each.good and not each.says_no), mine),
        "escalation": share((each for each in people if each.now["tier"] == 3 or each.times("escalated")), people),
        "reopen": share((each for each in people if each.reopened), told),
        "explained_again": share((each for each in people if each.again), people),
        "csat": share((each for each in rated if each.rating >= 3), rated),
        "csat_response": share((each for each in rounds if each.answered_at), rounds),
        "nps": (sum(each >= 9 for each in scores) - sum(each <= 6 for each in scores)) / len(scores) * 100
        if scores
        else None,
        "own_satisfaction": share(
            (
                each
                for each in own_said
                if (own_good(each.last_round) if each.last_round else each.ups and not each.downs)
            ),
            own_said,
        ),
        "containment": share(
            (
                each
                for each in stayed
                if not each.persons
                and not each.came_back
                and not each.downs
                and not (each.last_round and (each.last_round.rating == 1 or each.last_round.solved is False))
                and not each.times("not_solved")
            ),
            stayed,
        ),
        "transfer": share((each for each in bot if each.persons), bot),
        "bounce": share((each for each in bot if not each.persons and each.helpless and len(each.asked) == 1), bot),
        "sla": share(
            (
                each
                for each in promised
                if not each.times("sla_breached") and not any(clock.breached_at for clock in each.clocks)
            ),
            promised,
        ),
        "executive_used": len(top),
        "executive_in_time": share(
            (
                each
                for each in top
                if each.now["executive_answered_at"]
                and each.now["executive_answered_at"] <= each.now["executive_due_at"]
            ),
            top,
        ),
        "executive_solved": share((each for each in top if each.now["close_ground"] == "customer_confirmed"), top),
    }


def _in_seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
