"""What the parent is asked to keep running: plain data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class State(StrEnum):
    """starting → ready → (ended) → waiting → starting …; stopped is for good."""

    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"
    STOPPED = "stopped"


async def _at_once() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Program:
    """One process: how it is started, how one sees that it works, how long its end may take.

    `works` is asked until it says yes (the process is ready), and now and then from there on. A process that is
    not ready within `ready_limit_s`, or says no for `silence_limit_s`, is killed and started again.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    works: Callable[[], Awaitable[bool]] = _at_once
    ready_limit_s: float = 60.0
    silence_limit_s: float = 30.0
    ask_every_s: float = 3.0
    stop_grace_s: float = 2.0
    niceness: int = 0
