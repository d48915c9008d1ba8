"""WeChat's connector: checks, parses, and sends customer-service messages by the account's rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.store.channels import Channel
from bot.types import Delivered, Incoming, Kind, Outgoing
from connectors.http import PlatformHttp
from connectors.seam import Capabilities, split_text, with_numbers
from connectors.wechat.codec import check_signature, read_xml
from connectors.wechat.crypto import BadKey, Envelope, check_message_signature
from connectors.wechat.incoming import incoming
from connectors.wechat.token import TokenRefused, Tokens
from core.clock import Clock
from core.errors import ChannelUnavailable, NotFromThisChannel

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


class WeChatConnector:
    """See `connectors.seam.Connector`."""

    kind = "wechat"
    capabilities = Capabilities(
        kinds=frozenset({Kind.TEXT, Kind.CHOICE, Kind.CARD, Kind.NOTICE}),
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

    def check(self, channel: Channel, query: Mapping[str, str]) -> str:
        """Return `echostr` as it came."""
        check_signature(str(channel.config.get("token", "")), query)
        return query.get("echostr", "")

    def parse(self, channel: Channel, query: Mapping[str, str], raw: bytes) -> Incoming:
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

    async def send(self, channel: Channel, message: Outgoing) -> Delivered:
        """Send the parts that have not arrived yet; what stops one part stops the rest."""
        for number, body in enumerate(_bodies(message, menus=True)):
            if number < message.parts_sent:
                continue
            delivered = await self._send_one(channel, message, body)
            if delivered.state != "sent":
                return replace(delivered, parts=number)
        return Delivered("sent")

    async def _send_one(self, channel: Channel, message: Outgoing, body: dict[str, Any]) -> Delivered:
        code = await self._call(channel, body)
        if code == _NO_MENU and body["msgtype"] == "msgmenu":
            # Some accounts have no menus; the same choices as numbers do.
            for plain in _bodies(message, menus=False)[-1:]:
                code = await self._call(channel, plain)
        if code == 0:
            return Delivered("sent")
        if code in _BUSY_CODES:
            return Delivered("retry", "busy", 60.0 if code == 45011 else 1.0)
        if code in _TOKEN_CODES:
            return Delivered("retry", "token", 5.0)
        return Delivered("failed", _ERRORS.get(code, f"wechat_{code}"))

    async def _call(self, channel: Channel, body: dict[str, Any]) -> int:
        """The platform's code: 0 sent, -1 busy (also when it cannot be reached)."""
        base = str(channel.config.get("api_base") or API_BASE).rstrip("/")
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
    bodies: list[dict[str, Any]] = []
    texts = parts[:-1] if as_menu else parts
    bodies += [{"touser": message.external_id, "msgtype": "text", "text": {"content": part}} for part in texts]
    if as_menu:
        entries = [{"id": each.id, "content": each.label} for each in message.choices]
        menu = {"head_content": parts[-1] + "\n", "list": entries, "tail_content": ""}
        bodies.append({"touser": message.external_id, "msgtype": "msgmenu", "msgmenu": menu})
    return bodies
