"""Keeps one program running: starts it, sees that it works, starts it again, stops it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable

from gateway.launch.journal import Journal
from gateway.launch.line_pipe import LinePipe
from gateway.launch.program import Program, State
from gateway.launch.records import Records
from gateway.launch.spawn import in_words, signal_group, spawn

# The first restart is at once for a person: customers wait for it. Each further one waits longer.
FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 30.0
# Who ran this long was well, and begins again with the first wait.
WELL_AFTER_S = 20.0
_READY_POLL_S = 0.1


class Keeper:
    """One program and its process. `ready` is set while it works."""

    def __init__(self, program: Program, records: Records, journal: Journal, tell: Callable[[str], None]) -> None:
        self.program = program
        self.state = State.STARTING
        self.ready = asyncio.Event()
        self.starts = 0
        self.last_lines: list[str] = []
        self._records = records
        self._journal = journal
        self._tell = tell
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._task = asyncio.create_task(self._keep(), name=f"keep {program.name}")

    @property
    def pid(self) -> int | None:
        """The running process, or None between two."""
        return self._process.pid if self._process else None

    async def stop(self) -> None:
        """End it: politely, after its grace for good. A second call does nothing."""
        self._stopping = True
        process = self._process
        if process is not None:
            signal_group(process.pid, signal.SIGTERM, leader_only=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(process.wait()), self.program.stop_grace_s)
            signal_group(process.pid, signal.SIGKILL)
        else:
            self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self.state = State.STOPPED
        self.ready.clear()
        self._journal.close()

    def end_now(self) -> None:
        """End it for good without waiting; `stop` then has nothing left to wait for."""
        self._stopping = True
        self.kill()

    def kill(self) -> None:
        """End it at once; it is started again unless it is being stopped."""
        if self._process is not None:
            signal_group(self._process.pid, signal.SIGKILL)

    async def _keep(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            began = time.monotonic()
            why = await self._run_once()
            was_ready = self.state == State.READY
            if self._stopping:
                return
            if time.monotonic() - began > WELL_AFTER_S:
                wait_s = FIRST_WAIT_S
            self._tell(f"{self.program.name} {why}; started again in {wait_s:.1f} s")
            for line in [] if was_ready else self.last_lines[-5:]:
                self._tell(f"    {line}")
            self.state = State.WAITING
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def _run_once(self) -> str:
        """Start it and wait for its end; says how it ended."""
        self.state = State.STARTING
        self.starts += 1
        self.last_lines.clear()
        pipe = LinePipe(self._take)
        try:
            process = await spawn(self.program, pipe.inlet)
        except OSError as problem:
            pipe.listen()
            pipe.close()
            return f"could not be started ({problem.strerror or problem})"
        pipe.listen()
        self._process = process
        self._records.add(self.program.name, process.pid)
        watching = asyncio.create_task(self._watch())
        try:
            code = await process.wait()
        finally:
            watching.cancel()
            signal_group(process.pid, signal.SIGKILL)  # What it started and left.
            pipe.close()
            self._process = None
            self.ready.clear()
            self._records.remove(self.program.name)
        return in_words(code)

    def _take(self, line: bytes) -> None:
        self._journal.write(line + b"\n")
        self.last_lines.append(line.decode("utf-8", "replace")[:300])
        del self.last_lines[:-20]

    async def _watch(self) -> None:
        """See it become ready and stay so; kill it when it does neither."""
        well_at = time.monotonic()
        while True:
            works = await self._asks()
            now = time.monotonic()
            if works:
                well_at = now
                self.state = State.READY
                self.ready.set()
            else:
                limit_s = self.program.silence_limit_s if self.ready.is_set() else self.program.ready_limit_s
                if now - well_at > limit_s:
                    self._tell(f"{self.program.name} has not answered for {now - well_at:.0f} s and is killed")
                    self.kill()
                    return
            await asyncio.sleep(self.program.ask_every_s if self.ready.is_set() else _READY_POLL_S)

    async def _asks(self) -> bool:
        try:
            return await self.program.works()
        except (OSError, TimeoutError, ValueError):
            return False
