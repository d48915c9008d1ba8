"""The page of keys is the whole truth: nothing else is written, and all of it lives in one slot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import handoff.keys
from handoff.keys import Keys, score
from handoff.presence import Status
from tests.handoff.world import CHEN, LIN, World

LUA = sorted((Path(handoff.keys.__file__).parent / "lua").glob("*.lua"))


async def test_every_key_stands_on_the_page_and_shares_the_tag(world: World) -> None:
    """A busy desk writes only what the table of `keys.py` names, all under `{desk}`."""
    await world.online(LIN, CHEN)
    await world.online(LIN, status=Status.BUSY)
    first = await world.waiting_customer()
    await world.waiting_customer(team="payment")
    await world.service.line.take(first.id, "general", "stf_lin", until_ms=1, seen_after_ms=0)
    found = {key.decode() async for key in world.redis.scan_iter(f"{world.keys.prefix}:*")}
    page = re.findall(r"^\| `(\S+)` \|", handoff.keys.__doc__ or "", re.MULTILINE)
    patterns = [re.escape(each).replace("<team>", "[a-z]+") for each in page]
    assert len(patterns) == 9
    for key in found:
        prefix, tag, rest = key.split(":", 2)
        assert (prefix, tag) == (world.keys.prefix, "{desk}")
        assert any(re.fullmatch(pattern, rest) for pattern in patterns), key
    assert len(found) >= 7


@pytest.mark.parametrize("path", LUA, ids=lambda path: path.name)
def test_a_script_takes_all_its_keys_and_the_time_from_its_caller(path: Path) -> None:
    """No key is spelled inside, the server's clock is never asked, and the head says what holds."""
    text = path.read_text(encoding="utf-8")
    assert "Invariant:" in text
    assert "Returns" in text
    code = "\n".join(line.split("--")[0] for line in text.splitlines())
    assert "'TIME'" not in code
    assert "cs:" not in code
    for call in re.findall(r"redis\.call\('[A-Z]+', ([^,)]+)", code):
        assert call.startswith("KEYS["), call


def test_a_priority_outweighs_every_wait_and_the_score_is_exact() -> None:
    """Doubles hold it to the millisecond until long after us."""
    late, early = 4_000_000_000_000, 1
    assert score(1, late) < score(2, early)
    assert int(float(score(9, late))) == score(9, late)
    assert Keys("x").waiting("payment") == "x:{desk}:queue:payment:waiting"
