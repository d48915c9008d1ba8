"""Sorting and playbooks: corrections, guesses, versions of the classifier, plans of handling and what was done."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = sa.JSON().with_variant(JSONB(), "postgresql")
    moment = sa.DateTime(timezone=True)
    with op.batch_alter_table("categories", schema=None) as batch_op:
        batch_op.add_column(sa.Column("signs", json, nullable=True))
        batch_op.add_column(sa.Column("archived_at", moment, nullable=True))

    op.create_table(
        "corrections",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("ticket_id", sa.String(length=40), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("staff_id", sa.String(length=60), nullable=False),
        sa.Column("category_id", sa.String(length=60), nullable=False),
        sa.Column("before_id", sa.String(length=60), nullable=False),
        sa.Column("guess_id", sa.String(length=60), nullable=True),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_corrections_ticket_id_tickets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
    )
    op.create_index("ix_corrections_ticket_id", "corrections", ["ticket_id"], unique=False)
    op.create_index("ix_corrections_at", "corrections", ["at"], unique=False)
    op.create_table(
        "category_guesses",
        sa.Column("ticket_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.String(length=60), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("ranking", json, nullable=False),
        sa.Column("sure", sa.Boolean(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_category_guesses_ticket_id_tickets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_category_guesses"),
    )
    op.create_table(
        "classifiers",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("made_by", sa.String(length=60), nullable=False),
        sa.Column("model", sa.LargeBinary(), nullable=False),
        sa.Column("encoder", sa.String(length=160), nullable=False),
        sa.Column("report", json, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("activated_at", moment, nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_classifiers"),
    )
    op.create_table(
        "sort_work",
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("claimed_until", moment, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_sort_work"),
    )
    op.create_index("ix_sort_work_due_at", "sort_work", ["due_at"], unique=False)
    op.create_table(
        "playbooks",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("categories", json, nullable=False),
        sa.Column("steps", json, nullable=False),
        sa.Column("required", json, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("archived_at", moment, nullable=True),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("updated_by", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_playbooks"),
    )
    op.create_table(
        "playbook_steps_done",
        sa.Column("ticket_id", sa.String(length=40), nullable=False),
        sa.Column("playbook_id", sa.String(length=40), nullable=False),
        sa.Column("step_id", sa.String(length=40), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("staff_id", sa.String(length=60), nullable=False),
        sa.Column("staff_name", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_playbook_steps_done_ticket_id_tickets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_id", "playbook_id", "step_id", name="pk_playbook_steps_done"),
    )
    op.create_table(
        "fault_watches",
        sa.Column("ticket_id", sa.String(length=40), nullable=False),
        sa.Column("signature", sa.String(length=64), nullable=False),
        sa.Column("released_at", moment, nullable=False),
        sa.Column("until", moment, nullable=False),
        sa.Column("returned_at", moment, nullable=True),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_fault_watches_ticket_id_tickets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_fault_watches"),
    )
    op.create_index("ix_fault_watches_signature_until", "fault_watches", ["signature", "until"], unique=False)
