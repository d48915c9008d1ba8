"""What a ticket says on the original channel, and what a customer says to it from outside the chat.

A ticket speaks in the conversation that it came from, whether or not the customer is there. Browsers fetch; for
other channels the message is left to the delivery loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bot.conversation import DESK_KEY
from bot.episodes import end_episode
from bot.ports import Notifier, Outbox, Owners, TicketBook
from bot.signals import tell_message, tell_state
from bot.store import conversations, episodes, exchanges, messages
from bot.store.conversations import Conversation
from bot.store.messages import Message
from bot.types import Author, Choice, Delivery, Kind, Mode, Speaker
from core.db import Tx
from core.errors import Conflict
from core.ids import EpisodeId
from tickets.store import Ticket


class Voice:
    """Writes into conversations. Until `owners` and `outbox` are set nothing is held and nothing is pushed."""

    def __init__(self, notifier: Notifier, book: TicketBook, assistants: int = 1) -> None:
        self.owners: Owners | None = None
        self.outbox: Outbox | None = None
        self._notifier = notifier
        self._book = book
        self._assistants = assistants

    def pushes(self, ticket: Ticket) -> bool:
        """Whether what is said there must be sent to a platform."""
        return self.outbox is not None and self.outbox.pushes(ticket.channel_kind)

    async def say(
        self,
        tx: Tx,
        ticket: Ticket,
        text: str,
        *,
        at: datetime,
        by: Speaker | None = None,
        kind: Kind = Kind.TEXT,
        choices: Iterable[Choice] = (),
        dedupe_key: str | None = None,
    ) -> Message:
        """Write a message to the customer, by a member of staff or by the house."""
        assert ticket.conversation_id is not None
        conversation = await conversations.get(tx, ticket.conversation_id)
        payload: dict[str, Any] = {}
        if choices:
            payload["choices"] = [{"id": each.id, "label": each.label} for each in choices]
        message = await messages.append(
            tx,
            conversation_id=conversation.id,
            author=Author.AGENT if by else Author.SYSTEM,
            kind=kind,
            text=text,
            at=at,
            payload=payload,
            episode_id=await self._episode_here(tx, conversation, ticket),
            ticket_id=ticket.id,
            staff=by,
            dedupe_key=dedupe_key,
            delivery=Delivery.PENDING if self.pushes(ticket) else Delivery.NONE,
            demo=ticket.demo,
        )
        if by is not None:
            await exchanges.answer_by_agent(tx, conversation.id, message_id=message.id, now=at)
        tell_message(tx, self._notifier, message)
        return message

    async def answer(
        self, tx: Tx, ticket: Ticket, text: str, *, by: Speaker, client_message_id: str, at: datetime
    ) -> tuple[Message, bool]:
        """Answer as a person: the conversation becomes theirs, on an episode of this ticket. The message, and whether
        it is new; the same id again gives the first. Raises Conflict when a colleague has the conversation."""
        assert ticket.conversation_id is not None
        conversation = await conversations.get(tx, ticket.conversation_id, lock=True)
        key = f"{DESK_KEY}{by.staff_id}:{client_message_id}"
        known = await messages.by_dedupe_key(tx, conversation.id, key)
        if known is not None:
            if known.text != text:
                raise Conflict("same id, other body")
            return known, False
        await self._stand_on(tx, conversation, ticket, at)
        if self.owners is not None and not await self.owners.hold(tx, conversation.id, by):
            raise Conflict("conversation taken", text_id="error.conversation_taken")
        message = await self.say(tx, ticket, text, at=at, by=by, dedupe_key=key)
        if message.episode_id is not None:
            await episodes.touch(tx, message.episode_id, at)
        tell_state(tx, self._notifier, conversation.id)
        return message, True

    async def conclude(self, tx: Tx, ticket: Ticket, at: datetime) -> None:
        """End the episode on this ticket, if one is open, and give the conversation back to the bot."""
        if ticket.conversation_id is None:
            return
        conversation = await conversations.get(tx, ticket.conversation_id, lock=True)
        episode_id = await self._episode_here(tx, conversation, ticket)
        if episode_id is None:
            return
        if conversation.mode is not Mode.BOT and self.owners is not None:
            await self.owners.finish(tx, conversation.id, "resolved")
        await end_episode(tx, self._book, await episodes.get(tx, episode_id), reason="resolved", now=at)
        tell_state(tx, self._notifier, conversation.id)

    async def hear(
        self, tx: Tx, ticket: Ticket, text: str, at: datetime, *, file: Mapping[str, Any] | None = None
    ) -> Message | None:
        """Store words, or a file, that came on the ticket rather than in the chat; a person answers them."""
        if ticket.conversation_id is None:
            return None
        conversation = await conversations.get(tx, ticket.conversation_id, lock=True)
        episode_id = await self._last_episode(tx, ticket)
        message = await messages.append(
            tx,
            conversation_id=conversation.id,
            author=Author.CUSTOMER,
            kind=Kind(file["kind"]) if file else Kind.TEXT,
            text=text,
            at=at,
            payload={"attachment": dict(file)} if file else {},
            episode_id=episode_id,
            ticket_id=ticket.id,
            demo=ticket.demo,
        )
        if episode_id is not None:
            await exchanges.begin(
                tx,
                message_id=message.id,
                conversation_id=conversation.id,
                episode_id=episode_id,
                ticket_id=ticket.id,
                epoch=conversation.epoch,
                at=at,
                decision="person",
                demo=ticket.demo,
            )
        tell_message(tx, self._notifier, message)
        return message

    async def note(self, tx: Tx, ticket: Ticket, text: str, by: Speaker, at: datetime) -> None:
        """Write a note for colleagues beside the messages; a ticket without conversation has it in its history only."""
        if ticket.conversation_id is None:
            return
        message = await messages.append(
            tx,
            conversation_id=ticket.conversation_id,
            author=Author.AGENT,
            kind=Kind.NOTE,
            text=text,
            at=at,
            ticket_id=ticket.id,
            staff=by,
            demo=ticket.demo,
        )
        tell_message(tx, self._notifier, message)

    async def survey(self, tx: Tx, ticket: Ticket, *, stands: bool) -> None:
        """Show the four faces in the conversation, or take them away when they are this ticket's."""
        if ticket.conversation_id is None:
            return
        conversation = await conversations.get(tx, ticket.conversation_id)
        if stands:
            await conversations.set_survey(tx, conversation.id, ticket.id)
        elif conversation.survey_ticket_id == ticket.id:
            await conversations.set_survey(tx, conversation.id, None)
        tell_state(tx, self._notifier, conversation.id)

    async def refresh(self, tx: Tx, ticket: Ticket) -> None:
        """Let the customer's pages and the desk read again."""
        if ticket.conversation_id is not None:
            await conversations.bump_state(tx, ticket.conversation_id)
            tell_state(tx, self._notifier, ticket.conversation_id)
        event: Mapping[str, Any] = {"type": "ticket", "id": ticket.id, "serial": ticket.serial}
        tx.after_commit(lambda: self._notifier.publish("desk", event))

    async def follow(self, tx: Tx, ticket: Ticket, target: Ticket) -> None:
        """Let the talk on a ticket go on on the one that it was put under; what was said so far stays where it was."""
        if ticket.conversation_id is None:
            return
        conversation = await conversations.get(tx, ticket.conversation_id, lock=True)
        episode_id = await self._episode_here(tx, conversation, ticket)
        if episode_id is not None:
            await episodes.move_to_ticket(tx, episode_id, target.id)
            await conversations.bump_state(tx, conversation.id)
            tell_state(tx, self._notifier, conversation.id)

    async def _episode_here(self, tx: Tx, conversation: Conversation, ticket: Ticket) -> EpisodeId | None:
        if conversation.episode_id is None:
            return None
        episode = await episodes.get(tx, conversation.episode_id)
        return episode.id if episode.ticket_id == ticket.id and episode.ended_at is None else None

    async def _last_episode(self, tx: Tx, ticket: Ticket) -> EpisodeId | None:
        assert ticket.conversation_id is not None
        for episode in await episodes.of_conversation(tx, ticket.conversation_id):
            if episode.ticket_id == ticket.id:
                return episode.id
        return None

    async def _stand_on(self, tx: Tx, conversation: Conversation, ticket: Ticket, at: datetime) -> None:
        """Make the open episode one on this ticket; another matter's episode is ended, its ticket stays as it is."""
        if await self._episode_here(tx, conversation, ticket) is not None:
            return
        if conversation.mode is not Mode.BOT:
            raise Conflict("conversation taken", text_id="error.conversation_taken")
        if conversation.episode_id is not None:
            other = await episodes.get(tx, conversation.episode_id)
            await end_episode(tx, self._book, other, reason="left", now=at)
        await self.begin(tx, conversation, ticket.id, at)

    async def begin(self, tx: Tx, conversation: Conversation, ticket_id: str, at: datetime) -> None:
        """Begin an episode on a ticket; none may be open."""
        episode = await episodes.begin(
            tx, conversation_id=conversation.id, ticket_id=ticket_id, now=at, slots=self._assistants
        )
        await conversations.set_episode(tx, conversation.id, episode.id)
