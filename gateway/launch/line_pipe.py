"""A pipe that takes a process's output line by line.

Not asyncio's own: with that, waiting for a process also waits for everybody who still holds its output open.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

_CHUNK = 64 * 1024


class LinePipe:
    """Give `inlet` to the process, then call `listen`; `close` takes what is left and ends."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._outlet, self.inlet = os.pipe()
        os.set_blocking(self._outlet, False)
        self._rest = b""

    def listen(self) -> None:
        """Let go of our copy of the inlet and read from now on."""
        os.close(self.inlet)
        asyncio.get_running_loop().add_reader(self._outlet, self._read)

    def close(self) -> None:
        """Take what was written before now; what a lost grandchild writes later goes nowhere."""
        while self._read():
            pass
        asyncio.get_running_loop().remove_reader(self._outlet)
        os.close(self._outlet)
        if self._rest:
            self._take(self._rest)
            self._rest = b""

    def _read(self) -> bool:
        try:
            chunk = os.read(self._outlet, _CHUNK)
        except BlockingIOError:
            return False
        if not chunk:
            asyncio.get_running_loop().remove_reader(self._outlet)
            return False
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._rest) > _CHUNK:  # A line without end would fill the memory.
            self._take(self._rest)
            self._rest = b""
        return True
