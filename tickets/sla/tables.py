"""Tables of the promises: policies, the running and ended clocks, and the few settings beside them."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from core.columns import Json, UtcTime
from core.db import metadata

sla_policies = Table(
    "sla_policies",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("position", Integer, nullable=False),  # the first that fits counts, for each kind of clock
    Column("enabled", Boolean, nullable=False, default=True),
    Column("match", Json, nullable=False),  # {categories, priorities, channels, levels, tiers}: lists, empty = any
    Column("limits", Json, nullable=False),  # {kind: {limit_s, warn_s}} in working time
    Column("calendar_id", String(40)),  # without one: the hours of the ticket's team
    Column("updated_at", UtcTime, nullable=False),
)

sla_settings = Table(
    "sla_settings",
    metadata,
    Column("id", Integer, primary_key=True),  # one row
    Column("version", Integer, nullable=False),  # grows with each edit of policies, calendars, chain
    Column("chain", Json, nullable=False),  # [{who, after_s}]: whom a broken promise reaches, and how long after
    Column("head_id", String(40)),  # head of service
    Column("tell", Json, nullable=False),  # kinds of clocks of whose delay the customer is told
)

sla_clocks = Table(
    "sla_clocks",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("round", Integer, nullable=False),
    Column("policy_id", String(40)),
    Column("started_at", UtcTime, nullable=False),
    Column("due_at", UtcTime),  # none while paused
    Column("warn_at", UtcTime),
    Column("limit_s", Float, nullable=False),
    Column("spent_s", Float, nullable=False, default=0),  # as of the last stop or pause
    Column("paused", Boolean, nullable=False, default=False),
    Column("breached_at", UtcTime),  # the moment at which the limit passed
    Column("stopped_at", UtcTime),
    Column("outcome", String(8)),  # kept, broken, dropped
    Column("warned_at", UtcTime),  # when the history took note of the warning
    Column("noted_at", UtcTime),  # … and of the breach
    Column("chain_step", Integer, nullable=False, default=0),  # how many steps of the chain were told
    Column("chain_at", UtcTime),  # when the next one is
    Column("told_at", UtcTime),  # when the customer was told of the delay
    Column("demo", Boolean, nullable=False, default=False),
    UniqueConstraint("ticket_id", "kind", "round", name="uq_sla_clocks_ticket_id_kind_round"),
    Index("ix_sla_clocks_kind_started_at", "kind", "started_at"),
)
