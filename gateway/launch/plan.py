"""What `frontline run` starts: each program with its command, its environment and the way to see that it works."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from core.settings import Settings
from gateway.launch import redis_server
from gateway.launch.program import Program
from gateway.launch.sockets import free_port, socket_path
from nlu.fingerprint import model_path

ROOT = Path(__file__).resolve().parents[2]
_ASSISTANT_PYTHON = ROOT / ".venv-rasa" / "bin" / "python"
_ASK_LIMIT_S = 2.0
# What a program may know of our environment when it needs no settings of ours: it finds its files, speaks
# UTF-8, and keeps the machine's proxy and certificate settings to us.
_HARMLESS = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH")


def redis_program(found: redis_server.RedisProgram, data: Path, password: str) -> Program:
    """Our own Redis. Its append-only file is read before it takes commands, so a large one takes a while."""
    socket = socket_path(data / "run", "redis.sock")
    configuration = redis_server.write_configuration(data / "redis", socket, password)

    async def works() -> bool:
        return await asyncio.to_thread(redis_server.answers, socket, password)

    return Program(
        name="redis",
        command=(str(found.path), str(configuration)),
        environment=_little(),
        folder=data,
        works=works,
    )


def gateway_programs(settings: Settings, environment: dict[str, str]) -> list[Program]:
    """The gateways. They read the same settings as the parent, and what the parent decided on top."""
    ready = _answers_200(f"http://{_reachable(settings.bind_host)}:{settings.port}/health/live")
    return [
        Program(
            name=f"gateway-{number}",
            command=(sys.executable, "-m", "gateway.cli", "gateway"),
            environment=os.environ | _temporary(settings) | environment,
            folder=ROOT,
            works=ready,
            # The first start may have to migrate a large database.
            ready_limit_s=600.0,
            # Running turns and requests are finished first.
            stop_grace_s=5.0,
        )
        for number in range(1, settings.gateways + 1)
    ]


def demo_errand(settings: Settings, environment: dict[str, str], what: str) -> Program:
    """`history` makes the demo's history, unless there is one; `clear` removes all that is the demo's."""
    command = (sys.executable, "-u", "-m", "gateway.cli", "demo", what)
    return Program(f"demo-{what}", command, os.environ | _temporary(settings) | environment, ROOT)


def encoder_command(settings: Settings, socket: Path) -> tuple[str, ...] | None:
    """The encoder, or None when there is no model: search is lexical then."""
    model = settings.kb_model or _default_model(settings.data / "models")
    if not model:
        return None
    return (sys.executable, "-m", "knowledge_base.encoder", "--socket", str(socket), "--model", model)


def encoder_program(settings: Settings, socket: Path) -> Program | None:
    """The encoder with the way to see that it listens, or None as above."""
    command = encoder_command(settings, socket)
    if not command:
        return None

    async def works() -> bool:
        _, writer = await asyncio.open_unix_connection(socket)
        writer.close()
        return True

    return Program(
        name="encoder",
        command=command,
        environment=_little()
        | _temporary(settings)
        | {"HOME": str(settings.data.absolute() / "models"), "PYTHONUNBUFFERED": "1"},
        folder=ROOT,
        works=works,
        ready_limit_s=180.0,
        stop_grace_s=1.0,
    )


def training_command(settings: Settings) -> tuple[str, ...]:
    """Trains the assistant when its data changed."""
    models = settings.data.absolute() / "assistant" / "models"
    return (str(_ASSISTANT_PYTHON), "-m", "nlu.train", "--out", str(models))


def assistant_programs(settings: Settings, ports: list[int], token: str, action_token: str) -> list[Program]:
    """The assistants, one per slot, without any secret but their own two. None without a trained model."""
    folder = settings.data.absolute() / "assistant"
    model = model_path(folder / "models")
    if not model.is_file():
        return []
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)  # A killed assistant leaves its unpacked model there.
    home.mkdir(parents=True)
    return [
        Program(
            name=f"assistant-{slot}",
            command=(
                *(str(_ASSISTANT_PYTHON), "-m", "nlu.serve"),
                *("--model", str(model), "--port", str(port)),
            ),
            environment=_little()
            | {
                "HOME": str(home),
                "TMPDIR": str(home),
                "FRONTLINE_RASA_TOKEN": token,
                "FRONTLINE_TRACKER_DB": str(folder / f"tracker-{slot}.db"),
                "FRONTLINE_ACTION_URL": f"http://127.0.0.1:{settings.actions_port}/actions",
                "FRONTLINE_ACTION_TOKEN": action_token,
            },
            folder=ROOT,
            works=_serves_model(port, token, model.name),
            # A cold start on two busy cores takes more than a minute.
            ready_limit_s=300.0,
            silence_limit_s=45.0,
            ask_every_s=5.0,
            stop_grace_s=1.5,
        )
        for slot, port in enumerate(ports)
    ]


def assistant_ports(settings: Settings) -> list[int]:
    """A loopback port for each assistant, kept over its restarts."""
    return [free_port() for _ in range(settings.rasa_slots)]


async def ask_ready(settings: Settings) -> dict[str, Any] | None:
    """What a gateway says of its parts; None while it says nothing or refuses messages."""
    address = f"http://{_reachable(settings.bind_host)}:{settings.port}/health/ready"
    try:
        status, body = await asyncio.to_thread(_get, address)
        answer = json.loads(body)
    except (OSError, http.client.HTTPException, ValueError):
        return None
    return answer if status == 200 and isinstance(answer, dict) else None


def _default_model(models: Path) -> str | None:
    """The newest one that the set-up made and finished."""
    finished = [path.parent for path in models.glob("*/frontline.json")]
    return str(max(finished, key=lambda path: path.stat().st_mtime).absolute()) if finished else None


def _little() -> dict[str, str]:
    environment = {name: os.environ[name] for name in _HARMLESS if name in os.environ}
    return {"LANG": "C.UTF-8"} | environment


def _temporary(settings: Settings) -> dict[str, str]:
    """A folder for temporary files that only we can write: jieba, for one, trusts the cache it finds there."""
    folder = settings.data.absolute() / "cache" / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return {"TMPDIR": str(folder)}


def _reachable(host: str) -> str:
    """Where we reach what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - compared, not bound


def _answers_200(url: str) -> Callable[[], Awaitable[bool]]:
    async def works() -> bool:
        try:
            status, _ = await asyncio.to_thread(_get, url)
        except http.client.HTTPException:
            return False
        return status == 200

    return works


def _serves_model(port: int, token: str, model_name: str) -> Callable[[], Awaitable[bool]]:
    """Rasa also answers, with every message unknown, when its model did not load; so the model is compared."""
    url = f"http://127.0.0.1:{port}/status?token={quote(token)}"

    async def works() -> bool:
        try:
            status, body = await asyncio.to_thread(_get, url)
            said = json.loads(body)
        except http.client.HTTPException:
            return False
        return status == 200 and Path(str(said.get("model_file"))).name == model_name

    return works


def _get(url: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_ASK_LIMIT_S)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
        response = connection.getresponse()
        return response.status, response.read(1_000_000)
    finally:
        connection.close()
