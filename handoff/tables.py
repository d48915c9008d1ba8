"""Tables of the handoff: the wish to move a conversation to a person. SQL decides who owns it; Redis only admits."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, text

from core.columns import Json, SealedText, UtcTime
from core.db import metadata

handoffs = Table(
    "handoffs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("conversation_id", String(40), nullable=False),
    Column("episode_id", String(40), nullable=False),
    Column("ticket_id", String(40), nullable=False),
    Column("team_id", String(40), nullable=False),
    Column("reason", String(30), nullable=False),  # explicit_wish, failed_turns, complaint, rule, transfer, expert
    Column("priority", Integer, nullable=False, default=3),
    Column("state", String(10), nullable=False),  # requested, waiting, offered, active, ended, abandoned
    Column("epoch", Integer, nullable=False),  # the conversation's epoch in the present state
    Column("packet", SealedText, nullable=False),  # the context packet, JSON with a version
    Column("agent_id", String(40)),
    Column("why_agent", Json),
    Column("requested_at", UtcTime, nullable=False),
    Column("waiting_since", UtcTime, nullable=False),  # kept when it goes back to the head of the line
    Column("accepted_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("end_reason", String(20)),  # resolved, returned, left, transferred, silent, nobody
    Column("demo", Boolean, nullable=False, default=False),
    Index("ix_handoffs_state_team_id", "state", "team_id"),
    Index("ix_handoffs_agent_id_state", "agent_id", "state"),
    # One active handoff per conversation, whatever races happen above.
    Index(
        "uq_handoffs_open_conversation",
        "conversation_id",
        unique=True,
        sqlite_where=text("state in ('requested', 'waiting', 'offered', 'active')"),
        postgresql_where=text("state in ('requested', 'waiting', 'offered', 'active')"),
    ),
)

drafts = Table(
    "drafts",
    metadata,
    Column("staff_id", String(40), primary_key=True),
    Column("conversation_id", String(40), primary_key=True),
    Column("text", SealedText, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)
