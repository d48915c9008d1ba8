"""Tasks that surely end: cancelled until they are done, not once.

One cancellation may be lost: when a connection dies at the very moment of it, redis-py lets its own error win, and
whoever takes that error for a reason to try again goes on for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

# Longer than what a task does in its `finally`, so that a second cancellation does not cut that short.
_AGAIN_S = 2.0


async def end(tasks: Iterable[asyncio.Task[Any]], *, again_s: float = _AGAIN_S) -> None:
    """Cancel tasks and wait until all are done; what they raised is dropped."""
    pending = {each for each in tasks if not each.done()}
    cancelled = False
    while pending:
        for task in pending:
            task.cancel()
        try:
            done, pending = await asyncio.wait(pending, timeout=again_s)
        except asyncio.CancelledError:
            # Whoever waits here is being cancelled too; leaving now would leave the tasks behind.
            cancelled = True
            pending = {each for each in pending if not each.done()}
            continue
        for task in done:
            if not task.cancelled():
                task.exception()
    if cancelled:
        raise asyncio.CancelledError


async def together(*loops: Coroutine[Any, Any, None]) -> None:
    """Run loops (or other work) side by side until all are done, one fails or this is cancelled; none is left then."""
    tasks = [asyncio.create_task(each) for each in loops]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        await end(tasks)


__all__ = ["end", "together"]
