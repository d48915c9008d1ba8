"""Tables of the ticket: the matter, its history, surveys. Written by `tickets/` only."""

from typing import Any

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint, text

from core.columns import Json, SealedText, UtcTime
from core.db import metadata

# Open matters of tier two and three, word for word as the partial indexes have it: tier one is the bot's.
WORK = "tier > 1 AND state IN ('in_progress', 'new', 'to_report', 'waiting_customer')"
# On the supervisor's list, in the words of its index.
REVIEW = "review_wanted"

categories = Table(
    "categories",
    metadata,
    Column("id", String(60), primary_key=True),  # path of slugs: "technical/playback"
    Column("parent_id", String(60)),
    Column("name", String(64), nullable=False),
    Column("team_id", String(40), nullable=False),
    Column("keywords", Json, nullable=False),
    Column("position", Integer, nullable=False, default=0),
    Column("signs", Json),  # what a customer chose that means it: "feedback:suggestion", "form:…"
    Column("archived_at", UtcTime),
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
    Column("terms", SealedText),  # empty since `ticket_terms` holds them; goes with a later release
    Column("merged_into", String(40)),
    Column("previous_id", String(40)),  # the ticket it follows
    Column("cause", String(12)),  # 根因: platform, user, third_party
    Column("cause_text", SealedText),  # the root cause in words, for colleagues
    Column("result_reason", SealedText),  # 无法解决: why
    Column("alternative", SealedText),  # … and what we offer instead
    Column("follow_up_team_id", String(40)),  # 转后续: to whom
    Column("follow_up_at", UtcTime),  # … and by when
    Column("promised_at", UtcTime),  # 承诺完成时间, as the customer was told it
    Column("next_step_kind", String(20)),  # see tickets/steps.py
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
    Column("sla_warn_at", UtcTime),  # … and from when on it is at risk
    Column("sla_breached", Boolean),  # one of its promises was broken
    Column("followers", Integer),  # how many follow it, so that most changes need not ask who
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
    Index("ix_tickets_updated_at_id", "updated_at", "id"),
    Index("ix_tickets_state_updated_at_id", "state", "updated_at", "id"),
)
# Lists of work are read in their order from indexes that hold only what is open.
_newest = (tickets.c.updated_at.desc(), tickets.c.id.desc())
_is_work: dict[str, Any] = {"sqlite_where": text(WORK), "postgresql_where": text(WORK)}
Index("ix_tickets_work", tickets.c.priority, *_newest, **_is_work)
Index("ix_tickets_work_team", tickets.c.team_id, tickets.c.priority, *_newest, **_is_work)
_is_review: dict[str, Any] = {"sqlite_where": text(REVIEW), "postgresql_where": text(REVIEW)}
Index("ix_tickets_review", tickets.c.priority, *_newest, **_is_review)

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

compensations = Table(
    "compensations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(20), nullable=False),  # membership_days, coupon, refund, other
    Column("amount", Integer, nullable=False),  # days, or hundredths of the currency
    Column("what", SealedText),  # what it is, in words for the customer, where the kind does not say it
    Column("reason", SealedText, nullable=False),
    Column("state", String(12), nullable=False),  # waiting, approved, refused, withdrawn
    Column("asked_by", String(60), nullable=False),
    Column("asked_name", String(64), nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("decided_by", String(60)),
    Column("decided_name", String(64)),
    Column("decided_at", UtcTime),
    Column("decision", SealedText),  # the supervisor's words
    Column("demo", Boolean, nullable=False, default=False),
    Index("ix_compensations_ticket_id", "ticket_id"),
    Index("ix_compensations_state_asked_at", "state", "asked_at"),
)

custom_fields = Table(
    "custom_fields",
    metadata,
    Column("id", String(40), primary_key=True),  # also the key in `tickets.fields`
    Column("name", String(40), nullable=False),
    Column("kind", String(10), nullable=False),  # text, number, choice, date
    Column("choices", Json, nullable=False),
    Column("categories", Json, nullable=False),  # category ids, with their children; empty: all
    Column("required", Boolean, nullable=False, default=False),  # before a result is written
    Column("shown", Boolean, nullable=False, default=False),  # to the customer
    Column("position", Integer, nullable=False, default=0),
    Column("disabled_at", UtcTime),
    Column("created_by", String(60), nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

ticket_followers = Table(
    "ticket_followers",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("staff_id", String(40), primary_key=True),
    Column("at", UtcTime, nullable=False),
    Index("ix_ticket_followers_staff_id", "staff_id"),
)

ticket_links = Table(
    "ticket_links",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("other_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),  # `ticket_id` is … of `other_id`: see tickets/relations.py
    Column("added_by", String(60), nullable=False),
    Column("at", UtcTime, nullable=False),
    UniqueConstraint("ticket_id", "other_id", "kind"),
    Index("ix_ticket_links_other_id", "other_id"),
)

ticket_files = Table(
    "ticket_files",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("file_id", String(40), nullable=False),
    Column("description", SealedText),
    Column("access", String(12), nullable=False),  # staff, team, supervisors
    Column("added_by", String(60), nullable=False),
    Column("added_name", String(64), nullable=False),
    Column("at", UtcTime, nullable=False),
    UniqueConstraint("ticket_id", "file_id"),
    Index("ix_ticket_files_file_id", "file_id"),
)

work_rules = Table(
    "work_rules",
    metadata,
    Column("key", String(40), primary_key=True),  # compensation, next_step
    Column("value", Json, nullable=False),
    Column("changed_by", String(60), nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)
