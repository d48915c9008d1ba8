"""What the product says: one catalogue out of many files, Chinese first.

`<area>.<language>.json` beside this file holds flat `{text id: text with {param}}`; `nlu/texts.json` holds what the
assistant asks for, by language. Editors' own words (`override`) win over both. A text that a language lacks is said
in Chinese; a text that nobody has is said as its id, and logged: a customer sees something odd, never an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger(__name__)

DEFAULT_LANGUAGE = "zh-CN"

_FOLDER = Path(__file__).parent
_ASSISTANT_TEXTS = Path(__file__).parents[2] / "nlu" / "texts.json"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class DoubleText(ValueError):
    """Two files claim the same text id."""


class Catalogue:
    """Every text by language and id. Reads its files once; `override` may be called at any time."""

    def __init__(self, folder: Path = _FOLDER, assistant_texts: Path = _ASSISTANT_TEXTS) -> None:
        self._texts: dict[str, dict[str, str]] = {}
        self._own: dict[tuple[str, str], str] = {}
        for path in sorted(folder.glob("*.json")):
            # `bot.zh-CN.json` or, without an area, `zh-CN.json`.
            language = path.name.removesuffix(".json").rpartition(".")[2]
            self._add(language, json.loads(path.read_text(encoding="utf-8")), path.name)
        if assistant_texts.exists():
            for language, texts in json.loads(assistant_texts.read_text(encoding="utf-8")).items():
                self._add(language, texts, assistant_texts.name)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that have texts, Chinese first."""
        return tuple(sorted(self._texts, key=lambda each: (each != DEFAULT_LANGUAGE, each)))

    def ids(self, language: str = DEFAULT_LANGUAGE) -> frozenset[str]:
        """The delivered text ids of a language."""
        return frozenset(self._texts.get(language, {}))

    def delivered(self, text_id: str, language: str = DEFAULT_LANGUAGE) -> str | None:
        """The text as delivered, without an editor's words and without parameters."""
        return self._texts.get(language, {}).get(text_id)

    def override(self, own: Mapping[tuple[str, str], str]) -> None:
        """Replace all of the editors' own words, by (language, text id)."""
        self._own = dict(own)

    def has(self, text_id: str) -> bool:
        """Whether the text exists at all."""
        return (DEFAULT_LANGUAGE, text_id) in self._own or text_id in self._texts.get(DEFAULT_LANGUAGE, {})

    def get(self, text_id: str, language: str = DEFAULT_LANGUAGE, /, **params: object) -> str:
        """The text with its parameters. A list of facts becomes one line of labels and values."""
        text = self._find(text_id, language)
        if text is None:
            log.error("texts.missing", text_id=text_id, language=language)
            return text_id
        return _PLACEHOLDER.sub(lambda found: self._param(found, params, language), text)

    def _add(self, language: str, texts: Mapping[str, str], source: str) -> None:
        known = self._texts.setdefault(language, {})
        double = known.keys() & texts.keys()
        if double:
            raise DoubleText(f"{source}: {', '.join(sorted(double))}")
        known.update(texts)

    def _find(self, text_id: str, language: str) -> str | None:
        for each in (language, DEFAULT_LANGUAGE):
            text = self._own.get((each, text_id)) or self._texts.get(each, {}).get(text_id)
            if text is not None:
                return text
        return None

    def _param(self, found: re.Match[str], params: Mapping[str, object], language: str) -> str:
        value = params.get(found.group(1))
        if value is None:
            return ""
        if isinstance(value, str) or not isinstance(value, Sequence):
            return str(value)
        return self._facts(value, language)

    def _facts(self, facts: Sequence[Any], language: str) -> str:
        said = []
        for fact in facts:
            if not isinstance(fact, Mapping):
                said.append(str(fact))
                continue
            value_id = fact.get("value_id")
            value = self.get(value_id, language) if value_id else str(fact.get("value", ""))
            said.append(self.get("form.fact", language, label=self.get(fact["label_id"], language), value=value))
        separator = self._find("form.fact_separator", language)
        return (separator if separator is not None else "、").join(said)
