"""What the parent started, written down so that the next start can end what a crash left behind.

A process is known by its id and the moment it began (in ticks since the machine's start, with the id of that
start): ids are used again, moments are not. Nothing that is not recorded here is ever touched.
"""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# Fields 5 and 22 of /proc/PID/stat, counted from after the name in brackets.
_GROUP_FIELD = 5 - 3
_START_FIELD = 22 - 3


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """One process that was started here."""

    name: str
    pid: int
    start_ticks: int
    boot_id: str

    def is_alive(self) -> bool:
        """Whether this very process still runs; another one under its id does not count."""
        return self.boot_id == boot_id() and start_ticks(self.pid) == self.start_ticks


class Records:
    """The records of one data folder: a file for each process that runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, pid: int) -> ProcessRecord | None:
        """Write down a process that has just begun. None when it has ended already."""
        ticks = start_ticks(pid)
        if ticks is None:
            return None
        record = ProcessRecord(name, pid, ticks, boot_id())
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(name)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(record)), encoding="utf-8")
        partial.replace(path)
        return record

    def remove(self, name: str) -> None:
        """Forget a process that has ended."""
        self._path(name).unlink(missing_ok=True)

    def all(self) -> Iterator[ProcessRecord]:
        """Every record that can be read; a broken one is dropped, since it names nobody for certain."""
        for path in sorted(self._folder.glob("*.process.json")):
            try:
                yield ProcessRecord(**json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError):
                path.unlink(missing_ok=True)

    def end_leftovers(self, grace_s: float = 3.0) -> list[ProcessRecord]:
        """End what an earlier parent left running: politely, then for good. Returns what was still alive."""
        found = []
        for record in self.all():
            if record.is_alive():
                found.append(record)
                _end(record, grace_s)
            self.remove(record.name)
        return found

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.process.json"


def boot_id() -> str:
    """Which start of the machine this is."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


def start_ticks(pid: int) -> int | None:
    """When this process began, or None when there is none (a zombie counts as none)."""
    fields = _stat(pid)
    return int(fields[_START_FIELD]) if fields and fields[0] not in "ZX" else None


def _end(record: ProcessRecord, grace_s: float) -> None:
    """The process and the group it leads: what it started itself goes with it."""
    group = [member for member in _group(record) if member.pid != record.pid]
    if not _signal(record, signal.SIGTERM, grace_s):
        _signal(record, signal.SIGKILL, 5.0)
    for member in group:
        _signal(member, signal.SIGKILL, 5.0)


def _signal(record: ProcessRecord, number: signal.Signals, wait_s: float) -> bool:
    """Signal through a handle, so that the id cannot pass to another process in between. True when it ended."""
    try:
        handle = os.pidfd_open(record.pid)
    except ProcessLookupError:
        return True
    try:
        if not record.is_alive():
            return True
        signal.pidfd_send_signal(handle, number)
        watch = select.poll()
        watch.register(handle, select.POLLIN)
        return bool(watch.poll(wait_s * 1000))
    except ProcessLookupError:
        return True
    finally:
        os.close(handle)


def _group(leader: ProcessRecord) -> Iterator[ProcessRecord]:
    for path in Path("/proc").glob("[0-9]*"):
        pid = int(path.name)
        fields = _stat(pid)
        if fields and int(fields[_GROUP_FIELD]) == leader.pid:
            yield ProcessRecord(leader.name, pid, int(fields[_START_FIELD]), leader.boot_id)


def _stat(pid: int) -> list[str]:
    """The fields after the name in brackets (which may hold spaces), or nothing when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
