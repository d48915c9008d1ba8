"""The account's access token, by `stable_token`: the same for all gateways, fetched by one of them at a time.

A repeated call returns the same token (and a new one only in its last five minutes), so several gateways never
make each other's token useless, as the older call did.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict

from bot.store.channels import Channel
from connectors.http import PlatformHttp
from core.clock import Clock
from core.errors import ChannelUnavailable

# Fetched again this long before it runs out, since the call itself takes time.
_MARGIN_S = 120.0


class TokenRefused(ChannelUnavailable):
    """The platform gives no token: configuration (secret, white list) or its quota; `errcode` says which."""

    def __init__(self, errcode: int) -> None:
        super().__init__(f"token refused: {errcode}")
        self.errcode = errcode


class Tokens:
    """Tokens by channel, kept in this process."""

    def __init__(self, http: PlatformHttp, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._kept: dict[str, tuple[str, float]] = {}
        self._one: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, channel: Channel, base: str, *, not_this: str | None = None) -> str:
        """A token that should work; `not_this` names one that the platform has just refused.

        Raises TokenRefused, ChannelUnavailable.
        """
        async with self._one[channel.id]:
            token, until = self._kept.get(channel.id, ("", 0.0))
            now = self._clock.now().timestamp()
            if token and token != not_this and now < until:
                return token
            body = {
                "grant_type": "client_credential",
                "appid": channel.config.get("app_id", ""),
                "secret": channel.config.get("secret", ""),
                "force_refresh": bool(token) and token == not_this,
            }
            answer = await self._http.call("POST", f"{base}/cgi-bin/stable_token", body=json.dumps(body).encode())
            fresh = answer.get("access_token")
            if not isinstance(fresh, str) or not fresh:
                raise TokenRefused(int(answer.get("errcode", -1)))
            self._kept[channel.id] = (fresh, now + float(answer.get("expires_in", 7200)) - _MARGIN_S)
            return fresh
