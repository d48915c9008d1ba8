"""Neighbours that die, a disk that fills: messages are answered or clearly refused meanwhile, and it all comes back."""

from __future__ import annotations

import asyncio
import resource
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fixtures.system import running_system
from tests.recovery.conftest import NewRun, history_of
from tests.recovery.customers import Customer, crowd
from tests.recovery.load import kill, pid_of
from tests.recovery.stand_in import StandIn

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("whole run")]

_WITHIN_S = 120.0


async def test_a_full_disk_refuses_clearly_and_takes_messages_again_when_there_is_room(
    new_run: NewRun, stand_in: StandIn
) -> None:
    """The gateway may write no further byte: 503 with the error's shape, nothing half done, and no restart needed."""
    run = await new_run()
    async with crowd(run.url) as session:
        customer = await Customer.meet(session)
        await customer.asks("怎么开发票")
        gateway = await pid_of(run, "gateway-1")
        _, hard = resource.prlimit(gateway, resource.RLIMIT_FSIZE)
        headers = {"Authorization": f"Bearer {customer.token}"}
        resource.prlimit(gateway, resource.RLIMIT_FSIZE, (1024, hard))
        for _ in range(5):
            body = {"client_message_id": uuid.uuid4().hex, "text": "密码忘了怎么办"}
            async with session.post("/api/v1/chat/messages", json=body, headers=headers) as answer:
                assert answer.status == 503, await answer.text()
                assert (await answer.json())["error"]["code"] == "unavailable"
        async with session.get("/api/v1/chat/messages?after_seq=0", headers=headers) as answer:
            assert answer.status == 200, "what is stored can still be read"
        async with session.get("/health/ready") as answer:
            ready = await answer.json()
            assert (answer.status, ready["parts"]["database"]["state"]) == (503, "down")
        resource.prlimit(gateway, resource.RLIMIT_FSIZE, (hard, hard))
        await customer.asks("密码忘了怎么办")
        assert await pid_of(run, "gateway-1") == gateway
    found = await history_of(run, [customer])
    assert not found.problems, found
    assert found.exchanges == 2


@pytest.mark.soak
@pytest.mark.parametrize("name", ["encoder", "assistant-0"])
async def test_a_killed_neighbour_comes_back_and_customers_are_answered_meanwhile(tmp_path: Path, name: str) -> None:
    """The knowledge base answers by words without the encoder, and alone without the assistant."""
    with running_system(tmp_path) as system:
        async with crowd(system.url) as session:
            customer = await Customer.meet(session)
            await customer.asks("怎么开发票")
            await kill(system, name)
            seq = await customer.says("密码忘了怎么办")
            answer = await customer.hears_after(seq)
            assert "密码" in answer.text
            assert answer.author == "bot"
            await _until(lambda: _complete(session))
            await customer.asks("怎么退订会员")
        found = await history_of(system, [customer])
    assert not found.problems, found


async def _complete(session: aiohttp.ClientSession) -> bool:
    async with session.get("/health/ready") as answer:
        parts: dict[str, dict[str, Any]] = (await answer.json())["parts"]
    return all(part["state"] == "ok" for part in parts.values())


async def _until(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + _WITHIN_S
    while not await condition():
        assert time.monotonic() < until
        await asyncio.sleep(0.2)
