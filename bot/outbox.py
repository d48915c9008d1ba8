"""Delivery of outgoing messages to platforms, from rows.

    pending ──claim──▶ sending ──▶ sent
       ▲                 │  └────▶ failed      the platform refused, or too many tries; shown to the agent
       └────retry────────┘

Some platforms count what we send after each of the customer's messages. Of that count two are kept for a person's
answer and one for the survey; what the house says in one turn goes out as one message, and what does not fit is held
until the customer writes again.

In one conversation messages go one after the other, in the order of their seq; a failed one does not hold up the
next. A message is marked `sending` before the platform is called, so after a crash at that moment nobody knows
whether it arrived: it is sent once more after the lease, at most, since a customer who reads something twice is better
off than one who never does. (WeChat and Weibo offer no key by which they would drop the second one.)
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import structlog

from bot.ports import Notifier, Outbox
from bot.store import channels, conversations, customers, messages
from bot.store.messages import Message
from bot.taps import RATING
from bot.types import Author, Delivered, Delivery, Outgoing
from core.clock import Clock
from core.counters import Counters
from core.db import Database, Tx
from core.errors import Conflict, DatabaseUnavailable
from core.tasks import end

log = structlog.get_logger(__name__)

# Longer than any platform call may take.
LEASE_S = 60.0
TRIES = 6
_FIRST_BACK_OFF_S = 2.0
_LONGEST_BACK_OFF_S = 300.0
_POLL_S = 0.5
_PARALLEL = 16
# Marks a message whose sender vanished in the middle of the call.
_UNSURE = "unsure"
# Of the platform's count: kept for a person's answer, and for the survey.
_FOR_A_PERSON = 2
_FOR_THE_SURVEY = 1


class DeliveryLoop:
    """Sends what is due, for ever. Several gateways may run one each."""

    def __init__(self, db: Database, clock: Clock, outbox: Outbox, notifier: Notifier, counters: Counters) -> None:
        self._db = db
        self._clock = clock
        self._outbox = outbox
        self._notifier = notifier
        self._counters = counters
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Deliver for ever. On cancellation calls to platforms are abandoned (see above)."""
        try:
            while True:
                started = 0
                try:
                    for message in await self._claim(_PARALLEL - len(self._running)):
                        self._start(message)
                        started += 1
                except DatabaseUnavailable as exc:
                    log.warning("delivery.database_unavailable", detail=exc.detail)
                except Exception:
                    log.exception("delivery.claim_failed")
                await asyncio.sleep(0 if started == _PARALLEL else _POLL_S)
        finally:
            await end(self._running)

    async def run_due(self) -> int:
        """Deliver what is due now and wait for it; returns how many messages were tried."""
        tried = 0
        while claimed := await self._claim(_PARALLEL):
            await asyncio.gather(*(self._send(message) for message in claimed))
            tried += len(claimed)
        return tried

    async def retry(self, message_id: str) -> None:
        """Try a failed message again, from the part that failed. Raises Conflict when it has not failed."""
        async with self._db.begin() as tx:
            message = await messages.get(tx, message_id)
            if message.delivery is not Delivery.FAILED:
                raise Conflict("not failed")
            await messages.set_delivery(tx, message.id, Delivery.PENDING, due_at=self._clock.now(), attempts=0)
            self._tell(tx, message)

    def _start(self, message: Message) -> None:
        task = asyncio.create_task(self._send(message), name=f"delivery-{message.id}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _claim(self, free: int) -> list[Message]:
        now = self._clock.now()
        async with self._db.read() as tx:
            due = await messages.deliverable(tx, now, free) if free > 0 else []
        if not due:
            return []
        claimed: list[Message] = []
        async with self._db.begin() as tx:
            for message in due:
                lapsed = message.delivery is Delivery.SENDING
                if lapsed and message.delivery_error == _UNSURE:
                    await self._fail(tx, message, _UNSURE)
                    continue
                error = _UNSURE if lapsed else message.delivery_error
                if lapsed:
                    # Nobody knows whether the platform counted it.
                    await conversations.count_sends(tx, message.conversation_id, 1)
                if await messages.claim_delivery(tx, message, until=now + timedelta(seconds=LEASE_S), error=error):
                    claimed.append(message)
        return claimed

    async def _send(self, message: Message) -> None:
        attempts = message.delivery_attempts + 1
        try:
            async with self._db.read() as tx:
                outgoing, sends = await _outgoing(tx, message)
            if outgoing.left:
                async with self._db.begin() as tx:
                    await self._fail(tx, message, "unsubscribed")
                return
            together = [message]
            quota = self._outbox.quota(outgoing.channel_kind)
            if quota is not None:
                budget = quota - sends - await self._kept(message)
                if budget <= 0 and message.author is not Author.AGENT:
                    await self._hold(message)
                    return
                outgoing = replace(outgoing, budget=max(1, budget))
                if _joins(message):
                    until = self._clock.now() + timedelta(seconds=LEASE_S)
                    async with self._db.begin() as tx:
                        together += await messages.claim_followers(tx, message, until=until)
                    outgoing = _joined(outgoing, together)
            try:
                async with asyncio.timeout(LEASE_S / 2):
                    delivered = await self._outbox.deliver(outgoing)
            except Exception:
                # The port promises never to raise; a connector with a bug must not stop the others.
                log.exception("delivery.connector_failed", message_id=message.id)
                delivered = Delivered("retry", "connector")
            async with self._db.begin() as tx:
                sent = max(1, delivered.parts) if delivered.state == "sent" else delivered.parts
                if quota is not None and sent > outgoing.parts_sent:
                    await conversations.count_sends(tx, message.conversation_id, sent - outgoing.parts_sent)
                if len(together) > 1:
                    # Parts of several messages in one belong to none of them; they are begun again together.
                    delivered = replace(delivered, parts=0)
                for each in together:
                    await self._settle(tx, each, attempts, delivered)
            self._counters.count("deliveries", channel=outgoing.channel_kind, state=delivered.state)
        except DatabaseUnavailable as exc:
            log.warning("delivery.database_unavailable", detail=exc.detail)
        except Exception:
            log.exception("delivery.failed", message_id=message.id)

    async def _kept(self, message: Message) -> int:
        """How much of the platform's count must be left after this message."""
        if message.author is Author.AGENT:
            return 0
        if not any(choice.id.startswith(RATING) for choice in message.choices):
            return _FOR_A_PERSON + _FOR_THE_SURVEY
        # A survey follows a conclusion: once a person has answered, nothing need be kept from it.
        async with self._db.read() as tx:
            return 0 if await messages.answered_by_person(tx, message.conversation_id) else _FOR_A_PERSON

    async def _hold(self, message: Message) -> None:
        async with self._db.begin() as tx:
            await messages.set_delivery(tx, message.id, Delivery.HELD)
            self._tell(tx, message)
        self._counters.count("deliveries_held")

    async def _settle(self, tx: Tx, message: Message, attempts: int, delivered: Delivered) -> None:
        if delivered.state == "sent":
            await messages.set_delivery(tx, message.id, Delivery.SENT, platform_id=delivered.platform_id)
            self._tell(tx, message)
        elif delivered.state == "retry" and attempts < TRIES:
            wait_s = max(delivered.retry_after_s, _back_off_s(attempts))
            due_at = self._clock.now() + timedelta(seconds=wait_s)
            await messages.set_delivery(
                tx, message.id, Delivery.PENDING, error=delivered.error, due_at=due_at, parts=delivered.parts
            )
        else:
            await self._fail(tx, message, delivered.error or "gave_up", delivered.parts)

    async def _fail(self, tx: Tx, message: Message, error: str, parts: int | None = None) -> None:
        await messages.set_delivery(tx, message.id, Delivery.FAILED, error=error[:80], parts=parts)
        self._tell(tx, message)
        log.warning("delivery.gave_up", message_id=message.id, error=error)

    def _tell(self, tx: Tx, message: Message) -> None:
        event = {"type": "conversation", "id": message.conversation_id}
        tx.after_commit(lambda: self._notifier.publish("desk", event))


def _back_off_s(attempts: int) -> float:
    longest: float = min(_LONGEST_BACK_OFF_S, _FIRST_BACK_OFF_S * 2.0 ** (attempts - 1))
    return longest * random.uniform(0.75, 1.25)  # noqa: S311 - spreads retries, guards nothing


def _joins(message: Message) -> bool:
    """Whether it is said by the house, in words, and not half sent already."""
    return message.author is not Author.AGENT and message.file_id is None and not message.delivery_parts


def _joined(outgoing: Outgoing, together: list[Message]) -> Outgoing:
    """Several messages as one; the buttons are those of the last that has any."""
    if len(together) == 1:
        return outgoing
    return replace(
        outgoing,
        text="\n\n".join(each.text for each in together),
        choices=next((each.choices for each in reversed(together) if each.choices), ()),
        articles=tuple(article for each in together for article in each.articles),
    )


async def _outgoing(tx: Tx, message: Message) -> tuple[Outgoing, int]:
    """The message as a connector takes it, and how much the platform has counted since the customer wrote."""
    conversation = await conversations.get(tx, message.conversation_id)
    channel = await channels.get(tx, conversation.channel_id)
    identity = await customers.identity(tx, conversation.identity_id)
    outgoing = Outgoing(
        message_id=message.id,
        conversation_id=conversation.id,
        channel_id=channel.id,
        channel_kind=channel.kind,
        external_id=identity.external_id,
        author=message.author,
        kind=message.kind,
        text=message.text,
        choices=message.choices,
        articles=message.articles,
        file_id=message.file_id,
        last_customer_at=conversation.last_customer_at,
        staff_name=message.staff_name,
        staff_id=message.staff_id,
        parts_sent=message.delivery_parts or 0,
        left=identity.left_at is not None,
    )
    return outgoing, conversation.sends or 0
