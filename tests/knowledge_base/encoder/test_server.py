"""The encoder on its socket: several gateways, bad frames, too much at once, restart and stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from core.encoder import MAX_TEXTS, EncoderClient
from core.errors import EncoderUnavailable
from knowledge_base.encoder.backends import FloatArray
from knowledge_base.encoder.choice import Loaded
from knowledge_base.encoder.errors import BadModel
from knowledge_base.encoder.server import EncoderServer, Limits


class CountingBackend:
    """Vectors made from the text's code points; records each run, and may be held up."""

    name = "counting"

    def __init__(self) -> None:
        self.runs: list[list[str]] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def encode(self, texts: Sequence[str]) -> FloatArray:
        self.runs.append(list(texts))
        assert self.go_on.wait(10)
        if "break" in texts:
            raise RuntimeError("asked to")
        return np.stack([vector_of(text) for text in texts])


def vector_of(text: str) -> FloatArray:
    """What the counting back end gives."""
    raw = np.array([len(text), sum(map(ord, text)) % 97, 1.0], np.float32)
    return np.asarray(raw / np.linalg.norm(raw), np.float32)


@contextlib.asynccontextmanager
async def serving(
    path: str, backend: CountingBackend, *, model_id: str = "m1", waiting: int = 1000
) -> AsyncIterator[EncoderServer]:
    """A server in this loop, ready when the block begins."""
    server = EncoderServer(Loaded(backend, model_id, 3, 0.0), path, Limits(waiting))
    task = asyncio.create_task(server.run())
    await server.ready.wait()
    try:
        yield server
    finally:
        backend.go_on.set()
        server.stop()
        await task


@contextlib.asynccontextmanager
async def connected(path: str, timeout_s: float = 10.0) -> AsyncIterator[EncoderClient]:
    """A client that is closed at the end."""
    client = EncoderClient(path, timeout_s)
    try:
        yield client
    finally:
        await client.close()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until it is so."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event, by design.
            await asyncio.sleep(0)


async def test_texts_come_back_as_rows_in_order(socket_path: str) -> None:
    """Normalised on the way, doubles and empty lists included."""
    async with serving(socket_path, CountingBackend()), connected(socket_path) as client:
        rows = await client.encode(["会员", "ＶＩＰ", "会员"])
        assert np.allclose(rows, [vector_of("会员"), vector_of("vip"), vector_of("会员")])
        assert (await client.encode([])).shape[0] == 0


async def test_a_known_text_is_not_encoded_again(socket_path: str) -> None:
    """The encoder remembers for all gateways, each client for itself."""
    backend = CountingBackend()
    async with serving(socket_path, backend), connected(socket_path) as one, connected(socket_path) as other:
        await one.encode(["会员"])
        await one.encode(["会员"])
        await other.encode([" 會員 "])
        assert backend.runs == [["会员"]]


async def test_what_arrives_during_a_run_shares_the_next(socket_path: str) -> None:
    """Requests of two gateways become one run."""
    backend = CountingBackend()
    backend.go_on.clear()
    async with serving(socket_path, backend), connected(socket_path) as one, connected(socket_path) as other:
        first = asyncio.create_task(one.encode(["a"]))
        await until(lambda: len(backend.runs) == 1)
        later = [asyncio.create_task(c.encode([t])) for c, t in ((one, "b"), (other, "c"), (other, "b"))]
        info = [await one.info(), await other.info()]
        assert info[1].waiting == 4
        backend.go_on.set()
        await asyncio.gather(first, *later)
        assert [sorted(run) for run in backend.runs] == [["a"], ["b", "c"]]


async def test_a_question_goes_before_the_rest_of_a_publish(socket_path: str) -> None:
    """A long request is cut into runs, and a short one waits for the present run only."""
    backend = CountingBackend()
    backend.go_on.clear()
    async with serving(socket_path, backend), connected(socket_path) as one, connected(socket_path) as other:
        publish = asyncio.create_task(one.encode([f"variant {i}" for i in range(100)]))
        await until(lambda: len(backend.runs) == 1)
        question = asyncio.create_task(other.encode(["question"]))
        await other.info()
        backend.go_on.set()
        rows = await publish
        await question
        assert "question" in backend.runs[1]
        assert np.allclose(rows[99], vector_of("variant 99"))


async def test_too_much_at_once_is_refused_at_once(socket_path: str) -> None:
    """What was waiting is answered all the same."""
    backend = CountingBackend()
    backend.go_on.clear()
    async with serving(socket_path, backend, waiting=3), connected(socket_path) as client:
        first = asyncio.create_task(client.encode(["a", "b", "c"]))
        await until(lambda: len(backend.runs) == 1)
        with pytest.raises(EncoderUnavailable, match="busy"):
            await client.encode(["d"])
        backend.go_on.set()
        assert (await first).shape == (3, 3)
        assert (await client.encode(["d"])).shape == (1, 3)


async def test_a_late_answer_is_unavailable_and_disturbs_nobody(socket_path: str) -> None:
    """The answer to the question given up is thrown away when it comes."""
    backend = CountingBackend()
    backend.go_on.clear()
    async with serving(socket_path, backend), connected(socket_path, timeout_s=0.05) as client:
        with pytest.raises(EncoderUnavailable, match="late"):
            await client.encode(["a"])
        backend.go_on.set()
        assert np.allclose(await client.encode(["b"], timeout_s=10), [vector_of("b")])


async def test_a_failing_run_fails_its_own_requests_only(socket_path: str) -> None:
    """The process serves on."""
    async with serving(socket_path, CountingBackend()), connected(socket_path) as client:
        with pytest.raises(EncoderUnavailable, match="RuntimeError"):
            await client.encode(["break"])
        assert np.allclose(await client.encode(["fine"]), [vector_of("fine")])


async def test_nobody_there_is_unavailable_until_somebody_is(socket_path: str) -> None:
    """The client needs no telling: the next call finds the encoder."""
    async with connected(socket_path) as client:
        with pytest.raises(EncoderUnavailable):
            await client.encode(["a"])
        async with serving(socket_path, CountingBackend()):
            assert (await client.encode(["a"])).shape == (1, 3)
        with pytest.raises(EncoderUnavailable):
            await client.encode(["b"])


async def test_another_model_after_a_restart_forgets_what_was_known(socket_path: str) -> None:
    """Vectors of two models never stand in one answer."""
    async with connected(socket_path) as client:
        async with serving(socket_path, CountingBackend(), model_id="m1"):
            await client.encode(["a"])
        backend = CountingBackend()
        async with serving(socket_path, backend, model_id="m2"):
            await until(lambda: True)
            with contextlib.suppress(EncoderUnavailable):
                await client.encode(["b"])
            assert (await client.info()).model_id == "m2"
            await client.encode(["a", "b"])
            assert "a" in [text for run in backend.runs for text in run]


async def test_bad_frames_end_their_connection_and_nothing_else(socket_path: str) -> None:
    """Too long, not JSON, an unknown operation, too many texts."""
    async with serving(socket_path, CountingBackend()), connected(socket_path) as client:
        for bad in (
            struct.pack(">I", 2**31),
            struct.pack(">II", 8, 4) + b"oops",
            struct.pack(">II", 6, 400) + b"{}",
            struct.pack(">I", 0),
        ):
            reader, writer = await asyncio.open_unix_connection(socket_path)
            writer.write(bad)
            assert await reader.read() == b""
            writer.close()
        with pytest.raises(EncoderUnavailable, match="not a request"):
            await client._ask("encode", ["x"] * (MAX_TEXTS + 1), None)
        with pytest.raises(EncoderUnavailable, match="not a request"):
            await client._ask("format", [], None)
        assert (await client.encode(["still here"])).shape == (1, 3)


async def test_a_stale_socket_is_replaced_and_a_live_one_is_not(socket_path: str) -> None:
    """What a killed encoder left behind does not hinder the next."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(socket_path)
    async with serving(socket_path, CountingBackend()), connected(socket_path) as client:
        with pytest.raises(BadModel, match="another encoder"):
            await EncoderServer(Loaded(CountingBackend(), "m", 3, 0.0), socket_path).run()
        assert (await client.encode(["a"])).shape == (1, 3)


async def test_a_path_too_long_for_a_socket_is_said_so() -> None:
    """The kernel's own message names neither the path nor the limit."""
    with pytest.raises(BadModel, match="longer than"):
        await EncoderServer(Loaded(CountingBackend(), "m", 3, 0.0), "/" + "x" * 120).run()


async def test_the_process_serves_the_default_model_and_stops_when_told(
    start_process: Callable[[], subprocess.Popen[bytes]], socket_path: str
) -> None:
    """As `frontline run` starts and stops it: SIGTERM, socket gone, status 0."""
    process = start_process()
    try:
        async with connected(socket_path) as client:
            async with asyncio.timeout(60):
                while not Path(socket_path).exists():
                    assert process.poll() is None
                    await asyncio.sleep(0.02)
            info = await client.info()
            assert info.pid == process.pid
            assert info.backend.startswith("onnx-")
            near, same, far = await client.encode(["密码忘了怎么办", "忘记密码了如何处理", "今天天气不错"])
            assert float(near @ same) > float(near @ far)
            assert np.allclose(np.linalg.norm([near, same, far], axis=1), 1.0, atol=1e-5)
    finally:
        process.send_signal(signal.SIGTERM)
        output = await asyncio.to_thread(process.communicate)
    assert process.returncode == 0, output
    assert not Path(socket_path).exists()
