"""The loop with the customer: guests of a ticket, what they say, and notices to the contact that was given."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "ticket_guests",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("ticket_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("organisation", sa.String(80), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("may_answer", sa.Boolean(), nullable=False),
        sa.Column("staff_id", sa.String(40), nullable=True),
        sa.Column("invited_by", sa.String(40), nullable=False),
        sa.Column("invited_name", sa.String(64), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.Column("seen_at", _TIME, nullable=True),
        sa.Column("code_hash", sa.String(64), nullable=True),
        sa.Column("code_until", _TIME, nullable=True),
        sa.Column("code_tries", sa.Integer(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_ticket_guests_ticket_id_tickets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_ticket_guests"),
    )
    op.create_index("ix_ticket_guests_ticket_id", "ticket_guests", ["ticket_id"])
    op.create_table(
        "ticket_guest_words",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("guest_id", sa.String(40), nullable=False),
        sa.Column("ticket_id", sa.String(40), nullable=False),
        sa.Column("author", sa.String(8), nullable=False),
        sa.Column("name", sa.String(160), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("to_customer", sa.Boolean(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["guest_id"], ["ticket_guests.id"], name="fk_ticket_guest_words_guest_id_ticket_guests", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_ticket_guest_words"),
    )
    op.create_index("ix_ticket_guest_words_guest_id_at", "ticket_guest_words", ["guest_id", "at"])
    op.create_table(
        "ticket_notices",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("ticket_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("hook", sa.String(8), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(40), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("sent_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_ticket_notices_ticket_id_tickets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_ticket_notices"),
    )
    op.create_index("ix_ticket_notices_ticket_id", "ticket_notices", ["ticket_id"])
    op.create_index("ix_ticket_notices_state_due_at", "ticket_notices", ["state", "due_at"])
