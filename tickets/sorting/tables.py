"""Tables of sorting: what people corrected, what the model guessed, its versions, and what is still to be looked at."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Table

from core.columns import Json, UtcTime
from core.db import metadata

# No words stand here: a correction is read together with its ticket, so that who is erased teaches nothing any more.
corrections = Table(
    "corrections",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("staff_id", String(60), nullable=False),
    Column("category_id", String(60), nullable=False),
    Column("before_id", String(60), nullable=False),
    Column("guess_id", String(60)),  # what the model had thought
    Column("demo", Boolean, nullable=False, default=False),
    Index("ix_corrections_ticket_id", "ticket_id"),
    Index("ix_corrections_at", "at"),
)

guesses = Table(
    "category_guesses",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, nullable=False),  # of the classifier
    Column("category_id", String(60), nullable=False),
    Column("probability", Float, nullable=False),
    Column("ranking", Json, nullable=False),  # [[category id, probability], …], best first
    Column("sure", Boolean, nullable=False),
    Column("at", UtcTime, nullable=False),
)

classifiers = Table(
    "classifiers",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("made_at", UtcTime, nullable=False),
    Column("made_by", String(60), nullable=False),
    Column("model", LargeBinary, nullable=False),
    Column("encoder", String(160), nullable=False, default=""),  # whose vectors it reads; empty: words alone
    Column("report", Json, nullable=False),
    Column("active", Boolean, nullable=False, default=False),
    Column("activated_at", UtcTime),
    Column("reason", String(40), nullable=False, default=""),  # why it is active or not
)

# A line of its own beside `jobs`: what is done here waits for the encoder, and a job holds the database meanwhile.
sort_work = Table(
    "sort_work",
    metadata,
    Column("key", String(40), primary_key=True),  # a ticket's id, or `train`
    Column("due_at", UtcTime, nullable=False),
    Column("claimed_until", UtcTime),
    Column("attempts", Integer, nullable=False, default=0),
    Index("ix_sort_work_due_at", "due_at"),
)
