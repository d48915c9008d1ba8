"""Content hashes: a step is done again only when what it was made from has changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

# Made by tools beside the sources; never part of what a step is made from.
_NOT_SOURCES = {"node_modules", "dist", "__pycache__", ".vite", "coverage", "test-results"}


def digest(sources: Iterable[Path], *also: str) -> str:
    """One hash over names and contents of files and of folders, in a fixed order, and over `also`."""
    total = hashlib.sha256()
    for text in also:
        total.update(f"{len(text)}:{text}".encode())
    for source in sorted(sources):
        for path in sorted(_files(source)):
            content = path.read_bytes()
            total.update(f"{path.relative_to(source.parent)}:{len(content)}:".encode())
            total.update(content)
    return total.hexdigest()


def matches(stamp: Path, wanted: str) -> bool:
    """Whether the step behind this stamp was finished for exactly these contents."""
    try:
        return stamp.read_text(encoding="ascii").strip() == wanted
    except OSError:
        return False


def write(stamp: Path, content: str) -> None:
    """Record that the step is finished. Whole or not at all: a half-written stamp would match nothing."""
    stamp.parent.mkdir(parents=True, exist_ok=True)
    partial = stamp.with_name(f"{stamp.name}.{os.getpid()}")
    partial.write_text(content + "\n", encoding="ascii")
    partial.replace(stamp)


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if name not in _NOT_SOURCES]
        for name in names:
            if not name.endswith((".pyc", ".tsbuildinfo")):
                yield Path(folder, name)
