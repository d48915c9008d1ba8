"""Statements that are built once and executed often.

An expression costs more to build, to key and to wrap in a result than SQLite takes to carry it out. The statements of
every message are therefore written once, at the top of their store, with `bindparam` for what changes, and executed by
name:

    _BY_ID = Statement(select(*_SHAPE.columns).where(episodes.c.id == bindparam("id")))
    row = await _BY_ID.first(tx, id=episode_id)

On SQLite the text goes straight to the connection, with the values and rows taken through the same column types; on
other databases SQLAlchemy executes the same statement. Errors are SQLAlchemy's in both cases.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Generic, TypeVar

from sqlalchemy import Delete, Insert, Select, Table, Update, bindparam, insert, update
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from core.db import Tx
from core.sqlite_driver import Connection

T = TypeVar("T")
Row = Sequence[Any]
Built = Select[Any] | Insert | Update | Delete
_Convert = Callable[[Any], Any]


class Statement:
    """One SELECT, INSERT, UPDATE or DELETE. Safe to share between tasks and databases."""

    __slots__ = ("_built", "_plan")

    def __init__(self, built: Built) -> None:
        """A `bindparam` is one value; lists stand in the statement. In an INSERT or UPDATE a parameter that is called
        like a column must be the new value of that column."""
        self._built = built
        self._plan: _Plan | None = None

    async def all(self, tx: Tx, /, **values: Any) -> Sequence[Row]:
        """All rows, each in the order of the columns."""
        if tx.sqlite is None:
            return (await tx.connection.execute(self._built, values)).all()
        plan = self._plan or self._prepare(tx)
        return plan.made((await plan.run(tx.sqlite, values))[0])

    async def first(self, tx: Tx, /, **values: Any) -> Row | None:
        """The first row, or None."""
        if tx.sqlite is None:
            return (await tx.connection.execute(self._built, values)).first()
        plan = self._plan or self._prepare(tx)
        rows = plan.made((await plan.run(tx.sqlite, values))[0][:1])
        return rows[0] if rows else None

    async def count(self, tx: Tx, /, **values: Any) -> int:
        """Execute, and return how many rows were touched."""
        if tx.sqlite is None:
            return (await tx.connection.execute(self._built, values)).rowcount
        plan = self._plan or self._prepare(tx)
        return (await plan.run(tx.sqlite, values))[1]

    def _prepare(self, tx: Tx) -> _Plan:
        self._plan = _Plan(self._built, tx.connection.dialect)
        return self._plan


class _Plan:
    """A statement as SQLite takes it: the text, the order of its values, and what the column types do to them."""

    def __init__(self, built: Built, dialect: Dialect) -> None:
        compiled = built.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        named = {name for name, bind in compiled.binds.items() if bind.required}
        # As SQLAlchemy compiles it when it is executed; what other databases would refuse is refused here too.
        compiled = built.compile(dialect=dialect, column_keys=sorted(named))
        assert isinstance(compiled, SQLCompiler)
        state = compiled.construct_expanded_state(dict.fromkeys(named))
        self._sql = state.statement
        self._dialect = dialect
        self._named = len(named)
        self._order: list[tuple[str | None, Any]] = []
        for name in state.positiontup or ():
            bind = compiled.binds.get(name)  # None for the members of a list, which have their processors apart
            process: _Convert | None = state.processors.get(name) if bind is None else _inward(bind.type, dialect)
            if name in named:
                self._order.append((name, process))
            else:
                fixed = state.parameters[name]
                self._order.append((None, process(fixed) if process else fixed))
        types = [column.type for column in built.exported_columns]
        self._width = len(types)
        self._convert = [(at, process) for at, each in enumerate(types) if (process := _outward(each, dialect))]

    async def run(self, connection: Connection, values: Mapping[str, Any]) -> tuple[list[Any], int]:
        """Execute; the rows as they are stored, and how many were changed."""
        if len(values) != self._named:
            raise TypeError(f"{sorted(values)} are not the names of this statement")
        given = [
            process if name is None else process(values[name]) if process else values[name]
            for name, process in self._order
        ]
        try:
            return await connection.fetch(self._sql, given)
        except sqlite3.Error as exc:
            raise DBAPIError.instance(self._sql, None, exc, sqlite3.Error, dialect=self._dialect) from exc

    def made(self, rows: list[Any]) -> list[Any]:
        """The rows as the column types have them."""
        convert = self._convert
        if not rows or not convert:
            return rows
        assert len(rows[0]) == self._width
        found = [list(row) for row in rows]
        for row in found:
            for at, process in convert:
                row[at] = process(row[at])
        return found


def _inward(type_: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    return type_.dialect_impl(dialect).bind_processor(dialect)


def _outward(type_: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    return type_.dialect_impl(dialect).result_processor(dialect, None)


class Insertion:
    """Writes whole rows of one table; what is not named has its default, or is null."""

    __slots__ = ("_defaults", "_statement")

    def __init__(self, table: Table) -> None:
        self._defaults: dict[str, Any] = {}
        for column in table.c:
            known = column.default
            # The database's own defaults and those that are computed would be written over.
            assert known is None or known.is_scalar, column
            assert column.server_default is None, column
            self._defaults[column.name] = None if known is None else known.arg  # type: ignore[attr-defined]
        self._statement = Statement(insert(table).values({name: bindparam(name) for name in self._defaults}))

    async def write(self, tx: Tx, /, **values: Any) -> None:
        """Write one row. Raises IntegrityError as any insert does."""
        await self._statement.count(tx, **{**self._defaults, **values})


class Changes:
    """Writes some columns of the rows that a condition names, whose parameters must not be called like columns.

    A statement is kept for each set of columns.
    """

    __slots__ = ("_kept", "_table", "_where")

    def __init__(self, table: Table, where: ColumnElement[bool]) -> None:
        self._table = table
        self._where = where
        self._kept: dict[frozenset[str], Statement] = {}

    async def write(self, tx: Tx, values: Mapping[str, Any], /, **which: Any) -> int:
        """Write plain values (no expressions), and return how many rows were touched."""
        names = frozenset(values)
        statement = self._kept.get(names)
        if statement is None:
            # From a list in the table's order, so that the text does not depend on the order of a set.
            columns = [column.name for column in self._table.c if column.name in names]
            assert len(columns) == len(names), f"unknown columns among {sorted(names)}"
            built = update(self._table).where(self._where).values({name: bindparam(name) for name in columns})
            statement = self._kept[names] = Statement(built)
        return await statement.count(tx, **values, **which)


class Shape(Generic[T]):
    """How rows of a table become values of a dataclass: which columns, in which order, and what is done to them."""

    __slots__ = ("_convert", "_made", "columns")

    def __init__(
        self,
        made: Callable[..., T],
        table: Table,
        *,
        named: Mapping[str, str] | None = None,
        convert: Mapping[str, _Convert] | None = None,
    ) -> None:
        """`named` tells the column of a field that is called otherwise; `convert` makes the field of the column."""
        names = [each.name for each in fields(made)]  # type: ignore[arg-type]  # every T of ours is a dataclass
        self._made = made
        self._convert = [(names.index(name), each) for name, each in (convert or {}).items()]
        self.columns: list[ColumnElement[Any]] = [table.c[(named or {}).get(name, name)] for name in names]

    def value(self, row: Row, at: int = 0) -> T:
        """The value whose columns begin at a place in the row."""
        if not at and not self._convert:
            return self._made(*row[: len(self.columns)])
        found = list(row[at : at + len(self.columns)])
        for place, convert in self._convert:
            found[place] = convert(found[place])
        return self._made(*found)
