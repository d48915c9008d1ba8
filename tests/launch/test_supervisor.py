"""The one parent: its programs come back after a crash, end in order, and leave nothing behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.launch.folder_lock import FolderInUse, FolderLock
from gateway.launch.journal import FILES, Journal
from gateway.launch.keeper import FIRST_WAIT_S
from gateway.launch.program import Program, State
from gateway.launch.records import ProcessRecord, Records, boot_id, start_ticks
from gateway.launch.supervisor import NotReady, Supervisor

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 10.0


class Told(list[str]):
    """What the parent said on its terminal."""

    @property
    def text(self) -> str:
        return "\n".join(self)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def supervisor(tmp_path: Path, told: Told) -> AsyncIterator[Supervisor]:
    """One over an empty folder; whatever a test leaves running is stopped."""
    made = Supervisor(tmp_path / "run", tmp_path / "logs", 1_000_000, told.append)
    yield made
    await made.stop()


def shell_program(folder: Path, name: str, script: str, **more: object) -> Program:
    """A small program of ours in place of a real one."""
    command = ("/bin/sh", "-c", script)
    return Program(name, command, {"PATH": os.environ["PATH"]}, folder, **more)  # type: ignore[arg-type]  # as Program


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition that another process makes true."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 - the other end is another process
            await asyncio.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process with this id runs (a zombie does not)."""
    return start_ticks(pid) is not None


class TestKeeping:
    """Start, crash, restart, stop."""

    async def test_a_program_that_is_killed_is_started_again(
        self, tmp_path: Path, supervisor: Supervisor, told: Told
    ) -> None:
        """Within the first short wait, and the terminal says what happened."""
        (keeper,) = supervisor.start(shell_program(tmp_path, "one", "exec sleep 60"))
        await supervisor.wait_ready([keeper], LIMIT_S)
        assert keeper.pid is not None
        first = keeper.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: keeper.pid not in (None, first) and keeper.ready.is_set())
        assert keeper.starts == 2
        assert "one was ended by SIGKILL" in told.text

    async def test_each_crash_waits_longer_than_the_one_before(
        self, tmp_path: Path, supervisor: Supervisor, told: Told
    ) -> None:
        """A program that cannot start does not eat the machine; its last words are shown."""

        async def works() -> bool:
            return False

        began = time.monotonic()
        (keeper,) = supervisor.start(shell_program(tmp_path, "bad", "echo 坏了; exit 3", works=works))
        await until(lambda: keeper.starts >= 4)
        assert time.monotonic() - began >= (1 + 2 + 4) * FIRST_WAIT_S
        waits = [line.rpartition(" in ")[2] for line in told if "ended with code 3" in line]
        assert waits[:3] == [f"{wait * FIRST_WAIT_S:.1f} s" for wait in (1, 2, 4)]
        assert "坏了" in told.text

    async def test_a_program_that_cannot_be_run_at_all_says_so(
        self, tmp_path: Path, supervisor: Supervisor, told: Told
    ) -> None:
        """A missing file is no reason for the parent to fall."""
        supervisor.start(Program("ghost", ("/nowhere/ghost",), {}, tmp_path))
        await until(lambda: "ghost could not be started (No such file" in told.text)

    async def test_ready_means_that_it_works_not_that_it_runs(self, tmp_path: Path, supervisor: Supervisor) -> None:
        """The program says so itself, by whatever its `works` looks at."""

        async def works() -> bool:
            return (tmp_path / "open").exists()

        (keeper,) = supervisor.start(shell_program(tmp_path, "slow", "echo 起来了; exec sleep 60", works=works))
        await until(lambda: keeper.last_lines)
        with pytest.raises(NotReady, match="slow did not come up") as refusal:
            await supervisor.wait_ready([keeper], 0.05)
        assert "起来了" in str(refusal.value)
        assert supervisor.states() == {"slow": State.STARTING}
        (tmp_path / "open").touch()
        await supervisor.wait_ready([keeper], LIMIT_S)
        assert supervisor.states() == {"slow": State.READY}

    async def test_one_that_hangs_is_killed_and_started_again(
        self, tmp_path: Path, supervisor: Supervisor, told: Told
    ) -> None:
        """Stopped by SIGSTOP it still runs, but answers nobody."""

        async def works() -> bool:
            return keeper.starts > 1 or not (tmp_path / "hang").exists()

        program = shell_program(tmp_path, "hung", "exec sleep 60", works=works, silence_limit_s=0.2, ask_every_s=0.05)
        (keeper,) = supervisor.start(program)
        await supervisor.wait_ready([keeper], LIMIT_S)
        assert keeper.pid is not None
        os.kill(keeper.pid, signal.SIGSTOP)
        (tmp_path / "hang").touch()
        await until(lambda: keeper.starts == 2 and keeper.ready.is_set())
        assert "has not answered" in told.text

    async def test_stopping_is_polite_first_and_in_the_reverse_order(
        self, tmp_path: Path, supervisor: Supervisor
    ) -> None:
        """What is used outlives what uses it; who ignores SIGTERM is killed after the grace."""
        note = "trap 'echo {0} >> ended; exit' TERM; echo > up-{0}; while :; do sleep 0.05; done"
        deaf = "trap '' TERM; echo > up-deaf; while :; do sleep 0.05; done"
        supervisor.start(shell_program(tmp_path, "redis", note.format("redis")))
        supervisor.start(
            shell_program(tmp_path, "gateway", note.format("gateway")),
            shell_program(tmp_path, "deaf", deaf, stop_grace_s=0.3),
        )
        await until(lambda: len(list(tmp_path.glob("up-*"))) == 3)
        began = time.monotonic()
        await supervisor.stop()
        assert time.monotonic() - began < 5
        assert (tmp_path / "ended").read_text().split() == ["gateway", "redis"]
        assert not list((tmp_path / "run").glob("*.process.json"))

    async def test_what_a_program_started_itself_ends_with_it(self, tmp_path: Path, supervisor: Supervisor) -> None:
        """The whole group goes, in a stop as in a crash."""
        script = "sleep 60 & echo $! > child; exec sleep 60"
        (keeper,) = supervisor.start(shell_program(tmp_path, "parent", script))
        await until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text().strip())
        child = int((tmp_path / "child").read_text())
        assert keeper.pid is not None
        os.kill(keeper.pid, signal.SIGKILL)
        await until(lambda: not is_alive(child))

    async def test_its_output_is_in_its_log(self, tmp_path: Path, supervisor: Supervisor) -> None:
        """Both streams, also a last line without an end, also bytes that are no text."""
        (keeper,) = supervisor.start(
            shell_program(tmp_path, "talk", "echo 早上好; printf '\\377' >&2; printf 完; exec sleep 60")
        )
        await until(lambda: keeper.last_lines)
        await supervisor.stop()
        assert (tmp_path / "logs" / "talk.log").read_bytes() == "早上好\n\\xff完\n".encode().replace(b"\\xff", b"\xff")


class TestErrands:
    """Programs that run once."""

    async def test_an_errand_is_told_about_and_logged(self, tmp_path: Path, supervisor: Supervisor, told: Told) -> None:
        """Its exit code comes back; nothing restarts it."""
        assert await supervisor.errand(shell_program(tmp_path, "errand", "echo 第一天; echo done >&2; exit 4")) == 4
        assert told == ["errand: 第一天", "errand: done"]
        assert (tmp_path / "logs" / "errand.log").read_text() == "第一天\ndone\n"
        assert not list((tmp_path / "run").glob("*.process.json"))

    async def test_a_cancelled_errand_ends_with_all_it_started(self, tmp_path: Path, supervisor: Supervisor) -> None:
        """Ctrl-C in the middle of the first start leaves nothing running."""
        program = shell_program(tmp_path, "long", "echo $$ > pid.new; mv pid.new pid; exec sleep 60")
        running = asyncio.create_task(supervisor.errand(program))
        await until((tmp_path / "pid").exists)
        running.cancel()
        await asyncio.wait({running})
        pid = int((tmp_path / "pid").read_text())
        await until(lambda: not is_alive(pid))


class TestLeftovers:
    """The next start ends its own by id and moment, and never another's."""

    def test_only_what_is_recorded_with_its_moment_is_ended(self, tmp_path: Path) -> None:
        """Same id, other moment: somebody else's process, and it lives on."""
        mine = subprocess.Popen(["sleep", "60"], start_new_session=True)
        others = subprocess.Popen(["sleep", "60"], start_new_session=True)
        records = Records(tmp_path)
        assert records.add("mine", mine.pid) is not None
        records.add("others", others.pid)
        broken = (tmp_path / "others.process.json").read_text().replace('"start_ticks": ', '"start_ticks": 1')
        (tmp_path / "others.process.json").write_text(broken)
        (tmp_path / "torn.process.json").write_text('{"name": "to')
        assert [record.name for record in records.end_leftovers()] == ["mine"]
        assert mine.wait(LIMIT_S) == -signal.SIGTERM
        assert others.poll() is None
        others.kill()
        others.wait()
        assert not list(tmp_path.iterdir())

    def test_a_record_from_before_a_reboot_names_nobody(self, tmp_path: Path) -> None:
        """Ids and ticks begin again with the machine."""
        ticks = start_ticks(os.getpid())
        assert ticks is not None
        assert ProcessRecord("me", os.getpid(), ticks, boot_id()).is_alive()
        assert not ProcessRecord("me", os.getpid(), ticks, "another start").is_alive()

    def test_killing_the_parent_leaves_nothing_running(self, tmp_path: Path) -> None:
        """SIGKILL gives it no chance to say goodbye; the kernel ends its programs with it."""
        parent = _parent(tmp_path)
        pids = [int(path.read_text()) for path in sorted(tmp_path.glob("pid-*"))]
        parent.kill()
        parent.wait()
        asyncio.run(until(lambda: not any(is_alive(pid) for pid in pids)))
        # A program that had shaken off its parent is found by its record instead.
        left = subprocess.Popen(["sleep", "60"], start_new_session=True)
        Records(tmp_path / "run").add("gateway", left.pid)
        told: list[str] = []
        Supervisor(tmp_path / "run", tmp_path / "logs", 1000, told.append).end_leftovers()
        assert left.wait(LIMIT_S) == -signal.SIGTERM
        assert told == [f"ended gateway (process {left.pid}), left by an earlier run"]

    def test_two_copies_side_by_side_do_not_touch_each_other(self, tmp_path: Path) -> None:
        """Each has its data folder; the end of one leaves the other running."""
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        one, two = _parent(tmp_path / "one"), _parent(tmp_path / "two")
        one.kill()
        one.wait()
        Supervisor(tmp_path / "one" / "run", tmp_path / "logs", 1000, print).end_leftovers()
        pids = [int(path.read_text()) for path in (tmp_path / "two").glob("pid-*")]
        assert two.poll() is None
        assert all(is_alive(pid) for pid in pids)
        two.terminate()
        assert two.wait(LIMIT_S) == 0
        assert not any(is_alive(pid) for pid in pids)


def _parent(folder: Path) -> subprocess.Popen[bytes]:
    """A parent of two programs in a process of its own; returns when both run."""
    script = f"""
import asyncio, os, signal, sys
from pathlib import Path
from gateway.launch.program import Program
from gateway.launch.supervisor import Supervisor
folder = Path({str(folder)!r})
async def main():
    supervisor = Supervisor(folder / "run", folder / "logs", 1000, print)
    for name in ("a", "b"):
        command = ("/bin/sh", "-c", f"echo $$ > pid-{{name}}.new; mv pid-{{name}}.new pid-{{name}}; exec sleep 60")
        supervisor.start(Program(name, command, dict(os.environ), folder))
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    await end.wait()
    await supervisor.stop()
asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    asyncio.run(until(lambda: (folder / "pid-a").exists() and (folder / "pid-b").exists()))
    return parent


def test_a_folder_has_one_parent_at_a_time(tmp_path: Path) -> None:
    """The second is told who holds it; after the first is gone, however, the folder is free."""
    with (
        FolderLock(tmp_path, "run", "port 8080"),
        pytest.raises(FolderInUse, match=rf"process {os.getpid()} \(port 8080\)"),
        FolderLock(tmp_path, "run", "port 9090"),
    ):
        pass
    with FolderLock(tmp_path, "run", "port 9090"):
        pass


def test_a_log_never_grows_beyond_its_cap(tmp_path: Path) -> None:
    """The newest lines are kept, over as many files as are allowed."""
    journal = Journal(tmp_path / "a.log", cap_bytes=5000)
    for number in range(1000):
        journal.write(b"%06d\n" % number)
    journal.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == FILES
    assert sum(path.stat().st_size for path in files) <= 5000
    assert (tmp_path / "a.log").read_bytes().endswith(b"000999\n")
    again = Journal(tmp_path / "a.log", cap_bytes=5000)
    again.write(b"more\n")
    again.close()
    assert (tmp_path / "a.log").read_bytes().endswith(b"000999\nmore\n")
