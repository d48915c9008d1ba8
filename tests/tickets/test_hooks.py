"""What other systems hear of a matter: each step once and in order, with codes for all and masked words for some."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec

from core.secrets import Secrets
from core.webhooks import Webhooks, store
from tests.tickets.world import LIN, World
from tickets.hooks import Hooks


async def _told(world: World, webhook_id: str) -> list[dict[str, Any]]:
    async with world.db.read() as tx:
        found = await store.page(tx, webhook_id, state="", before=None, limit=200)
    return [msgspec.json.decode(each.body) for each in reversed(found)]


async def test_a_matter_is_told_from_its_first_word_to_the_rating(any_world: World) -> None:
    world = any_world
    hooks = Webhooks(world.db, world.clock, Secrets(b"0" * 32), private=True)
    world.tickets.add(Hooks(world.tickets.kit, hooks))
    ids = {}
    async with world.db.begin() as tx:
        for name, with_text in (("plain", False), ("words", True)):
            made, _ = await hooks.add(
                tx, name=name, url="http://127.0.0.1:1/", kinds=["ticket.*"], with_text=with_text, by="stf_1"
            )
            ids[name] = made.id
    ticket = await world.human(text="支付失败了 请打 13812345678")
    await world.tickets.answer(ticket.serial, LIN, "我来看一下", "m-1")
    await world.tickets.resolve_serial(ticket.serial, LIN, solution="已经为您补上会员时长。")
    await world.pass_time(minutes=2)
    await world.tickets.customer_rates(ticket.customer_id, ticket.serial, 4, True, "谢谢")
    plain, words = await _told(world, ids["plain"]), await _told(world, ids["words"])
    kinds = [each["kind"] for each in plain]
    assert kinds[0] == "ticket.created"
    assert {"ticket.message", "ticket.state_changed", "ticket.changed", "ticket.rated"} <= set(kinds)
    mine = [each for each in plain if each["data"]["ticket"]["id"] == ticket.id]
    versions = [each["data"]["ticket"]["version"] for each in mine]
    assert versions == sorted(versions)
    moves = [
        (each["data"]["from"], each["data"]["ticket"]["state"])
        for each in mine
        if each["kind"] == "ticket.state_changed"
    ]
    assert moves[-1][1] == "closed"
    assert all(before == after for (_, before), (after, _) in itertools.pairwise(moves))
    [rated] = [each["data"] for each in plain if each["kind"] == "ticket.rated"]
    assert (rated["rating"], rated["solved"]) == (4, True)
    assert "支付失败" not in str(plain)
    assert "支付失败" in str(words)
    assert "13812345678" not in str(words)
    assert "谢谢" not in str(plain)
