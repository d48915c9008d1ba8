"""Tables of the leaf: files, durable timers, the audit chain, running numbers."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint

from core.columns import Json, UtcTime
from core.db import metadata

# SQLite gives rowids only to INTEGER keys, PostgreSQL wants 64 bits.
BigKey = BigInteger().with_variant(Integer(), "sqlite")

files = Table(
    "files",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("owner", String(40), nullable=False),  # customer id, or "staff:<id>", or "article:<id>"
    Column("kind", String(10), nullable=False),  # image, video, file
    Column("name", String(200), nullable=False),
    Column("content_type", String(80), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("public", Boolean, nullable=False, default=False),
    Column("created_at", UtcTime, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("key", String(120), nullable=False),  # one open job per kind and key
    Column("payload", Json, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("claimed_by", String(40)),
    Column("claimed_until", UtcTime),
    Column("attempts", Integer, nullable=False, default=0),
    UniqueConstraint("kind", "key", name="uq_jobs_kind_key"),
    Index("ix_jobs_due_at", "due_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("number", BigKey, primary_key=True),  # without gaps: assigned under the write lock
    Column("at", UtcTime, nullable=False),
    Column("actor", String(60), nullable=False),  # staff id, key id, "system", "cli"
    Column("action", String(60), nullable=False),
    Column("object", String(80), nullable=False),
    Column("data", Json, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_audit_object", "object"),
)

numbers = Table(
    "numbers",
    metadata,
    Column("name", String(60), primary_key=True),  # such as "ticket:20261121"
    Column("value", BigInteger, nullable=False),
)

erasures = Table(
    "erasures",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("customer_id", String(40), nullable=False, unique=True),
    Column("requested_at", UtcTime, nullable=False),
    Column("done_at", UtcTime),
    Column("requested_by", String(60), nullable=False),
    Column("report", Text),
)
