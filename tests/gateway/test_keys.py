"""Keys are spelled on their folders' pages only, and no two folders can meet on one."""

from __future__ import annotations

import re
from pathlib import Path

from gateway import keys as gateway_keys
from handoff.keys import Keys

ROOT = Path(__file__).parents[2]


def test_no_key_of_one_folder_can_be_one_of_another() -> None:
    handoff = Keys()
    theirs = {handoff.waiting("payment"), handoff.offered, handoff.active, handoff.presence, handoff.load}
    ours = {gateway_keys.limit("cs", name, "x") for name in ("visitor", "requests")} | {gateway_keys.events()}
    assert not theirs & ours
    assert all(key.startswith("cs:{") for key in theirs)
    assert not any(key.startswith("cs:{") for key in ours)


def test_keys_are_spelled_nowhere_else() -> None:
    spelled = re.compile(r"""["']cs:""")
    for folder in ("bot", "core", "handoff", "tickets", "knowledge_base", "connectors", "gateway"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name != "keys.py":
                assert not spelled.search(path.read_text(encoding="utf-8")), path
