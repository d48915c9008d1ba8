"""Tasks end even when what they call swallows a cancellation, as a Redis client does whose server just died."""

from __future__ import annotations

import asyncio

import pytest

from core.tasks import end, together


class Forgetful:
    """A loop that takes its first cancellations for something else and goes on."""

    def __init__(self, swallows: int) -> None:
        self.swallows = swallows
        self.started = asyncio.Event()
        self.ended = False

    async def run(self) -> None:
        try:
            while True:
                try:
                    self.started.set()
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    if self.swallows == 0:
                        raise
                    self.swallows -= 1
        finally:
            self.ended = True


async def test_a_swallowed_cancellation_is_said_again() -> None:
    loop = Forgetful(swallows=2)
    task = asyncio.create_task(loop.run())
    await loop.started.wait()
    async with asyncio.timeout(5):
        await end([task], again_s=0.01)
    assert task.cancelled()


async def test_loops_that_run_together_all_end() -> None:
    loops = [Forgetful(swallows=0), Forgetful(swallows=1)]
    task = asyncio.create_task(together(*(each.run() for each in loops)))
    for each in loops:
        await each.started.wait()
    async with asyncio.timeout(10):
        await end([task], again_s=0.01)
    assert [each.ended for each in loops] == [True, True]


async def test_one_that_fails_ends_the_others() -> None:
    other = Forgetful(swallows=0)

    async def fails() -> None:
        await other.started.wait()
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await together(other.run(), fails())
    assert other.ended
