"""Log-in of staff and programs: sessions in SQL (they outlive Redis), API keys stored hashed, optional TOTP.

Several people can work in one browser: the cookie is `fl_s<n>`, and each tab says its slot `n` in `X-Desk-Slot`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets as random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyotp
from aiohttp import web
from sqlalchemy import Row, delete, insert, select, update

from bot.tables import channels, conversations, identities
from core.audit import Audit
from core.clock import Clock
from core.db import Database, Tx
from core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from core.fanout import Fanout
from core.ids import new_id
from core.people.roles import Role, permissions_of
from core.people.tables import api_keys, staff, staff_sessions, team_members
from gateway.auth.passwords import Passwords
from gateway.auth.tokens import Tokens
from gateway.auth.viewer import Viewer, Visitor

SESSION_LIFE = timedelta(hours=12)
SESSION_IDLE = timedelta(hours=4)
# The stored "last seen" may be this old, so that reading does not mean writing on every request.
_SEEN_STEP = timedelta(minutes=1)
SLOTS = 50
KEY_PREFIX = "fk_"
# The form in which `totp/start` shows a secret; anything else is not ours.
_TOTP_SECRET = re.compile(r"[A-Z2-7]{32}")


class TotpRequired(Unauthorized):
    """Name and password are right; the code of the second factor is wanted."""

    code = "totp_required"


@dataclass(frozen=True, slots=True)
class NewSession:
    """A fresh log-in: the cookie's secret is shown once and stored only as a hash."""

    secret: str
    viewer: Viewer


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Auth:
    """Who is asking."""

    def __init__(
        self, db: Database, clock: Clock, tokens: Tokens, passwords: Passwords, audit: Audit, fanout: Fanout
    ) -> None:
        self._db = db
        self._clock = clock
        self.tokens = tokens
        self._passwords = passwords
        self._audit = audit
        self._fanout = fanout

    async def visitor(self, token: str) -> Visitor:
        """The customer behind a chat token. Raises Unauthorized, also when the conversation is gone."""
        conversation_id = self.tokens.read_chat(token)
        async with self._db.read() as tx:
            row = await tx.first(
                select(conversations, identities.c.external_id, identities.c.proven)
                .join(identities, identities.c.id == conversations.c.identity_id)
                .join(channels, channels.c.id == conversations.c.channel_id)
                .where(conversations.c.id == conversation_id, channels.c.disabled_at.is_(None))
            )
        if row is None:
            raise Unauthorized("conversation gone")
        return Visitor(row.id, row.customer_id, row.identity_id, row.channel_id, row.external_id, row.proven)

    async def log_in(self, name: str, password: str, totp: str | None, *, address: str, agent: str) -> NewSession:
        """Check name, password and (where set up) the code; open a session.

        Raises Unauthorized alike for a wrong name, a wrong password and a disabled account, TotpRequired when only
        the code is missing.
        """
        async with self._db.read() as tx:
            row = await tx.first(select(staff).where(staff.c.name == name.strip().lower()))
        right = await self._passwords.verify(row.password_hash if row else None, password)
        if row is None or not right or row.disabled_at is not None:
            raise Unauthorized("name or password", text_id="error.log_in")
        step = self._totp_step(row, totp)
        return await self.open_session(row.id, address=address, agent=agent, totp_step=step)

    def _totp_step(self, row: Row[Any], totp: str | None) -> int | None:
        if row.totp_secret is None:
            return None
        if not totp:
            raise TotpRequired("code", text_id="error.totp_required")
        step = matching_step(row.totp_secret, totp, self._clock.now())
        if step is None or (row.totp_last_step is not None and step <= row.totp_last_step):
            raise Unauthorized("code", text_id="error.totp_wrong")
        return step

    async def open_session(
        self, staff_id: str, *, address: str, agent: str, totp_step: int | None = None
    ) -> NewSession:
        """Open a session for a known member of staff (log-in, or the demo's one-click log-in)."""
        secret, csrf, now = random.token_urlsafe(32), random.token_urlsafe(24), self._clock.now()
        async with self._db.begin() as tx:
            if totp_step is not None:
                used = staff.c.totp_last_step.is_(None) | (staff.c.totp_last_step < totp_step)
                if (
                    await tx.count(update(staff).where(staff.c.id == staff_id, used).values(totp_last_step=totp_step))
                    == 0
                ):
                    raise Unauthorized("code used", text_id="error.totp_wrong")
            await tx.execute(delete(staff_sessions).where(staff_sessions.c.expires_at < now))
            await tx.execute(
                insert(staff_sessions).values(
                    id=_sha(secret),
                    staff_id=staff_id,
                    csrf=csrf,
                    created_at=now,
                    seen_at=now,
                    expires_at=now + SESSION_LIFE,
                    address=address[:64],
                    agent=agent[:200],
                )
            )
            await self._audit.write(tx, staff_id, "session.opened", staff_id)
            viewer = await self._session_viewer(tx, _sha(secret))
        assert viewer is not None
        return NewSession(secret, viewer)

    async def by_cookie(self, request: web.Request) -> Viewer:
        """The member of staff whose cookie this tab's slot names. Raises Unauthorized."""
        slot = request.headers.get("X-Desk-Slot") or request.query.get("slot") or "0"
        if not slot.isascii() or not slot.isdigit() or int(slot) >= SLOTS:
            raise Unauthorized("slot")
        return await self.by_slot(request, int(slot))

    async def by_slot(self, request: web.Request, slot: int) -> Viewer:
        """The member of staff whose cookie a slot holds. Raises Unauthorized."""
        secret = request.cookies.get(f"fl_s{slot}")
        if not secret:
            raise Unauthorized("no session")
        return await self.by_session(_sha(secret))

    async def by_session(self, session_id: str) -> Viewer:
        """The member of staff of a session that is open, in use and not disabled. Raises Unauthorized."""
        now = self._clock.now()
        async with self._db.read() as tx:
            seen = await tx.scalar(select(staff_sessions.c.seen_at).where(staff_sessions.c.id == session_id))
            viewer = await self._session_viewer(tx, session_id)
        if viewer is None or seen is None:
            raise Unauthorized("session over", text_id="error.session_over")
        if now - seen > _SEEN_STEP:
            async with self._db.begin() as tx:
                await tx.execute(update(staff_sessions).where(staff_sessions.c.id == session_id).values(seen_at=now))
        return viewer

    async def _session_viewer(self, tx: Tx, session_id: str) -> Viewer | None:
        now = self._clock.now()
        row = await tx.first(
            select(staff, staff_sessions.c.csrf)
            .join(staff_sessions, staff_sessions.c.staff_id == staff.c.id)
            .where(
                staff_sessions.c.id == session_id,
                staff_sessions.c.expires_at > now,
                staff_sessions.c.seen_at > now - SESSION_IDLE,
                staff.c.disabled_at.is_(None),
            )
        )
        if row is None:
            return None
        team_rows = await tx.all(select(team_members.c.team_id).where(team_members.c.staff_id == row.id))
        return Viewer(
            staff_id=row.id,
            name=row.name,
            display_name=row.display_name,
            roles=tuple(row.roles),
            permissions=permissions_of(row.roles),
            team_ids=tuple(each.team_id for each in team_rows),
            session_id=session_id,
            csrf=row.csrf,
        )

    def check_csrf(self, request: web.Request, who: Viewer) -> None:
        """Compare the header with the session's token. Raises Forbidden."""
        shown = request.headers.get("X-CSRF-Token", "")
        if not hmac.compare_digest(shown.encode(), who.csrf.encode()):
            raise Forbidden("csrf", text_id="error.csrf")

    async def log_out(self, who: Viewer, *, everywhere: bool) -> None:
        """Close this session, or all of this person; their sockets close within a second."""
        async with self._db.begin() as tx:
            condition = (
                staff_sessions.c.staff_id == who.staff_id if everywhere else staff_sessions.c.id == who.session_id
            )
            await tx.execute(delete(staff_sessions).where(condition))
            await self._audit.write(tx, who.staff_id, "session.closed", who.staff_id, everywhere=everywhere)
            self._tell(tx, who.staff_id if everywhere else None, who.session_id)

    def _tell(self, tx: Tx, staff_id: str | None, session_id: str | None = None) -> None:
        tx.after_commit(
            lambda: self._fanout.publish("auth", {"type": "logout", "staff_id": staff_id, "session_id": session_id})
        )

    async def change_password(self, who: Viewer, old: str, new: str) -> None:
        """Change one's own password; all other sessions close. Raises Invalid when the old one is wrong."""
        async with self._db.read() as tx:
            stored = await tx.scalar(select(staff.c.password_hash).where(staff.c.id == who.staff_id))
        if not await self._passwords.verify(stored, old):
            raise Invalid("old password", text_id="error.password_old")
        hashed = await self._passwords.hash(new)
        async with self._db.begin() as tx:
            await tx.execute(
                update(staff).where(staff.c.id == who.staff_id).values(password_hash=hashed, must_change_password=False)
            )
            await tx.execute(
                delete(staff_sessions).where(
                    staff_sessions.c.staff_id == who.staff_id, staff_sessions.c.id != who.session_id
                )
            )
            await self._audit.write(tx, who.staff_id, "password.changed", who.staff_id)
            self._tell(tx, who.staff_id)

    async def set_password(self, tx: Tx, staff_id: str, hashed: str, *, by: str) -> None:
        """Set another's password (an admin's reset); all their sessions close and they must choose their own."""
        await tx.execute(
            update(staff).where(staff.c.id == staff_id).values(password_hash=hashed, must_change_password=True)
        )
        await tx.execute(delete(staff_sessions).where(staff_sessions.c.staff_id == staff_id))
        await self._audit.write(tx, by, "password.reset", staff_id)
        self._tell(tx, staff_id)

    async def hash(self, password: str) -> str:
        """Hash a password before the transaction that stores it. Raises Invalid."""
        return await self._passwords.hash(password)

    async def set_disabled(self, tx: Tx, staff_id: str, disabled: bool, *, by: str) -> None:
        """Disable (sessions and sockets close at once) or enable an account. Raises Conflict for one's own."""
        if disabled and staff_id == by:
            raise Conflict("own account", text_id="error.own_account")
        await tx.execute(
            update(staff).where(staff.c.id == staff_id).values(disabled_at=self._clock.now() if disabled else None)
        )
        if disabled:
            await tx.execute(delete(staff_sessions).where(staff_sessions.c.staff_id == staff_id))
            self._tell(tx, staff_id)
        await self._audit.write(tx, by, "account.disabled" if disabled else "account.enabled", staff_id)

    async def set_totp(self, who: Viewer, secret: str, code: str) -> None:
        """Turn the second factor on once a first code proves the set-up. Raises Invalid."""
        step = matching_step(secret, code, self._clock.now()) if _TOTP_SECRET.fullmatch(secret) else None
        if step is None:
            raise Invalid("code", text_id="error.totp_wrong")
        async with self._db.begin() as tx:
            await tx.execute(
                update(staff).where(staff.c.id == who.staff_id).values(totp_secret=secret, totp_last_step=step)
            )
            await self._audit.write(tx, who.staff_id, "totp.on", who.staff_id)

    async def remove_totp(self, who: Viewer, password: str) -> None:
        """Turn the second factor off. Raises Invalid when the password is wrong."""
        async with self._db.read() as tx:
            stored = await tx.scalar(select(staff.c.password_hash).where(staff.c.id == who.staff_id))
        if not await self._passwords.verify(stored, password):
            raise Invalid("password", text_id="error.password_old")
        async with self._db.begin() as tx:
            await tx.execute(
                update(staff).where(staff.c.id == who.staff_id).values(totp_secret=None, totp_last_step=None)
            )
            await self._audit.write(tx, who.staff_id, "totp.off", who.staff_id)

    async def by_key(self, shown: str) -> Viewer:
        """The program behind an API key. Raises Unauthorized."""
        if not shown.startswith(KEY_PREFIX):
            raise Unauthorized("key")
        now = self._clock.now()
        async with self._db.read() as tx:
            row = await tx.first(
                select(api_keys).where(api_keys.c.key_hash == _sha(shown), api_keys.c.revoked_at.is_(None))
            )
        if row is None:
            raise Unauthorized("key")
        if row.used_at is None or now - row.used_at > _SEEN_STEP:
            async with self._db.begin() as tx:
                await tx.execute(update(api_keys).where(api_keys.c.id == row.id).values(used_at=now))
        return Viewer(row.id, row.name, row.name, (row.role,), permissions_of([row.role]), (), "", "", key=True)

    async def add_key(self, name: str, role: Role, *, by: str) -> tuple[str, str]:
        """Make an API key; return (id, the key itself, shown once)."""
        key_id, shown = new_id("key"), KEY_PREFIX + random.token_urlsafe(32)
        async with self._db.begin() as tx:
            await tx.execute(
                insert(api_keys).values(
                    id=key_id, name=name, key_hash=_sha(shown), role=role.value, created_at=self._clock.now()
                )
            )
            await self._audit.write(tx, by, "key.added", key_id, role=role.value)
        return key_id, shown

    async def revoke_key(self, key_id: str, *, by: str) -> None:
        """Make a key useless at once. Raises NotFound."""
        async with self._db.begin() as tx:
            changed = await tx.count(
                update(api_keys)
                .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
                .values(revoked_at=self._clock.now())
            )
            if changed == 0:
                raise NotFound("key")
            await self._audit.write(tx, by, "key.revoked", key_id)


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The 30-second step a TOTP code (RFC 6238) belongs to, one step of drift allowed; None when it fits none."""
    totp = pyotp.TOTP(secret)
    present = int(now.timestamp()) // 30
    for step in (present, present - 1, present + 1):
        if hmac.compare_digest(totp.at(step * 30), code.strip().replace(" ", "").zfill(6)[:6]):
            return step
    return None
