"""One parent per data folder: a lock that ends with the process, whatever ends it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType


class FolderInUse(RuntimeError):
    """Another process holds this folder; the text says which."""


class FolderLock:
    """Hold `folder` for one purpose: `with FolderLock(data, "run", "port 8080"): …`.

    The kernel drops the lock when the process ends, so a crash leaves nothing to clean up.
    """

    def __init__(self, folder: Path, purpose: str, about: str) -> None:
        self._path = folder / "run" / f"{purpose}.lock"
        self._folder = folder
        self._about = about
        self._handle = -1

    def __enter__(self) -> FolderLock:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._handle, 200, 0).decode("utf-8", "replace").strip()
            os.close(self._handle)
            raise FolderInUse(
                f"The data folder {self._folder} is in use by {holder or 'another process'}. Stop that one, "
                "or start this one with another FRONTLINE_DATA and FRONTLINE_PORT."
            ) from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"process {os.getpid()} ({self._about})\n".encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)
