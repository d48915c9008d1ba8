"""Episodes: a stretch of a conversation about one matter. The id is the assistant's `sender_id`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, select, update

from bot.tables import conversations, episodes
from bot.types import Mode
from core.db import Tx
from core.errors import NotFound
from core.ids import ConversationId, EpisodeId, TicketId, new_id
from core.statements import Changes, Insertion, Shape, Statement


@dataclass(frozen=True, slots=True)
class Memory:
    """What the bot keeps in mind from turn to turn of one episode.

    `form` and `slots` are what the assistant reported last, under the conversation's `epoch` of then. `stale` says
    that the assistant knows of a turn that the customer never saw. `asked` is the yes/no question that stands open:
    `person` or `reopen:<ticket id>`. `contact_wanted`: nobody was there, and a phone number or address would help.
    """

    form: str | None = None
    slots: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)
    epoch: int = 0
    stale: bool = False
    asked: str | None = None
    contact_wanted: bool = False
    question: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The stored form."""
        return {
            "form": self.form,
            "slots": dict(self.slots),
            "answers": dict(self.answers),
            "epoch": self.epoch,
            "stale": self.stale,
            "asked": self.asked,
            "contact_wanted": self.contact_wanted,
            "question": self.question,
        }


@dataclass(frozen=True, slots=True)
class Episode:
    """One row."""

    id: EpisodeId
    conversation_id: ConversationId
    ticket_id: TicketId
    slot: int
    failed_turns: int
    memory: Memory
    started_at: datetime
    last_at: datetime
    ended_at: datetime | None
    end_reason: str | None


SHAPE = Shape(Episode, episodes, named={"memory": "slots"}, convert={"memory": lambda stored: Memory(**stored)})

_THIS = episodes.c.id == bindparam("row_id")
_GET = Statement(select(*SHAPE.columns).where(_THIS))
_INSERT = Insertion(episodes)
_CHANGE = Changes(episodes, _THIS)
_CHANGE_OPEN = Changes(episodes, and_(_THIS, episodes.c.ended_at.is_(None)))
_OF_CONVERSATION = Statement(
    select(*SHAPE.columns)
    .where(episodes.c.conversation_id == bindparam("conversation_id"))
    .order_by(episodes.c.started_at.desc())
    .limit(bindparam("limit"))
)


async def get(tx: Tx, episode_id: str) -> Episode:
    """The episode. Raises NotFound."""
    row = await _GET.first(tx, row_id=episode_id)
    if row is None:
        raise NotFound("episode")
    return SHAPE.value(row)


async def begin(
    tx: Tx, *, conversation_id: str, ticket_id: str, now: datetime, slots: int, episode_id: str | None = None
) -> Episode:
    """Begin an episode; which of the `slots` assistants holds its tracker is fixed now, for good."""
    episode_id = episode_id or new_id("eps")
    await _INSERT.write(
        tx,
        id=episode_id,
        conversation_id=conversation_id,
        ticket_id=ticket_id,
        slot=slot_of(episode_id, slots),
        slots=Memory().as_json(),
        started_at=now,
        last_at=now,
    )
    return await get(tx, episode_id)


def slot_of(episode_id: str, slots: int) -> int:
    """Spread episodes over assistants; the same id always gives the same slot of the same number of slots."""
    digest = hashlib.blake2b(episode_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % max(1, slots)


async def touch(tx: Tx, episode_id: str, now: datetime) -> None:
    """Note that somebody said something."""
    await _CHANGE.write(tx, {"last_at": now}, row_id=episode_id)


async def remember(
    tx: Tx, episode_id: str, memory: Memory, *, failed_turns: int | None = None, at: datetime | None = None
) -> None:
    """Replace what the bot keeps in mind; with `at` it also said something then."""
    values: dict[str, Any] = {"slots": memory.as_json()}
    if at is not None:
        values["last_at"] = at
    if failed_turns is not None:
        values["failed_turns"] = failed_turns
    await _CHANGE.write(tx, values, row_id=episode_id)


async def count_failure(tx: Tx, episode_id: str) -> None:
    """One more answer that did not help."""
    await tx.execute(
        update(episodes).where(episodes.c.id == episode_id).values(failed_turns=episodes.c.failed_turns + 1)
    )


async def move_to_ticket(tx: Tx, episode_id: str, ticket_id: str) -> None:
    """Put the episode on another ticket."""
    await _CHANGE.write(tx, {"ticket_id": ticket_id}, row_id=episode_id)


async def end(tx: Tx, episode_id: str, *, reason: str, now: datetime) -> bool:
    """End an episode; False when it had ended already."""
    return await _CHANGE_OPEN.write(tx, {"ended_at": now, "end_reason": reason}, row_id=episode_id) == 1


async def of_conversation(tx: Tx, conversation_id: str, limit: int = 20) -> list[Episode]:
    """The latest episodes of a conversation, newest first."""
    rows = await _OF_CONVERSATION.all(tx, conversation_id=conversation_id, limit=limit)
    return [SHAPE.value(row) for row in rows]


async def silent_since(tx: Tx, before: datetime, channel_ids: list[str], limit: int) -> list[Episode]:
    """Open episodes on these channels that the bot owns and nobody has said anything in since `before`."""
    query = (
        select(*SHAPE.columns)
        .join(conversations, conversations.c.id == episodes.c.conversation_id)
        .where(
            episodes.c.ended_at.is_(None),
            episodes.c.last_at < before,
            conversations.c.mode == Mode.BOT.value,
            conversations.c.turn_due_at.is_(None),
            conversations.c.channel_id.in_(channel_ids),
        )
        .order_by(episodes.c.last_at)
        .limit(limit)
    )
    return [SHAPE.value(row) for row in await tx.all(query)]
