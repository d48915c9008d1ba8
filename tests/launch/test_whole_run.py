"""`frontline run` with the real gateway and Redis: open soon, gone soon, nothing left, nobody else touched."""

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.launch.records import start_ticks
from tests.fixtures.frontline import FrontlineRun

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("whole run")]

OPEN_WITHIN_S = 30.0  # The promise is 10; the machine of the tests does other things meanwhile.
STOP_WITHIN_S = 10.0


@pytest.fixture
def new_run(tmp_path: Path) -> Iterator[Callable[..., FrontlineRun]]:
    """Makes runs, each in a folder of its own; whatever still runs at the end is stopped."""
    made: list[FrontlineRun] = []

    def make(name: str, **settings: str) -> FrontlineRun:
        made.append(FrontlineRun(tmp_path / name, **settings))
        return made[-1]

    yield make
    for run in made:
        run.kill()


def ready(run: FrontlineRun) -> bool:
    """Whether messages are accepted."""
    connection = http.client.HTTPConnection("127.0.0.1", run.port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return bool(json.load(connection.getresponse())["accepting"])
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def until(condition: Callable[[], object], limit_s: float) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + limit_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end
        pause.wait(0.05)


def gone(pids: dict[str, int]) -> bool:
    """Whether none of these runs any more."""
    return all(start_ticks(pid) is None for pid in pids.values())


def test_two_copies_run_beside_each_other_and_stop_on_ctrl_c(new_run: Callable[..., FrontlineRun]) -> None:
    """Each opens, is ready, and is gone within ten seconds with all it started."""
    runs = [new_run("one").start(), new_run("two").start()]
    for run in runs:
        run.wait_for("open: messages are accepted", OPEN_WITHIN_S)
        assert ready(run)
    first, second = runs
    pids = first.pids()
    assert {"redis", "gateway-1"} <= pids.keys()
    assert first.stop(signal.SIGINT, STOP_WITHIN_S) == 0
    assert gone(pids)
    assert ready(second)
    assert second.stop(signal.SIGTERM, STOP_WITHIN_S) == 0


def test_a_killed_parent_takes_everything_with_it_and_the_next_start_works(
    new_run: Callable[..., FrontlineRun],
) -> None:
    """The database, the append-only file and the sockets it left are no obstacle."""
    run = new_run("one").start()
    run.wait_for("open: messages are accepted", OPEN_WITHIN_S)
    pids = run.pids()
    run.kill()
    until(lambda: gone(pids), STOP_WITHIN_S)
    run.start()
    run.wait_for("open: messages are accepted", OPEN_WITHIN_S)
    assert ready(run)


def test_a_killed_gateway_and_a_killed_redis_come_back(new_run: Callable[..., FrontlineRun]) -> None:
    """By themselves, and the gateway finds the new Redis."""
    run = new_run("one").start()
    run.wait_for("open: messages are accepted", OPEN_WITHIN_S)
    for name in ("gateway-1", "redis"):
        before = run.pids()[name]
        os.kill(before, signal.SIGKILL)
        run.wait_for(f"{name} was ended by SIGKILL", STOP_WITHIN_S)
        until(lambda name=name, before=before: run.pids().get(name, before) != before, OPEN_WITHIN_S)  # type: ignore[misc]
        until(lambda: ready(run), OPEN_WITHIN_S)


def test_a_second_run_on_the_same_folder_is_refused(new_run: Callable[..., FrontlineRun]) -> None:
    """With the words that help, and without disturbing the first."""
    run = new_run("one").start()
    run.wait_for("open: messages are accepted", OPEN_WITHIN_S)
    second = new_run("one").start()
    second.wait_for("is in use by process", OPEN_WITHIN_S)
    assert second.process.wait(STOP_WITHIN_S) == 1
    assert ready(run)


def test_two_gateways_share_a_port_over_postgresql(new_run: Callable[..., FrontlineRun], postgres_url: str) -> None:
    """Both migrate at once and one of them does it; one may be killed while the other answers."""
    run = new_run("one", DATABASE_URL=postgres_url, GATEWAYS="2").start()
    run.wait_for("open: messages are accepted", OPEN_WITHIN_S)
    until(lambda: {"gateway-1", "gateway-2"} <= run.pids().keys(), OPEN_WITHIN_S)
    first = run.pids()["gateway-1"]
    os.kill(first, signal.SIGKILL)
    run.wait_for("gateway-1 was ended by SIGKILL", STOP_WITHIN_S)
    until(lambda: run.pids().get("gateway-1", first) != first, OPEN_WITHIN_S)
    until(lambda: ready(run), OPEN_WITHIN_S)
    assert not [line for line in run.said if "gateway-2 " in line]
    assert run.stop(signal.SIGTERM, STOP_WITHIN_S) == 0
