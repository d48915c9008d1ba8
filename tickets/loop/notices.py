"""Mail and short messages: rows that a loop posts to the operator's hook, signed.

    pending ──claim──▶ sending ──▶ sent
       ▲                  │  └───▶ failed     the hook refused it, or too many tries
       └──────retry───────┘

The row is marked `sending` before the hook is called; after a crash at that moment it is posted once more after the
lease, with the same id, by which the hook drops the second one. Words and addresses stand in SQL and in the post,
never in a log.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import msgspec
import structlog
from sqlalchemy import Row, insert, or_, select, update

from core.clock import Clock, rfc3339
from core.counters import Counters
from core.db import Database, Tx
from core.errors import DatabaseUnavailable
from core.ids import new_id
from core.masking import mask_email, mask_phone
from core.settings import Settings
from tickets.loop.tables import notices
from tickets.parts import Part
from tickets.store import Ticket

log = structlog.get_logger(__name__)

MAIL, SMS = "mail", "sms"
TRIES = 8
# Longer than a post may take.
LEASE_S = 60.0
POST_LIMIT_S = 10.0
_FIRST_BACK_OFF_S = 10.0
_LONGEST_BACK_OFF_S = 1_800.0
_POLL_S = 2.0
_BATCH = 16
# What a hook may say to be asked again; any other 4xx is a refusal.
_LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Notice:
    """One row, as the loop sends it."""

    id: str
    ticket_id: str
    kind: str
    hook: str
    recipient: str
    subject: str
    text: str
    state: str
    attempts: int
    created_at: datetime


def enabled(settings: Settings, hook: str) -> bool:
    """Whether the operator has named a hook of this kind and the secret that signs what it gets."""
    url = settings.mail_hook_url if hook == MAIL else settings.sms_hook_url
    return bool(url and settings.hook_secret)


async def put(
    tx: Tx, ticket_id: str, *, kind: str, hook: str, recipient: str, subject: str, text: str, now: datetime
) -> str:
    """Leave a notice to the loop; the caller has seen that the hook is enabled."""
    notice_id = new_id("ntc")
    await tx.execute(
        insert(notices).values(
            id=notice_id,
            ticket_id=ticket_id,
            kind=kind,
            hook=hook,
            recipient=recipient,
            subject=subject,
            text=text,
            state="pending",
            attempts=0,
            due_at=now,
            created_at=now,
        )
    )
    return notice_id


async def state_of(tx: Tx, notice_id: str) -> str:
    """pending, sending, sent or failed; failed when it is gone."""
    row = await tx.first(select(notices.c.state).where(notices.c.id == notice_id))
    return "failed" if row is None else str(row.state)


async def log_of(tx: Tx, ticket_id: str) -> list[dict[str, Any]]:
    """What was sent about a ticket and what became of it, for the desk; contacts are masked, words are not told."""
    rows = await tx.all(select(notices).where(notices.c.ticket_id == ticket_id).order_by(notices.c.created_at))
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "hook": row.hook,
            "to": (mask_email if row.hook == MAIL else mask_phone)(row.recipient),
            "state": row.state,
            "attempts": row.attempts,
            "status": row.status,
            "error": row.error,
            "created_at": rfc3339(row.created_at),
            "sent_at": rfc3339(row.sent_at) if row.sent_at else None,
        }
        for row in rows
    ]


class NoticeLog(Part):
    """What went out about a ticket, on the desk."""

    name = "notices"

    async def shown(self, tx: Tx, ticket: Ticket, permissions: Collection[str]) -> list[dict[str, Any]]:
        return await log_of(tx, ticket.id)


class NoticeLoop:
    """Posts what is due, for ever. Several gateways may run one each."""

    def __init__(
        self, db: Database, clock: Clock, settings: Settings, session: aiohttp.ClientSession, counters: Counters
    ) -> None:
        self._db = db
        self._clock = clock
        self._settings = settings
        self._session = session
        self._counters = counters

    async def run(self) -> None:
        """The loop. Ends only by cancellation."""
        while True:
            try:
                if await self.run_due() == _BATCH:
                    continue
            except DatabaseUnavailable:
                log.warning("notices.database_unavailable")
            except Exception:
                log.exception("notices.failed")
            await asyncio.sleep(_POLL_S)

    async def run_due(self) -> int:
        """Post what is due now, at most a batch, and wait for it; returns how many were tried."""
        if not (enabled(self._settings, MAIL) or enabled(self._settings, SMS)):
            return 0
        claimed = await self._claim()
        await asyncio.gather(*(self._send(each) for each in claimed))
        return len(claimed)

    async def _claim(self) -> list[Notice]:
        now = self._clock.now()
        waits = or_(notices.c.state == "pending", notices.c.state == "sending")
        async with self._db.read() as tx:
            due = await tx.all(
                select(notices).where(waits, notices.c.due_at <= now).order_by(notices.c.due_at).limit(_BATCH)
            )
        claimed: list[Notice] = []
        if not due:
            return claimed
        async with self._db.begin() as tx:
            for row in due:
                taken = await tx.count(
                    update(notices)
                    .where(notices.c.id == row.id, notices.c.state == row.state, notices.c.due_at == row.due_at)
                    .values(state="sending", attempts=row.attempts + 1, due_at=now + timedelta(seconds=LEASE_S))
                )
                if taken:
                    claimed.append(_notice(row))
        return claimed

    async def _send(self, notice: Notice) -> None:
        status, error = await self._post(notice)
        attempts = notice.attempts + 1
        values: dict[str, Any] = {"status": status, "error": error}
        now = self._clock.now()
        if error is None:
            values |= {"state": "sent", "sent_at": now}
        elif attempts >= TRIES or (status is not None and 400 <= status < 500 and status not in _LATER):
            values |= {"state": "failed"}
            log.warning("notices.gave_up", notice_id=notice.id, hook=notice.hook, status=status, error=error)
        else:
            values |= {"state": "pending", "due_at": now + timedelta(seconds=_back_off_s(attempts))}
        async with self._db.begin() as tx:
            await tx.execute(update(notices).where(notices.c.id == notice.id).values(**values))
        self._counters.count("notices", hook=notice.hook, state=str(values["state"]))

    async def _post(self, notice: Notice) -> tuple[int | None, str | None]:
        """Call the hook: the status it answered with, and what went wrong."""
        url = self._settings.mail_hook_url if notice.hook == MAIL else self._settings.sms_hook_url
        if not enabled(self._settings, notice.hook):
            return None, "hook_off"
        body = msgspec.json.encode(
            {
                "id": notice.id,
                "kind": notice.kind,
                "to": notice.recipient,
                "subject": notice.subject,
                "text": notice.text,
                "created_at": rfc3339(notice.created_at),
            }
        )
        headers = {"Content-Type": "application/json", "Idempotency-Key": notice.id}
        headers |= signature(self._settings.hook_secret, body, self._clock.now())
        try:
            async with (
                asyncio.timeout(POST_LIMIT_S),
                self._session.post(url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                return response.status, None if 200 <= response.status < 300 else "refused"
        except TimeoutError:
            return None, "timeout"
        except (aiohttp.ClientError, OSError) as exc:
            return None, type(exc).__name__[:40]


def signature(secret: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers by which a hook knows that a post is ours and fresh: HMAC-SHA256 over `<timestamp>.<body>`."""
    moment = str(int(now.timestamp()))
    made = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Frontline-Timestamp": moment, "X-Frontline-Signature": f"sha256={made}"}


def _back_off_s(attempts: int) -> float:
    longest = min(_LONGEST_BACK_OFF_S, _FIRST_BACK_OFF_S * 2.0 ** (attempts - 1))
    return longest * random.uniform(0.75, 1.25)  # noqa: S311 - spreads retries, guards nothing


def _notice(row: Row[Any]) -> Notice:
    return Notice(
        id=row.id,
        ticket_id=row.ticket_id,
        kind=row.kind,
        hook=row.hook,
        recipient=row.recipient,
        subject=row.subject,
        text=row.text,
        state=row.state,
        attempts=row.attempts,
        created_at=row.created_at,
    )


__all__ = ["MAIL", "SMS", "Notice", "NoticeLog", "NoticeLoop", "enabled", "log_of", "put", "signature", "state_of"]
