"""What the running `frontline run` of a data folder decided, for commands that join it from another terminal."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.settings import Settings, read_settings
from gateway.launch.sockets import socket_path

_FILE = Path("run", "environment.json")


def write_joinable(data: Path, environment: dict[str, str]) -> None:
    """Write down what was decided, for the owner only: passwords are among it."""
    path = data / _FILE
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(environment, file)


def joined(settings: Settings) -> Settings:
    """The settings, completed where they are empty. What the operator set stays as it is.

    With nothing running the addresses lead nowhere, which every part can live with.
    """
    try:
        environment = json.loads((settings.data / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        environment = {}
    decided = read_settings({"FRONTLINE_REDIS_URL": _own_redis(settings)} | environment)
    empty: dict[str, Any] = {
        name: getattr(decided, name)
        for name in ("redis_url", "rasa_urls", "rasa_token", "action_token", "encoder_socket")
        if not getattr(settings, name)
    }
    return replace(settings, **empty)


def _own_redis(settings: Settings) -> str:
    return f"unix://{socket_path(settings.data / 'run', 'redis.sock')}"
