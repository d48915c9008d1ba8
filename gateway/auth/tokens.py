"""Signed tokens for customers: who they are (180 days) and one chat session (24 hours); links into one ticket.

Form: JWT HS256 with a key of its own per purpose, so a token of one kind is never good as another. Links travel in
short messages, so they are shorter: the id, the hour at which they run out, and a truncated HMAC (128 bits).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

import jwt

from core.clock import Clock
from core.errors import Unauthorized
from core.secrets import Secrets

VISITOR_DAYS = 180
CHAT_HOURS = 24
LINK_DAYS = 60
# A site's own proof of identity may not live longer than this; a longer one is refused.
IDENTITY_MAX = timedelta(minutes=15)
_LEEWAY = timedelta(seconds=30)
_HOUR_S = 3600
_MAC_BYTES = 16
_MAC_CHARACTERS = 22


class Tokens:
    """Sign and check. Checks raise Unauthorized and nothing else."""

    def __init__(self, secrets: Secrets, clock: Clock) -> None:
        self._secrets = secrets
        self._clock = clock

    def visitor(self, external_id: str, channel_key: str) -> str:
        """A visitor id that a browser keeps."""
        return self._sign("visitor", {"v": external_id, "c": channel_key}, timedelta(days=VISITOR_DAYS))

    def read_visitor(self, token: str, channel_key: str) -> str:
        """The external id in a visitor id of this channel."""
        claims = self._read("visitor", token)
        if claims.get("c") != channel_key:
            raise Unauthorized("visitor of another channel")
        return str(claims["v"])

    def chat(self, conversation_id: str) -> str:
        """The bearer token of one chat session."""
        return self._sign("chat", {"n": conversation_id}, timedelta(hours=CHAT_HOURS))

    def read_chat(self, token: str) -> str:
        """The conversation id in a chat token."""
        return str(self._read("chat", token)["n"])

    def link(self, purpose: str, object_id: str) -> str:
        """A link into one thing, such as ("ticket", ticket id) or ("survey", survey id); at most 60 characters."""
        ends = self._clock.now() + timedelta(days=LINK_DAYS)
        said = f"{object_id}.{int(ends.timestamp()) // _HOUR_S:x}"
        return f"{said}.{self._mac(purpose, said)}"

    def read_link(self, purpose: str, token: str) -> str:
        """The id in such a link. Links of the longer form that earlier releases made are good until they run out."""
        said, _, mac = token.rpartition(".")
        if len(mac) != _MAC_CHARACTERS:
            return str(self._read(f"link:{purpose}", token)["o"])
        if not hmac.compare_digest(mac.encode(), self._mac(purpose, said).encode()):
            raise Unauthorized(f"bad {purpose} link")
        object_id, _, hours = said.rpartition(".")
        if int(hours, 16) * _HOUR_S <= self._clock.now().timestamp():
            raise Unauthorized(f"{purpose} link ran out")
        return object_id

    def _mac(self, purpose: str, said: str) -> str:
        key = self._secrets.key(f"short-link:{purpose}")
        made = hmac.new(key, said.encode("utf-8", "replace"), hashlib.sha256).digest()[:_MAC_BYTES]
        return base64.urlsafe_b64encode(made).decode().rstrip("=")

    def _sign(self, purpose: str, claims: dict[str, Any], life: timedelta) -> str:
        now = self._clock.now()
        return jwt.encode({**claims, "exp": int((now + life).timestamp())}, self._secrets.key(purpose), "HS256")

    def _read(self, purpose: str, token: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._secrets.key(purpose), ["HS256"], options={"verify_exp": False, "require": ["exp"]}
            )
        except jwt.InvalidTokenError as exc:
            raise Unauthorized(f"bad {purpose} token") from exc
        # The clock that was handed in decides, not the library's.
        if not isinstance(claims["exp"], int) or claims["exp"] <= self._clock.now().timestamp():
            raise Unauthorized(f"{purpose} token ran out")
        return claims

    def read_identity(self, token: str, key: str, audience: str) -> dict[str, Any]:
        """A site's proof of its own user: JWT HS256 with sub, exp (at most 15 min ahead), aud, name, level."""
        now = self._clock.now()
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                ["HS256"],
                audience=audience,
                options={"verify_exp": False, "require": ["sub", "exp", "aud"]},
            )
            expires = datetime.fromtimestamp(int(claims["exp"]), tz=now.tzinfo)
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, OSError) as exc:
            raise Unauthorized("bad identity") from exc
        if expires <= now - _LEEWAY or expires > now + IDENTITY_MAX + _LEEWAY:
            raise Unauthorized("identity out of time")
        if not isinstance(claims["sub"], str) or not 1 <= len(claims["sub"]) <= 100:
            raise Unauthorized("bad identity subject")
        return claims
