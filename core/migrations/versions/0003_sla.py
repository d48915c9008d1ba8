"""Clocks of the service promises: policies, running clocks, robots of groups."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _json() -> sa.JSON:
    return sa.JSON().with_variant(JSONB(), "postgresql")


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "sla_policies",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("match", _json(), nullable=False),
        sa.Column("limits", _json(), nullable=False),
        sa.Column("calendar_id", sa.String(40), nullable=True),
        _time("updated_at", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sla_policies"),
    )
    op.create_table(
        "sla_settings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("chain", _json(), nullable=False),
        sa.Column("head_id", sa.String(40), nullable=True),
        sa.Column("tell", _json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sla_settings"),
    )
    op.create_table(
        "sla_clocks",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("ticket_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.String(40), nullable=True),
        _time("started_at", nullable=False),
        _time("due_at"),
        _time("warn_at"),
        sa.Column("limit_s", sa.Float(), nullable=False),
        sa.Column("spent_s", sa.Float(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        _time("breached_at"),
        _time("stopped_at"),
        sa.Column("outcome", sa.String(8), nullable=True),
        _time("warned_at"),
        _time("noted_at"),
        sa.Column("chain_step", sa.Integer(), nullable=False),
        _time("chain_at"),
        _time("told_at"),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sla_clocks"),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_sla_clocks_ticket_id_tickets", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("ticket_id", "kind", "round", name="uq_sla_clocks_ticket_id_kind_round"),
    )
    op.create_index("ix_sla_clocks_kind_started_at", "sla_clocks", ["kind", "started_at"])
    op.create_table(
        "robots",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("topics", _json(), nullable=False),
        sa.Column("team_ids", _json(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        _time("created_at", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_robots"),
    )
    op.create_table(
        "robot_messages",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("robot_id", sa.String(40), nullable=False),
        sa.Column("topic", sa.String(10), nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("lines", _json(), nullable=False),
        sa.Column("url", sa.String(300), nullable=True),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _time("due_at"),
        sa.Column("error", sa.String(200), nullable=True),
        _time("created_at", nullable=False),
        _time("sent_at"),
        sa.PrimaryKeyConstraint("id", name="pk_robot_messages"),
        sa.ForeignKeyConstraint(
            ["robot_id"], ["robots.id"], name="fk_robot_messages_robot_id_robots", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_robot_messages_state_due_at", "robot_messages", ["state", "due_at"])
    op.create_index("ix_robot_messages_robot_id_created_at", "robot_messages", ["robot_id", "created_at"])
    with op.batch_alter_table("tickets", schema=None) as batch_op:
        # The moment from which a list shows the running clock as being at risk.
        batch_op.add_column(sa.Column("sla_warn_at", sa.DateTime(timezone=True), nullable=True))
