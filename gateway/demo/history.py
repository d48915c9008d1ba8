"""The demo's history: ninety days of matters played through the real services, once, and marked as the demo's."""

from __future__ import annotations

import random
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import yaml
from sqlalchemy import bindparam, func, select

from bot.episodes import end_episode
from bot.store import conversations, episodes, messages
from bot.types import Incoming, Kind, Speaker
from core.ids import ChannelId
from core.statements import Statement
from gateway.demo import words
from gateway.demo.figures import seed_figures
from gateway.demo.intake import seed_intake
from gateway.demo.loop import play_head, seed_loop
from gateway.demo.plan import MATTERS, SEED, Course, Ending, Matter, Topic, plan
from gateway.demo.privacy import seed_privacy
from gateway.demo.sla import seed_sla
from gateway.demo.sorting import follow_playbook, seed_sorting, sort_by_person, sorters
from gateway.demo.stage import Stage, channel_ids, speakers, views
from gateway.demo.work import give, result_of, seed_work
from gateway.seed import seed_defaults
from gateway.services import Services
from knowledge_base import demo_content, store
from tickets.store import get as ticket_of
from tickets.tables import tickets

# So many matters stand or fall together; the database is held for about a second, then others have it.
_BATCH = 30
_NEWEST_TICKET = Statement(
    select(tickets.c.id, tickets.c.serial)
    .where(tickets.c.customer_id == bindparam("customer_id"))
    .order_by(tickets.c.created_at.desc())
    .limit(1)
)
_EXTERNAL = {"web": "v-demo-{0}", "wechat": "oDemo{0:023d}", "weibo": "{1}"}


async def make_history(parts: Services, matters: int = MATTERS) -> str:
    """Make the history unless it is there; return a sentence. Shows progress on standard error."""
    await seed_defaults(parts)
    # The index of words is left in the folder, so that the very first question finds it built.
    await parts.knowledge.refresh()
    async with parts.db.read() as tx:
        if await tx.scalar(select(func.count()).select_from(tickets).where(tickets.c.demo.is_(True))):
            return "the demo's history is there already"
        release = await store.current(tx)
        assert release is not None
        contents = await store.contents(tx, release.articles)
        sorted_by = await store.categories(tx)
        keys = {row.key: row.id for row in await store.all_articles(tx)}
    started = time.monotonic()
    now = parts.clock.now()
    planned = plan(now, _known(), _unknown(), matters)
    stage = Stage(parts, views(contents, sorted_by), release.id, planned[0].at)
    player = Player(stage, await speakers(parts), await channel_ids(parts), keys, now)
    player.sorters = await sorters(parts)
    for at in range(0, len(planned), _BATCH):
        async with stage.db.batch():
            for matter in planned[at : at + _BATCH]:
                await player.play(matter)
            await stage.mark()
        if at % (_BATCH * 10) == 0:
            print(f"demo history: {at} of {len(planned)}", file=sys.stderr)
    await seed_intake(parts, stage, now)
    async with stage.db.batch():
        await stage.timers(now)
        await stage.mark()
    await seed_work(parts, stage, now)
    await seed_loop(parts)
    await seed_sla(parts, stage, now)
    await seed_sorting(parts)
    await seed_figures(parts)
    await seed_privacy(parts)
    return f"the demo's history has {len(planned)} matters ({time.monotonic() - started:.0f} s)"


def _known() -> list[Topic]:
    return [
        Topic(each.key, each.category, (each.content.question, *each.content.variants))
        for each in demo_content.read_articles()
    ]


def _unknown() -> list[Topic]:
    entries = yaml.safe_load((demo_content.FOLDER / "unanswered.yaml").read_text(encoding="utf-8"))
    return [Topic(None, each["category"], tuple(each["phrasings"])) for each in entries]


@dataclass(slots=True)
class _Scene:
    """One matter while it is played."""

    matter: Matter
    conversation_id: str
    customer_id: str
    ticket_id: str
    serial: str


class Player:
    """Plays matters one after the other. All chance comes from one seed."""

    def __init__(
        self,
        stage: Stage,
        people: dict[str, list[Speaker]],
        channels: dict[str, str],
        keys: dict[str, str],
        now: datetime,
    ) -> None:
        self._stage = stage
        self._people = people
        self._channels = channels
        self._keys = keys
        self._now = now
        self._accepted_seq = 0
        self.sorters: list[Speaker] = []
        self._chance = random.Random(SEED + 1)  # noqa: S311 - invents a past, guards nothing

    async def play(self, matter: Matter) -> None:
        """From the first word to its ending, each step at its own time."""
        stage = self._stage
        # Timers of earlier matters fall due before this one begins.
        await stage.timers(max(matter.at, stage.clock.now()))
        stage.clock.set(matter.at)
        stage.handoffs.somebody_there = matter.course is not Course.LATER
        article = self._keys.get(matter.article or "")
        for text in matter.texts:
            stage.answers.by_text[text] = article
        scene = await self._first_words(matter)
        if scene is not None:
            await getattr(self, f"_{matter.course.value}")(scene)
            await self._after(scene)
            if self.sorters:
                sorter, share = self._chance.choice(self.sorters), self._chance.random()
                async with stage.db.read() as tx:
                    await sort_by_person(stage.tickets, tx, scene.serial, matter.category, sorter, share)

    async def _first_words(self, matter: Matter) -> _Scene | None:
        conversation_id = await self._says(matter, matter.texts[0])
        async with self._stage.db.read() as tx:
            asked = await messages.last_spoken(tx, conversation_id)
        fresh = asked is not None and (asked.seq or 0) > self._accepted_seq
        if fresh and asked is not None and any(choice.id == "new_matter" for choice in asked.choices):
            # 「还是上次的问题吗?」 In this history it never is.
            self._wait(5, 30)
            await self._says(matter, "新问题", choice="new_matter")
        async with self._stage.db.read() as tx:
            conversation = await conversations.get(tx, conversation_id)
            # Some words call for a person at once, so the line may have it already.
            if conversation.mode.value == "agent" or conversation.episode_id is None:
                return None
            row = await _NEWEST_TICKET.first(tx, customer_id=conversation.customer_id)
        assert row is not None
        return _Scene(matter, conversation_id, conversation.customer_id, *row)

    async def _says(self, matter: Matter, text: str, *, choice: str | None = None) -> str:
        """The customer writes; the turn that follows is taken. Returns the conversation's id."""
        stage, external = self._stage, matter.customer
        accepted = await stage.intake.accept(
            Incoming(
                channel_id=ChannelId(self._channels[matter.channel]),
                external_id=_EXTERNAL[matter.channel].format(external, 5_000_000_000 + external),
                dedupe_key=f"demo:{matter.number}:{next(stage.numbers)}",
                kind=Kind.CHOICE if choice else Kind.TEXT,
                text=text,
                choice_id=choice,
                sent_at=stage.clock.now(),
                name=words.NAMES[external % len(words.NAMES)] + (str(external) if matter.channel == "web" else ""),
                profile=matter.profile,
            )
        )
        stage.touched.add(accepted.conversation_id)
        self._accepted_seq = accepted.seq
        stage.clock.advance(seconds=2)
        await stage.turns.run_due()
        await stage.sent(accepted.conversation_id)
        return accepted.conversation_id

    def _wait(self, low_s: float, high_s: float) -> None:
        self._stage.clock.advance(seconds=self._chance.uniform(low_s, high_s))

    def _agent(self, scene: _Scene, team: str | None = None) -> Speaker:
        pool = self._people.get(team or "", []) or self._people["general"]
        return pool[(scene.matter.number + scene.matter.customer) % len(pool)]

    # How matters go.

    async def _self(self, scene: _Scene) -> None:
        self._wait(20, 90)

    async def _self_twice(self, scene: _Scene) -> None:
        self._wait(30, 200)
        if len(scene.matter.texts) > 1:
            await self._says(scene.matter, scene.matter.texts[1])

    async def _self_thumb(self, scene: _Scene) -> None:
        self._wait(20, 120)
        async with self._stage.db.read() as tx:
            last = await messages.last_spoken(tx, scene.conversation_id)
        if last is not None and last.seq is not None and last.payload.get("answer"):
            await self._stage.conversations.helpful(scene.conversation_id, last.seq, True)

    async def _gap(self, scene: _Scene) -> None:
        self._wait(10, 60)

    async def _person(self, scene: _Scene) -> None:
        self._wait(15, 60)
        await self._to_person(scene)
        await self._talk_and_solve(scene)

    async def _failed(self, scene: _Scene) -> None:
        self._wait(15, 60)
        if len(scene.matter.texts) > 1:
            await self._says(scene.matter, scene.matter.texts[1])
        self._wait(10, 40)
        await self._to_person(scene)
        await self._talk_and_solve(scene)

    async def _later(self, scene: _Scene) -> None:
        self._wait(15, 60)
        await self._says(scene.matter, self._chance.choice(words.WISHES))
        await self._from_ticket(scene)

    async def _technical(self, scene: _Scene) -> None:
        self._wait(15, 60)
        await self._to_person(scene)
        agent = await self._greet(scene)
        if agent is None:
            return
        await self._stage.conversations.note(scene.conversation_id, agent, self._chance.choice(words.NOTES))
        if await self._stopped(scene, agent):
            return
        await self._stage.tickets.set_next_step(
            scene.serial,
            agent,
            text=self._chance.choice(words.NEXT_STEPS),
            who=agent.staff_id,
            at=self._stage.clock.now() + timedelta(hours=20),
        )
        self._wait(3_600, 60_000)
        await self._solve(scene, agent)

    async def _unhappy(self, scene: _Scene) -> None:
        self._wait(15, 60)
        await self._to_person(scene)
        if not await self._talk_and_solve(scene, rate=False):
            return
        await self._rate(scene, 1, self._chance.choice(words.BLAME), solved=False)
        await play_head(self._stage, scene.customer_id, scene.serial, self._chance)
        if scene.matter.ending in (Ending.REVIEW, Ending.ESCALATED, Ending.NEW):
            return
        await self._expert(scene)

    async def _escalated(self, scene: _Scene) -> None:
        self._wait(15, 60)
        await self._to_person(scene)
        agent = await self._greet(scene)
        if agent is None or await self._stopped(scene, agent):
            return
        self._wait(200, 900)
        await self._stage.tickets.escalate(
            scene.serial, agent, to="expert", summary=self._chance.choice(words.SUMMARIES)
        )
        async with self._stage.db.begin() as tx:
            await self._stage.handoffs.finish(tx, scene.conversation_id, "transferred")
        await self._expert(scene)

    # Their parts.

    async def _to_person(self, scene: _Scene) -> None:
        async with self._stage.db.read() as tx:
            mode = (await conversations.get(tx, scene.conversation_id)).mode.value
        if mode == "bot":
            await self._says(scene.matter, self._chance.choice(words.WISHES))

    async def _greet(self, scene: _Scene) -> Speaker | None:
        """An agent of the team takes it out of the line and says hello; None when nobody waits there."""
        async with self._stage.db.read() as tx:
            conversation = await conversations.get(tx, scene.conversation_id)
            ticket = await ticket_of(tx, scene.ticket_id)
        if conversation.mode.value != "waiting":
            return None
        if scene.matter.ending is Ending.NEW:
            # Had no time to wait: left the line, and the matter stands in the team's list.
            self._wait(60, 300)
            return None
        agent = self._agent(scene, ticket.team_id)
        busy = scene.matter.incident or scene.matter.at.weekday() == 6
        self._wait(20, 420 if busy else 170)
        await self._stage.accept(scene.conversation_id, agent)
        self._wait(8, 40)
        await self._agent_says(scene, agent, self._chance.choice(words.GREETINGS).format(name=agent.name))
        return agent

    async def _agent_says(self, scene: _Scene, agent: Speaker, text: str) -> None:
        await self._stage.conversations.agent_says(
            scene.conversation_id, agent, client_message_id=f"demo-{next(self._stage.numbers)}", text=text
        )
        await self._stage.sent(scene.conversation_id)

    async def _stopped(self, scene: _Scene, agent: Speaker) -> bool:
        """Leave a recent matter where its ending says that it stands now; True when it stays there."""
        ending, stage = scene.matter.ending, self._stage
        if ending is Ending.DONE or (scene.matter.course is Course.UNHAPPY and ending is Ending.REVIEW):
            return False
        self._wait(60, 400)
        if ending is Ending.WAITING:
            await stage.tickets.wait_customer(
                scene.serial, agent, self._chance.choice(words.ASKS_BACK), f"demo-{next(stage.numbers)}"
            )
        elif ending in (Ending.WORKING, Ending.OVERDUE):
            hours = 30 if ending is Ending.WORKING else 2
            await stage.tickets.set_next_step(
                scene.serial,
                agent,
                text=self._chance.choice(words.NEXT_STEPS),
                who=agent.staff_id,
                at=stage.clock.now() + timedelta(hours=hours),
            )
        elif ending in (Ending.ESCALATED, Ending.REVIEW):
            to = "expert" if ending is Ending.ESCALATED else "supervisor"
            await stage.tickets.escalate(scene.serial, agent, to=to, summary=self._chance.choice(words.SUMMARIES))
        async with stage.db.begin() as tx:
            await stage.handoffs.finish(tx, scene.conversation_id, "returned")
        return True

    async def _talk_and_solve(self, scene: _Scene, *, rate: bool = True) -> bool:
        agent = await self._greet(scene)
        if agent is None or await self._stopped(scene, agent):
            return False
        self._wait(20, 90)
        await self._says(scene.matter, self._chance.choice(words.FOLLOW_UPS))
        self._wait(60, 420)
        await self._solve(scene, agent, rate=rate)
        return True

    async def _solve(self, scene: _Scene, agent: Speaker, *, rate: bool = True, expert: bool = False) -> None:
        area = scene.matter.category.split("/", 1)[0]
        pool = words.EXPERT_SOLUTIONS if expert else words.SOLUTIONS.get(area, words.SOLUTIONS["建议与咨询"])
        number, now = scene.matter.number, self._stage.clock.now()
        if not expert:
            # A second gift of the kind would wait for the supervisor, and the result with it.
            await give(self._stage, scene.serial, agent, number)
        async with self._stage.db.read() as tx:
            await follow_playbook(self._stage.tickets, tx, scene.serial, agent, self._chance)
        result = {"solution": self._chance.choice(pool), **result_of(area, number, now)}
        await self._stage.tickets.resolve_serial(scene.serial, agent, **result)
        await self._stage.sent(scene.conversation_id)
        self._wait(5, 60)
        await self._stage.jobs.run_due()
        await self._stage.sent(scene.conversation_id)
        if rate and self._chance.random() < 0.72:
            rating = self._chance.choices((4, 3, 2), (55, 37, 8))[0]
            await self._rate(scene, rating, self._chance.choice(words.PRAISE), solved=True)

    async def _rate(self, scene: _Scene, rating: int, text: str, *, solved: bool) -> None:
        self._wait(40, 3_000)
        async with self._stage.db.read() as tx:
            state = (await ticket_of(tx, scene.ticket_id)).state
        if state == "resolved":
            await self._stage.tickets.customer_rates(scene.customer_id, scene.serial, rating, solved, text)
            await self._stage.sent(scene.conversation_id)

    async def _expert(self, scene: _Scene) -> None:
        self._wait(900, 9_000)
        async with self._stage.db.read() as tx:
            if (await ticket_of(tx, scene.ticket_id)).state not in ("new", "in_progress"):
                return
        expert = self._agent(scene, "experts")
        await self._stage.tickets.confirm(scene.serial, expert)
        self._wait(600, 20_000)
        await self._solve(scene, expert, expert=True)
        async with self._stage.db.read() as tx:
            review = (await ticket_of(tx, scene.ticket_id)).review_wanted
        supervisor = self._people.get("experts", [])
        if review and supervisor:
            self._wait(600, 9_000)
            await self._stage.tickets.review(
                scene.serial, supervisor[-1], finding="已听完整段对话，处理得当，补偿合理。", agree=True
            )

    async def _from_ticket(self, scene: _Scene) -> None:
        """Nobody was there; a person of the team answers from the ticket hours later."""
        if scene.matter.ending is Ending.NEW:
            return
        self._wait(3_000, 30_000)
        async with self._stage.db.read() as tx:
            ticket = await ticket_of(tx, scene.ticket_id)
        if ticket.state != "new":
            return
        agent = self._agent(scene, ticket.team_id)
        await self._stage.tickets.confirm(scene.serial, agent)
        self._wait(60, 600)
        await self._stage.tickets.answer(
            scene.serial,
            agent,
            self._chance.choice(words.GREETINGS).format(name=agent.name),
            f"demo-{next(self._stage.numbers)}",
        )
        await self._stage.sent(scene.conversation_id)
        if not await self._stopped(scene, agent):
            self._wait(300, 3_000)
            await self._solve(scene, agent)

    async def _after(self, scene: _Scene) -> None:
        """Whatever happened: nobody of the past holds or waits for anything now."""
        stage = self._stage
        async with stage.db.begin() as tx:
            await stage.handoffs.finish(tx, scene.conversation_id, "silent")
        await stage.sent(scene.conversation_id)
        async with stage.db.begin() as tx:
            conversation = await conversations.get(tx, scene.conversation_id)
            if conversation.episode_id is not None:
                silence = 1_800 if scene.matter.channel == "web" else 86_400
                episode = await episodes.get(tx, conversation.episode_id)
                ended = episode.last_at + timedelta(seconds=silence)
                if ended < self._now:
                    stage.clock.set(max(stage.clock.now(), ended))
                    await end_episode(tx, stage.tickets, episode, reason="silence", now=stage.clock.now())
