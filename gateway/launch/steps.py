"""Steps of the set-up: what each needs, running side by side what can, and telling how it goes.

A step is skipped when its stamp says that it was finished for the same contents. Its output goes to a log of
its own; on the terminal stand its beginning, its end, and now and then its last line, so that a long step
can be told from a stuck one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from gateway.launch import stamps

# Two cores: one step computes while two others mostly wait for the network and the disk.
SIDE_BY_SIDE = 3
STILL_WORKING_EVERY_S = 20.0
TAIL_LINES = 20


class StepFailed(RuntimeError):
    """A step did not get to its end; the text says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to make. `wanted` is the hash of what it is made from, `made` says that it is still there."""

    name: str
    title: str
    work: Callable[[Shell], None]
    stamp: Path
    wanted: str
    when_it_fails: str
    needs: tuple[str, ...] = ()
    made: Callable[[], bool] = lambda: True

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do."""
        return stamps.matches(self.stamp, self.wanted) and self.made()


class Shell:
    """Runs the commands of one step, all of their output into the step's log."""

    def __init__(self, log: Path, folder: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        self._folder = folder
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._guard = threading.Lock()

    def run(self, *command: str | Path, also: Mapping[str, str] | None = None, folder: Path | None = None) -> None:
        """Run to the end; a code other than 0 raises StepFailed."""
        code = self.attempt(*command, also=also, folder=folder)
        if code:
            raise StepFailed(f"`{' '.join(map(str, command))}` ended with code {code}")

    def attempt(self, *command: str | Path, also: Mapping[str, str] | None = None, folder: Path | None = None) -> int:
        """Run to the end and return the code, for commands that may fail."""
        with self.log.open("ab") as log:
            log.write(f"$ {' '.join(map(str, command))}\n".encode())
            log.flush()
            with self._guard:
                if self._stopped:
                    raise StepFailed("stopped")
                self._process = subprocess.Popen(
                    [str(word) for word in command],
                    cwd=folder or self._folder,
                    env=self._environment | dict(also or {}),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            return self._process.wait()

    def ask(self, *command: str | Path, also: Mapping[str, str] | None = None) -> str:
        """The standard output of a short command, or nothing when it fails."""
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self._folder,
            env=self._environment | dict(also or {}),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    def stop(self) -> None:
        """End what runs now, with everything it started, and refuse to run more."""
        with self._guard:
            self._stopped = True
            if self._process and self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGTERM)

    def tail(self, lines: int) -> list[str]:
        """The last lines of the log that are not blank; progress bars count as their last state."""
        try:
            with self.log.open("rb") as log:
                log.seek(0, os.SEEK_END)
                log.seek(max(0, log.tell() - 8192))
                text = log.read().decode("utf-8", "replace")
        except OSError:
            return []
        full = [line.rstrip("\r").rsplit("\r", 1)[-1].strip() for line in text.split("\n")]
        return [line for line in full if line][-lines:]


def run_steps(
    steps: Sequence[Step],
    logs: Path,
    folder: Path,
    environment: Mapping[str, str],
    say: Callable[[str], None] = lambda line: print(line, flush=True),
) -> bool:
    """Do every step that is not done, needs first. Returns False when one failed, after having said why."""
    waiting = [step for step in steps if not step.is_done]
    if not waiting:
        return True
    logs.mkdir(parents=True, exist_ok=True)
    say(f"Setting up: {', '.join(step.name for step in waiting)}. Logs are in {logs}.")
    return _Run(waiting, logs, folder, environment, say).go()


class _Run:
    def __init__(
        self,
        waiting: list[Step],
        logs: Path,
        folder: Path,
        environment: Mapping[str, str],
        say: Callable[[str], None],
    ) -> None:
        self._waiting = waiting
        self._shells = {step.name: Shell(logs / f"setup-{step.name}.log", folder, environment) for step in waiting}
        self._say = say
        self._began: dict[str, float] = {}
        self._heard: dict[str, float] = {}
        self._running: dict[Future[None], Step] = {}

    def go(self) -> bool:
        failed = False
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            try:
                while self._running or (self._waiting and not failed):
                    if not failed:
                        self._begin_what_can(pool)
                    done, _ = wait(self._running, timeout=1.0, return_when=FIRST_COMPLETED)
                    for future in done:
                        failed = not self._finish(future) or failed
                    self._tell_what_still_runs()
            except BaseException:
                for shell in self._shells.values():
                    shell.stop()
                raise
        return not failed

    def _begin_what_can(self, pool: ThreadPoolExecutor) -> None:
        open_names = {step.name for step in (*self._waiting, *self._running.values())}
        for step in list(self._waiting):
            if len(self._running) >= SIDE_BY_SIDE or any(need in open_names for need in step.needs):
                continue
            self._waiting.remove(step)
            self._shells[step.name].log.write_bytes(b"")
            self._began[step.name] = self._heard[step.name] = time.monotonic()
            self._say(f"  {step.name}: {step.title} …")
            self._running[pool.submit(self._do, step)] = step

    def _do(self, step: Step) -> None:
        step.work(self._shells[step.name])
        stamps.write(step.stamp, step.wanted)

    def _finish(self, future: Future[None]) -> bool:
        step = self._running.pop(future)
        took = time.monotonic() - self._began[step.name]
        problem = future.exception()
        if problem is None:
            self._say(f"  {step.name}: done in {took:.0f} s")
            return True
        shell = self._shells[step.name]
        self._say(f"\n{step.title} FAILED after {took:.0f} s: {problem or type(problem).__name__}")
        for line in shell.tail(TAIL_LINES):
            self._say(f"    {line[:300]}")
        self._say(f"The whole log is {shell.log}.\nWhat to do: {step.when_it_fails}\n")
        return False

    def _tell_what_still_runs(self) -> None:
        now = time.monotonic()
        for step in self._running.values():
            if now - self._heard[step.name] >= STILL_WORKING_EVERY_S:
                self._heard[step.name] = now
                last = (self._shells[step.name].tail(1) or [""])[0]
                self._say(f"  {step.name}: {now - self._began[step.name]:.0f} s … {last[:120]}")


def end_on_sigterm() -> None:
    """Let SIGTERM unwind the set-up as Ctrl-C does, so that no command is left behind."""

    def unwind(_number: int, _frame: object) -> None:
        sys.exit(143)

    signal.signal(signal.SIGTERM, unwind)
