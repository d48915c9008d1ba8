"""Random lives of tickets against a model of what customers said.

Whatever the order of messages, answers, results, ratings, escalations, promises, merges, splits and passing time:
every message is on a ticket, the history replays to the present state, no survey round is doubled, nothing is closed
against the customer's word, and whatever is in somebody's hands has a next step.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select

import gateway.tables
from bot.store.messages import of_ticket as said_on
from bot.tables import exchanges, messages
from core.db import Database, metadata
from core.errors import FrontlineError
from tests.tickets.world import LIN, QIN, SHEN, World, build
from tickets import store, surveys
from tickets.store import Ticket
from tickets.tables import tickets

assert gateway.tables  # Imported for what it does: it fills the MetaData.

VISITORS = ("v-1", "v-2")
TEXTS = ("你好", "密码忘了", "支付失败 退款", "转人工", "谢谢", "还是不行", "满意", "不满意", "解决了")
STAFF = (LIN, QIN, SHEN)


class TicketLives(RuleBasedStateMachine):
    """Two customers, three members of staff, one gateway."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.unhappy: dict[str, bool] = {}  # Serial → whether the customer's last word was a no.
        self.counter = 0

    def go(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def tried(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Do it; an honest refusal is fine, anything else is not."""
        with contextlib.suppress(FrontlineError):
            self.go(work)
            return True
        return False

    @initialize()
    def begin(self) -> None:
        self.db = Database(f"sqlite+aiosqlite:///{Path(self.folder.name) / 'm.db'}")

        async def make() -> World:
            async with self.db.engine.begin() as connection:
                await connection.run_sync(metadata.create_all)
            return await build(self.db)

        self.world: World = self.go(make())
        self.world.handoffs.state = "nobody_online"

    def all(self) -> list[Ticket]:
        async def read() -> list[Ticket]:
            async with self.db.read() as tx:
                return [store.value(row) for row in await tx.all(select(tickets).order_by(tickets.c.serial))]

        found: list[Ticket] = self.go(read())
        return found

    def one(self, pick: int) -> Ticket | None:
        found = self.all()
        return found[pick % len(found)] if found else None

    def key(self) -> str:
        self.counter += 1
        return f"m-{self.counter}"

    @rule(text=st.sampled_from(TEXTS), who=st.sampled_from(VISITORS))
    def the_customer_writes(self, text: str, who: str) -> None:
        self.go(self.world.says(text, who=who))
        self.read_words()

    @rule(who=st.sampled_from(VISITORS), rating=st.integers(1, 4))
    def the_customer_taps_a_face(self, who: str, rating: int) -> None:
        self.tried(self.world.says(choice=f"rating:{rating}", who=who))
        self.read_words()

    def read_words(self) -> None:
        """What was said in the chat counts as the survey has it; that is where the bot writes it down."""

        async def read() -> dict[str, bool]:
            async with self.db.read() as tx:
                found = {}
                for row in await tx.all(select(tickets.c.id, tickets.c.serial)):
                    last = await surveys.last_answered(tx, row.id)
                    if last is not None:
                        found[row.serial] = last.is_unhappy
                return found

        self.unhappy |= self.go(read())

    @rule(pick=st.integers(0, 9), rating=st.integers(1, 4), solved=st.booleans())
    def the_customer_answers_the_survey(self, pick: int, rating: int, solved: bool) -> None:
        ticket = self.one(pick)
        if ticket is None:
            return
        for _ in range(2):
            done = self.tried(self.world.tickets.customer_rates(ticket.customer_id, ticket.serial, rating, solved, ""))
        if done:
            self.unhappy[ticket.serial] = rating == 1 or not solved

    @rule(pick=st.integers(0, 9))
    def the_customer_closes(self, pick: int) -> None:
        ticket = self.one(pick)
        if ticket and self.tried(self.world.tickets.customer_closes(ticket.customer_id, ticket.serial)):
            self.unhappy[ticket.serial] = False

    @rule(pick=st.integers(0, 9))
    def the_customer_reopens(self, pick: int) -> None:
        ticket = self.one(pick)
        if ticket:
            self.tried(self.world.tickets.customer_reopens(ticket.customer_id, ticket.serial, "又坏了"))

    @rule(pick=st.integers(0, 9))
    def the_customer_adds_words(self, pick: int) -> None:
        ticket = self.one(pick)
        if ticket:
            self.tried(self.world.tickets.customer_words(ticket.customer_id, ticket.serial, "补充一句"))

    @rule(pick=st.integers(0, 9), by=st.sampled_from(STAFF))
    def staff_answer(self, pick: int, by: Any) -> None:
        ticket = self.one(pick)
        if ticket:
            self.tried(self.world.tickets.answer(ticket.serial, by, "您好", self.key()))

    @rule(pick=st.integers(0, 9), by=st.sampled_from(STAFF))
    def staff_confirm(self, pick: int, by: Any) -> None:
        ticket = self.one(pick)
        if ticket:
            self.tried(self.world.tickets.confirm(ticket.serial, by))

    @rule(pick=st.integers(0, 9), by=st.sampled_from(STAFF))
    def staff_wait(self, pick: int, by: Any) -> None:
        ticket = self.one(pick)
        if ticket:
            self.tried(self.world.tickets.wait_customer(ticket.serial, by, "请补充", self.key()))

    @rule(pick=st.integers(0, 9), by=st.sampled_from(STAFF), to=st.sampled_from(["expert", "supervisor"]))
    def staff_escalate(self, pick: int, by: Any, to: str) -> None:
        ticket = self.one(pick)
        if ticket:
            self.tried(self.world.tickets.escalate(ticket.serial, by, to=to, summary="需要专家核对"))

    @rule(pick=st.integers(0, 9), by=st.sampled_from(STAFF))
    def staff_resolve(self, pick: int, by: Any) -> None:
        ticket = self.one(pick)
        if ticket:
            self.tried(self.world.tickets.resolve_serial(ticket.serial, by, solution="处理好了。"))

    @rule(pick=st.integers(0, 9), by=st.sampled_from(STAFF))
    def staff_reopen(self, pick: int, by: Any) -> None:
        ticket = self.one(pick)
        if ticket:
            self.tried(self.world.tickets.reopen(ticket.serial, by, "复核发现问题"))

    @rule(pick=st.integers(0, 9), by=st.sampled_from(STAFF))
    def staff_close(self, pick: int, by: Any) -> None:
        ticket = self.one(pick)
        if ticket and self.tried(self.world.tickets.close(ticket.serial, by)):
            assert not self.unhappy.get(ticket.serial)

    @rule(pick=st.integers(0, 9), into=st.integers(0, 9))
    def staff_merge(self, pick: int, into: int) -> None:
        ticket, target = self.one(pick), self.one(into)
        if ticket and target:
            self.tried(self.world.tickets.merge(ticket.serial, target.serial, SHEN))

    @rule(pick=st.integers(0, 9), by=st.sampled_from(STAFF), hours=st.sampled_from([1, 20]), tell=st.booleans())
    def staff_promise(self, pick: int, by: Any, hours: int, tell: bool) -> None:
        ticket = self.one(pick)
        if ticket:
            at = self.world.clock.now() + timedelta(hours=hours)
            step = self.world.tickets.set_next_step(
                ticket.serial, by, text="回电", who=None, at=at, kind="callback", tell=tell
            )
            self.tried(step)

    @rule(pick=st.integers(0, 9), hours=st.sampled_from([1, 40]))
    def staff_snooze(self, pick: int, hours: int) -> None:
        ticket = self.one(pick)
        if ticket:
            until = self.world.clock.now() + timedelta(hours=hours)
            self.tried(self.world.tickets.snooze(ticket.serial, LIN, until))

    @rule(pick=st.integers(0, 9))
    def staff_split(self, pick: int) -> None:
        ticket = self.one(pick)
        if ticket is None:
            return

        async def last_words() -> list[str]:
            async with self.world.db.read() as tx:
                said = await said_on(tx, ticket.id)
            return [str(each.id) for each in said if each.author == "customer"][-1:]

        self.tried(self.world.tickets.split(ticket.serial, SHEN, message_ids=self.go(last_words()), title="另一件事"))

    @rule(hours=st.sampled_from([0.2, 3, 30, 80, 400]))
    def time_passes(self, hours: float) -> None:
        before = {each.serial: each.state for each in self.all()}
        self.go(self.world.pass_time(hours=hours))
        for ticket in self.all():
            if ticket.state in ("closed", "self_solved") and before[ticket.serial] != ticket.state:
                assert not self.unhappy.get(ticket.serial), "closed by silence against the customer's word"

    @invariant()
    def the_histories_replay(self) -> None:
        if hasattr(self, "world"):
            for ticket in self.all():
                self.go(self.world.check_history(ticket.id))

    @invariant()
    def every_message_is_on_a_ticket(self) -> None:
        if not hasattr(self, "world"):
            return

        async def read() -> tuple[list[Any], list[Any], set[str]]:
            async with self.db.read() as tx:
                said = await tx.all(select(messages.c.ticket_id).where(messages.c.author == "customer"))
                owed = await tx.all(select(exchanges.c.ticket_id))
                known = {row.id for row in await tx.all(select(tickets.c.id))}
            return said, owed, known

        said, owed, known = self.go(read())
        assert {row.ticket_id for row in (*said, *owed)} <= known

    @invariant()
    def every_open_ticket_past_new_has_a_next_step(self) -> None:
        if not hasattr(self, "world"):
            return
        for ticket in self.all():
            if ticket.state in ("in_progress", "waiting_customer", "to_report"):
                assert ticket.next_step
                assert ticket.next_step_by
                assert ticket.next_step_at
            elif ticket.state != "new":
                assert ticket.next_step_at is None

    @invariant()
    def what_waits_for_people_says_so(self) -> None:
        if not hasattr(self, "world"):
            return
        for ticket in self.all():
            if ticket.tier > 1:
                assert ticket.person_wanted_at is not None
                assert ticket.team_id is not None
            if ticket.state == "closed":
                assert ticket.close_ground in ("customer_confirmed", "customer_silent")
            else:
                assert (ticket.close_ground == "merged") == (ticket.state == "merged")

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.go(self.db.close())
        self.loop.close()
        self.folder.cleanup()


TestTicketLives = TicketLives.TestCase
TestTicketLives.settings = settings(
    max_examples=12, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
