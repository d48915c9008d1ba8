"""One gateway per SQLite database: a second one would write behind the first one's back, so it refuses."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from core.settings import Settings


class AlreadyRunning(RuntimeError):
    """Another gateway serves this data folder."""


@contextmanager
def single_gateway(settings: Settings) -> Iterator[None]:
    """Hold the data folder's lock while serving from SQLite; with PostgreSQL any number may serve.

    The lock is the kernel's and ends with the process, however that ends.
    """
    if not settings.sqlite:
        yield
        return
    settings.data.mkdir(parents=True, exist_ok=True)
    path = settings.data / "gateway.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise AlreadyRunning(
                f"Another gateway already serves {settings.data}. With SQLite there can be only one; stop it, "
                "choose another FRONTLINE_DATA, or set FRONTLINE_DATABASE_URL to a PostgreSQL database."
            ) from exc
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)
