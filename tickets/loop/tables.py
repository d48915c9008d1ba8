"""Tables of the loop with the customer. Written by `tickets/guests.py` and `tickets/loop/` only."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table

from core.columns import SealedText, UtcTime
from core.db import metadata

guests = Table(
    "ticket_guests",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(12), nullable=False),  # guest, executive
    Column("name", String(64), nullable=False),
    Column("organisation", String(80), nullable=False),  # a department or a partner
    Column("email", SealedText),
    Column("may_answer", Boolean, nullable=False),  # the customer, not only the team
    Column("staff_id", String(40)),  # an executive's own account
    Column("invited_by", String(40), nullable=False),
    Column("invited_name", String(64)),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    Column("seen_at", UtcTime),
    Column("code_hash", String(64)),  # of the one-time code of an executive's link
    Column("code_until", UtcTime),
    Column("code_tries", Integer, nullable=False, default=0),
    Column("demo", Boolean, nullable=False, default=False),
    Index("ix_ticket_guests_ticket_id", "ticket_id"),
)

guest_words = Table(
    "ticket_guest_words",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("guest_id", ForeignKey("ticket_guests.id", ondelete="CASCADE"), nullable=False),
    Column("ticket_id", String(40), nullable=False),
    Column("author", String(8), nullable=False),  # guest, staff
    Column("name", String(160), nullable=False),
    Column("text", SealedText, nullable=False),
    Column("to_customer", Boolean, nullable=False, default=False),
    Column("at", UtcTime, nullable=False),
    Index("ix_ticket_guest_words_guest_id_at", "guest_id", "at"),
)

notices = Table(
    "ticket_notices",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),  # survey, conclusion, news, answer, executive, code
    Column("hook", String(8), nullable=False),  # mail, sms
    Column("recipient", SealedText, nullable=False),
    Column("subject", SealedText, nullable=False),
    Column("text", SealedText, nullable=False),
    Column("state", String(8), nullable=False),  # pending, sending, sent, failed
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", UtcTime, nullable=False),  # of the next try; of a lapsed one while it is being sent
    Column("status", Integer),  # of the last HTTP answer
    Column("error", String(40)),
    Column("created_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    Index("ix_ticket_notices_ticket_id", "ticket_id"),
    Index("ix_ticket_notices_state_due_at", "state", "due_at"),
)
