"""The encoder process: a Unix socket in front of one model, for all gateways of this machine.

The frames are described in `core/encoder.py`. A request is `encode` or `info`; a malformed frame ends its connection
and nothing else. On SIGTERM or SIGINT the socket disappears, what is waiting is answered, and the process ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from core.encoder import MAX_TEXTS, EncoderInfo, Reply, Request, pack_frame, read_frame
from core.errors import EncoderUnavailable
from knowledge_base.encoder.batching import Batcher
from knowledge_base.encoder.choice import Loaded
from knowledge_base.encoder.errors import BadModel

log = structlog.get_logger()

# The kernel's limit on the path of a Unix socket, without its closing zero.
_LONGEST_PATH = 107
_UNREADY = ".new"
# One peer may have so many requests on the way; the next is read when one is answered.
_AT_ONCE = 64
_STOP_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may wait before the encoder refuses."""

    waiting_texts: int = 8192


class EncoderServer:
    """Serves one loaded model. `run` returns after `stop`, or after a signal when it installed the handlers."""

    def __init__(self, loaded: Loaded, path: str, limits: Limits | None = None) -> None:
        self._loaded = loaded
        self._path = path
        self._batcher = Batcher(loaded.backend, (limits or Limits()).waiting_texts)
        self._stopped = asyncio.Event()
        self.ready = asyncio.Event()
        self._peers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def run(self, *, signals: bool = False) -> None:
        """Listen until stopped. Raises BadModel when the path is taken or too long."""
        _clear_stale(self._path)
        if signals:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
        self._batcher.start()
        # A socket has a file before it listens. Renamed afterwards, it appears only when it can be connected to; and
        # it is for this account alone.
        unready = f"{self._path}{_UNREADY}"
        Path(unready).unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(self._serve, unready, limit=2**20)
        finally:
            os.umask(before)
        os.replace(unready, self._path)
        log.info(
            "encoder.ready",
            model_id=self._loaded.model_id,
            backend=self._loaded.backend.name,
            dim=self._loaded.dim,
            probe_ms=round(self._loaded.probe_ms, 2),
        )
        self.ready.set()
        try:
            await self._stopped.wait()
        finally:
            server.close()
            Path(self._path).unlink(missing_ok=True)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_WITHIN_S):
                    await self._batcher.stop()
            # One turn of the loop lets the last answers be written; closing sends what is written, then ends the peers.
            await asyncio.sleep(0)
            for writer in self._peers.values():
                writer.close()
            await asyncio.gather(*self._peers, return_exceptions=True)
            log.info("encoder.stopped", encoded=self._batcher.encoded)

    def stop(self) -> None:
        """Begin to stop; twice is harmless."""
        self._stopped.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = asyncio.current_task()
        assert peer is not None
        self._peers[peer] = writer
        at_once = asyncio.Semaphore(_AT_ONCE)
        answers: set[asyncio.Task[None]] = set()
        try:
            while True:
                head, _ = await read_frame(reader)
                request = msgspec.json.decode(head, type=Request)
                await at_once.acquire()
                answer = asyncio.create_task(self._answer(request, writer, at_once))
                answers.add(answer)
                answer.add_done_callback(answers.discard)
        except (OSError, EOFError):
            pass
        except (ValueError, msgspec.MsgspecError) as exc:
            log.warning("encoder.malformed_frame", reason=str(exc)[:200])
        finally:
            self._peers.pop(peer, None)
            for answer in answers:
                answer.cancel()
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter, at_once: asyncio.Semaphore) -> None:
        try:
            reply, vectors = await self._reply(request)
            writer.write(pack_frame(reply, vectors))
            await writer.drain()
        except OSError:
            # The peer is gone; its reader notices and cleans up.
            return
        finally:
            at_once.release()

    async def _reply(self, request: Request) -> tuple[Reply, bytes]:
        model_id = self._loaded.model_id
        if request.op == "info":
            info = msgspec.to_builtins(self._info())
            return Reply(request.id, model_id=model_id, info=info), b""
        if request.op != "encode" or not 0 < len(request.texts) <= MAX_TEXTS:
            return Reply(request.id, error="not a request that this encoder knows"), b""
        try:
            rows = await self._batcher.encode(request.texts)
        except EncoderUnavailable as exc:
            return Reply(request.id, error=exc.detail), b""
        return Reply(request.id, "", model_id, rows.shape[0], rows.shape[1]), rows.astype("<f4").tobytes()

    def _info(self) -> EncoderInfo:
        return EncoderInfo(
            model_id=self._loaded.model_id,
            dim=self._loaded.dim,
            backend=self._loaded.backend.name,
            pid=os.getpid(),
            encoded=self._batcher.encoded,
            cached=self._batcher.cached,
            waiting=self._batcher.waiting,
        )


def _clear_stale(path: str) -> None:
    """Remove a socket that nobody listens on; refuse to take one that somebody does."""
    longest = _LONGEST_PATH - len(_UNREADY)
    if len(os.fsencode(path)) > longest:
        raise BadModel(f"the path of the encoder's socket is longer than {longest} bytes: {path}")
    if not Path(path).is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            Path(path).unlink(missing_ok=True)
            return
    raise BadModel(f"another encoder listens on {path}")
