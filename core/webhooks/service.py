"""Tell others what happened: noted in the transaction of what happened, sent afterwards until it arrived."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import msgspec
import structlog

from core.clock import Clock, rfc3339
from core.db import Database, Tx
from core.errors import DatabaseUnavailable, Invalid
from core.ids import new_id
from core.secrets import Secrets
from core.webhooks import signing, store
from core.webhooks.addresses import Blocked, OpenResolver, check_url
from core.webhooks.store import Attempt, Delivery, Webhook

log = structlog.get_logger(__name__)

KINDS = (
    "ticket.created",
    "ticket.state_changed",
    "ticket.changed",
    "ticket.message",
    "ticket.rated",
    "sla.warning",
    "sla.breached",
    "sla.escalated",
    "handoff.requested",
    "handoff.accepted",
    "handoff.returned",
    "handoff.ended",
)
_FAMILIES = frozenset(f"{kind.partition('.')[0]}.*" for kind in KINDS)
PING = "ping"

TIMEOUT_S = 10.0
# 10 s, 30 s, 2 min … after the last one nobody is listening any more, and a person has to look.
_BACK_OFF_S = (10, 30, 120, 600, 1_800, 7_200, 21_600)
MOST_ATTEMPTS = len(_BACK_OFF_S) + 1
_BATCH = 32
_AT_ONCE = 8
_POLL_S = 1.0
_KNOWN_FOR_S = 5.0
_KEPT = timedelta(days=30)
_PREVIOUS_KEY = timedelta(hours=24)
_SWEEP_S = 3600.0
_ANSWER_BYTES = 500


class Webhooks:
    """One per gateway. `emit` may be called by anybody with an open transaction; `run` sends."""

    def __init__(self, db: Database, clock: Clock, secrets: Secrets, *, private: bool = False) -> None:
        """`private` lets webhooks go to loopback and private addresses, and over http."""
        self._db = db
        self._clock = clock
        self._secrets = secrets
        self._private = private
        self._known: tuple[float, list[Webhook]] | None = None
        self._wake = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self._swept = 0.0

    async def emit(
        self, tx: Tx, kind: str, *, subject: str, data: Mapping[str, Any], text: Mapping[str, str] | None = None
    ) -> None:
        """Leave an event for whoever wants to hear of it. `data` holds codes and ids, `text` masked words, which
        only those get who asked for them. Events of one subject arrive in the order of their transactions."""
        wanted = [each for each in await self._receivers(tx) if each.wants(kind)]
        if not wanted:
            return
        event_id, now = new_id("evt"), self._clock.now()
        for each in wanted:
            told = {**data, **(text or {})} if each.with_text else dict(data)
            body = body_of(event_id, kind, now, subject, told)
            await store.put(tx, webhook_id=each.id, event_id=event_id, kind=kind, subject=subject, body=body, now=now)
        tx.after_commit(self._wake.set)

    async def _receivers(self, tx: Tx) -> list[Webhook]:
        """Who is enabled; read again after a while, since most installations have none and much happens."""
        now = time.monotonic()
        if self._known is None or now - self._known[0] > _KNOWN_FOR_S:
            self._known = (now, [each for each in await store.all_of(tx) if each.disabled_at is None])
        return self._known[1]

    def _forget(self) -> None:
        self._known = None

    # What administrators do.

    async def add(
        self, tx: Tx, *, name: str, url: str, kinds: list[str], with_text: bool, by: str
    ) -> tuple[Webhook, str]:
        """A new receiver and its key, which is shown this once."""
        made = await store.create(
            tx,
            name=name,
            url=check_url(url, private=self._private),
            kinds=_checked(kinds),
            with_text=with_text,
            by=by,
            now=self._clock.now(),
        )
        tx.after_commit(self._forget)
        return made, signing.key_of(self._secrets, made.id, made.key_number)

    async def change(
        self,
        tx: Tx,
        webhook_id: str,
        *,
        name: str | None = None,
        url: str | None = None,
        kinds: list[str] | None = None,
        with_text: bool | None = None,
        disabled: bool | None = None,
    ) -> Webhook:
        """Change what is named. While it is disabled nothing new is noted for it, and what waits goes on waiting."""
        values: dict[str, Any] = {}
        if name is not None:
            values["name"] = name
        if url is not None:
            values["url"] = check_url(url, private=self._private)
        if kinds is not None:
            values["kinds"] = _checked(kinds)
        if with_text is not None:
            values["with_text"] = with_text
        if disabled is not None:
            values["disabled_at"] = self._clock.now() if disabled else None
        await store.get(tx, webhook_id)
        changed = await store.change(tx, webhook_id, **values)
        tx.after_commit(self._forget)
        tx.after_commit(self._wake.set)
        return changed

    async def rotate(self, tx: Tx, webhook_id: str) -> tuple[Webhook, str]:
        """A new key, shown this once; for a day the one before signs beside it, so that no call is lost."""
        known = await store.get(tx, webhook_id)
        changed = await store.change(
            tx, known.id, key_number=known.key_number + 1, previous_until=self._clock.now() + _PREVIOUS_KEY
        )
        tx.after_commit(self._forget)
        return changed, signing.key_of(self._secrets, changed.id, changed.key_number)

    async def remove(self, tx: Tx, webhook_id: str) -> None:
        """Forget a receiver and its log."""
        await store.remove(tx, webhook_id)
        tx.after_commit(self._forget)

    async def again(self, tx: Tx, delivery_id: str) -> Delivery:
        """Send something once more."""
        tx.after_commit(self._wake.set)
        return await store.again(tx, delivery_id, self._clock.now())

    async def test(self, webhook_id: str) -> Delivery:
        """Send a call of kind `ping` now, and only once; it stands in the log like any other."""
        now, event_id = self._clock.now(), new_id("evt")
        async with self._db.begin() as tx:
            webhook = await store.get(tx, webhook_id)
            body = body_of(event_id, PING, now, f"webhook:{webhook.id}", {})
            one = await store.put(
                tx,
                webhook_id=webhook.id,
                event_id=event_id,
                kind=PING,
                subject=event_id,
                body=body,
                now=now,
                claimed_until=now + store.CLAIM,
            )
        tried = await self._try(webhook, one)
        async with self._db.begin() as tx:
            state = store.SENT if _arrived(tried) else store.DEAD
            return await store.settle(tx, one, tried, state=state, due_at=now, now=self._clock.now())

    # Sending.

    async def send_due(self) -> int:
        """Send what is due now; return how many tries were made."""
        async with self._db.read() as tx:
            receivers = {each.id: each for each in await store.all_of(tx)}
        if not receivers:
            return 0
        async with self._db.begin() as tx:
            taken = await store.claim(tx, self._clock.now(), _BATCH)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def send(one: Delivery) -> None:
            async with gate:
                try:
                    await self._send(receivers[one.webhook_id], one)
                except DatabaseUnavailable:
                    # Its claim runs out, and it is sent once more under the same id.
                    log.warning("webhooks.unsettled", delivery_id=one.id)

        async with asyncio.TaskGroup() as group:
            for one in taken:
                if one.webhook_id in receivers:
                    group.create_task(send(one))
        return len(taken)

    async def _send(self, webhook: Webhook, one: Delivery) -> None:
        tried = await self._try(webhook, one)
        now = self._clock.now()
        state, due_at = store.SENT, now
        if not _arrived(tried):
            state = store.DEAD if one.attempts + 1 >= MOST_ATTEMPTS else store.WAITING
            wait = _BACK_OFF_S[min(one.attempts, len(_BACK_OFF_S) - 1)]
            # Receivers that come back should not be met by everything at once.
            due_at = now + timedelta(seconds=wait * random.uniform(1.0, 1.2))  # noqa: S311 - spreads load only
            log.warning("webhooks.failed", webhook_id=webhook.id, delivery_id=one.id, state=state, error=tried.error)
        async with self._db.begin() as tx:
            await store.settle(tx, one, tried, state=state, due_at=due_at, now=now)
        if state == store.SENT:
            self._wake.set()

    async def _try(self, webhook: Webhook, one: Delivery) -> Attempt:
        began, at = time.perf_counter(), self._clock.now()
        body = one.body.encode()
        headers = signing.headers(self._keys(webhook), one.kind, one.event_id, int(at.timestamp()), body)
        status: int | None = None
        error: str | None = None
        answer: str | None = None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status, answer = await self._post(webhook.url, headers, body)
            if 300 <= status < 400:
                error = "redirected"
            elif not 200 <= status < 300:
                error = "refused"
        except TimeoutError:
            error = "timeout"
        except (Blocked, Invalid):
            error = "blocked"
        except aiohttp.ClientConnectorCertificateError:
            error = "certificate"
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            error = "blocked" if isinstance(getattr(exc, "os_error", None), Blocked) else "unreachable"
        return Attempt(at, status, error, round((time.perf_counter() - began) * 1000), answer)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        # Judged again at each try: the setting may have changed since the address was written down.
        check_url(url, private=self._private)
        async with self._client().post(url, data=body, headers=headers, allow_redirects=False) as response:
            said = await response.content.read(_ANSWER_BYTES)
            return response.status, said.decode("utf-8", "replace").replace("\x00", "")

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = None if self._private else OpenResolver()
            # Names are asked for each connection: an address that was judged once may be another one now.
            connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                headers={"User-Agent": "Frontline-Webhooks/1"},
            )
        return self._session

    def _keys(self, webhook: Webhook) -> list[str]:
        numbers = [webhook.key_number]
        if webhook.previous_until is not None and webhook.previous_until > self._clock.now():
            numbers.append(webhook.key_number - 1)
        return [signing.key_of(self._secrets, webhook.id, each) for each in numbers]

    async def run(self) -> None:
        """The loop. Ends only by cancellation."""
        while True:
            try:
                self._wake.clear()
                if await self.send_due() > 0:
                    continue
                await self._sweep()
            except DatabaseUnavailable:
                log.warning("webhooks.database_unavailable")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await self._wake.wait()

    async def _sweep(self) -> None:
        if time.monotonic() - self._swept < _SWEEP_S and self._swept:
            return
        self._swept = time.monotonic()
        async with self._db.begin() as tx:
            await store.forget(tx, self._clock.now() - _KEPT)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _checked(kinds: list[str]) -> list[str]:
    found = list(dict.fromkeys(kinds))
    if not found or not all(each in KINDS or each in _FAMILIES for each in found):
        raise Invalid("kinds", text_id="error.webhook_kinds")
    return found


def _arrived(tried: Attempt) -> bool:
    return tried.status is not None and tried.error is None


def body_of(event_id: str, kind: str, at: datetime, subject: str, data: Mapping[str, Any]) -> str:
    return msgspec.json.encode(
        {"id": event_id, "kind": kind, "at": rfc3339(at), "subject": subject, "data": dict(data)}
    ).decode()


__all__ = ["KINDS", "MOST_ATTEMPTS", "PING", "Webhooks", "body_of"]
