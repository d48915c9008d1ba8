"""Least privilege, search and saved views.

The search terms leave the ticket's row for one of their own, indexed by FTS5 or GIN: lists stop dragging them along,
and a message that adds terms rewrites a small row. `tickets.terms` stays, empty, until no release reads it.
"""

import re
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BATCH = 500
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_TIME = sa.DateTime(timezone=True)
# Open matters of tier two and three, in the words of the index that orders them.
_WORK = "tier > 1 AND state IN ('in_progress', 'new', 'to_report', 'waiting_customer')"

_SQLITE = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS ticket_terms_fts USING fts5("
    "terms, content='ticket_terms', content_rowid='id', tokenize=\"unicode61 remove_diacritics 0\", detail=none)",
    "CREATE TRIGGER IF NOT EXISTS ticket_terms_added AFTER INSERT ON ticket_terms BEGIN "
    "INSERT INTO ticket_terms_fts(rowid, terms) VALUES (new.id, new.terms); END",
    "CREATE TRIGGER IF NOT EXISTS ticket_terms_gone AFTER DELETE ON ticket_terms BEGIN "
    "INSERT INTO ticket_terms_fts(ticket_terms_fts, rowid, terms) VALUES ('delete', old.id, old.terms); END",
    "CREATE TRIGGER IF NOT EXISTS ticket_terms_changed AFTER UPDATE ON ticket_terms BEGIN "
    "INSERT INTO ticket_terms_fts(ticket_terms_fts, rowid, terms) VALUES ('delete', old.id, old.terms); "
    "INSERT INTO ticket_terms_fts(rowid, terms) VALUES (new.id, new.terms); END",
)
_POSTGRESQL = (
    "ALTER TABLE ticket_terms ADD COLUMN words tsvector "
    "GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, terms)) STORED",
    "CREATE INDEX ix_ticket_terms_words ON ticket_terms USING gin (words)",
)


def upgrade() -> None:
    op.create_table(
        "ticket_terms",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("ticket_id", sa.String(length=40), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_terms_ticket_id_tickets"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_terms")),
        sa.UniqueConstraint("ticket_id", name=op.f("uq_ticket_terms_ticket_id")),
    )
    _move_terms()
    if op.get_bind().dialect.name == "sqlite":
        op.execute(_SQLITE[0])
        op.execute("INSERT INTO ticket_terms_fts(ticket_terms_fts) VALUES ('rebuild')")
        for statement in _SQLITE[1:]:
            op.execute(statement)
    else:
        for statement in _POSTGRESQL:
            op.execute(statement)
    _privacy()
    op.create_table(
        "ticket_views",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("staff_id", sa.String(length=40), nullable=False),
        sa.Column("team_id", sa.String(length=40), nullable=True),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("filters", _JSON, nullable=False),
        sa.Column("sort", sa.String(length=12), nullable=False),
        sa.Column("columns", _JSON, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_views")),
    )
    op.create_index("ix_ticket_views_staff_id", "ticket_views", ["staff_id"])
    op.create_index("ix_ticket_views_team_id", "ticket_views", ["team_id"])
    _orders()


def _move_terms() -> None:
    """Each ticket's terms into a row of their own, in order of arrival, with its number's and single characters."""
    bind = op.get_bind()
    old = sa.table("tickets", *(sa.column(name) for name in ("id", "serial", "terms", "created_at")))
    new = sa.table("ticket_terms", sa.column("ticket_id"), sa.column("terms"))
    ids = [row.id for row in bind.execute(sa.select(old.c.id).order_by(old.c.created_at, old.c.id))]
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        found = {row.id: row for row in bind.execute(sa.select(old).where(old.c.id.in_(batch)))}
        rows = [{"ticket_id": each, "terms": _terms(found[each].serial, found[each].terms)} for each in batch]
        bind.execute(sa.insert(new), rows)
    bind.execute(sa.update(old).values(terms=None))


def _terms(serial: str, stored: str | None) -> str:
    # `=` marks a value that no key has sealed; a sealed one cannot be read here and is found by its number only.
    known = stored[1:].split() if stored and stored.startswith("=") else []
    # Which pairs ended a run is not known any more: every second character may have been the last.
    singles = [each[1] for each in known if len(each) == 2 and "\u3400" <= each[1] <= "\u9fff"]
    # The normal form of that release folds four or more of one sign to three.
    number = re.findall(r"[a-z0-9]+", re.sub(r"(\w)\1{3,}", r"\1\1\1", serial.lower()))
    return f" {' '.join(dict.fromkeys([*number, *known, *singles]))} "


def _privacy() -> None:
    op.create_table(
        "ticket_openings",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("ticket_id", sa.String(length=40), nullable=False),
        sa.Column("staff_id", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_openings_ticket_id_tickets"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_openings")),
    )
    op.create_index("ix_ticket_openings_staff_id_ticket_id", "ticket_openings", ["staff_id", "ticket_id"])
    op.create_table(
        "reveals",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("ticket_id", sa.String(length=40), nullable=False),
        sa.Column("staff_id", sa.String(length=40), nullable=False),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_reveals_ticket_id_tickets"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reveals")),
    )
    op.create_index("ix_reveals_ticket_id_at", "reveals", ["ticket_id", "at"])
    op.create_table(
        "agreements",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("published_at", _TIME, nullable=False),
        sa.Column("published_by", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_agreements")),
    )
    op.create_table(
        "agreement_acceptances",
        sa.Column("staff_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("how", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"], ["agreements.version"], name=op.f("fk_agreement_acceptances_version_agreements")
        ),
        sa.PrimaryKeyConstraint("staff_id", "version", name=op.f("pk_agreement_acceptances")),
    )


def _orders() -> None:
    """Lists of work are read in their order from an index that holds only what is open."""
    work = _where(_WORK)
    newest = [sa.text("updated_at DESC"), sa.text("id DESC")]
    op.create_index("ix_tickets_work", "tickets", ["priority", *newest], **work)
    op.create_index("ix_tickets_work_team", "tickets", ["team_id", "priority", *newest], **work)
    held = _where("agent_id IS NOT NULL")
    op.create_index("ix_conversations_agent_id", "conversations", ["agent_id"], **held)
    review = _where("review_wanted")
    op.create_index("ix_tickets_review", "tickets", ["priority", *newest], **review)
    op.create_index("ix_tickets_updated_at_id", "tickets", ["updated_at", "id"])
    op.create_index("ix_tickets_state_updated_at_id", "tickets", ["state", "updated_at", "id"])


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
