"""The wired parts without loops and server, as a command of the command line has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from core.schema import migrate
from core.settings import Settings
from gateway.app import build, close
from gateway.services import Services


def demo_settings(data: Path) -> Settings:
    """Settings of a demo over this folder; nothing listens, and Redis is not there."""
    return Settings(data=data, demo=True, redis_url="redis://127.0.0.1:1", host="127.0.0.1", data_quota_mb=0)


@asynccontextmanager
async def parts_of(data: Path) -> AsyncIterator[Services]:
    """Build over a folder, and close."""
    data.mkdir(parents=True, exist_ok=True)
    settings = demo_settings(data)
    await migrate(settings.database)
    parts, _ = await build(settings, serving=False)
    try:
        yield parts
    finally:
        await close(parts)
