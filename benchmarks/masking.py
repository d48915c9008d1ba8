"""Masking on real service sentences: what share of numbers is masked, and how many clean sentences are touched.

A number counts as masked when it can no longer be read in the masked sentence. `touched` is the share of sentences
without personal data that come out changed. Names are not masked, and the addresses marked in this set are mostly bare
towns, which a masked address keeps; neither is measured.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.report import publish
from core.masking import mask_text

_REPOSITORY = Path(__file__).resolve().parents[1]
_MEASURED = ("PHONE", "ID_CARD", "EMAIL")


def main() -> None:
    folder = _folder()
    if folder is None:
        print("the data sets are not here; name their folder in FRONTLINE_DATASETS")
        return
    verbose = "-v" in sys.argv[1:]
    wanted: Counter[str] = Counter()
    masked: Counter[str] = Counter()
    for row in _rows(folder / "jddc_filled.jsonl"):
        text = row["text"]
        shown = mask_text(text)
        for start, end, kind in row["spans"]:
            wanted[kind] += 1
            if text[start:end] not in shown:
                masked[kind] += 1
            elif verbose and kind in _MEASURED:
                print(f"missed {kind}: {text!r} → {shown!r}")
    rows, touched, began = 0, 0, time.perf_counter()
    for row in _rows(folder / "jddc_clean.jsonl"):
        rows += 1
        shown = mask_text(row["text"])
        if shown != row["text"]:
            touched += 1
            if verbose:
                print(f"touched: {row['text']!r} → {shown!r}")
    took = time.perf_counter() - began
    recall = {kind: {"number": wanted[kind], "recall": masked[kind] / max(1, wanted[kind])} for kind in _MEASURED}
    clean = {"clean sentences": {"number": rows, "touched": touched / max(1, rows), "µs each": took / rows * 1e6}}
    publish("masking", {"jddc_filled": recall, "jddc_clean": clean})


def _folder() -> Path | None:
    folder = Path(os.environ.get("FRONTLINE_DATASETS", _REPOSITORY.parent / "shared" / "data")) / "pii"
    return folder if folder.exists() else None


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


if __name__ == "__main__":
    main()
