"""Tables of playbooks: the plans, what was done on a ticket, and released fixes that are being watched."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table

from core.columns import Json, UtcTime
from core.db import metadata

playbooks = Table(
    "playbooks",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("categories", Json, nullable=False),  # ids of categories or of whole branches
    Column("steps", Json, nullable=False),  # [{id, title, hint, template, marks}]
    Column("required", Json, nullable=False),  # [{key, title, kind, options, unless}]
    Column("position", Integer, nullable=False, default=0),
    Column("version", Integer, nullable=False, default=1),
    Column("archived_at", UtcTime),
    Column("updated_at", UtcTime, nullable=False),
    Column("updated_by", String(60), nullable=False),
)

steps_done = Table(
    "playbook_steps_done",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("playbook_id", String(40), primary_key=True),
    Column("step_id", String(40), primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("staff_id", String(60), nullable=False),
    Column("staff_name", String(64)),
)

fault_watches = Table(
    "fault_watches",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("signature", String(64), nullable=False),
    Column("released_at", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("returned_at", UtcTime),  # the same fault was reported again
    Index("ix_fault_watches_signature_until", "signature", "until"),
)
