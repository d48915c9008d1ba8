"""What people do in a conversation outside of turns: agents speak, note, type and read; customers leave contacts.

Who owns a conversation is decided elsewhere (`handoff`, by `change_owner`); here it is only checked.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.episodes import SilenceSweep
from bot.feedback import Feedback
from bot.intake import attachment
from bot.ports import Answers, Handoffs, Notifier, Texts, TicketBook
from bot.signals import tell_message, tell_state
from bot.store import channels, conversations, customers, episodes, exchanges, messages
from bot.store.conversations import Conversation
from bot.store.messages import Message
from bot.types import Author, Kind, Mode, Speaker
from bot.work import language_of
from core.clock import Clock
from core.db import Database, Tx
from core.errors import Conflict, Forbidden, Invalid
from core.settings import Settings

# Agents explain steps; more than this is a document.
MAX_AGENT_CHARACTERS = 4_000
# Prefix of dedupe keys of messages that a member of staff's page numbered.
DESK_KEY = "desk:"


@dataclass(frozen=True, slots=True)
class Written:
    """A stored message; `repeated` when the same id came before and nothing changed."""

    message: Message
    repeated: bool


class Conversations:
    """Each method is one transaction of its own; `run` ends what fell silent."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        settings: Settings,
        answers: Answers,
        handoffs: Handoffs,
        tickets: TicketBook,
        texts: Texts,
        notifier: Notifier,
    ) -> None:
        self._db = db
        self._clock = clock
        self._handoffs = handoffs
        self._tickets = tickets
        self._texts = texts
        self._notifier = notifier
        self._feedback = Feedback(db, clock, answers, texts, notifier)
        self.silence = SilenceSweep(db, clock, settings, tickets, notifier)

    async def run(self) -> None:
        """End episodes that fell silent, for ever."""
        await self.silence.run()

    # What agents do.

    async def agent_says(
        self,
        conversation_id: str,
        speaker: Speaker,
        *,
        client_message_id: str,
        text: str = "",
        file_id: str | None = None,
    ) -> Written:
        """Write to the customer. The same id again gives the first message; with another body it is a Conflict.

        Raises Forbidden when the conversation is a colleague's, Conflict when it is nobody's (take it first),
        Invalid when there is nothing in it or too much. It answers whatever the customer wrote until now.
        """
        text = text.replace("\x00", "").strip()
        if not text and file_id is None:
            raise Invalid("empty", text_id="error.text_empty")
        if len(text) > MAX_AGENT_CHARACTERS:
            raise Invalid("too long", text_id="error.text_too_long")
        async with self._db.begin() as tx:
            conversation = await conversations.get(tx, conversation_id, lock=True)
            key = f"{DESK_KEY}{speaker.staff_id}:{client_message_id}"
            known = await messages.by_dedupe_key(tx, conversation.id, key)
            if known is not None:
                if known.text != text and known.file_id is None:
                    raise Conflict("same id, other body")
                return Written(known, repeated=True)
            _check_owner(conversation, speaker)
            message = await self._speak(tx, conversation, speaker, text, file_id, key)
            return Written(message, repeated=False)

    async def note(self, conversation_id: str, speaker: Speaker, text: str) -> Message:
        """Write something that only colleagues see; anybody of the staff may, whoever owns the conversation."""
        text = text.replace("\x00", "").strip()
        if not text or len(text) > MAX_AGENT_CHARACTERS:
            raise Invalid("note", text_id="error.text_empty" if not text else "error.text_too_long")
        async with self._db.begin() as tx:
            conversation = await conversations.get(tx, conversation_id)
            ticket_id = None
            if conversation.episode_id is not None:
                ticket_id = (await episodes.get(tx, conversation.episode_id)).ticket_id
            message = await messages.append(
                tx,
                conversation_id=conversation.id,
                author=Author.AGENT,
                kind=Kind.NOTE,
                text=text,
                at=self._clock.now(),
                episode_id=conversation.episode_id,
                ticket_id=ticket_id,
                staff=speaker,
                demo=conversation.demo,
            )
            tell_message(tx, self._notifier, message)
            return message

    def typing(self, conversation_id: str, author: Author, *, on: bool = True) -> None:
        """Somebody is typing. A hint only; it may be lost."""
        event = {"type": "typing", "author": author.value, "on": on, "id": conversation_id}
        self._notifier.publish(f"conversation:{conversation_id}", event)

    async def read(self, conversation_id: str, seq: int, *, by_agent: bool) -> None:
        """Note how far somebody has read; backwards or beyond the end changes nothing."""
        async with self._db.begin() as tx:
            if not await conversations.read_up_to(tx, conversation_id, seq, by_agent=by_agent):
                return
            author = Author.AGENT if by_agent else Author.CUSTOMER
            event = {"type": "read", "author": author.value, "seq": seq, "id": conversation_id}
            tx.after_commit(lambda: self._notifier.publish(f"conversation:{conversation_id}", event))

    # What customers do.

    async def contact_wanted(self, tx: Tx, conversation: Conversation) -> bool:
        """Whether nobody was there and a phone number or an e-mail address would help."""
        if conversation.mode is not Mode.BOT or conversation.episode_id is None:
            return False
        if not (await episodes.get(tx, conversation.episode_id)).memory.contact_wanted:
            return False
        customer = await customers.get(tx, conversation.customer_id)
        return customer.contact_consent_at is None

    async def leave_contact(self, conversation_id: str, *, phone: str | None, email: str | None) -> None:
        """Keep how to reach the customer, who has agreed to it. Again replaces what is given."""
        async with self._db.begin() as tx:
            conversation = await conversations.get(tx, conversation_id, lock=True)
            await customers.leave_contact(
                tx, conversation.customer_id, phone=phone, email=email, consent_at=self._clock.now()
            )
            await conversations.bump_state(tx, conversation.id)
            tell_state(tx, self._notifier, conversation.id)

    async def leave_queue(self, conversation_id: str) -> bool:
        """Leave the line; the ticket stays and the customer is told so. False when not in it."""
        async with self._db.begin() as tx:
            conversation = await conversations.get(tx, conversation_id, lock=True)
            if not await self._handoffs.leave(tx, conversation.id, "left"):
                return False
            serial, ticket_id = "", None
            if conversation.episode_id is not None:
                ticket_id = (await episodes.get(tx, conversation.episode_id)).ticket_id
                current = await self._tickets.current(tx, conversation.customer_id)
                serial = next((ref.serial for ref in current if ref.ticket_id == ticket_id), "")
            channel = await channels.get(tx, conversation.channel_id)
            language = language_of(await customers.get(tx, conversation.customer_id))
            message = await messages.append(
                tx,
                conversation_id=conversation.id,
                author=Author.SYSTEM,
                kind=Kind.NOTICE,
                text=self._texts.get("bot.left_line", language, serial=serial),
                at=self._clock.now(),
                episode_id=conversation.episode_id,
                ticket_id=ticket_id,
                delivery=messages.first_delivery(channel.kind),
                demo=conversation.demo,
            )
            tell_message(tx, self._notifier, message)
            tell_state(tx, self._notifier, conversation.id)
            return True

    async def helpful(self, conversation_id: str, seq: int, helpful: bool) -> None:
        """The thumb under an answer. Raises NotFound."""
        await self._feedback.helpful(conversation_id, seq, helpful)

    async def _speak(
        self,
        tx: Tx,
        conversation: Conversation,
        speaker: Speaker,
        text: str,
        file_id: str | None,
        key: str,
    ) -> Message:
        now = self._clock.now()
        channel = await channels.get(tx, conversation.channel_id)
        episode = await episodes.get(tx, conversation.episode_id) if conversation.episode_id else None
        kind, payload = Kind.TEXT, {}
        if file_id is not None:
            found = await attachment(tx, file_id)
            kind, payload, text = Kind(found["kind"]), {"attachment": found}, text or found["name"]
        message = await messages.append(
            tx,
            conversation_id=conversation.id,
            author=Author.AGENT,
            kind=kind,
            text=text,
            at=now,
            payload=payload,
            episode_id=episode.id if episode else None,
            ticket_id=episode.ticket_id if episode else None,
            staff=speaker,
            dedupe_key=key,
            delivery=messages.first_delivery(channel.kind),
            demo=conversation.demo,
        )
        await exchanges.answer_by_agent(tx, conversation.id, message_id=message.id, now=now)
        if episode is not None:
            await episodes.touch(tx, episode.id, now)
            await self._tickets.reply_sent(tx, episode.ticket_id, by="agent", staff_id=speaker.staff_id)
        tell_message(tx, self._notifier, message)
        return message


def _check_owner(conversation: Conversation, speaker: Speaker) -> None:
    if conversation.mode is not Mode.AGENT:
        raise Conflict("nobody has it", text_id="error.conversation_not_taken")
    if conversation.agent_id != speaker.staff_id:
        raise Forbidden("a colleague has it", text_id="error.conversation_taken")
