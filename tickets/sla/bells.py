"""Who hears of a clock, and in which words: customers, colleagues, robots of groups, and the history."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.types import Kind
from core.calendar import after_open_seconds
from core.db import Tx
from core.robots.robots import Robots
from tickets import categories
from tickets.parts import Kit
from tickets.sla.chain import House
from tickets.sla.rules import Rules
from tickets.sla.store import ClockRow
from tickets.store import Ticket

# A customer who is told of a delay gets half of the promise again, and never less than this.
_MORE_SHARE = 0.5
_LEAST_MORE_S = 600.0


class Bells:
    """Rings; decides nothing. Everything is written in the open transaction, or published after it."""

    def __init__(self, kit: Kit, robots: Robots) -> None:
        self._kit = kit
        self._robots = robots
        self._zone = ZoneInfo(kit.settings.timezone)
        self.muted = False
        """Nobody is told: of a past that was just played. The words for its history are still made."""

    async def customer(self, tx: Tx, ticket: Ticket, row: ClockRow, rules: Rules) -> datetime | None:
        """Tell of the delay before the promise breaks, once per promise; returns the new time that was named."""
        if (
            self.muted
            or ticket.conversation_id is None
            or row.told_at is not None
            or row.kind not in rules.settings.tell
        ):
            return None
        now = self._kit.clock.now()
        more = max(_LEAST_MORE_S, row.limit_s * _MORE_SHARE)
        until = after_open_seconds(rules.calendar(ticket.team_id), max(row.due_at or now, now), more)
        if until is None:
            return None
        text = self._kit.texts.get(f"sla.delay.{row.kind}", serial=ticket.serial, when=self._local(until))
        await self._kit.voice.say(tx, ticket, text, at=now, kind=Kind.NOTICE)
        return until

    def staff(self, tx: Tx, ticket: Ticket, staff_ids: Collection[str], state: str) -> None:
        if self.muted:
            return
        for staff_id in dict.fromkeys(staff_ids):
            topic, event = f"staff:{staff_id}", {"type": "sla", "serial": ticket.serial, "state": state}
            tx.after_commit(lambda topic=topic, event=event: self._kit.notifier.publish(topic, event))  # type: ignore[misc]  # defaults bind the loop's values

    async def robots(self, tx: Tx, ticket: Ticket, topic: str, rows: Sequence[ClockRow]) -> None:
        if self.muted:
            return
        texts = self._kit.texts
        tree = await categories.load(tx)
        team = await self._kit.people.team(tx, ticket.team_id) if ticket.team_id else None
        names = "、".join(self.clock_name(row.kind) for row in rows)
        due = min((row.due_at for row in rows if row.due_at), default=None)
        lines = [
            texts.get("sla.robot.serial", serial=ticket.serial),
            texts.get("sla.robot.category", category=tree.name(ticket.category_id)),
            texts.get("sla.robot.team", team=team.name if team else texts.get("ticket.value.none")),
        ]
        if due is not None:
            lines.append(texts.get("sla.robot.due", when=self._local(due)))
        await self._robots.tell(
            tx,
            topic,
            title=texts.get(f"sla.robot.{topic}", clocks=names),
            lines=lines,
            url=f"{self._kit.settings.base_url}/desk/u/0/tickets/{ticket.serial}",
            team_id=ticket.team_id,
        )

    def text(self, what: str, row: ClockRow, staff: House, told: Sequence[str]) -> str:
        when = self._local(row.due_at) if row.due_at else ""
        said = self._kit.texts.get(f"sla.event.{what}", clock=self.clock_name(row.kind), when=when)
        if not told:
            return said
        return f"{said}\n{self._kit.texts.get('sla.event.told', names=self._names(staff, told))}"

    def chain_text(self, who: str, row: ClockRow, staff: House, told: Sequence[str]) -> str:
        return self._kit.texts.get(
            "sla.event.chain",
            clock=self.clock_name(row.kind),
            who=self._kit.texts.get(f"sla.who.{who}"),
            names=self._names(staff, told),
        )

    def _names(self, staff: House, told: Sequence[str]) -> str:
        return "、".join(staff.names.get(each, each) for each in dict.fromkeys(told))

    def clock_name(self, kind: str) -> str:
        return self._kit.texts.get(f"sla.clock.{kind}")

    def _local(self, moment: datetime) -> str:
        here = moment.astimezone(self._zone)
        return f"{here.month}月{here.day}日 {here:%H:%M}"


__all__ = ["Bells"]
