"""What programs outside hear of tickets: one part that leaves webhooks in the transaction of each change.

Codes and ids go to everybody who subscribed; words, always masked, only to who asked for them. Contacts, notes
and customers' names never leave here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.clock import rfc3339
from core.db import Tx
from core.masking import mask_text
from core.webhooks import Webhooks
from tickets import surveys
from tickets.parts import Kit, Part
from tickets.store import Actor, Ticket

_SAID = ("category_id", "team_id", "assignee_id", "priority", "tier")
_MOST_TEXT = 500
# What the clocks write into the history, as others hear it.
_PROMISES = {"sla_warning": "sla.warning", "sla_breached": "sla.breached", "sla_chain": "sla.escalated"}


class Hooks(Part):
    """Tells `ticket.*` and `sla.*`."""

    def __init__(self, kit: Kit, webhooks: Webhooks) -> None:
        super().__init__(kit)
        self._webhooks = webhooks

    async def changed(
        self, tx: Tx, before: Ticket | None, now: Ticket, kind: str, actor: Actor, text: str | None
    ) -> None:
        """Which events a change is: one is told as created, moved, changed, rated or late; the rest is our own work."""
        by = {"by": actor.id if actor.id in ("customer", "bot", "system") else "staff"}
        if before is None:
            await self._tell(tx, "ticket.created", now, by)
            return
        if before.state != now.state:
            moved = {**by, "from": before.state, "ground": now.close_ground, "result": now.result_kind}
            await self._tell(tx, "ticket.state_changed", now, moved)
        differing = [name for name in _SAID if getattr(before, name) != getattr(now, name)]
        if differing:
            await self._tell(tx, "ticket.changed", now, {**by, "changed": differing})
        if kind == "rated":
            await self._tell(tx, "ticket.rated", now, await self._rating(tx, now))
        elif kind in _PROMISES:
            await self._tell(tx, _PROMISES[kind], now, {"clock": now.sla_clock, "due_at": _time(now.sla_due_at)})

    async def customer_wrote(self, tx: Tx, ticket: Ticket, text: str, at: datetime) -> None:
        """The customer said something."""
        await self._tell(tx, "ticket.message", ticket, {"author": "customer", "sent_at": rfc3339(at)}, text)

    async def answered(self, tx: Tx, ticket: Ticket, by: str, staff_id: str | None, at: datetime) -> None:
        """Somebody answered; who it was is told, what they said stands in the desk."""
        await self._tell(tx, "ticket.message", ticket, {"author": by, "staff_id": staff_id, "sent_at": rfc3339(at)})

    async def _rating(self, tx: Tx, ticket: Ticket) -> dict[str, Any]:
        last = await surveys.last_answered(tx, ticket.id)
        return {"rating": last.rating, "solved": last.solved} if last is not None else {}

    async def _tell(self, tx: Tx, kind: str, ticket: Ticket, more: dict[str, Any], said: str | None = None) -> None:
        text = {"title": mask_text(ticket.title)}
        if said:
            text["text"] = mask_text(said)[:_MOST_TEXT]
        await self._webhooks.emit(
            tx, kind, subject=f"ticket:{ticket.id}", data={"ticket": _ticket(ticket), **more}, text=text
        )


def _ticket(ticket: Ticket) -> dict[str, Any]:
    return {
        "id": ticket.id,
        "serial": ticket.serial,
        "version": ticket.version,
        "tier": ticket.tier,
        "state": ticket.state,
        "priority": ticket.priority,
        "category_id": ticket.category_id,
        "team_id": ticket.team_id,
        "assignee_id": ticket.assignee_id,
        "channel_kind": ticket.channel_kind,
        "source": ticket.source,
        "reopened_count": ticket.reopened_count,
        "created_at": rfc3339(ticket.created_at),
        "updated_at": rfc3339(ticket.updated_at),
    }


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
