"""`make bench-tickets`: a year of work in the database, and how long the desk waits for its pages.

Makes 10,000 and then 100,000 tickets with ten exchanges each (texts put together from phrases of the trade), on SQLite
and on PostgreSQL, and asks a whole gateway by HTTP for what the desk shows: every view, search, one ticket, a
conversation, the figures. `ARGS="10000 sqlite"` makes only that.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import sqlalchemy as sa
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy.engine import make_url

import gateway.tables
from benchmarks.report import publish
from bot.tables import channels, conversations, customers, episodes, exchanges, identities, messages
from core.clock import UTC
from core.columns import Json, SealedText, UtcTime
from core.log import set_up_logging
from core.people.tables import staff, team_members
from core.schema import migrate
from core.settings import Settings
from gateway.app import application, running
from gateway.services import Services
from tests.fixtures.postgres import PostgresServer, packaged_programs, start_postgres
from tests.fixtures.redis import RedisProcess
from tickets.search import index_terms, joined_terms, ticket_terms
from tickets.tables import surveys, ticket_events, tickets

assert gateway.tables

SIZES = (10_000, 100_000)
EXCHANGES = 10
ASKED = 60
_BATCH = 2_000
_NOW = datetime.now(UTC).replace(microsecond=0)
_YEAR = timedelta(days=365)
_TEAMS = ("general", "technical", "payment", "community", "content-review", "merchant", "partners", "experts")
_CATEGORIES = (
    "technical/playback",
    "technical/client",
    "payment/failed",
    "payment/refund",
    "payment/subscription",
    "content/question",
    "commerce/logistics",
    "advice/howto",
    "unsorted",
)
_STATES = (
    # (share, state, tier): most is solved by the bot, a few in a hundred are open work.
    (60, "self_solved", 1),
    (5, "new", 1),
    (24, "closed", 2),
    (3, "closed", 3),
    (4, "resolved", 2),
    (1, "new", 2),
    (2, "in_progress", 2),
    (1, "waiting_customer", 3),
)
_WHO = (
    "我的账号",
    "家里的电视",
    "小米平板",
    "iPhone 15",
    "华为手机",
    "孩子的学习机",
    "网页版",
    "投屏的时候",
    "客厅盒子",
    "车机",
)
_WHAT = (
    "会员扣了钱没到账",
    "想申请退款",
    "连续包月取消不了",
    "视频黑屏没声音",
    "直播一直转圈",
    "登录收不到验证码",
    "发票抬头开错了",
    "弹幕关不掉",
    "下载的剧集打不开",
    "优惠券用不了",
    "积分商城的周边没发货",
    "青少年模式密码忘了",
    "画质只有标清",
    "字幕和声音对不上",
)
_WHEN = ("昨天晚上", "今天早上", "更新以后", "周末", "刚才", "换了手机以后", "续费那天", "出差在外地")
_MORE = (
    "麻烦帮我看看是什么原因",
    "已经重启过两次还是一样",
    "支付宝显示扣款成功",
    "微信账单里有两笔",
    "订单号是 XY{number}",
    "我在成都用的是电信宽带",
    "客服之前说三天内处理",
    "能不能给个准确时间",
    "谢谢,我再试试",
    "好像好了一点又不行了",
    "截图已经发过来了",
    "版本是 8.{small}.3",
)
_REPLIES = (
    "您可以在「我的」→「会员中心」里查看扣款记录,到账通常需要几分钟。",
    "请先退出账号重新登录,再看一次;如果还是这样,请告诉我设备型号和系统版本。",
    "已经为您登记,我们会在 24 小时内给您答复。",
    "这可能和网络有关,换一个网络或者把画质调到高清试试。",
)


class Year:
    """Rows of one made-up year: the same number gives the same rows."""

    def __init__(self, size: int, people: list[tuple[str, str]]) -> None:
        self._size = size
        self._people = people
        self._any = random.Random(size)
        self._customers = size * 4 // 5

    def before(self) -> Iterator[tuple[sa.Table, list[dict[str, Any]]]]:
        """Who writes, and where."""
        start = _NOW - _YEAR
        yield (
            channels,
            [
                {
                    "id": "chn_bench",
                    "key": "bench",
                    "kind": "web",
                    "name": "bench",
                    "sites": [],
                    "config": "{}",
                    "profile": {},
                    "created_at": start,
                }
            ],
        )
        for numbers in _batches(self._customers):
            yield (
                customers,
                [
                    {"id": f"cus_{n:07}", "name": f"用户{n}", "profile": {}, "tags": [], "created_at": start}
                    for n in numbers
                ],
            )
            yield (
                identities,
                [
                    {
                        "id": f"idn_{n:07}",
                        "customer_id": f"cus_{n:07}",
                        "channel_id": "chn_bench",
                        "external_id": f"v-{n}",
                        "created_at": start,
                    }
                    for n in numbers
                ],
            )
            yield (
                conversations,
                [
                    {
                        "id": f"cnv_{n:07}",
                        "identity_id": f"idn_{n:07}",
                        "customer_id": f"cus_{n:07}",
                        "channel_id": "chn_bench",
                        "last_seq": 200,
                        "last_text": self._said(n),
                        "last_message_at": self._at(n),
                        "created_at": start,
                    }
                    for n in numbers
                ],
            )

    def rows(self) -> Iterator[tuple[sa.Table, list[dict[str, Any]]]]:
        """The tickets with all that was said on them, oldest first."""
        for numbers in _batches(self._size):
            made: dict[sa.Table, list[dict[str, Any]]] = {
                each: [] for each in (tickets, ticket_terms, ticket_events, episodes, messages, exchanges, surveys)
            }
            for number in numbers:
                self._ticket(number, made)
            yield from made.items()

    def _at(self, number: int) -> datetime:
        return _NOW - _YEAR + _YEAR * (number / self._size) - timedelta(hours=1)

    def _said(self, number: int) -> str:
        pick = self._any.choice
        more = pick(_MORE).format(number=20260000000 + number * 7919 % 10**9, small=number % 40)
        return f"{pick(_WHEN)}{pick(_WHO)}{pick(_WHAT)},{more}"

    def _ticket(self, number: int, made: dict[sa.Table, list[dict[str, Any]]]) -> None:
        ticket_id, at = f"tck_{number:07}", self._at(number)
        state, tier = self._state()
        owner = number % self._customers
        serial = f"FL-{at:%Y%m%d}-{number % 1_000_000:06d}"
        said = [self._said(number) for _ in range(EXCHANGES)]
        team = self._any.choice(_TEAMS) if tier < 3 else "experts"
        person = self._any.choice([who for who, of in self._people if of == team] or [None])
        ended = at + timedelta(hours=5) if state in ("closed", "self_solved") else None
        work = tier > 1 and state in ("new", "in_progress", "waiting_customer")
        made[tickets].append(
            {
                "id": ticket_id,
                "serial": serial,
                "customer_id": f"cus_{owner:07}",
                "conversation_id": f"cnv_{owner:07}",
                "channel_id": "chn_bench",
                "channel_kind": self._any.choice(("web", "web", "wechat", "weibo")),
                "tier": tier,
                "state": state,
                "close_ground": "customer_confirmed" if state == "closed" else None,
                "priority": self._any.choice((1, 2, 3, 3, 3, 4)),
                "category_id": self._any.choice(_CATEGORIES),
                "team_id": team,
                "assignee_id": person if state not in ("new", "self_solved") else None,
                "title": said[0][:40],
                "description": said[0],
                "fields": {"device_model": self._any.choice(_WHO), "city": self._any.choice(("成都", "广州", "北京"))},
                "solution": _REPLIES[2] if state in ("closed", "resolved") else None,
                "next_step": "回电核对" if work else None,
                "next_step_at": at + timedelta(days=2) if work else None,
                "review_wanted": work and number % 50 == 0,
                "person_wanted_at": at if tier > 1 else None,
                "first_received_at": at,
                "first_human_reply_at": at + timedelta(minutes=3) if tier > 1 and state != "new" else None,
                "confirmed_at": at + timedelta(minutes=2) if tier > 1 and state != "new" else None,
                "resolved_at": at + timedelta(hours=4) if state in ("closed", "resolved") else None,
                "closed_at": ended,
                "last_customer_at": at,
                "version": 3,
                "created_at": at,
                "updated_at": ended or at + timedelta(minutes=number % 600),
            }
        )
        words = [term for text in (serial, *said) for term in index_terms(text)]
        made[ticket_terms].append({"id": number + 1, "ticket_id": ticket_id, "terms": joined_terms(None, words)})
        for step, (kind, new) in enumerate((("opened", "new"), ("confirmed", "in_progress"), ("closed", state)), 1):
            made[ticket_events].append(
                {
                    "id": f"tev_{number:07}_{step}",
                    "ticket_id": ticket_id,
                    "number": step,
                    "at": at + timedelta(hours=step - 1),
                    "actor": person or "system",
                    "kind": kind,
                    "old": {},
                    "new": {"state": new},
                }
            )
        if state == "closed":
            made[surveys].append(
                {
                    "id": f"srv_{number:07}",
                    "ticket_id": ticket_id,
                    "round": 1,
                    "token_hash": f"{number:064d}",
                    "sent_at": at + timedelta(hours=4),
                    "answered_at": ended,
                    "rating": self._any.choice((1, 2, 3, 4, 4, 4)),
                    "solved": True,
                    "staff_id": person,
                }
            )
        self._talk(number, ticket_id, owner, at, said, made)

    def _talk(
        self,
        number: int,
        ticket_id: str,
        owner: int,
        at: datetime,
        said: list[str],
        made: dict[sa.Table, list[dict[str, Any]]],
    ) -> None:
        conversation_id, episode_id = f"cnv_{owner:07}", f"eps_{number:07}"
        last = at + timedelta(minutes=2 * EXCHANGES)
        made[episodes].append(
            {
                "id": episode_id,
                "conversation_id": conversation_id,
                "ticket_id": ticket_id,
                "slots": {},
                "started_at": at,
                "last_at": last,
                "ended_at": last,
                "end_reason": "silence",
            }
        )
        first = 100 if number >= self._customers else 0
        for turn, text in enumerate(said):
            when = at + timedelta(minutes=2 * turn)
            common = {"conversation_id": conversation_id, "episode_id": episode_id, "ticket_id": ticket_id}
            asked, answered = f"msg_{number:07}_{turn}a", f"msg_{number:07}_{turn}b"
            for message_id, seq, author, words in (
                (asked, 2 * turn + 1, "customer", text),
                (answered, 2 * turn + 2, "bot", self._any.choice(_REPLIES)),
            ):
                made[messages].append(
                    {
                        **common,
                        "id": message_id,
                        "seq": first + seq,
                        "author": author,
                        "kind": "text",
                        "text": words,
                        "payload": {},
                        "at": when,
                    }
                )
            made[exchanges].append(
                {
                    **common,
                    "id": f"exc_{number:07}_{turn}",
                    "message_id": asked,
                    "epoch": 0,
                    "state": "answered",
                    "answered_by": "bot",
                    "intent": "ask",
                    "confidence": 0.9,
                    "decision": "answer",
                    "articles": [],
                    "latency_ms": 120,
                    "at": when,
                    "answered_at": when,
                    "reply": [answered],
                }
            )

    def _state(self) -> tuple[str, int]:
        place = self._any.randrange(100)
        for share, state, tier in _STATES:
            if place < share:
                return state, tier
            place -= share
        raise AssertionError


def _batches(count: int) -> Iterator[range]:
    for start in range(0, count, _BATCH):
        yield range(start, min(count, start + _BATCH))


def _stored(table: sa.Table, rows: list[dict[str, Any]], *, sqlite: bool) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Rows as the database keeps them, without SQLAlchemy in between."""
    columns = [each for each in table.columns if each.name in rows[0] or each.default is not None]
    encoders = [_encoder(each, sqlite=sqlite) for each in columns]
    return (
        [each.name for each in columns],
        [tuple(encode(row) for encode in encoders) for row in rows],
    )


def _encoder(column: sa.Column[Any], *, sqlite: bool) -> Callable[[dict[str, Any]], Any]:
    name = column.name
    default = column.default.arg if isinstance(column.default, sa.ColumnDefault) else None
    kind = column.type

    def encode(row: dict[str, Any]) -> Any:
        value = row.get(name, default)
        if value is None:
            return None
        if isinstance(kind, SealedText):
            return f"={value}"
        if isinstance(kind, Json):
            return json.dumps(value, ensure_ascii=False)
        if sqlite and isinstance(kind, UtcTime):
            return value.strftime("%Y-%m-%d %H:%M:%S.%f")
        return value

    return encode


def fill_sqlite(path: Path, year: Year) -> None:
    """Write a year straight into the file."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-200000")
    for table, rows in itertools.chain(year.before(), year.rows()):
        if rows:
            names, values = _stored(table, rows, sqlite=True)
            marks = ",".join("?" * len(names))
            connection.executemany(f"INSERT INTO {table.name} ({','.join(names)}) VALUES ({marks})", values)
            connection.commit()
    connection.execute("ANALYZE")
    connection.commit()
    connection.close()


async def fill_postgres(url: str, year: Year) -> None:
    """Write a year by COPY."""
    connection = await asyncpg.connect(url)
    for table, rows in itertools.chain(year.before(), year.rows()):
        if rows:
            names, values = _stored(table, rows, sqlite=False)
            await connection.copy_records_to_table(table.name, records=values, columns=names)
    await connection.execute("SELECT setval('ticket_terms_id_seq', (SELECT max(id) FROM ticket_terms))")
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


class Asker:
    """A member of staff who asks for pages and looks at the clock."""

    def __init__(self, parts: Services, client: TestClient[Any, Any]) -> None:
        self._parts = parts
        self._client = client
        self.headers: dict[str, str] = {}

    async def be(self, name: str) -> Asker:
        """Log in as somebody of the demo's staff."""
        async with self._parts.db.read() as tx:
            staff_id = await tx.scalar(sa.select(staff.c.id).where(staff.c.name == name))
            agreement = await self._parts.privacy.agreements.current(tx)
        assert agreement is not None
        await self._parts.privacy.agreements.accept(staff_id, agreement.version)
        session = await self._parts.auth.open_session(staff_id, address="", agent="")
        self.headers = {"Cookie": f"fl_s1={session.secret}", "X-Desk-Slot": "1"}
        return self

    async def get(self, path: str) -> tuple[float, Any]:
        """How many milliseconds a page took, and the page."""
        started = time.perf_counter()
        async with self._client.get(f"/api/v1{path}", headers=self.headers) as response:
            raw = await response.read()
            took = (time.perf_counter() - started) * 1000
            assert response.status == 200, (path, raw[:300])
        return took, msgspec.json.decode(raw)

    async def measure(self, paths: Iterable[str], rounds: int = ASKED) -> dict[str, float]:
        """Ask for these pages in turn; the first round warms up and does not count."""
        chosen = list(paths)
        for path in chosen:
            await self.get(path)
        took = sorted([(await self.get(path))[0] for path in itertools.islice(itertools.cycle(chosen), rounds)])
        return {
            "p50 ms": took[len(took) // 2],
            "p95 ms": took[int(len(took) * 0.95)],
            "p99 ms": took[min(len(took) - 1, int(len(took) * 0.99))],
        }


SEARCHES = {
    "search, a common word": ("退款", "会员", "投屏", "没到账"),
    "search, several words": ("小米平板 退款", "成都 黑屏 iPhone", "续费那天 扣款成功", "電視 轉圈"),
    "search, a number": ("XY20260007919", "XY2026083", "20261001-0", "8.17.3"),
    "search, one character": ("退", "屏"),
    "search, nothing found": ("无人机", "kubernetes", "退款 无人机"),
}


async def ask(parts: Services, client: TestClient[Any, Any], size: int) -> dict[str, dict[str, float]]:
    """What the desk asks for, as an agent and as a supervisor."""
    agent, boss = await Asker(parts, client).be("agent1"), await Asker(parts, client).be("supervisor1")
    found: dict[str, dict[str, float]] = {}
    # What a gateway does in its first seconds is not what is asked about.
    await boss.measure(["/tickets?view=open", "/tickets?view=all&q=退款"], 100)
    for name, who in (("agent", agent), ("supervisor", boss)):
        for view in ("mine", "team", "open", "overdue", "resolved", "all"):
            found[f"{view} ({name})"] = await who.measure([f"/tickets?view={view}"])
        for sort in ("created", "due"):
            found[f"open by {sort} ({name})"] = await who.measure([f"/tickets?view=open&sort={sort}"], 30)
        found[f"numbers of the views ({name})"] = await who.measure(["/ticket-views/counts"], 30)
        for what, words in SEARCHES.items():
            found[f"{what} ({name})"] = await who.measure([f"/tickets?view=all&q={each}" for each in words])
        found[f"my conversations ({name})"] = await who.measure(["/desk/conversations?view=mine"], 30)
    found["search outside the teams"] = await agent.measure(["/tickets?view=all&outside=1&q=退款"])
    cursor = (await boss.get("/tickets?view=all"))[1]["next"]
    found["second page of all"] = await boss.measure([f"/tickets?view=all&cursor={cursor}"], 30)
    any_number = random.Random(1)
    async with parts.db.read() as tx:
        ids = [f"tck_{any_number.randrange(size):07}" for _ in range(ASKED)]
        rows = await tx.all(sa.select(tickets.c.serial, tickets.c.conversation_id).where(tickets.c.id.in_(ids)))
    found["one ticket"] = await boss.measure([f"/tickets/{row.serial}" for row in rows])
    found["one conversation"] = await boss.measure([f"/desk/conversations/{row.conversation_id}" for row in rows])
    for days in (7, 30, 90):
        end, start = _NOW.date(), (_NOW - timedelta(days=days)).date()
        found[f"figures of {days} days"] = await boss.measure(
            [f"/figures/overview?days={days}&from={start}&to={end}"], 3
        )
    return found


@asynccontextmanager
async def _serving(url: str, folder: Path) -> AsyncIterator[tuple[Services, TestClient[Any, Any]]]:
    redis = RedisProcess(Path(tempfile.mkdtemp(prefix="fl-redis-")))
    redis.start()
    try:
        settings = Settings(data=folder / "data", database_url=url, redis_url=redis.url, demo=True)
        async with running(settings) as parts, TestClient(TestServer(application(parts))) as client:
            yield parts, client
    finally:
        redis.stop()
        shutil.rmtree(redis.folder, ignore_errors=True)


async def measure(system: str, size: int, folder: Path, server: PostgresServer | None) -> dict[str, dict[str, float]]:
    """Make a year of this size in this database and ask for its pages."""
    folder.mkdir(parents=True)
    url = f"sqlite+aiosqlite:///{folder / 'bench.db'}" if server is None else server.url(server.create())
    await migrate(Settings(database_url=url).database)
    # The staff must be there before their work.
    async with _serving(url, folder) as (parts, _), parts.db.read() as tx:
        rows = await tx.all(sa.select(team_members.c.staff_id, team_members.c.team_id))
    year = Year(size, sorted((row.staff_id, row.team_id) for row in rows))
    began = time.perf_counter()
    if server is None:
        path = make_url(url).database
        assert path is not None
        await asyncio.to_thread(fill_sqlite, Path(path), year)
    else:
        await fill_postgres(url, year)
    print(f"{system}: {size} tickets in {time.perf_counter() - began:.0f} s", flush=True)
    async with _serving(url, folder) as (parts, client):
        began = time.perf_counter()
        await parts.figures.catch_up()
        print(f"{system}: facts of the figures counted in {time.perf_counter() - began:.0f} s", flush=True)
        return await ask(parts, client, size)


def main() -> None:
    set_up_logging("ERROR")
    sizes = [int(each) for each in sys.argv[1:] if each.isdigit()] or list(SIZES)
    systems = [each for each in ("sqlite", "postgresql") if each in sys.argv[1:]] or ["sqlite", "postgresql"]
    folder = Path(tempfile.mkdtemp(prefix="fl-bench-"))
    numbers: dict[str, dict[str, dict[str, float]]] = {}
    process = None
    try:
        server = None
        if "postgresql" in systems:
            place = Path(tempfile.mkdtemp(prefix="fl-pg-"))
            process = start_postgres(place)
            server = PostgresServer(f"postgresql://postgres@/postgres?host={place}", packaged_programs())
        for system in systems:
            for size in sizes:
                own = server if system == "postgresql" else None
                numbers[f"{system}, {size:,} tickets"] = asyncio.run(
                    measure(system, size, folder / f"{system}{size}", own)
                )
    finally:
        if process is not None:
            process.send_signal(signal.SIGQUIT)
            process.wait()
            shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
    for system in systems:
        if len(sizes) > 1:
            small, large = (numbers[f"{system}, {size:,} tickets"] for size in (sizes[0], sizes[-1]))
            numbers[f"{system}, growth ×{sizes[-1] // sizes[0]}"] = {
                name: {"p95 ×": large[name]["p95 ms"] / max(0.1, small[name]["p95 ms"])} for name in large
            }
    publish("tickets", numbers)
    print(f"\nload at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
