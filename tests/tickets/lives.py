"""Random lives of tickets against a model of what people said.

Two customers on two channels, four members of staff and the head of the house do anything at any time; platforms
refuse now and then, and time passes in small and large steps. The model knows only what was said by whom: whether the
customer's last word was a no, how high a matter was raised, what was put under another one. The services know the
rest. After each step the whole database is read and held to the promises, each of which is one method `check_…`.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import insert, select

import gateway.tables
from bot.store import conversations as conversation_store
from bot.store.messages import SHAPE as MESSAGE
from bot.store.messages import Message
from bot.tables import conversations, exchanges, messages
from bot.types import Author, Delivered, Delivery, Kind, Speaker
from core.db import Database, metadata
from core.errors import FrontlineError
from core.ids import StaffId
from core.people.tables import staff
from tests.tickets.world import LIN, QIN, SHEN, START, ZHOU, World, build
from tickets import guests, store, surveys
from tickets.replay import replay
from tickets.store import Event, Ticket
from tickets.surveys import Survey
from tickets.tables import tickets

assert gateway.tables  # Imported for what it does: it fills the MetaData.

HEAD = Speaker(StaffId("stf_head"), "顾行舟")
CUSTOMERS = (("v-1", "web"), ("oOpen-2", "wechat"))
QUIET = ("v-3", "web")
TEXTS = ("你好", "密码忘了", "支付失败 退款", "转人工", "谢谢", "还是不行", "满意", "不满意", "解决了", "找你们老板")
STAFF = (LIN, ZHOU, QIN, SHEN)
TEAMS = ("payment", "experts", "general")

OPEN = ("new", "in_progress", "waiting_customer", "to_report")
PAST_NEW = ("in_progress", "waiting_customer", "to_report")
# Written down from the rules of service, not taken from the code: what may follow what.
FOLLOWS = {
    None: {"new"},
    "new": {"in_progress", "self_solved", "merged", "closed"},
    "in_progress": {"new", "waiting_customer", "to_report", "closed", "merged"},
    "waiting_customer": {"new", "in_progress", "to_report", "closed", "merged"},
    "to_report": {"new", "resolved", "closed", "merged"},
    "resolved": {"new", "closed", "merged"},
    "closed": {"new"},
    "self_solved": {"new"},
    "merged": set(),
}

picks = st.integers(0, 7)
staff_members = st.sampled_from(STAFF)
customers = st.sampled_from((*CUSTOMERS, QUIET))


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything as it stands after a step."""

    tickets: tuple[Ticket, ...]
    events: dict[str, list[Event]]
    messages: tuple[Message, ...]
    exchanged: frozenset[str]
    rounds: dict[str, list[Survey]]
    standing: frozenset[str]
    """Tickets whose survey stands open in a conversation."""


def says_no(answer: Survey) -> bool:
    """不满意, or not solved."""
    return answer.rating == 1 or answer.solved is False


class TicketLives(RuleBasedStateMachine):
    """One gateway, driven step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.no: dict[str, bool] = {}  # Serial → whether the customer's last word was a no.
        self.tiers: dict[str, int] = {}
        self.said_when_merged: dict[str, int] = {}
        self.heads_answers: Counter[str] = Counter()
        self.number = 0

    # Tools.

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
        self.db = Database(f"sqlite+aiosqlite:///{Path(self.folder.name) / 'm.db'}", inline=True)

        async def make() -> World:
            async with self.db.engine.begin() as connection:
                await connection.run_sync(metadata.create_all)
            world = await build(self.db)
            async with self.db.begin() as tx:
                head = {"id": HEAD.staff_id, "name": "head", "display_name": HEAD.name, "roles": ["executive"]}
                await tx.execute(insert(staff).values(**head, created_at=START))
                await world.tickets.sla.seed(tx)
            return world

        self.world: World = self.go(make())
        self.world.handoffs.state = "nobody_online"
        # Chance may leave a whole kind of step out of a life, so every life begins with something to do.
        (one, web), (other, wechat) = CUSTOMERS
        self.go(self.world.says("密码忘了", who=QUIET[0]))
        first = self.go(self.world.human(who=one, channel=web))
        self.go(self.world.resolved(who=other, channel=wechat))
        self.seen = self.go(self.look())
        said = next(each.id for each in self.seen.messages if each.ticket_id == first.id)
        self.go(self.world.tickets.split(first.serial, LIN, message_ids=[said], title="另一件事"))
        self.seen = self.go(self.look())

    async def look(self) -> Seen:
        async with self.db.read() as tx:
            found = [store.value(row) for row in await tx.all(select(tickets).order_by(tickets.c.serial))]
            said = await tx.all(select(*MESSAGE.columns).order_by(messages.c.at, messages.c.seq))
            return Seen(
                tickets=tuple(found),
                events={each.id: await store.events_of(tx, each.id) for each in found},
                messages=tuple(MESSAGE.value(row) for row in said),
                exchanged=frozenset(row.ticket_id for row in await tx.all(select(exchanges.c.ticket_id))),
                rounds={each.id: await surveys.of_ticket(tx, each.id) for each in found},
                standing=frozenset(
                    row.survey_ticket_id
                    for row in await tx.all(select(conversations.c.survey_ticket_id))
                    if row.survey_ticket_id is not None
                ),
            )

    def one(self, pick: int, *states: str) -> Ticket | None:
        """A ticket, of those in these states when there are any."""
        fitting = [each for each in self.seen.tickets if each.state in states] or list(self.seen.tickets)
        return fitting[pick % len(fitting)] if fitting else None

    def key(self) -> str:
        self.number += 1
        return f"m-{self.number}"

    # The customers.

    @rule(text=st.sampled_from(TEXTS), who=customers)
    def the_customer_writes(self, text: str, who: tuple[str, str]) -> None:
        self.go(self.world.says(text, who=who[0], channel=who[1]))
        self.read_words()

    @rule(who=customers, rating=st.integers(1, 4))
    def the_customer_taps_a_face(self, who: tuple[str, str], rating: int) -> None:
        self.tried(self.world.says(choice=f"rating:{rating}", who=who[0], channel=who[1]))
        self.read_words()

    @rule(who=customers, word=st.sampled_from(["yes", "no"]))
    def the_customer_says_whether_it_helped(self, who: tuple[str, str], word: str) -> None:
        self.tried(self.world.says(choice=f"solved:{word}", who=who[0], channel=who[1]))
        self.read_words()

    @rule(who=customers, pick=picks)
    def the_customer_presses_a_button(self, who: tuple[str, str], pick: int) -> None:
        """Whatever stands under the last message: 还是上次的问题, a person, a new matter …"""

        async def offered() -> list[str]:
            async with self.db.read() as tx:
                row = await tx.first(
                    select(conversations.c.id).where(
                        conversations.c.channel_id == self.world.channel_ids[who[1]],
                    )
                )
                if row is None:
                    return []
                conversation = await conversation_store.get(tx, row.id)
            spoken = [each for each in self.seen.messages if each.conversation_id == conversation.id and each.choices]
            return [choice.id for choice in spoken[-1].choices] if spoken else []

        choices = self.go(offered())
        if choices:
            choice = choices[pick % len(choices)]
            self.tried(self.world.says(choice=choice, who=who[0], channel=who[1]))
            self.read_words()

    def read_words(self) -> None:
        """What was said in the chat counts as the survey has it; that is where the bot writes it down."""

        async def read() -> dict[str, bool]:
            async with self.db.read() as tx:
                found = {}
                for row in await tx.all(select(tickets.c.id, tickets.c.serial)):
                    last = await surveys.last_answered(tx, row.id)
                    if last is not None:
                        found[row.serial] = says_no(last)
                return found

        self.no |= self.go(read())

    @rule(pick=picks, rating=st.integers(1, 4), solved=st.booleans())
    def the_customer_answers_the_survey(self, pick: int, rating: int, solved: bool) -> None:
        ticket = self.one(pick, "resolved", "closed")
        if ticket is None:
            return
        rates = self.world.tickets.customer_rates
        done = [self.tried(rates(ticket.customer_id, ticket.serial, rating, solved, "")) for _ in range(2)]
        if done[0]:
            self.no[ticket.serial] = rating == 1 or not solved

    @rule(pick=picks)
    def the_customer_closes(self, pick: int) -> None:
        ticket = self.one(pick, *OPEN, "resolved")
        if ticket and self.tried(self.world.tickets.customer_closes(ticket.customer_id, ticket.serial)):
            self.no[ticket.serial] = False

    @rule(pick=picks)
    def the_customer_reopens(self, pick: int) -> None:
        ticket = self.one(pick, "resolved", "closed")
        if ticket:
            self.tried(self.world.tickets.customer_reopens(ticket.customer_id, ticket.serial, "又坏了"))

    @rule(pick=picks)
    def the_customer_adds_words(self, pick: int) -> None:
        ticket = self.one(pick)
        if ticket:
            self.tried(self.world.tickets.customer_words(ticket.customer_id, ticket.serial, "补充一句"))

    @rule(pick=picks)
    def the_customer_asks_the_head(self, pick: int) -> None:
        ticket = self.one(pick)
        if ticket:
            self.tried(self.world.tickets.customer_asks_head(ticket.customer_id, ticket.serial, "请给个说法"))

    # The staff.

    @rule(pick=picks, by=staff_members)
    def staff_answer(self, pick: int, by: Speaker) -> None:
        ticket = self.one(pick, *OPEN)
        if ticket:
            key = self.key()
            for _ in range(2):
                self.tried(self.world.tickets.answer(ticket.serial, by, "您好", key))

    @rule(pick=picks, by=staff_members)
    def staff_confirm(self, pick: int, by: Speaker) -> None:
        ticket = self.one(pick, "new")
        if ticket:
            self.tried(self.world.tickets.confirm(ticket.serial, by))

    @rule(pick=picks, by=staff_members)
    def staff_wait(self, pick: int, by: Speaker) -> None:
        ticket = self.one(pick, "in_progress")
        if ticket:
            self.tried(self.world.tickets.wait_customer(ticket.serial, by, "请补充", self.key()))

    @rule(pick=picks, by=staff_members, hours=st.sampled_from([1, 30]), tell=st.booleans(), done=st.booleans())
    def staff_set_the_next_step(self, pick: int, by: Speaker, hours: int, tell: bool, done: bool) -> None:
        ticket = self.one(pick, *PAST_NEW)
        if ticket:
            at = self.world.clock.now() + timedelta(hours=hours)
            step = self.world.tickets.set_next_step(
                ticket.serial, by, text="回电", who=None, at=at, kind="callback", tell=tell, done=done
            )
            self.tried(step)

    @rule(pick=picks, by=staff_members, hours=st.sampled_from([2, 60]))
    def staff_snooze(self, pick: int, by: Speaker, hours: int) -> None:
        ticket = self.one(pick, *OPEN)
        if ticket:
            until = self.world.clock.now() + timedelta(hours=hours)
            self.tried(self.world.tickets.snooze(ticket.serial, by, until, "等回执"))

    @rule(pick=picks, by=staff_members)
    def staff_wake(self, pick: int, by: Speaker) -> None:
        asleep = [each for each in self.seen.tickets if each.snoozed_until is not None]
        if asleep:
            self.tried(self.world.tickets.wake(asleep[pick % len(asleep)].serial, by))

    @rule(pick=picks, by=staff_members, to=st.sampled_from(["expert", "supervisor"]))
    def staff_escalate(self, pick: int, by: Speaker, to: str) -> None:
        ticket = self.one(pick, *OPEN)
        if ticket:
            self.tried(self.world.tickets.escalate(ticket.serial, by, to=to, summary="需要专家核对"))

    @rule(pick=picks, by=staff_members, team=st.sampled_from(TEAMS))
    def staff_hand_over(self, pick: int, by: Speaker, team: str) -> None:
        ticket = self.one(pick, *OPEN)
        if ticket:
            self.tried(self.world.tickets.change(ticket.serial, by, ticket.version, team_id=team))

    @rule(pick=picks, by=staff_members, kind=st.sampled_from(["solved", "unsolvable", "follow_up", "withdrawn"]))
    def staff_resolve(self, pick: int, by: Speaker, kind: str) -> None:
        ticket = self.one(pick, *OPEN)
        if ticket is None:
            return
        result: dict[str, Any] = {"solution": "处理好了。", "result_kind": kind}
        if kind == "unsolvable":
            result |= {"reason": "片源已下架", "alternative": "补偿会员时长"}
        if kind == "follow_up":
            result |= {"follow_up_team_id": "payment", "follow_up_at": self.world.clock.now() + timedelta(hours=48)}
        self.tried(self.world.tickets.resolve_serial(ticket.serial, by, **result))

    @rule(pick=picks, by=staff_members)
    def staff_reopen(self, pick: int, by: Speaker) -> None:
        ticket = self.one(pick, "resolved", "closed", "self_solved")
        if ticket:
            self.tried(self.world.tickets.reopen(ticket.serial, by, "复核发现问题"))

    @rule(pick=picks, by=staff_members, agree=st.booleans())
    def staff_review(self, pick: int, by: Speaker, agree: bool) -> None:
        wanted = [each for each in self.seen.tickets if each.review_wanted]
        if wanted:
            serial = wanted[pick % len(wanted)].serial
            self.tried(self.world.tickets.review(serial, by, finding="已复核", agree=agree))

    @rule(pick=picks, by=staff_members)
    def staff_close(self, pick: int, by: Speaker) -> None:
        ticket = self.one(pick, "resolved")
        if ticket and self.tried(self.world.tickets.close(ticket.serial, by)):
            assert not self.no.get(ticket.serial), "staff closed it against the customer's word"

    @rule(pick=picks, into=picks, then=st.booleans())
    def staff_merge(self, pick: int, into: int, then: bool) -> None:
        ticket = self.one(pick, *OPEN)
        if ticket is None:
            return
        theirs = [each for each in self.seen.tickets if each.customer_id == ticket.customer_id]
        target = theirs[into % len(theirs)]
        self.tried(self.world.tickets.merge(ticket.serial, target.serial, SHEN))
        if then:
            # Customers know nothing of it and write on.
            self.every_promise_holds()
            for who, channel in CUSTOMERS:
                self.go(self.world.says("还在吗", who=who, channel=channel))
            self.read_words()

    @rule(pick=picks, first=picks, by=staff_members)
    def staff_split(self, pick: int, first: int, by: Speaker) -> None:
        ticket = self.one(pick, *OPEN)
        if ticket is None:
            return
        said = [m.id for m in self.seen.messages if m.ticket_id == ticket.id and m.author is Author.CUSTOMER]
        if said:
            chosen = [said[first % len(said)]]
            self.tried(self.world.tickets.split(ticket.serial, by, message_ids=chosen, title="另一件事"))

    @rule(pick=picks, other=picks, by=staff_members)
    def staff_link(self, pick: int, other: int, by: Speaker) -> None:
        one, two = self.one(pick), self.one(other)
        if one and two:
            self.tried(self.world.tickets.link(one.serial, by, other=two.serial, kind="related"))

    @rule(pick=picks)
    def the_head_answers(self, pick: int) -> None:
        asked = [each for each in self.seen.tickets if each.executive_asked_at is not None]
        if asked:
            ticket = asked[pick % len(asked)]
            if self.tried(self.answer_as_head(ticket)):
                self.heads_answers[ticket.serial] += 1

    async def answer_as_head(self, ticket: Ticket) -> None:
        top, seats = self.world.tickets.top, self.world.tickets.guests
        async with self.db.read() as tx:
            seat = (await guests.of_ticket(tx, ticket.id))[-1]
        token = seats.url(seat).rpartition("/")[2]
        await top.answer(token, await top.prove(token, staff_id=HEAD.staff_id), "我已经看过全部经过。")

    # The world.

    @rule(error=st.sampled_from(["window_closed", "rate_limited"]))
    def the_platform_refuses_what_comes_next(self, error: str) -> None:
        self.world.outbox.answers.append(Delivered("failed", error=error))

    @rule(hours=st.sampled_from([0.2, 3, 30, 80, 400]))
    def time_passes(self, hours: float) -> None:
        before = {each.serial: each.state for each in self.seen.tickets}
        self.go(self.world.pass_time(hours=hours))
        for ticket in self.go(self.look()).tickets:
            if ticket.state in ("closed", "self_solved") and before.get(ticket.serial) != ticket.state:
                assert not self.no.get(ticket.serial), "silence closed it against the customer's word"

    # The promises.

    @invariant()
    def every_promise_holds(self) -> None:
        if not hasattr(self, "world"):
            return
        self.seen = self.go(self.look())
        self.check_messages()
        for ticket in self.seen.tickets:
            self.check_history(ticket)
            self.check_moves(ticket)
            self.check_ending(ticket)
            self.check_next_step(ticket)
            self.check_tier(ticket)
            self.check_surveys(ticket)
            self.check_silence_of_merged(ticket)
            self.check_head(ticket)

    def check_messages(self) -> None:
        """No customer message without a ticket, and none of an exchange."""
        known = {each.id for each in self.seen.tickets}
        said = {each.ticket_id for each in self.seen.messages if each.author is Author.CUSTOMER}
        assert said | self.seen.exchanged <= known, "a customer's message is on no ticket"

    def check_history(self, ticket: Ticket) -> None:
        """The history replays to the present state, one version for each event."""
        events = self.seen.events[ticket.id]
        assert replay(events) == store.tracked(ticket)
        assert [each.number for each in events] == list(range(1, ticket.version + 1))
        times = [each.at for each in events]
        assert times == sorted(times)

    def check_moves(self, ticket: Ticket) -> None:
        """Only what may follow follows; the ground of an end is never mixed."""
        for event in self.seen.events[ticket.id]:
            if "state" in event.new:
                before, after = event.old.get("state"), event.new["state"]
                assert after in FOLLOWS[before], f"{after} after {before} by {event.kind}"

    def check_ending(self, ticket: Ticket) -> None:
        if ticket.state == "closed":
            assert ticket.close_ground in ("customer_confirmed", "customer_silent")
            answered = [each for each in self.seen.rounds[ticket.id] if each.answered_at is not None]
            if ticket.close_ground == "customer_silent" and answered:
                last = max(answered, key=lambda each: (each.answered_at, each.round))
                assert not says_no(last) or last.answered_at > ticket.closed_at, "closed by silence after a no"
        else:
            assert (ticket.close_ground == "merged") == (ticket.state == "merged")
        assert (ticket.closed_at is not None) == (ticket.state in ("closed", "self_solved", "merged"))

    def check_next_step(self, ticket: Ticket) -> None:
        """Every open ticket past 待处理 has who, by when, what; what has ended has none."""
        if ticket.tier > 1:
            assert ticket.person_wanted_at is not None
            assert ticket.team_id is not None
        if ticket.state in PAST_NEW:
            assert ticket.next_step, f"no next step in {ticket.state}"
            assert ticket.next_step_at is not None
            assert ticket.next_step_kind is not None
        elif ticket.state not in OPEN:
            assert ticket.next_step_at is None, f"a next step in {ticket.state}"

    def check_tier(self, ticket: Ticket) -> None:
        """Raised, never lowered."""
        assert ticket.tier >= self.tiers.get(ticket.serial, 1), "lowered silently"
        self.tiers[ticket.serial] = ticket.tier

    def check_surveys(self, ticket: Ticket) -> None:
        """One round for each conclusion, asked once where it arrived; none stands open on what is worked on."""
        rounds = self.seen.rounds[ticket.id]
        assert [each.round for each in rounds] == list(range(1, len(rounds) + 1))
        conclusions = sum(each.kind == "resolved" for each in self.seen.events[ticket.id])
        light = sum(each.kind == "asked_if_solved" for each in self.seen.events[ticket.id])
        assert light <= 1
        arrived = [
            each
            for each in self.seen.messages
            if each.ticket_id == ticket.id
            and each.author is Author.SYSTEM
            and each.kind is Kind.TEXT
            and any(choice.id.startswith("rating:") for choice in each.choices)
            and each.delivery in (Delivery.NONE, Delivery.SENT)
        ]
        assert len(arrived) <= conclusions, "a survey was sent twice"
        if ticket.id in self.seen.standing and ticket.tier > 1:
            assert ticket.state in ("resolved", "closed"), f"a survey stands in {ticket.state}"

    def check_silence_of_merged(self, ticket: Ticket) -> None:
        """What was put under another matter speaks no more, and nobody's words are lost on it."""
        if ticket.state == "merged":
            said = sum(each.ticket_id == ticket.id and each.kind is not Kind.NOTE for each in self.seen.messages)
            known = self.said_when_merged.setdefault(ticket.serial, said)
            assert said <= known, "something was said on a merged ticket"
            assert ticket.id not in self.seen.standing

    def check_head(self, ticket: Ticket) -> None:
        """Asked only by who was let down; told once that it is late."""
        kinds = Counter(each.kind for each in self.seen.events[ticket.id])
        assert kinds["executive_overdue"] <= kinds["executive_asked"]
        assert kinds["executive_answered"] == self.heads_answers[ticket.serial]
        if kinds["executive_asked"]:
            assert ticket.executive_due_at is not None
            assert ticket.executive_id == HEAD.staff_id

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.go(self.db.close())
        self.loop.close()
        self.folder.cleanup()
