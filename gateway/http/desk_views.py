"""The desk's shapes: rows of the lists, one conversation with everything. What identifies a person is masked here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.conversation import DESK_KEY
from bot.store import channels, exchanges, messages
from bot.store.conversations import Conversation
from bot.store.messages import Message
from bot.tables import episodes
from core.clock import UTC, rfc3339
from core.db import Tx
from core.masking import mask_text
from gateway.auth.viewer import Viewer
from gateway.services import Services
from handoff import store
from handoff.inbox import Row
from handoff.presence import AgentPresence
from tickets.tables import tickets

MESSAGES_PER_PAGE = 60
_EARLIER = 10


def presence_view(agent: AgentPresence) -> dict[str, Any]:
    """What an agent says of themselves, and what they hold."""
    since = datetime.fromtimestamp(agent.since_ms / 1000, UTC) if agent.since_ms else None
    return {
        "status": agent.status.value,
        "reason": agent.reason or None,
        "capacity": agent.capacity,
        "load": agent.load,
        "since": rfc3339(since) if since else None,
    }


async def queue_items(
    parts: Services, tx: Tx, rows: Collection[Row], places: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Who waits, as the line shows them."""
    teams = {team.id: team.name for team in await parts.people.teams(tx)}
    about = await _tickets(tx, [row.ticket_id for row in rows if row.ticket_id])
    return [
        {
            "handoff_id": row.handoff_id,
            "conversation_id": row.conversation_id,
            "customer_name": customer_name(parts, row.customer_name, row.customer_id),
            "channel_kind": row.channel_kind,
            "team_id": row.team_id,
            "team_name": teams.get(row.team_id or "", row.team_id),
            "reason": row.reason,
            "reason_text": reason_text(parts, row.reason),
            "priority": row.priority,
            "last_text": mask_text(row.last_text or ""),
            "waiting_since": _time(row.waiting_since),
            "position": places.get(row.handoff_id or "", 0),
            "ticket_serial": about[row.ticket_id]["serial"] if row.ticket_id in about else None,
            "title": mask_text(about[row.ticket_id]["title"]) if row.ticket_id in about else None,
            "emotion": row.emotion,
        }
        for row in rows
    ]


async def conversation_rows(
    parts: Services, tx: Tx, rows: Collection[Row], unread: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Conversations, as the inbox shows them."""
    about = await _tickets(tx, [row.ticket_id for row in rows if row.ticket_id])
    none: Mapping[str, Any] = {}
    return [
        {
            "conversation_id": row.conversation_id,
            "customer_name": customer_name(parts, row.customer_name, row.customer_id),
            "channel_kind": row.channel_kind,
            "mode": row.mode,
            "agent_id": row.agent_id,
            "agent_name": row.agent_name,
            "last_text": mask_text(row.last_text or ""),
            "last_at": _time(row.last_at),
            "unread": unread.get(row.conversation_id, 0),
            "waiting_since": _time(row.waiting_since) if row.mode == "waiting" else None,
            "handoff_id": row.handoff_id,
            "ticket_serial": about.get(row.ticket_id or "", none).get("serial"),
            "ticket_state": about.get(row.ticket_id or "", none).get("state"),
            "priority": row.priority or about.get(row.ticket_id or "", none).get("priority", 3),
            "emotion": row.emotion,
        }
        for row in rows
    ]


async def conversation_detail(parts: Services, tx: Tx, found: Conversation, who: Viewer) -> dict[str, Any]:
    """One conversation with everything an agent should know before the first word."""
    channel = await channels.get(tx, found.channel_id)
    handoff = await store.last_of(tx, found.id)
    page, more = await message_page(parts, tx, found.id, None)
    ticket_id = await ticket_of(tx, found)
    return {
        "conversation": {
            "id": found.id,
            "mode": found.mode.value,
            "epoch": found.epoch,
            "channel_kind": channel.kind,
            "channel_name": channel.name,
            "agent_id": found.agent_id,
            "agent_name": found.agent_name,
            "customer_read_seq": found.customer_read_seq,
            "limits": _limits(parts, channel.kind, found),
        },
        "customer": await parts.tickets.customer_view(tx, found.customer_id),
        "ticket": await parts.tickets.brief_of(tx, ticket_id) if ticket_id else None,
        "handoff": await _handoff(parts, tx, handoff) if handoff else None,
        "messages": page,
        "has_more": more,
        "draft": await store.draft(tx, who.staff_id, found.id),
        "earlier": await _earlier(tx, found.customer_id, ticket_id),
    }


async def message_page(
    parts: Services, tx: Tx, conversation_id: str, before_seq: int | None
) -> tuple[list[dict[str, Any]], bool]:
    """The newest messages before a seq, notes too, oldest first; and whether there are older ones."""
    found = await messages.newest(tx, conversation_id, MESSAGES_PER_PAGE + 1, before_seq=before_seq, hidden=True)
    shown = found[-MESSAGES_PER_PAGE:]
    return await message_views(parts, tx, shown), len(found) > len(shown)


async def message_views(parts: Services, tx: Tx, found: list[Message]) -> list[dict[str, Any]]:
    """Messages as the desk shows them, each with what the assistant made of it."""
    about = await exchanges.of_messages(tx, [each.id for each in found])
    views = parts.tickets.message_views(found, list(about.values()))
    for message, view in zip(found, views, strict=True):
        key = message.dedupe_key or ""
        if key.startswith(DESK_KEY):
            view["client_message_id"] = key.removeprefix(DESK_KEY).partition(":")[2]
    return views


async def ticket_of(tx: Tx, found: Conversation) -> str | None:
    """The ticket of the open episode, else of the last one."""
    query = select(episodes.c.ticket_id).where(episodes.c.conversation_id == found.id)
    if found.episode_id is not None:
        query = query.where(episodes.c.id == found.episode_id)
    ticket_id: str | None = await tx.scalar(query.order_by(episodes.c.started_at.desc()).limit(1))
    return ticket_id


def customer_name(parts: Services, name: str | None, customer_id: str) -> str:
    """A nickname without numbers in it, or a name that tells visitors apart."""
    return mask_text(name) if name else parts.texts.get("ticket.customer.unnamed", tail=customer_id[-4:])


def reason_text(parts: Services, reason: str | None) -> str:
    """Why a person is wanted, in words."""
    return parts.texts.get(f"handoff.reason.{reason}") if reason else ""


def masked(value: Any) -> Any:
    """The same JSON with every text in it masked."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {key: masked(each) for key, each in value.items()}
    return [masked(each) for each in value] if isinstance(value, list | tuple) else value


async def _handoff(parts: Services, tx: Tx, one: store.Handoff) -> dict[str, Any]:
    return {
        "id": one.id,
        "reason": one.reason,
        "reason_text": reason_text(parts, one.reason),
        "state": one.state,
        "waiting_since": rfc3339(one.waiting_since),
        "packet": _packet(await store.packet(tx, one.id)),
    }


def _packet(packet: dict[str, Any]) -> dict[str, Any]:
    """The packet in the page's words; what it does not know yet passes through."""
    mood = [each["anger"] for each in packet.get("mood", ()) if isinstance(each, Mapping) and "anger" in each]
    shown = {
        **packet,
        "wants_now": packet.get("wants", ""),
        "last_messages": packet.get("messages", []),
        "open_tickets": packet.get("tickets", []),
        "device": {**packet.get("device", {}), **packet.get("place", {})},
        "mood": mood,
    }
    found: dict[str, Any] = masked(shown)
    return found


def _limits(parts: Services, kind: str, found: Conversation) -> dict[str, Any]:
    limits = parts.connectors.limits(kind, found.last_customer_at, found.sends or 0)
    if limits is None:
        return {"max_chars": None, "window_until": None, "files": True}
    return {
        "max_chars": limits.max_chars,
        "in_bytes": limits.in_bytes,
        "window_until": _time(limits.window_until),
        "files": limits.files,
        "messages_left": limits.messages_left,
    }


async def _tickets(tx: Tx, ticket_ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    wanted = sorted(set(ticket_ids))
    if not wanted:
        return {}
    columns = (tickets.c.id, tickets.c.serial, tickets.c.state, tickets.c.priority, tickets.c.title)
    return {row.id: dict(row._mapping) for row in await tx.all(select(*columns).where(tickets.c.id.in_(wanted)))}


async def _earlier(tx: Tx, customer_id: str, ticket_id: str | None) -> list[dict[str, Any]]:
    query = select(tickets.c.serial, tickets.c.title, tickets.c.state, tickets.c.created_at).where(
        tickets.c.customer_id == customer_id
    )
    if ticket_id is not None:
        query = query.where(tickets.c.id != ticket_id)
    rows = await tx.all(query.order_by(tickets.c.created_at.desc()).limit(_EARLIER))
    return [
        {"serial": row.serial, "title": mask_text(row.title), "state": row.state, "at": rfc3339(row.created_at)}
        for row in rows
    ]


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
