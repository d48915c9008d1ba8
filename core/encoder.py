"""The client of the encoder process, and the frames that both ends speak.

A frame is a big-endian uint32 with the length of what follows: a big-endian uint32 with the length of a header, the
header as JSON, and after it, in an answer to `encode`, the vectors as little-endian float32, row after row. Requests
carry an `id` that the answer repeats; several may be on the way at once, and answers come in any order.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from core.errors import EncoderUnavailable
from core.normaliser import normalise

FloatArray = npt.NDArray[np.float32]

MAX_FRAME = 16 * 1024 * 1024
MAX_TEXTS = 64
"""Texts in one request. The client cuts longer lists, so that a publish never makes a customer's question wait long."""

# As many questions as are worth a copy in each gateway; the encoder has a far larger one for all of them.
_CACHED_VECTORS = 4096
_LENGTH = struct.Struct(">I")


class Request(msgspec.Struct, frozen=True):
    """`op` is `encode` or `info`; `texts` belong to `encode`."""

    id: int
    op: str
    texts: list[str] = []


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """`rows` × `dim` floats follow an answer to `encode`; `error` is empty when it went well."""

    id: int
    error: str = ""
    model_id: str = ""
    rows: int = 0
    dim: int = 0
    info: dict[str, Any] = {}


class EncoderInfo(msgspec.Struct, frozen=True):
    """What the encoder says of itself. Vectors are kept under `model_id`, and never mixed with another's."""

    model_id: str
    dim: int
    backend: str
    pid: int
    encoded: int
    cached: int
    waiting: int


def pack_frame(header: Request | Reply, vectors: bytes = b"") -> bytes:
    """One frame, ready to be sent."""
    head = msgspec.json.encode(header)
    return _LENGTH.pack(_LENGTH.size + len(head) + len(vectors)) + _LENGTH.pack(len(head)) + head + vectors


async def read_frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Header and rest of the next frame. Raises ValueError on one that is too long or malformed."""
    (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if not _LENGTH.size <= size <= MAX_FRAME:
        raise ValueError(f"a frame of {size} bytes")
    body = await reader.readexactly(size)
    (head,) = _LENGTH.unpack_from(body)
    if head > size - _LENGTH.size:
        raise ValueError(f"a header of {head} bytes in a frame of {size}")
    return body[_LENGTH.size : _LENGTH.size + head], body[_LENGTH.size + head :]


class EncoderClient:
    """One connection to the encoder, opened when first needed and again after it broke.

    Any number of tasks may call at once. Every failure, lateness included, is `EncoderUnavailable`: the caller
    searches without vectors then. A call that fails is not tried again here.
    """

    def __init__(self, socket_path: str, timeout_s: float = 1.0) -> None:
        self._path = socket_path
        self._timeout_s = timeout_s
        self._writer: asyncio.StreamWriter | None = None
        self._listener: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[tuple[Reply, bytes]]] = {}
        self._connecting = asyncio.Lock()
        self._next_id = 0
        self._cache: OrderedDict[str, FloatArray] = OrderedDict()
        self._model_id = ""

    async def encode(self, texts: Sequence[str], *, timeout_s: float | None = None) -> FloatArray:
        """One vector of length one per text, as rows. Texts are normalised first, as in the index.

        `timeout_s` is for each request of up to `MAX_TEXTS` texts; a publish may want more than a question.
        """
        wanted = [normalise(text) for text in texts]
        known = {text: self._cache[text] for text in wanted if text in self._cache}
        missing = list(dict.fromkeys(text for text in wanted if text not in known))
        for at in range(0, len(missing), MAX_TEXTS):
            part = missing[at : at + MAX_TEXTS]
            reply, payload = await self._ask("encode", part, timeout_s)
            if self._model_id and reply.model_id != self._model_id and known:
                # The encoder came back with another model, and its vectors do not mix with the ones we know.
                self._remember(reply.model_id, {})
                return await self.encode(texts, timeout_s=timeout_s)
            rows = _vectors(reply, payload, len(part))
            fresh = dict(zip(part, rows, strict=True))
            self._remember(reply.model_id, fresh)
            known.update(fresh)
        for text in known:
            if text in self._cache:
                self._cache.move_to_end(text)
        if not wanted:
            return np.empty((0, 0), np.float32)
        return np.stack([known[text] for text in wanted])

    async def info(self) -> EncoderInfo:
        """Which model serves, and how busy it is."""
        reply, _ = await self._ask("info", [], None)
        try:
            info = msgspec.convert(reply.info, EncoderInfo)
        except msgspec.ValidationError as exc:
            raise EncoderUnavailable(f"the encoder's answer is malformed: {exc}") from exc
        if info.model_id != self._model_id:
            self._remember(info.model_id, {})
        return info

    async def close(self) -> None:
        """Let go of the connection; calls on the way fail. The next call opens it again."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listener
        self._drop("the client was closed")

    def _remember(self, model_id: str, fresh: dict[str, FloatArray]) -> None:
        if model_id != self._model_id:
            self._cache.clear()
            self._model_id = model_id
        self._cache.update(fresh)
        while len(self._cache) > _CACHED_VECTORS:
            self._cache.popitem(last=False)

    async def _ask(self, op: str, texts: list[str], timeout_s: float | None) -> tuple[Reply, bytes]:
        request_id = self._next_id = self._next_id + 1
        try:
            async with asyncio.timeout(timeout_s or self._timeout_s):
                writer = await self._connected()
                answer: asyncio.Future[tuple[Reply, bytes]] = asyncio.get_running_loop().create_future()
                self._waiting[request_id] = answer
                writer.write(pack_frame(Request(request_id, op, texts)))
                await writer.drain()
                reply, payload = await answer
        except TimeoutError as exc:
            raise EncoderUnavailable("the encoder is late") from exc
        except (OSError, EOFError) as exc:
            raise EncoderUnavailable(f"the encoder does not answer: {exc}") from exc
        finally:
            self._waiting.pop(request_id, None)
        if reply.error:
            raise EncoderUnavailable(f"the encoder refused: {reply.error}")
        return reply, payload

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is not None and self._listener is not None and not self._listener.done():
                return self._writer
            reader, self._writer = await asyncio.open_unix_connection(self._path, limit=2**20)
            self._listener = asyncio.create_task(self._listen(reader, self._writer), name="encoder-client")
            return self._writer

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand each answer to who waits for it, until the connection ends."""
        reason = "it closed the connection"
        try:
            while True:
                head, payload = await read_frame(reader)
                reply = msgspec.json.decode(head, type=Reply)
                answer = self._waiting.get(reply.id)
                if answer is not None and not answer.done():
                    answer.set_result((reply, payload))
        except (OSError, EOFError, ValueError, msgspec.MsgspecError) as exc:
            reason = str(exc) or reason
        finally:
            writer.close()
            if self._writer is writer:
                self._drop(reason)

    def _drop(self, reason: str) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError(reason))


def _vectors(reply: Reply, payload: bytes, expected: int) -> FloatArray:
    if reply.rows != expected or len(payload) != 4 * reply.rows * reply.dim:
        raise EncoderUnavailable("the encoder's answer has the wrong size")
    return np.frombuffer(payload, "<f4").reshape(reply.rows, reply.dim).astype(np.float32)
