"""Finding tickets by what was written: the one place that knows how words are kept and asked for.

Each ticket has one row of terms (`core.normaliser.terms`: overlapping pairs of Chinese characters, words, numbers)
beside the ticket, not in it, so that lists stay light and a message that adds terms rewrites a small row only. SQLite
indexes the row with FTS5 (`unicode61`), PostgreSQL keeps its `simple` tsvector under a GIN index; both see the same
terms between spaces. A term goes in and is asked for through `Index.form`: with keyed hashes in its place the words
themselves are kept nowhere, and only beginnings of words (退, 7788…) can no longer be asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    CTE,
    DDL,
    Column,
    ColumnElement,
    ForeignKey,
    Integer,
    Table,
    Text,
    bindparam,
    cast,
    column,
    delete,
    event,
    func,
    insert,
    literal,
    literal_column,
    select,
    table,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from core.db import Tx, metadata
from core.normaliser import normalise, terms
from core.statements import Statement
from tickets.parts import Part

if TYPE_CHECKING:
    from tickets.store import Actor, Ticket

# More different words than this are a book, not a matter; later ones are not searchable.
MAX_TERMS = 6_000
# A question of more terms than this is a pasted text; its beginning finds the same.
MAX_ASKED = 16
# Numbers at the end of a serial are written with six digits and said without the zeros.
_SERIAL_DIGITS = 6
# Words that so many tickets hold are soon met by walking the newest ones.
_COMMON = 1_000
# Characters before what was found; three times as many after it.
_AROUND = 12
_CHINESE_END = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff](?![\u3400-\u4dbf\u4e00-\u9fff])")
# What FTS5 and the `simple` parser both take as one word; hexagrams stand between the Chinese blocks and are none.
_TERM = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]{1,2}|[a-z0-9]+")

ticket_terms = Table(
    "ticket_terms",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),  # grows with each ticket: newest first is by it
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("terms", Text, nullable=False),  # each once, between spaces, in the index's form
)

# The same statements stand in the migration, which must not change with this module.
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
# The vector is stored: made while a question is asked, it would be made for every row that is looked at.
_POSTGRESQL = (
    "ALTER TABLE ticket_terms ADD COLUMN words tsvector "
    "GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, terms)) STORED",
    "CREATE INDEX ix_ticket_terms_words ON ticket_terms USING gin (words)",
)
for _dialect, _statements in (("sqlite", _SQLITE), ("postgresql", _POSTGRESQL)):
    for _statement in _statements:
        event.listen(ticket_terms, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]  # SQLAlchemy's own is untyped

_fts = table("ticket_terms_fts", column("rowid"), column("ticket_terms_fts"))


_ITS = ticket_terms.c.ticket_id == bindparam("ticket")
_TERMS_OF = Statement(select(ticket_terms.c.terms).where(_ITS))
_ADD_TERMS = Statement(insert(ticket_terms).values(ticket_id=bindparam("ticket_id"), terms=bindparam("terms")))
_SET_TERMS = Statement(update(ticket_terms).where(_ITS).values(terms=bindparam("terms")))


def index_terms(written: str) -> list[str]:
    """The terms of a text to be found by: pairs, words, numbers, and the last character of each Chinese run alone
    (pairs begin with every other one, so that a single character is found wherever it stands)."""
    found = [each for each in terms(written) if _TERM.fullmatch(each)]
    return [*found, *_CHINESE_END.findall(normalise(written))]


def asked_terms(asked: str) -> list[list[tuple[str, bool]]]:
    """What a ticket must hold: for each part of the question its forms, each as (term, it may go on).

    Spaces part: 退款 失败 asks for both words anywhere, 退款失败 for them side by side.
    """
    found: dict[str, list[tuple[str, bool]]] = {}
    for word in asked.split():
        for term in terms(word):
            if not _TERM.fullmatch(term):
                continue
            if len(term) == 1 and not term.isascii():
                found[term] = [(term, True)]
            elif term.isdigit() and len(term) < _SERIAL_DIGITS:
                found[term] = [(term, len(term) > 3), (normalise(term.zfill(_SERIAL_DIGITS)), False)]
            else:
                # The beginning of a long number or word is enough; a short one would find half of everything.
                found[term] = [(term, term.isascii() and len(term) > 3)]
    return list(found.values())[:MAX_ASKED]


class Index:
    """Writes and asks. Holds no state but the form in which terms are kept."""

    def __init__(self, form: Callable[[str], str] | None = None) -> None:
        self._form = form or str
        self._hashed = form is not None

    async def add(self, tx: Tx, ticket_id: str, texts: Iterable[str | None]) -> None:
        """Let a ticket be found by these texts too. Nothing is written when it has their terms already."""
        fresh = [self._form(term) for each in texts if each for term in index_terms(each)]
        if not fresh:
            return
        row = await _TERMS_OF.first(tx, ticket=ticket_id)
        known = None if row is None else row[0]
        joined = joined_terms(known, fresh)
        if known is None:
            await _ADD_TERMS.count(tx, ticket_id=ticket_id, terms=joined)
        elif joined != known:
            await _SET_TERMS.count(tx, ticket=ticket_id, terms=joined)

    async def copy(self, tx: Tx, ticket_id: str, to: str) -> None:
        """Let a ticket be found by all that another one is found by: it goes on with its matter."""
        known = await tx.scalar(select(ticket_terms.c.terms).where(ticket_terms.c.ticket_id == ticket_id))
        if known is not None:
            await tx.execute(insert(ticket_terms).values(ticket_id=to, terms=known))

    async def forget(self, tx: Tx, ticket_ids: Iterable[str]) -> None:
        """Let tickets be found by nothing any more."""
        await tx.execute(delete(ticket_terms).where(ticket_terms.c.ticket_id.in_(list(ticket_ids))))

    def matches(self, asked: str, *, sqlite: bool, rare: bool = False) -> ColumnElement[bool] | None:
        """The condition on rows of `ticket_terms`, or None when the question holds no word to ask for. With `rare`
        PostgreSQL reads all hits from the index first, instead of walking tickets in their order until it has enough.
        """
        wanted = asked_terms(asked)
        if not wanted:
            return None
        if sqlite:
            said = " AND ".join(f"({' OR '.join(self._fts5(*each) for each in forms)})" for forms in wanted)
            found = select(_fts.c.rowid).where(_fts.c.ticket_terms_fts.op("MATCH")(said))
            return ticket_terms.c.id.in_(found)
        said = " & ".join(f"({' | '.join(self._tsquery(*each) for each in forms)})" for forms in wanted)
        query = cast(func.to_tsquery(text("'simple'"), said), TSQUERY)
        vector: ColumnElement[Any] = literal_column("ticket_terms.words", TSVECTOR)
        hit: ColumnElement[bool] = vector.op("@@", is_comparison=True)(query)
        return ticket_terms.c.id.in_(select(_fenced(hit).c.id)) if rare else hit

    async def is_rare(self, tx: Tx, asked: str) -> bool:
        """Whether few tickets hold these words. PostgreSQL guesses badly at beginnings of words and at words that
        stand together, and a wrong guess costs it a walk over all tickets; counting to a few hundred costs little.
        """
        if tx.sqlite is not None:
            return False
        # One plan for all words would be wrong for most of them.
        await tx.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
        hit = self.matches(asked, sqlite=False)
        if hit is None:
            return True
        some = select(literal(1)).select_from(_fenced(hit)).limit(_COMMON).subquery()
        return int(await tx.scalar(select(func.count()).select_from(some)) or 0) < _COMMON

    def _fts5(self, term: str, goes_on: bool) -> str:
        return f'"{self._form(term)}"{"*" if goes_on and not self._hashed else ""}'

    def _tsquery(self, term: str, goes_on: bool) -> str:
        return f"'{self._form(term)}'{':*' if goes_on and not self._hashed else ''}"


def _fenced(hit: ColumnElement[bool]) -> CTE:
    """The ids of hits, read from the index whatever PostgreSQL thinks of it."""
    hits = select(ticket_terms.c.id).where(hit)
    return hits.cte("hits").prefix_with("MATERIALIZED", dialect="postgresql")


def joined_terms(known: str | None, fresh: Iterable[str]) -> str:
    """Known and fresh terms, each once, between spaces, at most `MAX_TERMS`."""
    words = dict.fromkeys((known or "").split())
    for term in fresh:
        if len(words) >= MAX_TERMS:
            break
        words[term] = None
    return f" {' '.join(words)} "


class Search(Part):
    """Keeps the index: what a ticket is, what the customer says, what colleagues write into its history."""

    def __init__(self, *args: Any, index: Index | None = None) -> None:
        super().__init__(*args)
        self.index = index or Index()

    async def changed(
        self, tx: Tx, before: Ticket | None, now: Ticket, kind: str, actor: Actor, text: str | None
    ) -> None:
        """Index what is new in the ticket and the words of the event."""
        known = dict.fromkeys(_texts(before)) if before is not None else {}
        if before is None and now.previous_id is not None:
            await self.index.copy(tx, now.previous_id, now.id)
        fresh = [each for each in _texts(now) if each not in known]
        await self.index.add(tx, now.id, [*fresh, text])

    async def customer_wrote(self, tx: Tx, ticket: Ticket, text: str, at: datetime) -> None:
        """Index the customer's words."""
        await self.index.add(tx, ticket.id, [text])


def _texts(ticket: Ticket) -> list[str]:
    said = [
        ticket.serial,
        ticket.title,
        ticket.description,
        ticket.solution,
        ticket.next_step,
        ticket.cause_text,
        ticket.source_text,
        ticket.live_room,
        ticket.merchant,
        *(ticket.tags or ()),
        *(str(value) for value in _values(ticket.fields)),
    ]
    return [each for each in said if each]


def _values(fields: Mapping[str, Any] | None) -> list[Any]:
    return [each for each in (fields or {}).values() if isinstance(each, str | int)]


def marks(shown: str, asked: str) -> list[list[int]]:
    """Where the words of a question stand in a text, as [from, to] in its characters."""
    # Character by character, so that places in the normal form are places in the text.
    plain = "".join(normal if len(normal := normalise(each)) == 1 else "\0" for each in shown)
    found: set[int] = set()
    for word in dict.fromkeys(filter(None, (normalise(each) for each in asked.split()))):
        start = plain.find(word)
        while start >= 0:
            found.update(range(start, start + len(word)))
            start = plain.find(word, start + 1)
    spans: list[list[int]] = []
    for place in sorted(found):
        if spans and spans[-1][1] == place:
            spans[-1][1] = place + 1
        else:
            spans.append([place, place + 1])
    return spans


def snippet(shown: str, asked: str) -> dict[str, Any] | None:
    """A piece of a text around the first place where a word of the question stands, with its marks; None without."""
    first = next(iter(marks(shown, asked)), None)
    if first is None:
        return None
    start = max(0, first[0] - _AROUND)
    piece = " ".join(shown[start : first[1] + 3 * _AROUND].split())
    return {"text": piece, "marks": marks(piece, asked)}


__all__ = [
    "MAX_TERMS",
    "Index",
    "Search",
    "asked_terms",
    "index_terms",
    "joined_terms",
    "marks",
    "snippet",
    "ticket_terms",
]
