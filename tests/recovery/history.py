"""Holds the database to what customers know: nothing lost, nothing doubled, everything in order.

The rules, per conversation:

- each accepted message is stored once, under its seq, with its words; nobody's words are stored that nobody said;
- what is visible has the seqs 1 to n without a gap, and the page received exactly that, in that order;
- each customer message has one exchange, answered by visible messages that come after it;
- each visible message of the bot belongs to one turn, and the turns answer in the order of the questions;
- the assistant took each exchange once.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from bot.tables import conversations, exchanges, messages
from connectors.web.wire import CLIENT_KEY
from core.db import Database
from tests.recovery.customers import Customer


@dataclass
class Findings:
    """What was found; `problems` is empty when every rule holds."""

    problems: list[str] = field(default_factory=list)
    messages: int = 0
    exchanges: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    understood: int = 0
    """Exchanges whose answer the assistant had a part in."""

    def __str__(self) -> str:
        many = f"\n… and {len(self.problems) - 30} more" if len(self.problems) > 30 else ""
        return "\n".join(self.problems[:30]) + many


async def settled(db: Database, limit_s: float = 60.0) -> None:
    """Until the bot owes nobody an answer; no error when it goes on owing one, `check` will say so."""
    until = time.monotonic() + limit_s
    owed = select(conversations.c.id).where(conversations.c.turn_due_at.is_not(None)).limit(1)
    while time.monotonic() < until:
        async with db.read() as tx:
            if await tx.first(owed) is None:
                return
        await asyncio.sleep(0.1)


async def check(db: Database, customers: Sequence[Customer], trackers: Sequence[Path] = ()) -> Findings:
    """Hold the conversations of these customers to the rules."""
    known = {customer.conversation_id for customer in customers}
    async with db.read() as tx:
        said = [row for row in await tx.all(select(messages).order_by(messages.c.seq)) if row.conversation_id in known]
        asked = [row for row in await tx.all(select(exchanges)) if row.conversation_id in known]
        threads = {row.id: row for row in await tx.all(select(conversations))}
    said_in: dict[str, list[Row[Any]]] = defaultdict(list)
    asked_in: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in said:
        said_in[row.conversation_id].append(row)
    for row in asked:
        asked_in[row.conversation_id].append(row)
    found = Findings(exchanges=len(asked), messages=len(said))
    found.decisions.update(str(row.decision) for row in asked)
    found.understood = sum(row.intent is not None for row in asked)
    for customer in customers:
        visible = [row for row in said_in[customer.conversation_id] if row.seq is not None]
        _check_sent(found, customer, visible)
        _check_heard(found, customer, visible)
        _check_answers(found, customer, visible, asked_in[customer.conversation_id])
        if customer.refusals:
            found.problems.append(f"{customer.conversation_id}: refused with {customer.refusals}")
        if threads[customer.conversation_id].turn_due_at is not None:
            found.problems.append(f"{customer.conversation_id}: a turn is still open")
    for tracker in trackers:
        found.problems += [f"the assistant took {each} twice" for each in _taken_twice(tracker)]
    return found


def _check_sent(found: Findings, customer: Customer, visible: list[Row[Any]]) -> None:
    stored: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in visible:
        if row.author == "customer":
            stored[row.dedupe_key].append(row)
    for sent in customer.sent:
        rows = stored.pop(CLIENT_KEY + sent.client_message_id, [])
        if [(row.seq, row.text) for row in rows] != [(sent.seq, sent.text)]:
            found.problems.append(
                f"{customer.conversation_id}: seq {sent.seq} was accepted, stored is {len(rows)} time(s)"
            )
    if stored:
        found.problems.append(f"{customer.conversation_id}: {len(stored)} message(s) stored that nobody has sent")


def _check_heard(found: Findings, customer: Customer, visible: list[Row[Any]]) -> None:
    seqs = [row.seq for row in visible]
    if seqs != list(range(1, len(seqs) + 1)):
        found.problems.append(f"{customer.conversation_id}: seqs are {seqs}")
    heard = [(each.seq, each.author, each.text) for each in customer.heard]
    if heard != [(row.seq, row.author, row.text) for row in visible]:
        received = [each.seq for each in customer.heard]
        found.problems.append(f"{customer.conversation_id}: the page has {received}, the database {seqs}")


def _check_answers(found: Findings, customer: Customer, visible: list[Row[Any]], asked: list[Row[Any]]) -> None:
    where = customer.conversation_id
    by_id = {row.id: row for row in visible}
    questions = [row for row in visible if row.author == "customer"]
    exchange_of = {row.message_id: row for row in asked}
    if len(asked) != len(questions) or set(exchange_of) != {row.id for row in questions}:
        found.problems.append(f"{where}: {len(questions)} questions, {len(asked)} exchanges")
        return
    turns: list[tuple[str, ...]] = []
    for question in questions:
        exchange = exchange_of[question.id]
        replies = tuple(exchange.reply)
        if exchange.state != "answered" or not replies:
            found.problems.append(f"{where}: seq {question.seq} is {exchange.state} with {len(replies)} replies")
        elif any(each not in by_id or by_id[each].seq <= question.seq for each in replies):
            found.problems.append(f"{where}: seq {question.seq} is answered by what the customer cannot have as answer")
        elif not turns or turns[-1] != replies:
            turns.append(replies)
    order = [by_id[each].seq for replies in turns for each in replies if each in by_id]
    if order != sorted(set(order)):
        found.problems.append(f"{where}: answers come in the order {order}")
    spoken = {row.seq for row in visible if row.author != "customer"}
    if spoken != set(order):
        found.problems.append(f"{where}: {sorted(spoken - set(order))} answer nothing")


def _taken_twice(tracker: Path) -> list[str]:
    """Exchanges that stand more than once in an assistant's conversations."""
    with closing(sqlite3.connect(f"file:{tracker}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT data FROM events WHERE type_name = 'user'").fetchall()
    taken = Counter((json.loads(data).get("metadata") or {}).get("exchange_id") for (data,) in rows)
    return [str(exchange_id) for exchange_id, times in taken.items() if exchange_id and times > 1]
