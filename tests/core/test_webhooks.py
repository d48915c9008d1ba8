"""Outgoing webhooks: signed, in order, at least once, never into our own network; two gateways send each once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from core.clock import UTC, FakeClock
from core.db import Database
from core.errors import Invalid, NotFound
from core.secrets import Secrets
from core.webhooks import Webhooks, signing, store
from core.webhooks.addresses import Blocked, OpenResolver, check_url, is_open
from core.webhooks.service import MOST_ATTEMPTS

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
SECRETS = Secrets(b"0" * 32)


@dataclass
class Receiver:
    """Somebody else's program: keeps what it was told, and answers as it is told to."""

    url: str = ""
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def numbers(self) -> list[int]:
        """What the accepted and refused calls said, in order of arrival."""
        return [msgspec.json.decode(body)["data"]["number"] for _, body in self.calls]

    async def hear(self, request: web.Request) -> web.Response:
        self.calls.append((dict(request.headers), await request.read()))
        status = self.answers.pop(0) if self.answers else 200
        headers = {"Location": "http://127.0.0.1:1/inside"} if 300 <= status < 400 else {}
        return web.Response(status=status, text="收到", headers=headers)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_post("/hook", found.hear)
    async with TestServer(app) as server:
        found.url = str(server.make_url("/hook"))
        yield found


@pytest.fixture
async def new_gateway(any_db: Database) -> AsyncIterator[Callable[..., Webhooks]]:
    made: list[Webhooks] = []

    def make(clock: FakeClock, *, private: bool = True) -> Webhooks:
        made.append(Webhooks(any_db, clock, SECRETS, private=private))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def _add(db: Database, hooks: Webhooks, url: str, kinds: list[str], **more: Any) -> tuple[str, str]:
    async with db.begin() as tx:
        made, key = await hooks.add(tx, name="客户系统", url=url, kinds=kinds, with_text=False, by="stf_1", **more)
    return made.id, key


async def _emit(db: Database, hooks: Webhooks, number: int, subject: str = "ticket:1") -> None:
    async with db.begin() as tx:
        await hooks.emit(tx, "ticket.created", subject=subject, data={"number": number}, text={"title": "打不开播放页"})


async def test_a_call_is_signed_and_says_only_what_was_asked_for(
    any_db: Database, receiver: Receiver, new_gateway: Callable[..., Webhooks]
) -> None:
    clock = FakeClock(NOW)
    hooks = new_gateway(clock)
    _, key = await _add(any_db, hooks, receiver.url, ["ticket.created"])
    await _emit(any_db, hooks, 1)
    async with any_db.begin() as tx:
        await hooks.emit(tx, "ticket.rated", subject="ticket:1", data={"number": 2})
    assert await hooks.send_due() == 1
    headers, body = receiver.calls[0]
    told = msgspec.json.decode(body)
    assert told["data"] == {"number": 1}
    assert (told["kind"], headers[signing.EVENT], headers[signing.EVENT_ID]) == (
        "ticket.created",
        "ticket.created",
        told["id"],
    )
    stamp, signature = headers[signing.TIMESTAMP], headers[signing.SIGNATURE]
    assert signing.verify(key, stamp, signature, body, now=NOW.timestamp())
    assert not signing.verify(key, stamp, signature, body + b" ", now=NOW.timestamp())
    assert not signing.verify(key, stamp, signature, body, now=NOW.timestamp() + 301)
    assert not signing.verify("whk_other", stamp, signature, body, now=NOW.timestamp())


async def test_what_did_not_happen_is_not_told(
    any_db: Database, receiver: Receiver, new_gateway: Callable[..., Webhooks]
) -> None:
    hooks = new_gateway(FakeClock(NOW))
    await _add(any_db, hooks, receiver.url, ["ticket.*"])

    async def half() -> None:
        async with any_db.begin() as tx:
            await hooks.emit(tx, "ticket.created", subject="ticket:1", data={"number": 1})
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError):
        await half()
    assert await hooks.send_due() == 0
    assert receiver.calls == []


async def test_news_of_one_ticket_stay_in_order_while_one_of_them_is_tried_again(
    any_db: Database, receiver: Receiver, new_gateway: Callable[..., Webhooks]
) -> None:
    clock = FakeClock(NOW)
    hooks = new_gateway(clock)
    await _add(any_db, hooks, receiver.url, ["ticket.*"])
    receiver.answers = [500]
    for number in (1, 2, 3):
        await _emit(any_db, hooks, number)
    await hooks.send_due()
    await _emit(any_db, hooks, 9, subject="ticket:2")
    while await hooks.send_due():
        pass
    assert receiver.numbers == [1, 9]
    clock.advance(seconds=13)
    while await hooks.send_due():
        pass
    assert receiver.numbers == [1, 9, 1, 2, 3]
    first, again = receiver.calls[0], receiver.calls[2]
    assert first[0][signing.EVENT_ID] == again[0][signing.EVENT_ID]
    assert first[1] == again[1]


async def test_two_gateways_send_each_once(
    any_db: Database, receiver: Receiver, new_gateway: Callable[..., Webhooks]
) -> None:
    clock = FakeClock(NOW)
    one, other = new_gateway(clock), new_gateway(clock)
    await _add(any_db, one, receiver.url, ["ticket.*"])
    for number in range(40):
        await _emit(any_db, one, number, subject=f"ticket:{number % 5}")
    while sum(await asyncio.gather(one.send_due(), other.send_due())):
        pass
    assert sorted(receiver.numbers) == list(range(40))
    for ticket in range(5):
        of_one = [number for number in receiver.numbers if number % 5 == ticket]
        assert of_one == sorted(of_one)


async def test_nobody_listening_ends_in_the_log_and_can_be_sent_again(
    any_db: Database, receiver: Receiver, new_gateway: Callable[..., Webhooks]
) -> None:
    clock = FakeClock(NOW)
    hooks = new_gateway(clock)
    webhook_id, _ = await _add(any_db, hooks, receiver.url, ["ticket.*"])
    receiver.answers = [503] * MOST_ATTEMPTS
    await _emit(any_db, hooks, 1)
    for _ in range(MOST_ATTEMPTS):
        assert await hooks.send_due() == 1
        clock.advance(hours=8)
    assert await hooks.send_due() == 0
    async with any_db.read() as tx:
        [dead] = await store.page(tx, webhook_id, state=store.DEAD, before=None, limit=10)
        tries = await store.attempts_of(tx, dead.id)
    assert (dead.attempts, dead.last_status, dead.last_error) == (MOST_ATTEMPTS, 503, "refused")
    assert [each.answer for each in tries] == ["收到"] * MOST_ATTEMPTS
    async with any_db.begin() as tx:
        await hooks.again(tx, dead.id)
    assert await hooks.send_due() == 1
    async with any_db.read() as tx:
        assert (await store.delivery(tx, dead.id)).state == store.SENT


async def test_a_claim_of_a_gateway_that_died_runs_out(
    any_db: Database, receiver: Receiver, new_gateway: Callable[..., Webhooks]
) -> None:
    clock = FakeClock(NOW)
    hooks = new_gateway(clock)
    await _add(any_db, hooks, receiver.url, ["ticket.*"])
    await _emit(any_db, hooks, 1)
    async with any_db.begin() as tx:
        assert len(await store.claim(tx, clock.now(), 10)) == 1
    assert await hooks.send_due() == 0
    clock.advance(seconds=61)
    assert await hooks.send_due() == 1
    assert receiver.numbers == [1]


async def test_for_a_day_after_a_rotation_both_keys_sign(
    any_db: Database, receiver: Receiver, new_gateway: Callable[..., Webhooks]
) -> None:
    clock = FakeClock(NOW)
    hooks = new_gateway(clock)
    webhook_id, old = await _add(any_db, hooks, receiver.url, ["ticket.*"])
    async with any_db.begin() as tx:
        _, new = await hooks.rotate(tx, webhook_id)
    assert old != new
    for number, hours in ((1, 0), (2, 25)):
        clock.advance(hours=hours)
        await _emit(any_db, hooks, number)
        await hooks.send_due()

    def holds(key: str, call: tuple[dict[str, str], bytes]) -> bool:
        headers, body = call
        stamp = headers[signing.TIMESTAMP]
        return signing.verify(key, stamp, headers[signing.SIGNATURE], body, now=float(stamp))

    assert [holds(old, each) for each in receiver.calls] == [True, False]
    assert [holds(new, each) for each in receiver.calls] == [True, True]


async def test_a_redirect_is_not_followed(
    any_db: Database, receiver: Receiver, new_gateway: Callable[..., Webhooks]
) -> None:
    hooks = new_gateway(FakeClock(NOW))
    webhook_id, _ = await _add(any_db, hooks, receiver.url, ["ticket.*"])
    receiver.answers = [307]
    tried = await hooks.test(webhook_id)
    assert (tried.state, tried.last_status, tried.last_error) == (store.DEAD, 307, "redirected")
    assert len(receiver.calls) == 1


async def test_no_call_goes_inside_even_to_an_address_written_down_before(
    any_db: Database, receiver: Receiver, new_gateway: Callable[..., Webhooks]
) -> None:
    clock = FakeClock(NOW)
    loose, strict = new_gateway(clock), new_gateway(clock, private=False)
    webhook_id, _ = await _add(any_db, loose, receiver.url, ["ticket.*"])
    tried = await strict.test(webhook_id)
    assert (tried.state, tried.last_error) == (store.DEAD, "blocked")
    with pytest.raises(Blocked):
        await OpenResolver().resolve("localhost", 443)
    with pytest.raises(Blocked):
        await OpenResolver().resolve("2130706433", 443)
    assert receiver.calls == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://10.0.0.8/",
        "https://[::1]/",
        "https://[::ffff:192.168.1.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://user:pass@example.com/",
        "https://good.example\\@127.0.0.1/",
        "https://example.com/#part",
        "ftp://example.com/",
        "https:///nothing",
        "https://exa mple.com/",
        "关于",
        "https://example.com:99999/",
    ],
)
def test_an_address_that_must_not_be_called_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        check_url(url, private=False)


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_judged_by_what_is_inside(address: Any) -> None:
    assert is_open(f"::ffff:{address}") == is_open(str(address))


async def test_a_receiver_is_removed_with_its_log_and_a_silent_one_hears_nothing(
    any_db: Database, receiver: Receiver, new_gateway: Callable[..., Webhooks]
) -> None:
    clock = FakeClock(NOW)
    hooks = new_gateway(clock)
    webhook_id, _ = await _add(any_db, hooks, receiver.url, ["ticket.*"])
    await _emit(any_db, hooks, 1)
    async with any_db.begin() as tx:
        await hooks.change(tx, webhook_id, disabled=True)
    await _emit(any_db, hooks, 2)
    assert await hooks.send_due() == 0
    async with any_db.begin() as tx:
        await hooks.change(tx, webhook_id, disabled=False)
    await hooks.send_due()
    assert receiver.numbers == [1]
    async with any_db.begin() as tx:
        assert await store.forget(tx, NOW + timedelta(days=1)) == 1
        await hooks.emit(tx, "ticket.created", subject="ticket:9", data={"number": 3})
        await store.forget_subjects(tx, ["ticket:9"])
        assert await store.page(tx, webhook_id, state="", before=None, limit=9) == []
        await hooks.remove(tx, webhook_id)
    async with any_db.read() as tx:
        with pytest.raises(NotFound):
            await store.get(tx, webhook_id)
