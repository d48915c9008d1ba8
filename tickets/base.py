"""What all parts of the ticket service share: the neighbours they were given, and a few small steps."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from bot.ports import Links, Notifier, Outbox, Owners, Texts
from bot.store import conversations
from bot.types import Speaker, TicketRef
from core.audit import Audit
from core.clock import Clock
from core.db import Database, Tx
from core.jobs import Jobs
from core.normaliser import terms
from core.people.store import PeopleStore
from core.settings import Settings
from tickets import categories, store, surveys
from tickets.categories import Tree
from tickets.parts import Kit, Part
from tickets.store import Actor, Ticket
from tickets.voice import Voice

if TYPE_CHECKING:
    from bot.ports import TicketBook

REOPEN_WITHIN = timedelta(days=14)
SELF_SOLVED_AFTER = timedelta(hours=24)
# A customer who wrote this recently sits in front of the chat and needs no unread mark on the ticket.
PRESENT_WITHIN = timedelta(minutes=10)
# More different words than this are a book, not a matter; later ones are not searchable.
MAX_TERMS = 6_000

_TREE_KEPT_S = 30.0

P = TypeVar("P", bound=Part)

JOB_SILENCE = "ticket.silence"
JOB_SELF_SOLVED = "ticket.self_solved"
JOB_DELIVERED = "ticket.delivered"
JOB_NEXT_STEP = "ticket.next_step"


@dataclass(frozen=True, slots=True)
class About:
    """What the customer's chat says about tickets: the present matter, an open survey, how many have news."""

    serial: str | None
    survey_serial: str | None
    unread: int


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
        """One change, one event, and a hint to whoever watches."""
        fresh = await store.change(tx, ticket, kind, actor=actor, at=self._clock.now(), **values)
        await self._voice.refresh(tx, fresh)
        for part in self._parts:
            await part.changed(tx, ticket, fresh, kind, actor, values.get("text"))
        return fresh

    def _local(self, moment: datetime) -> str:
        here = moment.astimezone(self._zone)
        return f"{here.month}月{here.day}日 {here:%H:%M}"


def actor_of(speaker: Speaker) -> Actor:
    """A member of staff as an actor."""
    return Actor(speaker.staff_id, speaker.name)


def ref_of(ticket: Ticket) -> TicketRef:
    """The ticket as conversations see it."""
    return TicketRef(ticket.id, ticket.serial, ticket.state, ticket.tier, ticket.title, ticket.team_id)


def added_terms(known: str | None, text: str) -> str:
    """The search terms with those of `text`; each stands once, between spaces, so that a term is found whole."""
    words = dict.fromkeys((known or "").split())
    for term in terms(text):
        if len(words) >= MAX_TERMS:
            break
        words[term] = None
    return f" {' '.join(words)} "


def raised(priority: int) -> int:
    """One step more urgent; 1 is the top."""
    return max(1, priority - 1)


__all__ = ["About", "Base", "actor_of", "added_terms", "raised", "ref_of", "surveys"]
