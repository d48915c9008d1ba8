"""Tables of intake: what has come in already, and sheets on their way in. Written by this folder only."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table

from core.columns import Json, SealedText, UtcTime
from core.db import metadata

intake_keys = Table(
    "intake_keys",
    metadata,
    Column("scope", String(60), primary_key=True),  # a channel, or "import"
    Column("key", String(128), primary_key=True),  # what the sender calls it, or a hash of what it says
    Column("hash", String(64), nullable=False),  # of the whole body: the same key with other words is refused
    Column("ticket_id", String(40), nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

ticket_imports = Table(
    "ticket_imports",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(200), nullable=False),  # of the file
    Column("content", SealedText),  # the sheet; gone when it is done
    Column("encoding", String(20), nullable=False),
    Column("state", String(10), nullable=False),  # ready, running, done, stopped
    Column("total", Integer, nullable=False),
    Column("position", Integer, nullable=False, default=0),  # rows that were looked at
    Column("made", Integer, nullable=False, default=0),
    Column("known", Integer, nullable=False, default=0),
    Column("refused", Integer, nullable=False, default=0),
    Column("faults", Json, nullable=False),  # [{row, column, text_id}], the first few hundred
    Column("created_by", String(40), nullable=False),
    Column("created_by_name", String(64), nullable=False),
    Column("demo", Boolean, nullable=False, default=False),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("done_at", UtcTime),
    Column("claimed_until", UtcTime),
    Index("ix_ticket_imports_state", "state"),
)
