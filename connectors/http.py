"""Calls to platforms: one session, named limits, small answers only, and no address but the configured one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from core.errors import ChannelUnavailable

_CALL_LIMIT_S = 8.0
_CONNECT_LIMIT_S = 3.0
_MAX_ANSWER = 256 * 1024


class PlatformHttp:
    """A lazily opened client session; `close` ends it."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def call(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "application/json; charset=utf-8",
    ) -> dict[str, Any]:
        """Call and return the JSON object that was answered. Raises ChannelUnavailable for everything else."""
        try:
            async with asyncio.timeout(_CALL_LIMIT_S):
                async with self._open().request(
                    method,
                    url,
                    params=params,
                    data=body,
                    headers={"Content-Type": content_type} if body is not None else None,
                    # A platform does not redirect its API; whoever answers with a redirect is somebody else.
                    allow_redirects=False,
                ) as response:
                    raw = await response.content.read(_MAX_ANSWER + 1)
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise ChannelUnavailable(type(exc).__name__) from exc
        if len(raw) > _MAX_ANSWER:
            raise ChannelUnavailable("answer too long")
        try:
            answer = json.loads(raw)
        except ValueError as exc:
            raise ChannelUnavailable(f"status {response.status}") from exc
        if not isinstance(answer, dict):
            raise ChannelUnavailable("answer is no object")
        return answer

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(connect=_CONNECT_LIMIT_S), trust_env=False
            )
        return self._session

    async def close(self) -> None:
        """End the session; a later call opens it again."""
        if self._session is not None:
            await self._session.close()
