"""The catalogue: complete in both languages, parameters filled, editors' words first."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from core.messages import Catalogue, DoubleText

ROOT = Path(__file__).parents[2]


def test_every_text_exists_in_both_languages_with_the_same_parameters() -> None:
    catalogue = Catalogue()
    assert catalogue.languages == ("zh-CN", "en")
    assert catalogue.ids("zh-CN") == catalogue.ids("en")
    for text_id in catalogue.ids():
        chinese, english = catalogue.delivered(text_id), catalogue.delivered(text_id, "en")
        assert chinese
        assert english
        assert set(re.findall(r"\{(\w+)\}", chinese)) == set(re.findall(r"\{(\w+)\}", english)), text_id


def test_every_text_that_the_bot_names_exists_and_every_text_of_its_own_is_used() -> None:
    catalogue = Catalogue()
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "bot").rglob("*.py")))
    named = set(re.findall(r"""["']((?:bot|smalltalk|scope)\.[a-z_.]+[a-z])["']""", source))
    assert not {each for each in named if not catalogue.has(each)}
    own = {each for each in catalogue.ids() if each.startswith("bot.")}
    made = {each for each in own if each.startswith("bot.ticket_state.")}
    made |= {f"bot.{state}" for state in ("nobody_online", "after_hours", "full", "queue_down")}
    assert own - named - made == set()


def test_parameters_and_facts_are_filled(tmp_path: Path) -> None:
    (tmp_path / "a.zh-CN.json").write_text(
        json.dumps(
            {
                "hello": "你好,{name}",
                "facts": "{facts}。",
                "city": "城市",
                "wifi": "Wi-Fi",
                "form.fact": "{label} {value}",
            }
        ),
        encoding="utf-8",
    )
    catalogue = Catalogue(tmp_path, tmp_path / "none.json")
    assert catalogue.get("hello", name="小{x}明") == "你好,小{x}明"
    assert catalogue.get("hello") == "你好,"
    facts = [{"label_id": "city", "value": "杭州"}, {"label_id": "city", "value": "?", "value_id": "wifi"}]
    assert catalogue.get("facts", facts=facts) == "城市 杭州、城市 Wi-Fi。"
    assert catalogue.get("hello", "en", name="x") == "你好,x"
    assert catalogue.get("nobody.knows.this") == "nobody.knows.this"


def test_an_editors_words_win_until_they_are_taken_back() -> None:
    catalogue = Catalogue()
    delivered = catalogue.get("bot.hello")
    catalogue.override({("zh-CN", "bot.hello"): "哈喽"})
    assert catalogue.get("bot.hello") == "哈喽"
    assert catalogue.delivered("bot.hello") == delivered
    catalogue.override({})
    assert catalogue.get("bot.hello") == delivered


def test_two_files_cannot_claim_one_text(tmp_path: Path) -> None:
    for area in ("a", "b"):
        (tmp_path / f"{area}.zh-CN.json").write_text('{"x": "y"}', encoding="utf-8")
    with pytest.raises(DoubleText):
        Catalogue(tmp_path, tmp_path / "none.json")
