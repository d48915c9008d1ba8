"""How to reach the customer with something that must arrive: one way after the other until one carries it.

channel   the conversation that the matter came from
other     another conversation of the same customer, on an account that was used lately
mail      the operator's hook, to the address that the customer gave
sms       the operator's hook, to the number that the customer gave

When none carries it, it waits until the customer turns up again; who calls sees to that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.signals import tell_message
from bot.store import channels, conversations, customers, messages
from bot.types import Author, Choice, Delivery, Kind, Speaker
from core.db import Tx
from tickets.loop import notices
from tickets.parts import Kit
from tickets.store import Ticket

CHANNEL, OTHER, MAIL, SMS = "channel", "other", "mail", "sms"
WAYS = (CHANNEL, OTHER, MAIL, SMS)
NOWHERE = "none"
# Platforms let a business write for about two days after the customer did; an older account is no way.
_LATELY = timedelta(hours=48)
# How soon to look whether a platform or a hook took it; the last one repeats.
LOOK_AGAIN_S = (2.0, 5.0, 15.0, 60.0, 300.0)


@dataclass(frozen=True, slots=True)
class News:
    """What is to arrive: the whole text, a short one with a link for short messages, the subject for mail."""

    kind: str
    text: str
    short: str
    subject: str
    choices: tuple[Choice, ...] = ()
    shape: Kind = Kind.TEXT
    by: Speaker | None = None


@dataclass(frozen=True, slots=True)
class Carried:
    """What was tried: on which way, as which message or notice, and whether that is still under way."""

    way: str
    object_id: str
    pending: bool

    def payload(self) -> dict[str, Any]:
        """As a timer keeps it."""
        return {"way": self.way, "object_id": self.object_id}


class Reach:
    """Stateless; every method takes the open transaction."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def go(self, tx: Tx, ticket: Ticket, news: News, *, after: str = "") -> Carried | None:
        """Send it on the first way that there is, beyond `after`; None when there is none left."""
        for way in WAYS[WAYS.index(after) + 1 :] if after else WAYS:
            carried = await self._try(tx, ticket, news, way)
            if carried is not None:
                return carried
        return None

    async def _try(self, tx: Tx, ticket: Ticket, news: News, way: str) -> Carried | None:
        match way:
            case "channel":
                return await self._channel(tx, ticket, news)
            case "other":
                return await self._other(tx, ticket, news)
            case _:
                return await self._hook(tx, ticket, news, way)

    async def _channel(self, tx: Tx, ticket: Ticket, news: News) -> Carried | None:
        if ticket.conversation_id is None:
            return None
        message = await self._kit.voice.say(
            tx, ticket, news.text, at=self._kit.clock.now(), by=news.by, kind=news.shape, choices=news.choices
        )
        return Carried(CHANNEL, message.id, message.delivery is not Delivery.NONE)

    async def _other(self, tx: Tx, ticket: Ticket, news: News) -> Carried | None:
        now = self._kit.clock.now()
        outbox = self._kit.voice.outbox
        for one in await conversations.of_customer(tx, ticket.customer_id):
            if one.id == ticket.conversation_id or one.last_customer_at is None:
                continue
            channel = await channels.get(tx, one.channel_id)
            if now - one.last_customer_at > _LATELY or channel.disabled_at is not None:
                continue
            pushes = outbox is not None and outbox.pushes(channel.kind)
            message = await messages.append(
                tx,
                conversation_id=one.id,
                author=Author.AGENT if news.by else Author.SYSTEM,
                kind=news.shape,
                text=news.text,
                at=now,
                payload={"choices": [{"id": each.id, "label": each.label} for each in news.choices]}
                if news.choices
                else {},
                ticket_id=ticket.id,
                staff=news.by,
                delivery=Delivery.PENDING if pushes else Delivery.NONE,
                demo=ticket.demo,
            )
            if news.kind == "survey":
                await conversations.set_survey(tx, one.id, ticket.id)
            tell_message(tx, self._kit.notifier, message)
            return Carried(OTHER, message.id, message.delivery is not Delivery.NONE)
        return None

    async def _hook(self, tx: Tx, ticket: Ticket, news: News, hook: str) -> Carried | None:
        if not notices.enabled(self._kit.settings, hook):
            return None
        customer = await customers.get(tx, ticket.customer_id)
        recipient = customer.email if hook == MAIL else customer.phone
        if not recipient or customer.contact_consent_at is None:
            return None
        made = await notices.put(
            tx,
            ticket.id,
            kind=news.kind,
            hook=hook,
            recipient=recipient,
            subject=news.subject,
            text=news.text if hook == MAIL else news.short,
            now=self._kit.clock.now(),
        )
        return Carried(hook, made, True)

    async def fate(self, tx: Tx, payload: Mapping[str, Any]) -> tuple[str, str | None]:
        """What became of something carried: (pending, sent or failed; the reason)."""
        if payload["way"] in (MAIL, SMS):
            state = await notices.state_of(tx, payload["object_id"])
            return ("pending" if state in ("pending", "sending") else state), None
        message = await messages.get(tx, payload["object_id"])
        match message.delivery:
            case Delivery.PENDING | Delivery.SENDING:
                return "pending", None
            case Delivery.SENT | Delivery.NONE:
                return "sent", None
            case _:
                return "failed", message.delivery_error

    def look_after(self, tries: int) -> timedelta:
        """How long to wait before the next look."""
        return timedelta(seconds=LOOK_AGAIN_S[min(tries, len(LOOK_AGAIN_S) - 1)])


def faces(texts: Any) -> Sequence[Choice]:
    """The four buttons of a survey."""
    return tuple(Choice(f"rating:{rating}", texts.get(f"ticket.rating.{rating}")) for rating in (4, 3, 2, 1))


__all__ = ["CHANNEL", "LOOK_AGAIN_S", "MAIL", "NOWHERE", "OTHER", "SMS", "WAYS", "Carried", "News", "Reach", "faces"]
