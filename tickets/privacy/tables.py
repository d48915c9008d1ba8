"""Tables of least privilege. Written by `tickets/privacy/` and `tickets/views.py` only."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from core.columns import Json, SealedText, UtcTime
from core.db import metadata

ticket_openings = Table(
    "ticket_openings",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("staff_id", String(40), nullable=False),
    Column("reason", SealedText, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),  # afterwards a reason is asked again
    Index("ix_ticket_openings_staff_id_ticket_id", "staff_id", "ticket_id"),
)

reveals = Table(
    "reveals",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("staff_id", String(40), nullable=False),
    Column("what", String(20), nullable=False),  # phone, email, profile, title, description, field, message
    Column("key", String(80), nullable=False, default=""),  # which field or message
    Column("reason", SealedText, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),  # the value is served until then, and never kept here
    Index("ix_reveals_ticket_id_at", "ticket_id", "at"),
)

agreements = Table(
    "agreements",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),  # Markdown; the last version is the one in force
    Column("published_at", UtcTime, nullable=False),
    Column("published_by", String(40), nullable=False),
)

agreement_acceptances = Table(
    "agreement_acceptances",
    metadata,
    Column("staff_id", String(40), primary_key=True),
    Column("version", ForeignKey("agreements.version"), primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("how", String(12), nullable=False),  # desk: read and pressed; demo: by a log-in of the demo
)

ticket_views = Table(
    "ticket_views",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("staff_id", String(40), nullable=False),  # whose it is; only they change it
    Column("team_id", String(40)),  # whose people see it too; null: nobody else
    Column("name", String(40), nullable=False),
    Column("filters", Json, nullable=False),  # view, state, category, team, channel, priority, q
    Column("sort", String(12), nullable=False, default=""),
    Column("columns", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Index("ix_ticket_views_staff_id", "staff_id"),
    Index("ix_ticket_views_team_id", "team_id"),
)
