"""Reads nlu/data/intents/<intent>.txt: one phrase per line, `# name` opens a family of phrases;
and nlu/data/lookups/<entity>.txt: one word per line.

A family holds phrases that say a thing in much the same way. Evaluation keeps whole families out of training, so that a
paraphrase of a test phrase never stands in the training set. Each example carries its family as metadata.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

DATA = Path(__file__).parent.parent / "data"


class PhraseImporter(RasaFileImporter):
    """Rasa's own importer (lookup tables, patterns, rules) plus our phrases."""

    def get_nlu_data(self, language: str | None = "en") -> TrainingData:
        ours = TrainingData(training_examples=list(_examples()), lookup_tables=list(_lookup_tables()))
        return super().get_nlu_data(language).merge(ours)


def phrases(folder: Path = DATA / "intents") -> Iterator[tuple[str, str, str]]:
    """Yields (intent, family, text) in a stable order."""
    for file in sorted(folder.glob("*.txt")):
        family = "other"
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("# "):
                family = line[2:].strip()
            elif line.strip():
                yield file.stem, family, line.strip()


def _examples() -> Iterator[Message]:
    for intent, family, text in phrases():
        example = Message.build(text=text, intent=intent)
        example.set("metadata", {"example": {"family": family}})
        yield example


def _lookup_tables() -> Iterator[dict[str, Any]]:
    # Longest first: the tables become one pattern, which takes the first word that fits.
    for file in sorted((DATA / "lookups").glob("*.txt")):
        words = sorted(set(file.read_text(encoding="utf-8").split()), key=lambda word: (-len(word), word))
        yield {"name": file.stem, "elements": words}
