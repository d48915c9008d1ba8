"""Figures: facts of each ticket, counted as soon as a gateway runs, and targets."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_WORDS = (
    "channel",
    "team",
    "agent",
    "category",
    "merchant",
    "live_room",
    "state",
    "reason",
    "city",
    "provider",
    "device",
    "app_version",
    "article",
)
# In the order of the columns: what is added up.
_MEASURES = (
    "matters",
    "tier_1",
    "tier_2",
    "tier_3",
    "talked",
    "answered",
    "answer_s",
    "people",
    "person_answered",
    "person_s",
    "person_in_time",
    "replies",
    "reply_ms",
    "bot_replies",
    "bot_reply_ms",
    "confirmed_by_team",
    "confirm_s",
    "concluded",
    "conclude_s",
    "told",
    "once",
    "ended",
    "settled",
    "said_yes",
    "silent",
    "spoke",
    "solved",
    "own_voted",
    "own_content",
    "asked",
    "given",
    "rated",
    "content",
    "recommend_rated",
    "recommend_net",
    "explained_again",
    "bot_talks",
    "transferred",
    "stayed",
    "contained",
    "bounced",
    "escalated",
    "reopened",
    "promised",
    "kept",
    "top_asked",
    "top_in_time",
    "top_solved",
)


def upgrade() -> None:
    op.create_table(
        "ticket_facts",
        sa.Column("ticket_id", sa.String(length=40), nullable=False),
        sa.Column("edition", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("last_customer_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_reply_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("breached", sa.Boolean(), nullable=False),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("wanted_day", sa.String(length=10), nullable=True),
        sa.Column("wanted_unix", sa.Integer(), nullable=True),
        sa.Column("left_day", sa.String(length=10), nullable=True),
        sa.Column("tier", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(length=120), nullable=False) for name in _WORDS),
        *(
            sa.Column(name, sa.BigInteger() if name.endswith(("_s", "_ms")) else sa.Integer(), nullable=False)
            for name in _MEASURES
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_ticket_facts_ticket_id_tickets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_ticket_facts"),
    )
    op.create_index(
        "ix_ticket_facts_cut",
        "ticket_facts",
        ["day", "hour", "channel", "category", "team", "reason", "article", "matters", "people", "solved"],
    )
    op.create_index("ix_ticket_facts_customer_id_received_at", "ticket_facts", ["customer_id", "received_at"])
    op.create_index(
        "ix_messages_thumbs",
        "messages",
        ["ticket_id"],
        sqlite_where=sa.text("helpful is not null"),
        postgresql_where=sa.text("helpful is not null"),
    )
    op.create_table(
        "figure_targets",
        sa.Column("figure", sa.String(length=40), nullable=False),
        sa.Column("target", sa.Float(), nullable=True),
        sa.Column("set_by", sa.String(length=40), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("figure", name="pk_figure_targets"),
    )
