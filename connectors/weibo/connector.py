"""Weibo's connector: checks, parses, and sends private messages in parts below 300 characters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

from bot.store.channels import Channel
from bot.types import Delivered, Fetched, Happened, Incoming, Kind, Outgoing
from connectors.http import PlatformHttp
from connectors.seam import MEDIA_LIMIT, Attached, Capabilities, split_text, with_numbers
from connectors.weibo.codec import check_signature, incoming
from core.errors import ChannelUnavailable, TooLarge

API_BASE = "https://m.api.weibo.com"
UPLOAD_BASE = "https://upload.api.weibo.com"
# "Under 300 Chinese characters", so 300 is too many.
_TEXT_CHARACTERS = 299

_BUSY = frozenset({10001, 10002, 10003, 10009, 10010, 10011})
_LATER = {10004: 3600.0, 10022: 3600.0, 10023: 900.0, 10024: 900.0, 20016: 60.0, 20308: 900.0}
_ERRORS = {
    20003: "unknown_customer",
    20012: "too_long",
    20013: "too_long",
    20017: "repeated",
    20019: "repeated",
    20306: "repeated",
    20018: "refused_content",
    20020: "refused_content",
    20021: "refused_content",
    20301: "unsubscribed",
    20302: "not_allowed",
    26403: "window_closed",
    10005: "not_allowed",
    10014: "not_allowed",
    21314: "configuration",
    21315: "configuration",
    21316: "configuration",
    21317: "configuration",
    21327: "configuration",
    21332: "configuration",
}


class WeiboConnector:
    """See `connectors.seam.Connector`."""

    kind = "weibo"
    capabilities = Capabilities(
        kinds=frozenset({Kind.TEXT, Kind.CHOICE, Kind.CARD, Kind.NOTICE}),
        text_limit=_TEXT_CHARACTERS,
        in_bytes=False,
        buttons=False,
        window=timedelta(hours=48),
    )

    def __init__(self, http: PlatformHttp) -> None:
        self._http = http

    def check(self, channel: Channel, query: Mapping[str, str]) -> str:
        """Return `echostr` as it came."""
        check_signature(str(channel.config.get("app_secret", "")), query)
        return query.get("echostr", "")

    def parse(self, channel: Channel, query: Mapping[str, str], raw: bytes) -> Incoming | Happened:
        """Read one push."""
        check_signature(str(channel.config.get("app_secret", "")), query)
        return incoming(channel.id, raw)

    def acknowledgement(self) -> str:
        """An empty body: received, nothing to answer in this call."""
        return ""

    async def send(self, channel: Channel, message: Outgoing, attached: Attached | None = None) -> Delivered:
        """Send the parts that have not arrived yet; what stops one part stops the rest."""
        text = message.text
        links = [f"《{each.title}》{each.url}" for each in message.articles if each.url.startswith("http")]
        text = with_numbers("\n".join([text, *links]), [each.label for each in message.choices])
        for number, part in enumerate(split_text(text, _TEXT_CHARACTERS, in_bytes=False)):
            if number < message.parts_sent:
                continue
            delivered = await self._send_one(channel, message.external_id, part)
            if delivered.state != "sent":
                return replace(delivered, parts=number)
        return Delivered("sent")

    async def fetch(self, channel: Channel, reference: str) -> Fetched:
        """Get a picture or a recording by its `tovfid`."""
        base = str(channel.config.get("api_base") or UPLOAD_BASE).rstrip("/")
        params = {"access_token": str(channel.config.get("access_token", "")), "fid": reference}
        try:
            content_type, name, data = await self._http.download(
                f"{base}/2/mss/msget", params=params, limit=MEDIA_LIMIT
            )
        except TooLarge:
            return Fetched("failed", error="too_large")
        except ChannelUnavailable as exc:
            return Fetched("retry", error=exc.detail)
        if content_type == "application/json":
            return Fetched("failed", error="refused")
        return Fetched("here", data, name)

    async def _send_one(self, channel: Channel, receiver: str, text: str) -> Delivered:
        base = str(channel.config.get("api_base") or API_BASE).rstrip("/")
        # A form encoder given raw JSON encodes it once, as the platform wants it.
        form = {
            "type": "text",
            "data": json.dumps({"text": text}, ensure_ascii=False),
            "receiver_id": receiver,
            "save_sender_box": "1",
        }
        try:
            answer = await self._http.call(
                "POST",
                f"{base}/2/messages/reply.json",
                params={"access_token": str(channel.config.get("access_token", ""))},
                body=urlencode(form).encode(),
                content_type="application/x-www-form-urlencoded",
            )
        except ChannelUnavailable:
            return Delivered("retry", "busy")
        if "error" not in answer and "error_code" not in answer:
            return Delivered("sent")
        return _refusal(str(answer.get("error_code", "")))


def _refusal(code: str) -> Delivered:
    number = int(code) if code.isdigit() else 0
    if number in _BUSY:
        return Delivered("retry", "busy")
    if number in _LATER:
        return Delivered("retry", "limit", _LATER[number])
    return Delivered("failed", _ERRORS.get(number, f"weibo_{number}"))
