"""Requests of all gateways, gathered into runs of the model.

    asked ──► waiting (two lines: short requests first) ──► one run at a time in a thread ──► answered

While a run computes, whatever arrives is gathered for the next one, so the load itself makes the batches and a lone
question never waits for company. Short requests (a customer's question) go before long ones (a publish), and long
ones are cut at the size of a run, so a question waits for one run at most.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from core.errors import EncoderUnavailable
from core.normaliser import normalise
from knowledge_base.encoder.backends import Backend, FloatArray

# A request of more texts is not a customer's question.
_SHORT = 4
# Texts in one run: about 40 ms on one core, which is the longest that a question waits behind a publish. Larger
# runs would gain nothing, as eight texts keep a core busy.
_RUN = 8
# 20,000 vectors of 384 floats are 30 MB.
_CACHED = 20_000


@dataclass(eq=False)
class _Wanted:
    """One request: which of its texts have vectors by now, and who waits for the rest."""

    texts: list[str]
    done: asyncio.Future[FloatArray]
    vectors: dict[str, FloatArray] = field(default_factory=dict)

    def missing(self) -> list[str]:
        return [text for text in self.texts if text not in self.vectors]


class Batcher:
    """Encodes for many at once. `start` it in a running loop; `stop` answers what is waiting, then ends."""

    def __init__(self, backend: Backend, max_waiting: int) -> None:
        self._backend = backend
        self._max_waiting = max_waiting
        self._short: deque[_Wanted] = deque()
        self._long: deque[_Wanted] = deque()
        self._something = asyncio.Event()
        self._cache: OrderedDict[str, FloatArray] = OrderedDict()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encode")
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.encoded = 0
        self.waiting = 0

    @property
    def cached(self) -> int:
        """Vectors kept."""
        return len(self._cache)

    def start(self) -> None:
        """Begin to work."""
        self._task = asyncio.create_task(self._work(), name="encoder-batches")

    async def stop(self) -> None:
        """Finish what is waiting and refuse what comes after."""
        self._stopping = True
        self._something.set()
        if self._task is not None:
            await self._task
        self._pool.shutdown()

    async def encode(self, texts: Sequence[str]) -> FloatArray:
        """Vectors as rows. Refuses at once, with EncoderUnavailable, when too many texts are waiting."""
        wanted = _Wanted([normalise(text) for text in texts], asyncio.get_running_loop().create_future())
        self._take_known(wanted)
        missing = len(set(wanted.missing()))
        if not missing:
            return _rows(wanted)
        if self._stopping:
            raise EncoderUnavailable("stopping")
        if self.waiting + missing > self._max_waiting:
            raise EncoderUnavailable("busy")
        self.waiting += missing
        (self._short if missing <= _SHORT else self._long).append(wanted)
        self._something.set()
        try:
            return await wanted.done
        finally:
            self.waiting -= missing

    def _take_known(self, wanted: _Wanted) -> None:
        for text in wanted.texts:
            vector = self._cache.get(text)
            if vector is not None:
                self._cache.move_to_end(text)
                wanted.vectors[text] = vector

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            requests, texts = self._next_run()
            if not requests:
                if self._stopping:
                    return
                self._something.clear()
                await self._something.wait()
                continue
            try:
                vectors = await loop.run_in_executor(self._pool, self._backend.encode, texts)
            # Whatever the model's libraries raise belongs to these requests; the process serves on.
            except Exception as exc:
                for wanted in requests:
                    if not wanted.done.done():
                        wanted.done.set_exception(EncoderUnavailable(f"encoding failed: {type(exc).__name__}"))
                continue
            self._keep(texts, vectors)
            self._answer(requests, dict(zip(texts, vectors, strict=True)))

    def _next_run(self) -> tuple[list[_Wanted], list[str]]:
        """Requests with a part in the next run, and its texts, each once."""
        requests: list[_Wanted] = []
        texts: dict[str, None] = {}
        for line in (self._short, self._long):
            while line and len(texts) < _RUN:
                wanted = line.popleft()
                if wanted.done.done():
                    continue
                self._take_known(wanted)
                for text in wanted.missing()[: max(1, _RUN - len(texts))]:
                    texts[text] = None
                requests.append(wanted)
        return requests, list(texts)

    def _keep(self, texts: list[str], vectors: FloatArray) -> None:
        self.encoded += len(texts)
        for text, vector in zip(texts, vectors, strict=True):
            self._cache[text] = vector
        while len(self._cache) > _CACHED:
            self._cache.popitem(last=False)

    def _answer(self, requests: list[_Wanted], fresh: dict[str, FloatArray]) -> None:
        for wanted in reversed(requests):
            wanted.vectors.update({text: fresh[text] for text in wanted.missing() if text in fresh})
            if wanted.done.done():
                continue
            if wanted.missing():
                (self._short if len(wanted.texts) <= _SHORT else self._long).appendleft(wanted)
            else:
                wanted.done.set_result(_rows(wanted))


def _rows(wanted: _Wanted) -> FloatArray:
    return np.stack([wanted.vectors[text] for text in wanted.texts])
