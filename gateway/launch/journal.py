"""A process's log file: rotated, and never larger in all than its cap."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

# The newest file and four before it share the cap.
FILES = 5


class Journal:
    """Appends whole lines to `path`; the older files are `path.1` (newest) to `path.4`."""

    def __init__(self, path: Path, cap_bytes: int) -> None:
        self.path = path
        self._file_bytes = max(1, cap_bytes // FILES)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("ab", buffering=0)
        self._size = path.stat().st_size

    def write(self, line: bytes) -> None:
        """Append. A full disk loses the line, never the process whose line it is."""
        try:
            if self._size and self._size + len(line) > self._file_bytes:
                self._rotate()
            self._file.write(line)
        except OSError:
            return
        self._size += len(line)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(FILES - 2, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            if older.exists():
                older.replace(self.path.with_name(f"{self.path.name}.{number + 1}"))
        self.path.replace(self.path.with_name(f"{self.path.name}.1"))
        self._file = self.path.open("ab", buffering=0)
        self._size = 0
