"""One normal form of text for documents, queries, training data and ticket search.

The rules stand in `data/normaliser.json` together with test vectors; this module also runs in the
assistant's interpreter (CPython 3.10), so it imports nothing but the standard library and OpenCC's table of
single characters (traditional → simplified).
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import lru_cache
from importlib import resources
from pathlib import Path

_RULES = json.loads((Path(__file__).parent / "data" / "normaliser.json").read_text(encoding="utf-8"))

VERSION: str = str(_RULES["version"])
"""Changes whenever the normal form of any text may change; part of every index's identity."""

_INVISIBLE = re.compile("[" + _RULES["invisible"] + "]")
_NOISE = [re.compile(pattern) for pattern in _RULES["noise"]]
_EMOJI = re.compile("[" + _RULES["emoji"] + "]+")
_REPEATED_MARK = re.compile(r"([^\w\s])\1+")
_REPEATED_CHARACTER = re.compile(r"(\w)\1{3,}")
_SPACE = re.compile(r"\s+")
# Between two Chinese characters a space carries no meaning; beside Latin letters and digits it does.
_SPACE_IN_CHINESE = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")


def _traditional_to_simplified() -> dict[int, str]:
    table: dict[int, str] = {}
    source = resources.files("opencc").joinpath("dictionary/TSCharacters.txt")
    for line in source.read_text(encoding="utf-8").splitlines():
        traditional, _, simplified = line.partition("\t")
        if len(traditional) == 1 and simplified:
            table[ord(traditional)] = simplified.split()[0]
    table.update({ord(k): v for k, v in _RULES["characters"].items()})
    return table


_SIMPLIFY = _traditional_to_simplified()


@lru_cache(maxsize=8192)
def normalise(text: str) -> str:
    """Return the normal form of `text`; normalising twice changes nothing.

    NFKC, invisible characters removed, lower case, traditional characters simplified, shop noise and emoji
    removed, runs of one mark folded to one, runs of four or more of one letter folded to three, spaces folded.
    The original is kept elsewhere for display. Text that is nothing but emoji or noise becomes "".
    """
    previous = None
    for _ in range(4):
        if text == previous:
            break
        previous = text
        text = _once(text)
    return text


def _once(text: str) -> str:
    text = unicodedata.normalize("NFKC", text)
    text = _INVISIBLE.sub("", text)
    text = text.lower().translate(_SIMPLIFY)
    for pattern in _NOISE:
        text = pattern.sub(" ", text)
    text = _EMOJI.sub(" ", text)
    text = _REPEATED_MARK.sub(r"\1", text)
    text = _REPEATED_CHARACTER.sub(r"\1\1\1", text)
    text = _SPACE_IN_CHINESE.sub("", text)
    return _SPACE.sub(" ", text).strip()


def terms(text: str) -> list[str]:
    """Split into search terms: overlapping pairs of Chinese characters (single ones alone), words and numbers.

    This is the form of the full-text columns of tickets and messages, on SQLite and PostgreSQL alike.
    """
    found: list[str] = []
    for run in re.findall(r"[\u3400-\u9fff]+|[a-z0-9]+", normalise(text)):
        if "\u3400" <= run[0] <= "\u9fff":
            found.extend(run[i : i + 2] for i in range(max(1, len(run) - 1)))
        else:
            found.append(run)
    return found
