"""The assistant (Rasa), as a turn sees it. The wire is written down in `nlu/README.md`.

The assistant is asked at most once per exchange, waits have a limit, and whatever it does wrong (late, down, empty,
nonsense) becomes AssistantUnavailable or an empty turn: the knowledge base then answers alone.
"""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

import aiohttp
import msgspec
import structlog

from core.counters import Counters
from core.errors import AssistantBusy, AssistantUnavailable

log = structlog.get_logger(__name__)

# What the assistant reads of a text; longer ones are stories whose beginning tells the matter.
MAX_CHARACTERS = 1_000
# A turn has a handful of short messages; more is not an answer.
_MAX_BYTES = 256 * 1024
_MAX_TRACKER_BYTES = 8 * 1024 * 1024
# After this many failures in a row the assistant is left alone for a while.
_FAILURES_TO_OPEN = 5
_OPEN_S = 5.0
# An assistant thinks about one message at a time. One more keeps it busy; the others wait here, where waiting
# costs it nothing: sent at once they would all be late, and it would work for answers that nobody uses.
_AT_ONCE = 2
_RECALL_TIMEOUT_S = 1.5


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that the assistant wants said or done: a kind of `nlu/README.md` with its text and buttons by id."""

    kind: str
    text_id: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    choices: tuple[tuple[str, str], ...] = ()  # (id, label id)


@dataclass(frozen=True, slots=True)
class AssistantTurn:
    """What the assistant made of a message. `active_form` and `slots` are as they stand after it."""

    said: tuple[Said, ...]
    intent: str | None
    confidence: float
    ranking: tuple[tuple[str, float], ...] = ()
    active_form: str | None = None
    requested_slot: str | None = None
    slots: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What the assistant is asked. `drop_form`: it knows of a turn that the customer never saw."""

    slot: int
    episode_id: str
    exchange_id: str
    conversation_id: str
    request_id: str
    epoch: int
    text: str
    choice: str | None = None
    drop_form: bool = False
    profile: Mapping[str, str] = field(default_factory=dict)


class Assistant(Protocol):
    """The real one is `RasaAssistant`; tests have `NullAssistant` and `ScriptedAssistant`."""

    def up(self, slot: int) -> bool:
        """Whether asking makes sense at the moment."""

    async def ask(self, question: Question) -> AssistantTurn | None:
        """Ask, within the time limit. None when no turn was made.

        Raises AssistantBusy when it was not asked, AssistantUnavailable when nobody knows what it made of it.
        """

    async def recall(self, slot: int, episode_id: str, exchange_id: str) -> AssistantTurn | None:
        """What it said to that exchange, or None when it never heard of it. Raises AssistantUnavailable."""


def plain(text: str) -> str:
    """The text as the assistant may read it: a leading slash would be taken for a command, in any width."""
    text = unicodedata.normalize("NFKC", text).strip()
    while text[:1] in ("/", "\\") or (text[:1] and unicodedata.category(text[0]) in ("Cf", "Cc", "Zs")):
        text = text[1:].lstrip()
    return text[:MAX_CHARACTERS].strip() or "?"


@dataclass(slots=True)
class _Breaker:
    """Open after failures in a row; half open when its time is over: one call may try."""

    failures: int = 0
    open_until: float = 0.0

    def closed(self) -> bool:
        return time.monotonic() >= self.open_until

    def failed(self) -> None:
        self.failures += 1
        if self.failures >= _FAILURES_TO_OPEN:
            self.open_until = time.monotonic() + _OPEN_S

    def worked(self) -> None:
        self.failures = 0
        self.open_until = 0.0


class RasaAssistant:
    """Talks to one Rasa process per slot. The session is the gateway's and is closed by it."""

    def __init__(
        self, session: aiohttp.ClientSession, urls: Sequence[str], token: str, timeout_s: float, counters: Counters
    ) -> None:
        self._session = session
        self._urls = [url.rstrip("/") for url in urls]
        self._token = token
        self._timeout_s = timeout_s
        self._counters = counters
        self._breakers = [_Breaker() for _ in self._urls]
        self._places = [asyncio.Semaphore(_AT_ONCE) for _ in self._urls]
        self._models: dict[int, str] = {}

    @property
    def slots(self) -> int:
        """How many assistants there are."""
        return len(self._urls)

    def up(self, slot: int) -> bool:
        return bool(self._urls) and self._breakers[self._at(slot)].closed()

    async def ask(self, question: Question) -> AssistantTurn | None:
        at = self._at(question.slot)
        metadata: dict[str, Any] = {
            "exchange_id": question.exchange_id,
            "request_id": question.request_id,
            "conversation_id": question.conversation_id,
            "epoch": question.epoch,
            "profile": {key: value for key, value in question.profile.items() if value},
        }
        if question.choice:
            metadata["choice"] = question.choice
        if question.drop_form:
            metadata["form"] = "drop"
        body = {"sender": question.episode_id, "message": plain(question.text), "metadata": metadata}
        async with self._place(at) as waited_s:
            started = time.monotonic()
            limit_s = self._timeout_s - waited_s
            data = await self._call(at, "POST", "/webhooks/rest/webhook", limit_s, _MAX_BYTES, body)
            self._counters.observe("assistant_seconds", time.monotonic() - started)
        return read_turn([_dict(each).get("custom") for each in _list(data)], self._models.get(at))

    async def recall(self, slot: int, episode_id: str, exchange_id: str) -> AssistantTurn | None:
        path = f"/conversations/{quote(episode_id, safe='')}/tracker?include_events=ALL&token={quote(self._token)}"
        data = await self._call(self._at(slot), "GET", path, _RECALL_TIMEOUT_S, _MAX_TRACKER_BYTES, None)
        events = data.get("events") if isinstance(data, dict) else None
        return read_turn(_answers_to(exchange_id, _list(events)), self._models.get(self._at(slot)))

    async def probe(self, slot: int) -> str | None:
        """The model that an assistant has loaded, or None while it is not ready. Never raises."""
        at = self._at(slot)
        try:
            data = await self._call(at, "GET", f"/status?token={quote(self._token)}", 2.0, _MAX_BYTES, None)
        except AssistantUnavailable:
            return None
        model = str(data.get("model_file") or "") if isinstance(data, dict) else ""
        self._models[at] = model.rpartition("/")[2][:80]
        return self._models[at] or None

    @asynccontextmanager
    async def _place(self, at: int) -> AsyncIterator[float]:
        """Wait for a place, for at most half of the time that a turn has for the assistant; yields the seconds it took.

        Nobody is let in when the assistant cannot answer in what is left.
        """
        places, began = self._places[at], time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s / 2):
                await places.acquire()
        except TimeoutError as exc:
            self._counters.count("assistant_failures", reason="busy")
            raise AssistantBusy("no place") from exc
        try:
            yield time.monotonic() - began
        finally:
            places.release()

    def _at(self, slot: int) -> int:
        if not self._urls:
            raise AssistantUnavailable("none configured")
        # After an operator took assistants away, old episodes find another one; it knows nothing, and says so.
        return slot % len(self._urls)

    async def _call(
        self, at: int, method: str, path: str, timeout_s: float, limit: int, body: dict[str, Any] | None
    ) -> Any:
        breaker = self._breakers[at]
        if not breaker.closed():
            raise AssistantUnavailable("resting")
        try:
            async with asyncio.timeout(timeout_s):
                headers = {"Authorization": f"Bearer {self._token}"}
                async with self._session.request(
                    method,
                    self._urls[at] + path,
                    json=body,
                    headers=headers,
                    allow_redirects=False,
                ) as response:
                    data = await _read(response, limit)
                    if response.status != 200:
                        raise AssistantUnavailable(f"status {response.status}")
            decoded = msgspec.json.decode(data)
        except TimeoutError as exc:
            breaker.failed()
            self._counters.count("assistant_failures", reason="late")
            raise AssistantUnavailable("late") from exc
        except (aiohttp.ClientError, OSError, ValueError, RecursionError, AssistantUnavailable) as exc:
            breaker.failed()
            self._counters.count("assistant_failures", reason="broken")
            raise AssistantUnavailable(type(exc).__name__) from exc
        breaker.worked()
        return decoded


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        data += chunk
        if len(data) > limit:
            raise AssistantUnavailable("too much")
    return bytes(data)


def _answers_to(exchange_id: str, events: Sequence[Any]) -> list[Any]:
    """The payloads between the customer's message and the next one."""
    found: list[Any] = []
    inside = False
    for event in events:
        if not isinstance(event, dict):
            continue
        if event.get("event") == "user":
            inside = _dict(event.get("metadata")).get("exchange_id") == exchange_id
            if inside:
                found = []
        elif inside and event.get("event") == "bot":
            found.append(_dict(event.get("data")).get("custom"))
    return found


def read_turn(payloads: Sequence[Any], model: str | None = None) -> AssistantTurn | None:
    """Read the payloads of one turn; None without its closing `turn` (nothing was made of the message)."""
    said: list[Said] = []
    turn: Mapping[str, Any] | None = None
    for payload in payloads:
        if not isinstance(payload, dict):
            continue
        kind = str(payload.get("kind") or "")
        if kind == "turn":
            turn = payload
        elif kind:
            said.append(_said(kind, payload))
    if turn is None:
        return None
    intent = _dict(turn.get("intent"))
    return AssistantTurn(
        said=tuple(said),
        intent=_text(intent.get("name"), 40),
        confidence=_number(intent.get("confidence")),
        ranking=tuple(
            (str(each.get("name")), _number(each.get("confidence")))
            for each in _list(turn.get("ranking"))
            if isinstance(each, dict)
        ),
        active_form=_text(turn.get("active_form"), 60),
        requested_slot=_text(turn.get("requested_slot"), 60),
        slots=_dict(turn.get("slots")),
        model=model,
    )


def _said(kind: str, payload: Mapping[str, Any]) -> Said:
    choices = tuple(
        (str(each["id"]), str(each["label_id"]))
        for each in _list(payload.get("choices"))
        if isinstance(each, dict) and each.get("id") and each.get("label_id")
    )
    return Said(kind, _text(payload.get("text_id"), 80), _dict(payload.get("params")), choices)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, limit: int) -> str | None:
    return value[:limit] if isinstance(value, str) and value else None


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
