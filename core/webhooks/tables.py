"""Tables of outgoing webhooks: who wants to hear what, what is to be told, and each try. Written by this folder."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table

from core.columns import Json, SealedText, UtcTime
from core.db import metadata
from core.tables import BigKey

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("url", SealedText, nullable=False),  # an address often carries a secret of the receiver's
    Column("kinds", Json, nullable=False),  # ["ticket.created", "sla.*", …]
    Column("with_text", Boolean, nullable=False, default=False),  # masked words too, not only codes and ids
    Column("key_number", Integer, nullable=False, default=1),  # the key itself is derived and stands nowhere
    Column("previous_until", UtcTime),  # until then the key before signs as well
    Column("disabled_at", UtcTime),
    Column("created_by", String(60), nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("position", BigKey, primary_key=True),  # order of telling
    Column("id", String(40), nullable=False, unique=True),
    Column("webhook_id", ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event_id", String(40), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("subject", String(60), nullable=False),  # what must be told in order: one ticket, one handoff
    Column("body", SealedText, nullable=False),  # the bytes that are sent, the same at each try
    Column("state", String(10), nullable=False),  # waiting, sent, dead
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", UtcTime, nullable=False),
    Column("claimed_until", UtcTime),
    Column("last_status", Integer),
    Column("last_error", String(40)),
    Column("last_ms", Integer),
    Column("created_at", UtcTime, nullable=False),
    Column("done_at", UtcTime),
    Index("ix_webhook_deliveries_state_due_at", "state", "due_at"),
    Index("ix_webhook_deliveries_webhook_id_subject_state", "webhook_id", "subject", "state"),
    Index("ix_webhook_deliveries_webhook_id_position", "webhook_id", "position"),
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("delivery_id", ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("status", Integer),
    Column("error", String(40)),
    Column("ms", Integer, nullable=False),
    Column("answer", SealedText),  # the first bytes of what the receiver said
    Index("ix_webhook_attempts_delivery_id", "delivery_id"),
)
