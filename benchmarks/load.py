"""`make bench-load`: many customers at once through the whole way, beside the same words to the assistant alone.

A complete system of its own (Redis, gateway, encoder, assistant) on free ports. Each customer opens a page, says
five turns and reads each answer before the next, once without a pause and once with the pauses of somebody who
reads. Afterwards the database is held to what the customers know: nothing lost, doubled or out of order.

`reply` is the time from the last word of a turn to its answer on the page. The gateway waits `gather_s` for further
words before it answers; the assistant alone does not. `cpu` is the process's own time, which neighbours on a busy
machine do not change.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import statistics
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp

from benchmarks.report import publish
from core.db import Database
from core.settings import Settings
from gateway.launch.joined import joined
from tests.fixtures.system import System, running_system
from tests.recovery.customers import Customer, crowd
from tests.recovery.history import Findings, check, settled
from tests.recovery.lines import Turn, talks

_SEED = 20261121
_FRONTLINE = "Frontline"
_ALONE = "assistant alone"
# All of them sit behind one address here, which no office does; the limits are tried elsewhere.
_SETTINGS = {"ADDRESS_SESSIONS_PER_MIN": "1000000", "ADDRESS_REQUESTS_PER_MIN": "1000000"}
_ASKED_AT_ONCE = 8
# Alone it answers everybody in the end, however long the line before it is.
_PATIENCE = aiohttp.ClientTimeout(total=600)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many customers, and how long they read."""

    customers: int
    turns: int
    reading_s: tuple[float, float]

    def talks(self) -> list[list[Turn]]:
        return talks(self.customers, self.turns, _SEED)

    def pauses(self) -> list[list[float]]:
        """The pause before each turn, the same for both systems."""
        chance = random.Random(_SEED)
        return [[chance.uniform(*self.reading_s) for _ in range(self.turns)] for _ in range(self.customers)]


@dataclass
class Measured:
    """Times of replies, and how long it all took."""

    replies_s: list[float] = field(default_factory=list)
    took_s: float = 0.0
    cpu_s: float = 0.0
    failed: int = 0

    def numbers(self) -> dict[str, float]:
        cuts = statistics.quantiles(self.replies_s, n=100, method="inclusive")
        turns = len(self.replies_s)
        return {
            "turns": turns,
            "turns_per_s": turns / self.took_s,
            "reply_p50_s": cuts[49],
            "reply_p95_s": cuts[94],
            "reply_p99_s": cuts[98],
            "cpu_ms_per_turn": self.cpu_s / turns * 1000,
        }


async def through_frontline(system: System, plan: Plan) -> tuple[Measured, list[Customer]]:
    """Everybody over the public contract."""
    measured = Measured()
    customers: list[Customer] = []

    async def talk(session: aiohttp.ClientSession, turns: list[Turn], pauses: list[float]) -> None:
        customer = await Customer.meet(session)
        customers.append(customer)
        for turn, pause in zip(turns, pauses, strict=True):
            await asyncio.sleep(pause)
            measured.replies_s.append(await customer.asks(*turn))

    async with crowd(system.url) as session:
        began, cpu = time.monotonic(), cpu_s(system.pids()["gateway-1"])
        async with asyncio.TaskGroup() as group:
            for turns, pauses in zip(plan.talks(), plan.pauses(), strict=True):
                group.create_task(talk(session, turns, pauses))
        measured.took_s = time.monotonic() - began
        measured.cpu_s = cpu_s(system.pids()["gateway-1"]) - cpu
    return measured, customers


async def straight_to_the_assistant(system: System, settings: Settings, plan: Plan) -> Measured:
    """The same words to the same process, without us."""
    measured = Measured()
    address = f"{settings.rasa_urls[0]}/webhooks/rest/webhook"
    headers = {"Authorization": f"Bearer {settings.rasa_token}"}

    async def talk(session: aiohttp.ClientSession, turns: list[Turn], pauses: list[float]) -> None:
        sender = uuid.uuid4().hex
        for turn, pause in zip(turns, pauses, strict=True):
            await asyncio.sleep(pause)
            began = time.monotonic()
            metadata = {"exchange_id": uuid.uuid4().hex, "profile": {}}
            body = {"sender": sender, "message": ",".join(turn), "metadata": metadata}
            async with session.post(address, json=body, headers=headers) as answer:
                said = await answer.json()
                measured.failed += answer.status != 200 or not said
            measured.replies_s.append(time.monotonic() - began)

    # Hundreds of questions at once stop it from answering anything, its own probe included, and it would be killed
    # as hung. So they wait in line here, which counts. It closes connections that were idle for five seconds.
    connector = aiohttp.TCPConnector(limit=_ASKED_AT_ONCE, keepalive_timeout=3.0)
    async with aiohttp.ClientSession(connector=connector, trust_env=False, timeout=_PATIENCE) as session:
        began, cpu = time.monotonic(), cpu_s(system.pids()["assistant-0"])
        async with asyncio.TaskGroup() as group:
            for turns, pauses in zip(plan.talks(), plan.pauses(), strict=True):
                group.create_task(talk(session, turns, pauses))
        measured.took_s = time.monotonic() - began
        measured.cpu_s = cpu_s(system.pids()["assistant-0"]) - cpu
    return measured


async def measure(system: System, settings: Settings, plan: Plan) -> tuple[dict[str, dict[str, float]], Findings]:
    """Both ways, ours first; the findings of the history."""
    before = await assistant_failures(system)
    ours, customers = await through_frontline(system, plan)
    late = await assistant_failures(system) - before
    theirs = await straight_to_the_assistant(system, settings, plan)
    db = Database(settings.database)
    try:
        await settled(db)
        async with crowd(system.url) as session:
            for customer in customers:
                await customer.reads_everything(session)
        findings = await check(db, customers, [settings.data / "assistant" / "tracker-0.db"])
    finally:
        await db.close()
    said = sum(len(customer.sent) for customer in customers)
    ratio = (len(ours.replies_s) / ours.took_s) / (len(theirs.replies_s) / theirs.took_s)
    return {
        _FRONTLINE: ours.numbers()
        | {
            "messages_per_s": said / ours.took_s,
            "calls_made_again": sum(customer.tries for customer in customers),
            "gather_s": settings.turn_gather_s,
            "heard_by_assistant": findings.understood / max(1, findings.exchanges),
            "assistant_failures": late,
            "problems": len(findings.problems),
            "throughput_ratio": ratio,
        },
        _ALONE: theirs.numbers() | {"assistant_failures": theirs.failed},
    }, findings


async def assistant_failures(system: System) -> float:
    """How often the gateway was let down by the assistant so far."""
    async with aiohttp.ClientSession(trust_env=False) as session, session.get(f"{system.url}/metrics") as answer:
        text = await answer.text()
    return sum(float(value) for value in re.findall(r"^frontline_assistant_failures_total\S* (\S+)$", text, re.M))


def cpu_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--only", choices=("at once", "reading"), help="one of the two plans")
    parser.add_argument("--data", type=Path, help="keep the data folder, with the logs, here")
    arguments = parser.parse_args()
    plans = {
        "at once": Plan(arguments.customers, arguments.turns, (0.0, 0.0)),
        "reading": Plan(arguments.customers, arguments.turns, (4.0, 16.0)),
    }
    if arguments.only:
        plans = {arguments.only: plans[arguments.only]}
    results, problems = {}, []
    with (
        tempfile.TemporaryDirectory(prefix="fl-load-") as folder,
        running_system(arguments.data or Path(folder), **_SETTINGS) as system,
    ):
        settings = joined(replace(Settings(), data=system.data))
        for name, plan in plans.items():
            print(f"{plan.customers} customers, {plan.turns} turns each, {name} …", flush=True)
            results[f"{plan.customers} customers, {name}"], findings = asyncio.run(measure(system, settings, plan))
            problems += findings.problems
            publish("load", results)
            print(f"\ndecided: {dict(findings.decisions.most_common())}\n", flush=True)
    if problems:
        sys.exit("\n".join(["", *problems[:30]]))
    print("\nNothing lost, nothing doubled, everything in order.")


if __name__ == "__main__":
    main()
