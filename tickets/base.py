"""What all parts of the ticket service share: the neighbours they were given, and a few small steps."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from bot.ports import Links, Notifier, Outbox, Owners, Texts
from bot.store import conversations
from bot.types import Speaker, TicketRef
from core.audit import Audit
from core.calendar import Calendar
from core.clock import Clock
from core.db import Database, Tx
from core.jobs import Jobs
from core.people.store import DEFAULT_TEAM, PeopleStore
from core.settings import Settings
from tickets import categories, fields, rules, steps, store, surveys
from tickets.categories import Tree
from tickets.fields import Custom
from tickets.parts import Kit, Part
from tickets.rules import Rules
from tickets.states import State, is_open
from tickets.steps import StepKind
from tickets.store import Actor, Ticket
from tickets.voice import Voice

if TYPE_CHECKING:
    from bot.ports import TicketBook

REOPEN_WITHIN = timedelta(days=14)
SELF_SOLVED_AFTER = timedelta(hours=24)
# A customer who wrote this recently sits in front of the chat and needs no unread mark on the ticket.
PRESENT_WITHIN = timedelta(minutes=10)

_TREE_KEPT_S = 30.0

P = TypeVar("P", bound=Part)

# Actors who hold no step.
_NOBODY = frozenset({"customer", "bot", "system"})

JOB_SILENCE = "ticket.silence"
JOB_SELF_SOLVED = "ticket.self_solved"
JOB_DELIVERED = "ticket.delivered"
JOB_NEXT_STEP = "ticket.next_step"
JOB_WAKE = "ticket.wake"


@dataclass(frozen=True, slots=True)
class About:
    """What the customer's chat says about tickets: the present matter, an open survey, how many have news."""

    serial: str | None
    survey_serial: str | None
    unread: int
    head_serial: str | None = None
    """The ticket that entitles the customer to ask the head of the house."""


class Base(ABC):
    """Holds the neighbours. Methods take the open transaction unless they say otherwise."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        notifier: Notifier,
        jobs: Jobs,
        texts: Texts,
        audit: Audit,
        links: Links,
        people: PeopleStore,
        settings: Settings,
    ) -> None:
        self._db = db
        self._clock = clock
        self._notifier = notifier
        self._jobs = jobs
        self._texts = texts
        self._audit = audit
        self._links = links
        self._people = people
        self._settings = settings
        self._zone = ZoneInfo(settings.timezone)
        self._kept: tuple[float, Tree] | None = None
        self._kept_rules: tuple[float, Rules] | None = None
        self._kept_custom: tuple[float, list[Custom]] | None = None
        self._kept_hours: dict[str, tuple[float, Calendar | None]] = {}
        self._voice = Voice(notifier, self._as_book(), max(1, settings.rasa_slots))
        self._parts: list[Part] = []
        self.kit = Kit(
            db=db,
            clock=clock,
            notifier=notifier,
            jobs=jobs,
            texts=texts,
            audit=audit,
            links=links,
            people=people,
            settings=settings,
            voice=self._voice,
            lock=self._lock,
            change=self._change,
        )

    def join(self, *, owners: Owners, outbox: Outbox) -> None:
        """Name the neighbours that themselves need tickets. Until then nothing is held and nothing is pushed."""
        self._voice.owners = owners
        self._voice.outbox = outbox

    def add(self, part: P) -> P:
        """Let a part see every change from now on and carry out its timers."""
        self._parts.append(part)
        for kind, handler in part.jobs().items():
            self._jobs.on(kind, handler)
        return part

    async def _tree(self, tx: Tx) -> Tree:
        """The categories, read again after a while: messages are sorted far more often than the tree is edited."""
        now = time.monotonic()
        if self._kept is None or now - self._kept[0] > _TREE_KEPT_S:
            self._kept = (now, await categories.load(tx))
        return self._kept[1]

    def forget_tree(self) -> None:
        """Read the categories again at once: they were edited here."""
        self._kept = None

    @abstractmethod
    def _as_book(self) -> TicketBook:
        """The whole service, as conversations see it."""

    async def _lock(self, tx: Tx, ticket_id: str | None = None, *, serial: str | None = None) -> Ticket:
        """The ticket, held until the transaction ends. Its conversation is held before it, as everywhere: two who
        take both in different orders would wait for each other for ever. Raises NotFound."""
        if serial is not None:
            seen = await store.by_serial(tx, serial)
        else:
            assert ticket_id is not None
            seen = await store.get(tx, ticket_id)
        if seen.conversation_id is not None:
            await conversations.get(tx, seen.conversation_id, lock=True)
        return await store.get(tx, seen.id, lock=True)

    async def _change(self, tx: Tx, ticket: Ticket, kind: str, actor: Actor, **values: Any) -> Ticket:
        """One change, one event, and a hint to whoever watches. An open ticket past 待处理 leaves it with a next step,
        one that has ended without; the step's timer moves along."""
        values = {**values, **steps.cleared(ticket, values), **await self._step(tx, ticket, actor, values)}
        fresh = await store.change(tx, ticket, kind, actor=actor, at=self._clock.now(), **values)
        if fresh.next_step_at != ticket.next_step_at:
            await self._time_step(tx, fresh)
        await self._voice.refresh(tx, fresh)
        for part in self._parts:
            await part.changed(tx, ticket, fresh, kind, actor, values.get("text"))
        return fresh

    async def _step(self, tx: Tx, ticket: Ticket, actor: Actor, values: Mapping[str, Any]) -> dict[str, Any]:
        """The step of the house that this change must bring, if any, or a hand for one that nobody holds."""
        who = values.get("assignee_id", ticket.assignee_id) or (actor.id if actor.id not in _NOBODY else None)
        who = who or ticket.next_step_by
        kind = steps.to_make(ticket, values)
        if kind is None:
            held = values.get("next_step_by", ticket.next_step_by)
            state = State(values.get("state", ticket.state))
            return {} if held or not who or state is State.NEW or not is_open(state) else {"next_step_by": who}
        team_id = values.get("team_id", ticket.team_id)
        hours = (await self._rules(tx)).hours(values.get("priority", ticket.priority))
        at = steps.due(kind, self._clock.now(), hours, await self._hours_of(tx, team_id))
        return {
            "next_step": self._texts.get(f"ticket.step.made.{kind.value}"),
            "next_step_by": who,
            "next_step_at": at,
            "next_step_kind": kind.value,
            "next_step_told": False,
        }

    async def _time_step(self, tx: Tx, ticket: Ticket) -> None:
        """Set the timer of the next step. A result that browsers fetch is with the customer at once and needs none."""
        at = ticket.next_step_at
        if at is None:
            await self._jobs.cancel(tx, JOB_NEXT_STEP, ticket.id)
        elif ticket.next_step_kind != StepKind.REPORT or self._voice.pushes(ticket):
            await self._jobs.put(tx, JOB_NEXT_STEP, ticket.id, steps.timer(at, self._clock.now()))

    async def _rules(self, tx: Tx) -> Rules:
        """The rules of work, read again after a while."""
        now = time.monotonic()
        if self._kept_rules is None or now - self._kept_rules[0] > _TREE_KEPT_S:
            self._kept_rules = (now, await rules.load(tx))
        return self._kept_rules[1]

    async def _custom(self, tx: Tx) -> list[Custom]:
        """An admin's fields, read again after a while."""
        now = time.monotonic()
        if self._kept_custom is None or now - self._kept_custom[0] > _TREE_KEPT_S:
            self._kept_custom = (now, await fields.custom_of(tx))
        return self._kept_custom[1]

    def forget_settings(self) -> None:
        """Read the rules and fields of work anew: somebody changed them here. Other gateways follow by themselves."""
        self._kept_rules = self._kept_custom = None

    async def _hours_of(self, tx: Tx, team_id: str | None) -> Calendar | None:
        """The hours of a team, read again after a while."""
        now, key = time.monotonic(), team_id or DEFAULT_TEAM
        known = self._kept_hours.get(key)
        if known is None or now - known[0] > _TREE_KEPT_S:
            known = self._kept_hours[key] = (now, await self._people.calendar_of_team(tx, key))
        return known[1]

    def _local(self, moment: datetime) -> str:
        here = moment.astimezone(self._zone)
        return f"{here.month}月{here.day}日 {here:%H:%M}"


def actor_of(speaker: Speaker) -> Actor:
    """A member of staff as an actor."""
    return Actor(speaker.staff_id, speaker.name)


def ref_of(ticket: Ticket) -> TicketRef:
    """The ticket as conversations see it."""
    return TicketRef(ticket.id, ticket.serial, ticket.state, ticket.tier, ticket.title, ticket.team_id)


def raised(priority: int) -> int:
    """One step more urgent; 1 is the top."""
    return max(1, priority - 1)


__all__ = ["About", "Base", "actor_of", "raised", "ref_of", "surveys"]
