"""Where a webhook may go: never into our own network, whatever a name resolves to at the moment of the call."""

from __future__ import annotations

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from core.errors import Invalid

MAX_URL = 500
# Addresses of IPv6 that carry one of IPv4 for a translator (RFC 6052).
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


class Blocked(OSError):
    """The name leads to an address that webhooks may not reach."""


def is_open(address: str) -> bool:
    """Whether an address lies in the open internet: not loopback, private, link-local, shared or reserved."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_open(str(inner))
    return found.is_global and not found.is_multicast


def check_url(url: str, *, private: bool) -> str:
    """The address, or Invalid: https with a host and nothing hidden in it; http only where private ones are allowed."""
    try:
        # Read by the very parser that the call will use: two parsers may see two hosts in one address.
        parts = URL(url)
        host, _ = parts.host, parts.port
    except ValueError as exc:
        raise Invalid("url", text_id="error.webhook_url") from exc
    if not host or len(url) > MAX_URL or "\\" in url or any(c.isspace() or not c.isprintable() for c in url):
        raise Invalid("url", text_id="error.webhook_url")
    if parts.user is not None or parts.password is not None or parts.fragment:
        raise Invalid("url", text_id="error.webhook_url")
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise Invalid("url", text_id="error.webhook_https")
    if not private and is_literal(host) and not is_open(host):
        raise Invalid("url", text_id="error.webhook_private")
    return url


def is_literal(host: str) -> bool:
    """Whether a host is written as an address, for which no resolver is asked."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


class OpenResolver(AbstractResolver):
    """Resolves names and refuses those that lead inside; the connection goes to the very addresses it judged."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not all(is_open(each["host"]) for each in found):
            raise Blocked("blocked")
        return found

    async def close(self) -> None:
        await self._inner.close()
