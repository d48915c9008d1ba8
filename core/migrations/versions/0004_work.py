"""Work on a ticket: compensation, custom fields, followers, links, attachments, the rules of work."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def _json() -> sa.types.TypeEngine[Any]:
    return sa.JSON().with_variant(JSONB(), "postgresql")


def _of_ticket(table: str, column: str = "ticket_id") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["tickets.id"], name=f"fk_{table}_{column}_tickets", ondelete="CASCADE")


def upgrade() -> None:
    with op.batch_alter_table("tickets") as tickets:
        tickets.add_column(sa.Column("followers", sa.Integer(), nullable=True))
    op.create_table(
        "compensations",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("ticket_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("what", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("asked_by", sa.String(60), nullable=False),
        sa.Column("asked_name", sa.String(64), nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("decided_by", sa.String(60), nullable=True),
        sa.Column("decided_name", sa.String(64), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("demo", sa.Boolean(), nullable=False),
        _of_ticket("compensations"),
        sa.PrimaryKeyConstraint("id", name="pk_compensations"),
    )
    op.create_index("ix_compensations_ticket_id", "compensations", ["ticket_id"])
    op.create_index("ix_compensations_state_asked_at", "compensations", ["state", "asked_at"])
    op.create_table(
        "custom_fields",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("choices", _json(), nullable=False),
        sa.Column("categories", _json(), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("disabled_at", _TIME, nullable=True),
        sa.Column("created_by", sa.String(60), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_custom_fields"),
    )
    op.create_table(
        "ticket_followers",
        sa.Column("ticket_id", sa.String(40), nullable=False),
        sa.Column("staff_id", sa.String(40), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        _of_ticket("ticket_followers"),
        sa.PrimaryKeyConstraint("ticket_id", "staff_id", name="pk_ticket_followers"),
    )
    op.create_index("ix_ticket_followers_staff_id", "ticket_followers", ["staff_id"])
    op.create_table(
        "ticket_links",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("ticket_id", sa.String(40), nullable=False),
        sa.Column("other_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("added_by", sa.String(60), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        _of_ticket("ticket_links"),
        _of_ticket("ticket_links", "other_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ticket_links"),
        sa.UniqueConstraint("ticket_id", "other_id", "kind", name="uq_ticket_links_ticket_id_other_id_kind"),
    )
    op.create_index("ix_ticket_links_other_id", "ticket_links", ["other_id"])
    op.create_table(
        "ticket_files",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("ticket_id", sa.String(40), nullable=False),
        sa.Column("file_id", sa.String(40), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("access", sa.String(12), nullable=False),
        sa.Column("added_by", sa.String(60), nullable=False),
        sa.Column("added_name", sa.String(64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        _of_ticket("ticket_files"),
        sa.PrimaryKeyConstraint("id", name="pk_ticket_files"),
        sa.UniqueConstraint("ticket_id", "file_id", name="uq_ticket_files_ticket_id_file_id"),
    )
    op.create_index("ix_ticket_files_file_id", "ticket_files", ["file_id"])
    op.create_table(
        "work_rules",
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("value", _json(), nullable=False),
        sa.Column("changed_by", sa.String(60), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_work_rules"),
    )
