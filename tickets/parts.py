"""The seam for what stands beside a ticket: clocks, playbooks, guests, webhooks … Each is one `Part`.

A part sees every change in the transaction that makes it, has durable timers of its own, and adds one key to what
the desk shows of a ticket. The state itself is changed by the service only; a part asks it through `Kit`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.jobs import Handler

if TYPE_CHECKING:
    from bot.ports import Links, Notifier, Texts
    from core.audit import Audit
    from core.clock import Clock
    from core.db import Database, Tx
    from core.jobs import Jobs
    from core.people.store import PeopleStore
    from core.settings import Settings
    from tickets.store import Actor, Ticket
    from tickets.voice import Voice


@dataclass(frozen=True, slots=True)
class Kit:
    """What a part may use of the service it belongs to."""

    db: Database
    clock: Clock
    notifier: Notifier
    jobs: Jobs
    texts: Texts
    audit: Audit
    links: Links
    people: PeopleStore
    settings: Settings
    voice: Voice
    lock: Callable[..., Awaitable[Ticket]]
    """`lock(tx, ticket_id)` or `lock(tx, serial=…)`: the ticket, held until the transaction ends. Raises NotFound."""
    change: Callable[..., Awaitable[Ticket]]
    """`change(tx, ticket, kind, actor, **columns)`: one change, one event; the fresh ticket. Raises Conflict."""


class Part:
    """Does nothing by itself; a part overrides what concerns it. Methods run inside the open transaction."""

    name = ""
    """Key of `shown` in the desk's detail; empty: nothing is shown."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit

    def jobs(self) -> Mapping[str, Handler]:
        """Timers that this part carries out, by kind."""
        return {}

    async def changed(
        self, tx: Tx, before: Ticket | None, now: Ticket, kind: str, actor: Actor, text: str | None
    ) -> None:
        """An event was written. `before` is None for a new ticket. Bookkeeping goes through `store.note`."""

    async def customer_wrote(self, tx: Tx, ticket: Ticket, text: str, at: datetime) -> None:
        """The customer said something on this ticket."""

    async def answered(self, tx: Tx, ticket: Ticket, by: str, staff_id: str | None, at: datetime) -> None:
        """The customer was answered, by `bot` or `agent`. `ticket` is the row before the answer was noted."""

    async def shown(self, tx: Tx, ticket: Ticket, permissions: Collection[str]) -> Any:
        """What the desk shows of it under `name`."""
        return None


__all__ = ["Kit", "Part"]
