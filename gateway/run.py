"""`frontline run`: the one parent. Starts everything, says when it is open and when it is complete, stops it.

    redis → gateways → "open" → encoder, assistants → "complete" → … → Ctrl-C or SIGTERM
            stopped in the opposite order, within ten seconds; a second Ctrl-C ends everything at once

On the very first start in demo mode its history is made before the gateways, beside the slow starters.

The gateways come first because customers can be answered without the rest; the assistant's start, which keeps
a core busy for most of a minute, waits until they are open.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

from core.secrets import load_secrets
from core.settings import Settings
from gateway.launch import stamps
from gateway.launch.folder_lock import FolderInUse, FolderLock
from gateway.launch.joined import write_joinable
from gateway.launch.keeper import Keeper
from gateway.launch.plan import (
    ROOT,
    ask_ready,
    assistant_ports,
    assistant_programs,
    demo_errand,
    encoder_command,
    encoder_program,
    gateway_programs,
    redis_program,
    training_command,
)
from gateway.launch.redis_server import NoRedis, find_redis, url_of
from gateway.launch.sockets import PortInUse, require_free, socket_path
from gateway.launch.spawn import in_words
from gateway.launch.supervisor import NotReady, Supervisor
from gateway.version import VERSION

# Whoever reaches this with the database in good order has a program that does not start at all.
_GIVE_UP_AFTER_STARTS = 4
# From here on the assistants start whether the gateways are open or not.
_HEAD_START_S = 8.0
_REDIS_LIMIT_S = 60.0
_LOOK_EVERY_S = 0.1
# A terminal and make may both pass on one Ctrl-C.
_SAME_SIGNAL_S = 0.5


class CannotStart(RuntimeError):
    """Something that the operator has to change first; the text says what."""


def run(settings: Settings) -> int:
    """Run until stopped; returns the exit code. Two runs over one data folder refuse each other."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        if settings.gateways > 1 and settings.sqlite:
            raise CannotStart(
                "SQLite serves one gateway: set FRONTLINE_GATEWAYS=1, or FRONTLINE_DATABASE_URL to a PostgreSQL."
            )
        with FolderLock(settings.data, "run", f"port {settings.port}"):
            return asyncio.run(_Run(settings).until_stopped())
    except (CannotStart, FolderInUse, NoRedis, NotReady, PortInUse, PermissionError) as problem:
        print(f"frontline: {problem}", file=sys.stderr)
        return 1


class _Run:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._began = time.monotonic()
        self._supervisor = Supervisor(
            settings.data / "run", settings.data / "logs", settings.log_max_mb * 1024 * 1024, self._tell
        )
        self._signalled_at = 0.0
        self._stop = asyncio.Event()

    def _tell(self, text: str) -> None:
        self._print(f"[{time.monotonic() - self._began:6.1f} s] {text}")

    def _print(self, line: str) -> None:
        # A terminal that went away is no reason to stop serving.
        with contextlib.suppress(OSError):
            print(line, flush=True)

    async def until_stopped(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled)
        self._tell(f"Frontline {VERSION}, data in {self._settings.data.absolute()}")
        await asyncio.to_thread(self._supervisor.end_leftovers)
        starting = asyncio.create_task(self._start(), name="start")
        stopped = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()  # Raises what kept it from starting.
                await stopped
        finally:
            for task in (starting, stopped):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
            self._tell("stopping …")
            stopping_began = time.monotonic()
            await self._supervisor.stop()
            self._tell(f"stopped in {time.monotonic() - stopping_began:.1f} s")
        return 0

    def _signalled(self) -> None:
        now = time.monotonic()
        if not self._stop.is_set():
            self._signalled_at = now
            self._stop.set()
        elif now - self._signalled_at > _SAME_SIGNAL_S:
            self._supervisor.end_now()

    async def _start(self) -> None:
        settings = self._settings
        require_free(settings.bind_host, settings.port, "FRONTLINE_PORT")
        require_free("127.0.0.1", settings.actions_port, "FRONTLINE_ACTION_PORT")
        if settings.demo:
            require_free("127.0.0.1", settings.shop_port, "FRONTLINE_DEMO_SHOP_PORT")
        keys = load_secrets(settings.secrets_path)
        rasa_token = settings.rasa_token or keys.key("rasa").hex()
        action_token = settings.action_token or keys.key("actions").hex()
        ports = [] if settings.rasa_urls else assistant_ports(settings)
        encoder_socket = settings.encoder_socket or socket_path(settings.data / "run", "encoder.sock")
        environment = {
            "FRONTLINE_REDIS_URL": settings.redis_url or await self._start_redis(),
            "FRONTLINE_ENCODER_SOCKET": str(encoder_socket),
            "FRONTLINE_RASA_TOKEN": rasa_token,
            "FRONTLINE_ACTION_TOKEN": action_token,
            "FRONTLINE_RASA_URLS": ",".join(settings.rasa_urls)
            or ",".join(f"http://127.0.0.1:{port}" for port in ports),
        }
        write_joinable(settings.data, environment)
        if settings.demo and settings.demo_history and not self._demo_is_loaded():
            # The slow ones begin at once this time: the history takes as long as they do.
            heavy = self._start_heavy(ports, encoder_socket, rasa_token, action_token)
            await self._load_demo(environment)
            await self._open(self._supervisor.start(*gateway_programs(settings, environment)))
        else:
            gateways = self._supervisor.start(*gateway_programs(settings, environment))
            opening = asyncio.create_task(self._open(gateways), name="open")
            await asyncio.wait({opening}, timeout=_HEAD_START_S)
            heavy = self._start_heavy(ports, encoder_socket, rasa_token, action_token)
            await opening
        for keeper in heavy:
            await keeper.ready.wait()
            self._tell(f"{keeper.program.name} is up")
        started = {keeper.program.name.partition("-")[0] for keeper in heavy}
        # With an encoder the knowledge base is complete when it searches by meaning, too.
        follows = ({"assistant"} if settings.rasa_urls else set()) | ({"knowledge"} if "encoder" in started else set())
        await self._complete({"redis", *started} | follows)

    def _start_heavy(self, ports: list[int], encoder_socket: Path, rasa_token: str, action_token: str) -> list[Keeper]:
        encoder = encoder_program(self._settings, encoder_socket)
        if not encoder:
            self._tell("no embedding model: search is lexical (`make model` makes the default one)")
        assistants = assistant_programs(self._settings, ports, rasa_token, action_token)
        if ports and not assistants:
            self._tell("no trained assistant: the knowledge base answers alone (`make train` trains it)")
        return self._supervisor.start(*([encoder] if encoder else []), *assistants)

    def _demo_is_loaded(self) -> bool:
        return stamps.matches(self._settings.data / "demo.stamp", VERSION)

    async def _load_demo(self, environment: dict[str, str]) -> None:
        begun = self._settings.data / "demo.begun"
        if begun.exists():
            self._tell("the demo's history was left half made; it is removed and made again")
            await self._supervisor.errand(demo_errand(self._settings, environment, "clear"))
        begun.touch()
        self._tell("making the demo's history of 90 days, once …")
        code = await self._supervisor.errand(demo_errand(self._settings, environment, "history"))
        if code == 0:
            stamps.write(self._settings.data / "demo.stamp", VERSION)
            begun.unlink()
        else:
            self._tell(f"the demo's history {in_words(code)}; its log is demo-history.log. Going on without.")

    async def _start_redis(self) -> str:
        found = find_redis(self._settings.redis_server)
        password = secrets.token_urlsafe(24)
        program = redis_program(found, self._settings.data.absolute(), password)
        keepers = self._supervisor.start(program)
        await self._supervisor.wait_ready(keepers, _REDIS_LIMIT_S)
        self._tell(f"redis is up: {found}")
        return url_of(socket_path(self._settings.data / "run", "redis.sock"), password)

    async def _open(self, gateways: list[Keeper]) -> None:
        while await ask_ready(self._settings) is None:
            for keeper in gateways:
                if keeper.starts >= _GIVE_UP_AFTER_STARTS:
                    raise CannotStart("the gateway does not start:\n" + "\n".join(keeper.last_lines[-15:]))
            await asyncio.sleep(_LOOK_EVERY_S)
        base = self._settings.base_url
        self._tell(f"open: messages are accepted at {base}")
        pages = {"desk": f"{base}/desk/", "help centre": f"{base}/help", "health": f"{base}/health/ready"}
        if self._settings.demo:
            pages = {"demo start page (log-ins are on it)": f"{base}/demo"} | pages
        for name, address in pages.items():
            self._print(f"           {address:<42} {name}")

    async def _complete(self, awaited: set[str]) -> None:
        """When the gateway, too, has seen every part that was started."""
        while True:
            parts = ((await ask_ready(self._settings)) or {}).get("parts", {})
            if parts and all(parts.get(name, {}).get("state", "ok") == "ok" for name in awaited):
                break
            await asyncio.sleep(_LOOK_EVERY_S)
        self._tell("complete: every part is up. Ctrl-C stops it all.")


def exec_encoder(settings: Settings) -> NoReturn:
    """Become the encoder. Raises SystemExit when there is no model to serve."""
    socket = settings.encoder_socket or socket_path(settings.data / "run", "encoder.sock")
    command = encoder_command(settings, socket)
    if not command:
        sys.exit("frontline: no embedding model; `make model` makes the default one")
    os.chdir(ROOT)
    os.execv(command[0], command)  # noqa: S606 - becoming it is the point


def train_assistant(settings: Settings) -> int:
    """Train when the data changed; returns the exit code."""
    return subprocess.run(training_command(settings), cwd=ROOT, check=False).returncode
