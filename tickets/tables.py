"""Tables of the ticket: the matter, its history, surveys. Written by `tickets/` only."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from core.columns import Json, SealedText, UtcTime
from core.db import metadata

categories = Table(
    "categories",
    metadata,
    Column("id", String(60), primary_key=True),  # path of slugs: "technical/playback"
    Column("parent_id", String(60)),
    Column("name", String(64), nullable=False),
    Column("team_id", String(40), nullable=False),
    Column("keywords", Json, nullable=False),
    Column("position", Integer, nullable=False, default=0),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("serial", String(24), nullable=False, unique=True),
    Column("customer_id", String(40), nullable=False),
    Column("conversation_id", String(40)),
    Column("channel_id", String(40)),
    Column("channel_kind", String(16), nullable=False),
    Column("tier", Integer, nullable=False, default=1),  # 1 一级自助, 2 二级人工, 3 三级专家
    Column("state", String(20), nullable=False, default="new"),
    Column("close_ground", String(20)),  # customer_confirmed, customer_silent, merged
    Column("result_kind", String(20)),  # solved, unsolvable, follow_up, withdrawn
    Column("priority", Integer, nullable=False, default=3),  # 1 紧急, 2 高, 3 普通, 4 低
    Column("category_id", String(60), nullable=False, default="unsorted"),
    Column("team_id", String(40)),
    Column("assignee_id", String(40)),
    Column("title", SealedText, nullable=False),
    Column("description", SealedText),
    Column("fields", Json, nullable=False),  # device_model, system_version, app_version, network_kind, …
    Column("solution", SealedText),
    Column("next_step", SealedText),  # what
    Column("next_step_by", String(40)),  # who
    Column("next_step_at", UtcTime),  # by when
    Column("escalated_to", String(12)),  # expert, supervisor
    Column("escalation_summary", SealedText),
    Column("review_wanted", Boolean, nullable=False, default=False),  # on the supervisor's 待复核 list
    Column("reopened_count", Integer, nullable=False, default=0),
    Column("reason", String(40)),  # why a person is wanted: explicit_wish, failed_turns, complaint, queue_down …
    Column("person_wanted_at", UtcTime),
    Column("first_received_at", UtcTime, nullable=False),
    Column("first_human_reply_at", UtcTime),
    Column("confirmed_at", UtcTime),
    Column("resolved_at", UtcTime),
    Column("closed_at", UtcTime),
    Column("last_customer_at", UtcTime),
    Column("last_reply_at", UtcTime),
    Column("customer_unread", Integer, nullable=False, default=0),
    Column("terms", SealedText),  # search terms of title, description and messages
    Column("merged_into", String(40)),
    Column("previous_id", String(40)),  # the ticket it follows
    Column("version", Integer, nullable=False, default=0),
    Column("demo", Boolean, nullable=False, default=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Index("ix_tickets_customer_id_state", "customer_id", "state"),
    Index("ix_tickets_team_id_state_updated_at", "team_id", "state", "updated_at"),
    Index("ix_tickets_assignee_id_state", "assignee_id", "state"),
    Index("ix_tickets_state_tier_updated_at", "state", "tier", "updated_at"),
    Index("ix_tickets_created_at", "created_at"),
)

ticket_events = Table(
    "ticket_events",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),  # 1, 2, 3 … per ticket; the history replays to the present state
    Column("at", UtcTime, nullable=False),
    Column("actor", String(60), nullable=False),  # customer, bot, system, or a staff id
    Column("actor_name", String(64)),
    Column("kind", String(30), nullable=False),
    Column("old", Json),
    Column("new", Json),
    Column("text", SealedText),
    Column("demo", Boolean, nullable=False, default=False),
    UniqueConstraint("ticket_id", "number", name="uq_ticket_events_ticket_id_number"),
)

surveys = Table(
    "surveys",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("round", Integer, nullable=False),  # one per conclusion
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("sent_at", UtcTime, nullable=False),
    Column("answered_at", UtcTime),
    Column("rating", Integer),  # 1–4, 4 best
    Column("solved", Boolean),
    Column("text", SealedText),
    Column("staff_id", String(40)),
    Column("demo", Boolean, nullable=False, default=False),
    UniqueConstraint("ticket_id", "round", name="uq_surveys_ticket_id_round"),
)
