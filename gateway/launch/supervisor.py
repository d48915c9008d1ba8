"""The one parent's view of its programs: start in any order, stop in the reverse, leave nothing behind."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from gateway.launch.journal import Journal
from gateway.launch.keeper import Keeper
from gateway.launch.line_pipe import LinePipe
from gateway.launch.program import Program, State
from gateway.launch.records import Records
from gateway.launch.spawn import signal_group, spawn


class NotReady(RuntimeError):
    """A program did not come up in time; the text says which, and its last words."""


class Supervisor:
    """Keeps programs running until `stop`. Made and used inside one event loop."""

    def __init__(self, run_folder: Path, logs: Path, log_cap_bytes: int, tell: Callable[[str], None]) -> None:
        self._records = Records(run_folder)
        self._logs = logs
        self._log_cap_bytes = log_cap_bytes
        self._tell = tell
        self._ranks: list[list[Keeper]] = []
        self._all: list[Keeper] = []

    def end_leftovers(self) -> None:
        """End what an earlier parent of this folder left running, and nothing else."""
        for record in self._records.end_leftovers():
            self._tell(f"ended {record.name} (process {record.pid}), left by an earlier run")

    def start(self, *programs: Program) -> list[Keeper]:
        """Start programs that belong together; they will be stopped together, before those started earlier."""
        rank = [self._keep(program) for program in programs]
        self._ranks.append(rank)
        self._all += rank
        return rank

    def _keep(self, program: Program) -> Keeper:
        journal = Journal(self._logs / f"{program.name}.log", self._log_cap_bytes)
        return Keeper(program, self._records, journal, self._tell)

    async def wait_ready(self, keepers: list[Keeper], limit_s: float) -> None:
        """Until all of them work. Raises NotReady, which ends nothing: they go on being restarted."""
        try:
            async with asyncio.timeout(limit_s):
                for keeper in keepers:
                    await keeper.ready.wait()
        except TimeoutError:
            late = [keeper for keeper in keepers if not keeper.ready.is_set()]
            words = "\n".join(f"    {line}" for keeper in late for line in keeper.last_lines[-10:])
            names = ", ".join(keeper.program.name for keeper in late)
            raise NotReady(f"{names} did not come up within {limit_s:.0f} s\n{words}") from None

    async def errand(self, program: Program) -> int:
        """Run a program once, to its end, with its output on the terminal too; returns its exit code.

        Cancelled, it ends the program at once: an errand is safe to be done again.
        """
        journal = Journal(self._logs / f"{program.name}.log", self._log_cap_bytes)

        def take(line: bytes) -> None:
            journal.write(line + b"\n")
            self._tell(f"{program.name}: {line.decode('utf-8', 'replace').strip()[:160]}")

        pipe = LinePipe(take)
        process = await spawn(program, pipe.inlet)
        pipe.listen()
        self._records.add(program.name, process.pid)
        try:
            return await process.wait()
        finally:
            signal_group(process.pid, signal.SIGKILL)
            pipe.close()
            self._records.remove(program.name)
            journal.close()

    def states(self) -> dict[str, State]:
        """What each program does now, by name."""
        return {keeper.program.name: keeper.state for keeper in self._all}

    async def stop(self) -> None:
        """Stop all, the last started first: what is used outlives what uses it."""
        while self._ranks:
            await asyncio.gather(*(keeper.stop() for keeper in self._ranks.pop()))

    def end_now(self) -> None:
        """End everything at once, when somebody will not wait for `stop`."""
        for keeper in self._all:
            keeper.end_now()
