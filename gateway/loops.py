"""Background loops: started with the gateway, restarted when they die, cancelled and awaited at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from core.tasks import end
from gateway.health import Health

log = structlog.get_logger(__name__)

_FIRST_PAUSE_S = 0.5
_LAST_PAUSE_S = 30.0


class Loops:
    """Keeps named loops alive. A loop that dies turns `/health` red until it runs again."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """Run a loop until `stop`."""
        self._tasks.append(asyncio.create_task(self._keep(name, loop), name=name))

    async def _keep(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            started = asyncio.get_running_loop().time()
            try:
                self._health.loop_lives(name)
                await loop()
                return
            except asyncio.CancelledError:
                raise
            except Exception as exc:
                log.exception("loop.died", loop=name)
                self._health.loop_died(name, type(exc).__name__)
            if asyncio.get_running_loop().time() - started > _LAST_PAUSE_S:
                pause = _FIRST_PAUSE_S
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LAST_PAUSE_S)

    async def stop(self) -> None:
        """Cancel all loops and wait for their ends."""
        await end(self._tasks)
