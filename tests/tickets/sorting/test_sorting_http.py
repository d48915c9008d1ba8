"""The classifier's queue, the tree's editor and versions by HTTP on a whole gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from core.db import Tx
from core.redis_client import connect
from core.settings import Settings
from gateway.app import application, running
from tests.tickets.sorting.test_model import _SAID, _WHEN
from tests.tickets.test_http import REDIS_NUMBERS, House, Json
from tickets.sorting.trainer import Seed


async def seeds(tx: Tx) -> Sequence[Seed]:
    """Sentences of three categories."""
    return [
        Seed(said.format(when), category, f"{category}-{number}-{when}")
        for category, sentences in _SAID.items()
        for number, said in enumerate(sentences)
        for when in _WHEN
    ]


@pytest.fixture
async def house(tmp_path: Path, redis_url: str) -> AsyncIterator[House]:
    """A gateway on SQLite with a logical Redis database of its own."""
    url = f"{redis_url}?db={next(REDIS_NUMBERS)}"
    async with connect(url) as redis:
        await redis.flushdb()
    settings = Settings(data=tmp_path, redis_url=url, turn_gather_s=0.05)
    async with running(settings) as services, TestClient(TestServer(application(services))) as client:
        services.tickets.sorting.join(encoder=services.encoder, seeds=seeds)
        yield House(services, client)


def _flat(nodes: list[Json]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for node in nodes:
        found[node["id"]] = node
        found |= _flat(node["children"])
    return found


async def test_a_classifier_sorts_what_waits_and_takes_it_back(house: House) -> None:
    """Queue with words and suggestion, one call to sort, the same call to undo; agents may not."""
    _, serial = await house.customer("嗯嗯我的号码 13812345678 那个东西", "转人工")
    sorter, agent = await house.person("sorter", "classifier", "sorting"), await house.person("agent", "agent")
    await house.call("GET", "/sorting/queue", 403, agent)
    queue = await house.call("GET", "/sorting/queue", 200, sorter)
    (item,) = queue["items"]
    assert (item["serial"], queue["waiting"], queue["sorted_today"]) == (serial, 1, 0)
    assert "138****5678" in " ".join(item["said"])
    wish = {"version": item["version"], "category_id": "payment/refund"}
    done = await house.call("POST", f"/tickets/{serial}/category", 200, sorter, wish)
    assert (done["category_name"], done["team_name"]) == ("会员与支付/退款与扣费争议", "支付组")
    await house.call("POST", f"/tickets/{serial}/category", 409, sorter, wish)
    after = await house.call("GET", "/sorting/queue", 200, sorter)
    assert (after["items"], after["waiting"], after["sorted_today"]) == ([], 0, 1)
    back = {"version": done["version"], "category_id": "unsorted"}
    await house.call("POST", f"/tickets/{serial}/category", 200, sorter, back)
    assert (await house.call("GET", "/sorting/queue", 200, sorter))["waiting"] == 1


async def test_the_tree_is_edited_by_who_may(house: House) -> None:
    """Add, rename, archive; what agents choose from follows at once."""
    admin, agent = await house.person("boss", "admin"), await house.person("agent", "agent")
    await house.call("GET", "/categories/editor", 403, agent)
    new = {"parent_id": "payment", "name": "礼品卡", "team_id": "payment", "keywords": ["礼品卡", "礼品卡"]}
    await house.call("POST", "/categories", 403, agent, new)
    made = (await house.call("POST", "/categories", 201, admin, new))["id"]
    await house.call("POST", "/categories", 409, admin, new)
    await house.call("POST", "/categories", 422, admin, {**new, "name": "甲", "team_id": "nobody"})
    path = f"/categories/{made.replace('/', '%2F')}"
    await house.call("PATCH", path, 204, admin, {"name": "礼品卡与兑换", "keywords": ["礼品卡", "兑换"]})
    known = _flat((await house.call("GET", "/categories", 200, agent))["items"])
    assert known[made]["name"] == "礼品卡与兑换"
    await house.call("PATCH", path, 204, admin, {"archived": True})
    assert made not in _flat((await house.call("GET", "/categories", 200, agent))["items"])
    edited = _flat((await house.call("GET", "/categories/editor", 200, admin))["items"])
    assert edited[made]["archived"]
    assert edited[made]["keywords"] == ["礼品卡", "兑换"]
    refused = await house.call("PATCH", "/categories/unsorted", 422, admin, {"archived": True})
    assert "待细化" in refused["error"]["message"]
    await house.call("PATCH", "/categories/nothing", 404, admin, {"name": "甲"})


async def test_versions_are_trained_activated_and_left(house: House) -> None:
    """A version with its report; whoever may only sort sees it and changes nothing."""
    admin, sorter = await house.person("boss", "admin"), await house.person("sorter", "classifier", "sorting")
    await house.call("POST", "/sorting/classifiers", 403, sorter)
    await house.call("POST", "/sorting/classifiers", 202, admin)
    sorting = house.services.tickets.sorting
    while (await house.call("GET", "/sorting/classifiers", 200, sorter))["training"]:
        await sorting.work_due()
    (version,) = (await house.call("GET", "/sorting/classifiers", 200, sorter))["versions"]
    assert version["active"]
    assert version["report"]["macro_f1"] > 0.5
    sorting._looked_at = -100.0
    tried = await house.call("POST", "/sorting/try", 200, sorter, {"text": "多扣了一笔"})
    assert tried["suggestions"][0]["category_id"] == "payment/refund"
    await house.call("DELETE", "/sorting/classifiers/active", 204, admin)
    assert not (await house.call("GET", "/sorting/classifiers", 200, sorter))["versions"][0]["active"]
    await house.call("POST", f"/sorting/classifiers/{version['number']}/activate", 204, admin)
    await house.call("POST", "/sorting/classifiers/77/activate", 404, admin)
    assert (await house.call("GET", "/sorting/classifiers", 200, sorter))["versions"][0]["active"]
