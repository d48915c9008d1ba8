"""WeChat's connector: checks, parses, and sends customer-service messages by the account's rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from bot.store.channels import Channel
from bot.types import Author, Delivered, Fetched, Happened, Incoming, Kind, Outgoing
from connectors.http import PlatformHttp
from connectors.seam import MEDIA_LIMIT, Attached, Capabilities, split_text, with_numbers
from connectors.wechat.codec import check_signature, read_xml
from connectors.wechat.crypto import BadKey, Envelope, check_message_signature
from connectors.wechat.incoming import incoming
from connectors.wechat.token import TokenRefused, Tokens
from core.clock import Clock
from core.errors import ChannelUnavailable, NotFromThisChannel, TooLarge

API_BASE = "https://api.weixin.qq.com"
# The pages give no number; in the field 2,048 bytes is too long for passive replies, 2,047 fits everywhere.
_TEXT_BYTES = 2_047
_MENU_ENTRIES = 10
# Clocks differ and lines are slow; more than that is a replay.
_FRESH_S = 600.0
_STAMP_DIGITS = 12

_TOKEN_CODES = frozenset({40001, 40014, 42001})
_BUSY_CODES = frozenset({-1, 45011})
_ERRORS = {
    45015: "window_closed",
    45047: "quota",
    45009: "daily_quota",
    43004: "unsubscribed",
    48002: "refused_by_customer",
    43019: "blocked",
    50002: "customer_limited",
    40003: "unknown_customer",
    40007: "media_gone",
    40004: "file_not_carried",
    40005: "file_not_carried",
    40006: "file_not_carried",
    40009: "file_not_carried",
    45001: "file_not_carried",
    45002: "too_long",
    48001: "not_allowed",
    48008: "not_allowed",
    48004: "account_banned",
    40164: "configuration",
    40013: "configuration",
    40125: "configuration",
    40243: "configuration",
    89503: "configuration",
}
_NO_MENU = 40200
_PER_MINUTE = 45011
_PICTURE_BYTES = 10 * 1024 * 1024
_PICTURE_TYPES = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif"}
# The platform keeps an upload for three days.
_UPLOAD_KEPT_S = 2.5 * 24 * 3600
_MOST_UPLOADS = 2_000


class WeChatConnector:
    """See `connectors.seam.Connector`."""

    kind = "wechat"
    capabilities = Capabilities(
        kinds=frozenset({Kind.TEXT, Kind.CHOICE, Kind.CARD, Kind.NOTICE, Kind.IMAGE}),
        text_limit=_TEXT_BYTES,
        in_bytes=True,
        buttons=True,
        window=timedelta(hours=48),
        quota=5,
    )

    def __init__(self, http: PlatformHttp, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._tokens = Tokens(http, clock)
        # (channel, content hash) → (media id, until when it may be used)
        self._uploaded: dict[tuple[str, str], tuple[str, float]] = {}

    def check(self, channel: Channel, query: Mapping[str, str]) -> str:
        """Return `echostr` as it came."""
        check_signature(str(channel.config.get("token", "")), query)
        return query.get("echostr", "")

    def parse(self, channel: Channel, query: Mapping[str, str], raw: bytes) -> Incoming | Happened:
        """Read one push. With an EncodingAESKey only what was encrypted for this account counts (compatible and secure
        mode alike): the plain signature covers the address only, and plain fields could be anybody's."""
        token, aes_key = str(channel.config.get("token", "")), str(channel.config.get("aes_key", ""))
        self._check_age(query)
        if not aes_key:
            check_signature(token, query)
            return incoming(channel.id, read_xml(raw))
        encrypted = read_xml(raw).get("Encrypt", "")
        check_message_signature(token, query, encrypted)
        return incoming(
            channel.id, read_xml(self._envelope(aes_key, str(channel.config.get("app_id", ""))).open(encrypted))
        )

    def _check_age(self, query: Mapping[str, str]) -> None:
        """An address that somebody kept is worth nothing later; the platform's repeats come within seconds."""
        stamp = query.get("timestamp", "")
        if not stamp.isascii() or not stamp.isdigit() or len(stamp) > _STAMP_DIGITS:
            raise NotFromThisChannel("timestamp")
        if abs(self._clock.now().timestamp() - int(stamp)) > _FRESH_S:
            raise NotFromThisChannel("timestamp")

    def _envelope(self, aes_key: str, app_id: str) -> Envelope:
        try:
            return Envelope(aes_key, app_id)
        except BadKey as exc:
            raise NotFromThisChannel("aes_key") from exc

    def acknowledgement(self) -> str:
        """`success` stops the platform's repeats and shows nothing to the customer."""
        return "success"

    async def send(self, channel: Channel, message: Outgoing, attached: Attached | None = None) -> Delivered:
        """Send the parts that have not arrived yet; what stops one part stops the rest."""
        if attached is not None and message.kind is Kind.IMAGE:
            return await self._send_picture(channel, message, attached)
        bodies = _bodies(message, menus=True)
        for number, body in enumerate(bodies):
            if number < message.parts_sent:
                continue
            delivered = await self._send_one(channel, message, body)
            if delivered.state != "sent":
                return replace(delivered, parts=number)
        return Delivered("sent", parts=len(bodies))

    async def _send_picture(self, channel: Channel, message: Outgoing, picture: Attached) -> Delivered:
        """Upload it, unless the platform still has it from before, and send it by its id."""
        kept = (channel.id, picture.sha256)
        for _ in range(2):
            media_id, until = self._uploaded.get(kept, ("", 0.0))
            if self._clock.now().timestamp() >= until:
                answer = await self._upload(channel, picture)
                if isinstance(answer, Delivered):
                    return answer
                media_id = answer
                self._uploaded[kept] = (media_id, self._clock.now().timestamp() + _UPLOAD_KEPT_S)
                while len(self._uploaded) > _MOST_UPLOADS:
                    self._uploaded.pop(next(iter(self._uploaded)))
            body = {"touser": message.external_id, "msgtype": "image", "image": {"media_id": media_id}}
            delivered = await self._send_one(channel, message, body)
            if delivered.error != "media_gone":
                return delivered
            self._uploaded.pop(kept, None)
        return delivered

    async def _upload(self, channel: Channel, picture: Attached) -> str | Delivered:
        base = _base(channel)
        if len(picture.data) > _PICTURE_BYTES or picture.content_type not in _PICTURE_TYPES:
            return Delivered("failed", "file_not_carried")
        token: str | None = None
        code = 0
        try:
            for _ in range(2):
                token = await self._tokens.get(channel, base, not_this=token)
                answer = await self._http.upload(
                    f"{base}/cgi-bin/media/upload",
                    params={"access_token": token, "type": "image"},
                    field="media",
                    data=picture.data,
                    # The platform goes by the name's ending.
                    name=f"picture.{_PICTURE_TYPES[picture.content_type]}",
                    content_type=picture.content_type,
                )
                media_id = answer.get("media_id")
                if isinstance(media_id, str) and media_id:
                    return media_id
                code = int(answer.get("errcode", -1))
                if code not in _TOKEN_CODES:
                    break
        except TokenRefused as exc:
            code = exc.errcode
        except (ChannelUnavailable, ValueError):
            code = -1
        return _verdict(code)

    async def fetch(self, channel: Channel, reference: str) -> Fetched:
        """Get a file by its MediaId; a video is answered as an address of the platform's."""
        base = _base(channel)
        token: str | None = None
        try:
            for _ in range(2):
                token = await self._tokens.get(channel, base, not_this=token)
                content_type, name, data = await self._http.download(
                    f"{base}/cgi-bin/media/get",
                    params={"access_token": token, "media_id": reference},
                    limit=MEDIA_LIMIT,
                )
                if content_type not in ("application/json", "text/plain"):
                    return Fetched("here", data, name)
                answer = json.loads(data)
                if isinstance(answer, dict) and (url := answer.get("video_url")):
                    return await self._fetch_video(str(url), base)
                code = int(answer.get("errcode", -1)) if isinstance(answer, dict) else -1
                if code not in _TOKEN_CODES:
                    return _not_fetched(code)
        except TokenRefused as exc:
            return _not_fetched(exc.errcode)
        except TooLarge:
            return Fetched("failed", error="too_large")
        except (ChannelUnavailable, ValueError) as exc:
            return Fetched("retry", error=type(exc).__name__)
        return Fetched("retry", error="token", retry_after_s=5.0)

    async def _fetch_video(self, url: str, base: str) -> Fetched:
        found = urlsplit(url)
        host = found.hostname or ""
        # Only the platform's own servers, or whoever plays the platform, are asked for what an answer names.
        ours = found.scheme == "https" and host.endswith((".qq.com", ".qpic.cn"))
        if not ours and _origin(url) != _origin(base):
            return Fetched("failed", error="foreign_address")
        _, name, data = await self._http.download(url, limit=MEDIA_LIMIT)
        return Fetched("here", data, name)

    async def _send_one(self, channel: Channel, message: Outgoing, body: dict[str, Any]) -> Delivered:
        code = await self._call(channel, body)
        if code == _NO_MENU and body["msgtype"] == "msgmenu":
            # Some accounts have no menus; the same choices as numbers do.
            for plain in _bodies(message, menus=False)[-1:]:
                code = await self._call(channel, plain)
        return Delivered("sent") if code == 0 else _verdict(code)

    async def _call(self, channel: Channel, body: dict[str, Any]) -> int:
        """The platform's code: 0 sent, -1 busy (also when it cannot be reached)."""
        base = _base(channel)
        # \uXXXX escapes are shown literally or refused, so the JSON is raw UTF-8.
        data = json.dumps(body, ensure_ascii=False).encode()
        token: str | None = None
        try:
            for _ in range(2):
                token = await self._tokens.get(channel, base, not_this=token)
                answer = await self._http.call(
                    "POST", f"{base}/cgi-bin/message/custom/send", params={"access_token": token}, body=data
                )
                code = int(answer.get("errcode", 0))
                if code not in _TOKEN_CODES:
                    return code
        except TokenRefused as exc:
            return exc.errcode
        except (ChannelUnavailable, ValueError):
            return -1
        return code


def _base(channel: Channel) -> str:
    return str(channel.config.get("api_base") or API_BASE).rstrip("/")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _verdict(code: int) -> Delivered:
    """What a refusal means for the message."""
    if code in _BUSY_CODES:
        return Delivered("retry", "busy", 60.0 if code == _PER_MINUTE else 1.0)
    if code in _TOKEN_CODES:
        return Delivered("retry", "token", 5.0)
    return Delivered("failed", _ERRORS.get(code, f"wechat_{code}"))


def _not_fetched(code: int) -> Fetched:
    verdict = _verdict(code)
    return Fetched(verdict.state, error=verdict.error, retry_after_s=verdict.retry_after_s)


def _bodies(message: Outgoing, *, menus: bool) -> list[dict[str, Any]]:
    """The calls that say a message: texts first, the choices as a menu at the end (or as numbers)."""
    text = message.text
    links = [f"《{each.title}》{each.url}" for each in message.articles if each.url.startswith("http")]
    if links:
        text = "\n".join([text, *links])
    as_menu = menus and 0 < len(message.choices) <= _MENU_ENTRIES
    if message.choices and not as_menu:
        text = with_numbers(text, [each.label for each in message.choices])
    parts = split_text(text, _TEXT_BYTES, in_bytes=True) or [" "]
    if message.budget is not None and message.author is not Author.AGENT and len(parts) > message.budget:
        # What the house says must leave room for a person's answer; the article's page has the rest.
        parts = parts[: message.budget]
        tail = "\n".join(["…", *links])
        room = _TEXT_BYTES - len(tail.encode())
        parts[-1] = parts[-1].encode()[:room].decode(errors="ignore") + tail
    bodies: list[dict[str, Any]] = []
    texts = parts[:-1] if as_menu else parts
    bodies += [{"touser": message.external_id, "msgtype": "text", "text": {"content": part}} for part in texts]
    if as_menu:
        entries = [{"id": each.id, "content": each.label} for each in message.choices]
        menu = {"head_content": parts[-1] + "\n", "list": entries, "tail_content": ""}
        bodies.append({"touser": message.external_id, "msgtype": "msgmenu", "msgmenu": menu})
    return bodies
