"""What every benchmark does at its end: one table on the screen, the same numbers in `results/NAME.json`."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from core.clock import UTC

Numbers = Mapping[str, Mapping[str, Mapping[str, float]]]
_FOLDER = Path(__file__).parent / "results"


def publish(name: str, numbers: Numbers) -> None:
    """Print `{set: {system: {measure: number}}}` as a table per set and write it as JSON."""
    _FOLDER.mkdir(exist_ok=True)
    (_FOLDER / f"{name}.json").write_text(json.dumps(numbers, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"\n{name} · {datetime.now(UTC):%Y-%m-%d} · {os.cpu_count()} cores, {platform.machine()}")
    for title, systems in numbers.items():
        measures = list(dict.fromkeys(measure for values in systems.values() for measure in values))
        print(f"\n| {title} | " + " | ".join(measures) + " |")
        print("|---|" + "--:|" * len(measures))
        for system, values in systems.items():
            cells = [f"{values[m]:.3f}".rstrip("0").rstrip(".") if m in values else "" for m in measures]
            print(f"| {system} | " + " | ".join(cells) + " |")
