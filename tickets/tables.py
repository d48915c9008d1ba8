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
    Column("cause", String(12)),  # 根因: platform, user, third_party
    Column("cause_text", SealedText),  # the root cause in words, for colleagues
    Column("result_reason", SealedText),  # 无法解决: why
    Column("alternative", SealedText),  # … and what we offer instead
    Column("follow_up_team_id", String(40)),  # 转后续: to whom
    Column("follow_up_at", UtcTime),  # … and by when
    Column("promised_at", UtcTime),  # 承诺完成时间, as the customer was told it
    Column("next_step_kind", String(20)),  # callback, merchant, visit, retest, other
    Column("next_step_told", Boolean),  # the customer was told: a promise
    Column("snoozed_until", UtcTime),
    Column("tags", Json),  # list of words
    Column("source", String(20)),  # where a matter came from that was not written here: phone, qq_group, forum …
    Column("source_url", SealedText),
    Column("source_text", SealedText),  # the original words
    Column("created_by", String(40)),  # the member of staff who wrote it down
    Column("live_room", String(80)),
    Column("merchant", String(80)),
    Column("signature", String(64)),  # of a technical fault: the same one again is the same fault
    Column("unhappy_count", Integer),  # 不满意 or "not solved" so far
    Column("executive_id", String(40)),  # 直接找负责人: who answers
    Column("executive_asked_at", UtcTime),
    Column("executive_due_at", UtcTime),
    Column("executive_answered_at", UtcTime),
    Column("told_at", UtcTime),  # when news last went to the contact given, once per absence
    Column("sla_clock", String(16)),  # the running clock that ends first
    Column("sla_due_at", UtcTime),  # … and when
    Column("sla_breached", Boolean),  # one of its promises was broken
    Column("version", Integer, nullable=False, default=0),
    Column("demo", Boolean, nullable=False, default=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Index("ix_tickets_customer_id_state", "customer_id", "state"),
    Index("ix_tickets_team_id_state_updated_at", "team_id", "state", "updated_at"),
    Index("ix_tickets_assignee_id_state", "assignee_id", "state"),
    Index("ix_tickets_state_tier_updated_at", "state", "tier", "updated_at"),
    Index("ix_tickets_created_at", "created_at"),
    Index("ix_tickets_sla_due_at", "sla_due_at"),
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
    Column("recommend", Integer),  # 0–10, how likely they would recommend us (NPS)
    Column("sent_by", String(12)),  # channel, sms, mail, or none where nothing could carry it
    Column("demo", Boolean, nullable=False, default=False),
    UniqueConstraint("ticket_id", "round", name="uq_surveys_ticket_id_round"),
)
