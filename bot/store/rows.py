"""Several tables in one statement: their columns under prefixes, and the parts of a joined row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, Table


def columns(table: Table, prefix: str) -> list[ColumnElement[Any]]:
    """All columns of a table, each named `<prefix>__<column>`."""
    return [column.label(f"{prefix}__{column.name}") for column in table.c]


def part(row: Row[Any], table: Table, prefix: str) -> dict[str, Any]:
    """One table's columns of a joined row, under their own names."""
    found = row._mapping
    return {column.name: found[f"{prefix}__{column.name}"] for column in table.c}
