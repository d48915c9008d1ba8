"""Figures as files: a CSV that Excel reads as Chinese, and an XLSX with one sheet per table. Pure, and off the loop.

A cell that begins like a formula is written as text: names of merchants and rooms come from outside.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xlsxwriter

from bot.ports import Texts
from core.masking import mask_text
from tickets.figures.definitions import FIGURES, Unit

TABLES = ("figures", "time", "channel", "team", "agent", "category", "merchant", "live_room", "reason")
MORE = ("hours", "faults", "questions")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NO_VALUE = "—"
_WIDEST = 60

Cell = str | float | int | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: a name, heads, rows."""

    name: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def safe(cell: Cell) -> str | float | int:
    """What may be written into a cell: masked, never a formula, and a dash where there is no value."""
    if cell is None:
        return _NO_VALUE
    if not isinstance(cell, str):
        return cell
    text = mask_text(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def as_csv(sheet: Sheet) -> bytes:
    """UTF-8 with the mark that makes Excel read it as such."""
    written = io.StringIO()
    out = csv.writer(written, lineterminator="\r\n")
    out.writerow(sheet.heads)
    out.writerows([safe(cell) for cell in row] for row in sheet.rows)
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def as_xlsx(sheets: Sequence[Sheet]) -> bytes:
    """A workbook with one sheet per table."""
    written = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(written, options) as book:
        bold = book.add_format({"bold": True})
        for sheet in sheets:
            page = book.add_worksheet(sheet.name[:31])
            page.freeze_panes(1, 1)
            page.write_row(0, 0, sheet.heads, bold)
            for number, row in enumerate(sheet.rows, 1):
                page.write_row(number, 0, [safe(cell) for cell in row])
            for at, head in enumerate(sheet.heads):
                longest = max((len(str(row[at])) for row in sheet.rows), default=0)
                page.set_column(at, at, min(_WIDEST, max(len(head), longest) * 1.6 + 2))
    return written.getvalue()


def number(value: float | None, unit: str) -> float | None:
    """A value as people calculate with it: shares in percent, the rest as it is, to a sensible number of digits."""
    if value is None:
        return None
    return round(value * 100, 2) if unit == Unit.SHARE.value else round(value, 2)


def overview_sheet(told: Mapping[str, Any], texts: Texts, language: str) -> Sheet:
    """All figures, one per line."""
    word = _words(texts, language)
    met = {True: word("met.yes"), False: word("met.no"), None: None}
    period = f"{told['period']['from']} – {told['period']['to']}"
    heads = ("figure", "value", "unit", "over", "of", "target", "met", "before", "period", "how")
    return Sheet(
        word("sheet.figures"),
        tuple(word(f"column.{head}") for head in heads),
        tuple(
            (
                each["name"],
                number(each["value"], each["unit"]),
                word(f"unit.{each['unit']}"),
                each["over"],
                each["of"],
                number(each["target"], each["unit"]),
                met[each["met"]],
                number(each["before"], each["unit"]),
                period,
                each["how"],
            )
            for each in told["figures"]
        ),
    )


def cut_sheet(by: str, rows: Sequence[Mapping[str, Any]], texts: Texts, language: str) -> Sheet:
    """Every figure per value of a dimension."""
    word = _words(texts, language)
    names = [f"{texts.get(f'figure.{each.id}.name', language)} ({word(f'unit.{each.unit.value}')})" for each in FIGURES]
    return Sheet(
        word(f"sheet.{by}"),
        (word("column.name"), *names),
        tuple((row["name"], *(number(row["values"][each.id], each.unit.value) for each in FIGURES)) for row in rows),
    )


def hours_sheet(hours: Sequence[Sequence[int]], texts: Texts, language: str) -> Sheet:
    """The hours of the week."""
    word = _words(texts, language)
    return Sheet(
        word("sheet.hours"),
        (word("column.weekday"), *(f"{hour:02}:00" for hour in range(24))),
        tuple((word(f"weekday.{day}"), *row) for day, row in enumerate(hours, 1)),
    )


def faults_sheet(rows: Sequence[Mapping[str, Any]], texts: Texts, language: str) -> Sheet:
    """Playback faults by where and with what."""
    word = _words(texts, language)
    heads = ("city", "provider", "device", "app_version", "count", "people")
    return Sheet(
        word("sheet.faults"),
        tuple(word(f"column.{head}") for head in heads),
        tuple(tuple(row[head] for head in heads) for row in rows),
    )


def questions_sheet(rows: Sequence[Mapping[str, Any]], texts: Texts, language: str) -> Sheet:
    """What was asked most."""
    word = _words(texts, language)
    heads = ("title", "count", "before", "solved", "people")
    return Sheet(
        word("sheet.questions"),
        tuple(word(f"column.{head}") for head in heads),
        tuple(
            (row["title"], row["count"], row["before"], number(row["solved"], "share"), number(row["people"], "share"))
            for row in rows
        ),
    )


def _words(texts: Texts, language: str) -> Any:
    return lambda name: texts.get(f"figure.{name}", language)
