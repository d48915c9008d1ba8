"""Calls to platforms: one session, named limits, small answers only, and no address but the configured one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from core.errors import ChannelUnavailable, TooLarge

_CALL_LIMIT_S = 8.0
_CONNECT_LIMIT_S = 3.0
_MAX_ANSWER = 256 * 1024
# Less than half the lease of whoever sends or fetches.
_FILE_LIMIT_S = 25.0
_CHUNK = 64 * 1024


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

    async def download(
        self, url: str, *, params: Mapping[str, str] | None = None, limit: int
    ) -> tuple[str, str, bytes]:
        """Get a file: (content type, its name or "", content). Raises ChannelUnavailable, TooLarge above `limit`."""
        try:
            async with asyncio.timeout(_FILE_LIMIT_S):
                async with self._open().get(url, params=params, allow_redirects=False) as response:
                    if response.status != 200:
                        raise ChannelUnavailable(f"status {response.status}")
                    disposition = response.content_disposition
                    name = (disposition.filename or "") if disposition else ""
                    return response.content_type, name, await _read(response, limit)
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise ChannelUnavailable(type(exc).__name__) from exc

    async def upload(
        self, url: str, *, params: Mapping[str, str], field: str, data: bytes, name: str, content_type: str
    ) -> dict[str, Any]:
        """Post one file as a form and return the JSON object that was answered. Raises ChannelUnavailable."""
        form = aiohttp.FormData()
        form.add_field(field, data, filename=name, content_type=content_type)
        try:
            async with asyncio.timeout(_FILE_LIMIT_S):
                async with self._open().post(url, params=params, data=form, allow_redirects=False) as response:
                    answer = json.loads(await response.content.read(_MAX_ANSWER))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
            raise ChannelUnavailable(type(exc).__name__) from exc
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


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    if (response.content_length or 0) > limit:
        raise TooLarge("file")
    content = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        content += chunk
        if len(content) > limit:
            raise TooLarge("file")
    return bytes(content)
