"""Below HTTP's grammar: what no parser of ours sees still gets a short answer without inner life."""

from __future__ import annotations

import asyncio

import pytest

from tests.gateway.conftest import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def _raw(gateway: Gateway, data: bytes) -> bytes:
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    await writer.drain()
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(65_536), 20)
    writer.close()
    return answer


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n",
        b"POST /api/v1/chat/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"POST /api/v1/chat/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /%00%ff HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["header", "line", "tls", "no colon", "two lengths", "negative", "odd bytes"],
)
async def test_nonsense_on_the_wire_is_refused_without_a_trace(gateway: Gateway, data: bytes) -> None:
    answer = await _raw(gateway, data)
    head = answer.split(b"\r\n", 1)[0]
    assert head == b"" or head.split()[1][:1] == b"4", head
    for word in (b"Traceback", b'File "', b"site-packages", b"aiohttp.http_exceptions"):
        assert word not in answer
    assert (await gateway.call("GET", "/health/live")).status == 200
