"""Sessions of the website channel: who comes back is the same customer, who is signed in is known by proof only."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from bot.intake import Intake
from bot.store import channels
from bot.store.channels import Channel
from bot.types import Accepted, Incoming, Kind
from connectors.web.wire import CLIENT_KEY, PROFILE_KEYS, NewMessage, NewSession
from core.db import Database
from core.errors import Forbidden, Invalid, NotFound, Unauthorized
from core.files import Files
from core.ids import ChannelId, FileId

KIND = "web"
DEFAULT_KEY = "web"


class VisitorTokens(Protocol):
    """What the web channel needs of the gateway's signing."""

    def visitor(self, external_id: str, channel_key: str) -> str: ...

    def read_visitor(self, token: str, channel_key: str) -> str: ...

    def chat(self, conversation_id: str) -> str: ...

    def read_identity(self, token: str, key: str, audience: str) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A chat session: the tokens to show from now on, and where the conversation stands."""

    token: str
    visitor_id: str
    conversation_id: str
    last_seq: int


class WebConnector:
    """Opens sessions and turns the widget's wire into `Incoming`."""

    def __init__(self, db: Database, tokens: VisitorTokens, intake: Intake, files: Files) -> None:
        self._db = db
        self._tokens = tokens
        self._intake = intake
        self._files = files

    async def channel(self, key: str | None) -> Channel:
        """The web channel with this public key. Raises NotFound."""
        async with self._db.read() as tx:
            found = await channels.by_key(tx, key or DEFAULT_KEY)
        if found is None or found.kind != KIND:
            raise NotFound("channel")
        return found

    async def allowed_origins(self) -> frozenset[str]:
        """The sites of all web channels together (a preflight does not say which one it means)."""
        async with self._db.read() as tx:
            found = await channels.all_of(tx, KIND)
        return frozenset(site for channel in found if channel.disabled_at is None for site in channel.sites)

    async def open(self, wish: NewSession) -> OpenSession:
        """Open a session. A known visitor or proven user gets the same conversation as before.

        Raises NotFound for an unknown channel, Unauthorized for a proof that does not hold. An unreadable or old
        visitor id is not an error: that browser begins anew.
        """
        channel = await self.channel(wish.channel_key)
        profile = clean_profile(wish.profile)
        proof = self._prove(channel, wish.identity) if wish.identity else None
        if proof is not None:
            external_id, proven = f"user:{proof['sub']}", True
        else:
            external_id, proven = self._known(wish.visitor_id, channel.key) or f"v-{secrets.token_urlsafe(18)}", False
        name, level = _text(proof, "name"), _text(proof, "level")
        made = await self._intake.meet(
            channel.id, external_id, proven=proven, name=name or None, level=level or None, profile=profile
        )
        # A proven user's own browser keeps its anonymous id: the two histories are never merged.
        visitor_id = wish.visitor_id if proven and wish.visitor_id else self._tokens.visitor(external_id, channel.key)
        if proven and not wish.visitor_id:
            visitor_id = self._tokens.visitor(f"v-{secrets.token_urlsafe(18)}", channel.key)
        return OpenSession(self._tokens.chat(made.conversation_id), visitor_id, made.conversation_id, made.last_seq)

    def proven(self, channel: Channel, identity: str) -> tuple[str, str | None, str | None]:
        """(external id, name, level) of who the site says is signed in. Raises Unauthorized for a bad proof."""
        proof = self._prove(channel, identity)
        return f"user:{proof['sub']}", _text(proof, "name") or None, _text(proof, "level") or None

    def _known(self, visitor_id: str | None, channel_key: str) -> str | None:
        if not visitor_id:
            return None
        try:
            external_id = self._tokens.read_visitor(visitor_id, channel_key)
        except Unauthorized:
            return None
        return external_id if external_id.startswith("v-") else None

    def _prove(self, channel: Channel, identity: str) -> dict[str, Any]:
        key = channel.config.get("identity_key")
        if not key:
            raise Unauthorized("no identity key")
        return self._tokens.read_identity(identity, str(key), channel.key)

    async def accept(
        self, wish: NewMessage, *, channel_id: ChannelId, external_id: str, customer_id: str, proven: bool
    ) -> Accepted:
        """Store one message of a session. Raises Invalid, NotFound (another's file), Conflict (same id, other body)."""
        wish.check()
        kind, text, file_id = Kind.TEXT, wish.text or "", None
        if wish.choice is not None:
            kind = Kind.CHOICE
            if not wish.choice.strip():
                raise Invalid("choice is empty")
        if wish.attachment_id is not None:
            async with self._db.read() as tx:
                stored = await self._files.find(tx, wish.attachment_id)
            if stored.owner != customer_id:
                raise NotFound("file")
            kind, text, file_id = Kind(stored.kind), stored.name, FileId(stored.id)
        return await self._intake.accept(
            Incoming(
                channel_id=channel_id,
                external_id=external_id,
                dedupe_key=CLIENT_KEY + wish.client_message_id,
                kind=kind,
                text=text,
                choice_id=wish.choice,
                file_id=file_id,
                proven=proven,
            )
        )


def clean_profile(profile: Mapping[str, str]) -> dict[str, str]:
    """Known keys with something in them; what a browser adds beyond is not kept."""
    found = {key: value.strip() for key, value in profile.items() if key in PROFILE_KEYS and value.strip()}
    if "browser" in found:
        found["browser"] = browser_name(found["browser"])
    return found


# In this order: most browsers also claim to be one of those further down.
_BROWSERS = (("Edge", "Edg"), ("Opera", "OPR"), ("Firefox", "Firefox"), ("Chrome", "(?:Headless)?Chrome"))


def browser_name(agent: str) -> str:
    """Name and major version out of a User-Agent header; the header itself (cut) when it names none we know."""
    for name, mark in _BROWSERS:
        if found := re.search(rf"{mark}/(\d+)", agent):
            return f"{name} {found.group(1)}"
    if "Safari/" in agent and (found := re.search(r"Version/(\d+)", agent)):
        return f"Safari {found.group(1)}"
    return agent[:60]


def _text(claims: dict[str, Any] | None, name: str) -> str:
    value = (claims or {}).get(name)
    return value.strip()[:64] if isinstance(value, str) else ""


def origin_allowed(origin: str, sites: frozenset[str], own: str) -> bool:
    """Exact match of scheme, host and port; no patterns, no suffixes, no `null`."""
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
        return False
    return origin in sites or origin == own


def check_origin(origin: str | None, sites: frozenset[str], own: str) -> None:
    """Raise Forbidden when a browser's page is not one of ours or of the channel's sites."""
    if origin is not None and not origin_allowed(origin, sites, own):
        raise Forbidden("origin")
