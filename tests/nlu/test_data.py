"""The training data, the rules and the name of a model."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from core.normaliser import normalise
from nlu.fingerprint import ROOT, fingerprint, model_path
from tests.fixtures.assistant import PYTHON, trained_model

INTENTS = ROOT / "nlu" / "data" / "intents"


def phrases(file: Path) -> list[str]:
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("# ")]


def domain_intents() -> set[str]:
    section = (ROOT / "domain.yml").read_text(encoding="utf-8").split("intents:")[1].split("\n\n")[0]
    return set(re.findall(r"- (\w+)", section))


def test_every_intent_has_at_least_forty_phrasings() -> None:
    """Counted in normal form: capitals, width and script make no new phrasing."""
    files = {file.stem: {normalise(text) for text in phrases(file)} for file in INTENTS.glob("*.txt")}
    assert set(files) == domain_intents()
    assert {name: len(texts) for name, texts in files.items() if len(texts) < 40} == {}


def test_no_phrase_means_two_things() -> None:
    owners = Counter(text for file in INTENTS.glob("*.txt") for text in {normalise(text) for text in phrases(file)})
    assert [text for text, times in owners.items() if times > 1] == []


def test_every_phrase_stands_in_a_family() -> None:
    """Evaluation holds out families; a phrase without one would leak."""
    for file in INTENTS.glob("*.txt"):
        assert file.read_text(encoding="utf-8").startswith("# "), file.name


def test_every_table_of_words_belongs_to_an_entity() -> None:
    """The file's name is the entity's; Rasa ignores a table of another name without a word."""
    section = (ROOT / "domain.yml").read_text(encoding="utf-8").split("entities:")[1].split("\n\n")[0]
    entities = set(re.findall(r"- (\w+)", section))
    assert {file.stem for file in (ROOT / "nlu" / "data" / "lookups").glob("*.txt")} <= entities


def test_every_intent_has_a_rule() -> None:
    """An intent without a rule would be answered by silence."""
    rules = (ROOT / "nlu" / "data" / "rules" / "rules.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"intent: (\w+)", rules)) == domain_intents() | {"nlu_fallback"}


class TestTheNameOfAModel:
    @pytest.fixture
    def copy(self, tmp_path: Path) -> Path:
        for name in ("nlu", "core"):
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("config.yml", "domain.yml"):
            shutil.copy(ROOT / name, tmp_path / name)
        return tmp_path

    def test_the_same_content_has_the_same_name_anywhere(self, copy: Path) -> None:
        assert fingerprint(copy) == fingerprint(ROOT)

    @pytest.mark.parametrize(
        "name",
        [
            "config.yml",
            "domain.yml",
            "nlu/data/intents/faq.txt",
            "nlu/components/classifier.py",
            "core/data/normaliser.json",
        ],
    )
    def test_whatever_makes_the_model_changes_its_name(self, copy: Path, name: str) -> None:
        before = fingerprint(copy)
        with (copy / name).open("a", encoding="utf-8") as file:
            file.write("\n")
        assert fingerprint(copy) != before

    @pytest.mark.parametrize("name", ["nlu/README.md", "nlu/texts.json", "nlu/serve.py", "nlu/components/channel.py"])
    def test_what_does_not_make_the_model_keeps_it(self, copy: Path, name: str) -> None:
        """A better wording must not cost a training."""
        before = fingerprint(copy)
        with (copy / name).open("a", encoding="utf-8") as file:
            file.write("\n")
        assert fingerprint(copy) == before

    def test_both_interpreters_agree(self) -> None:
        code = "from nlu.fingerprint import fingerprint; print(fingerprint())"
        done = subprocess.run([str(PYTHON), "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == fingerprint()

    def test_a_model_that_is_there_is_not_trained_again(self) -> None:
        model = trained_model()
        command = [str(PYTHON), "-m", "nlu.train", "--out", str(model.parent)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
        assert "up to date" in done.stdout
        assert done.stdout.splitlines()[-1] == str(model_path(model.parent.resolve()))
