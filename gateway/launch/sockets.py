"""Addresses on this machine: socket files short enough for the kernel, and ports that are free."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import tempfile
from pathlib import Path

# The address of a Unix socket holds 108 bytes, the last of them zero.
LONGEST_ADDRESS = 107


class PortInUse(RuntimeError):
    """Another program listens there; the text says which setting moves ours."""


def socket_path(folder: Path, name: str) -> Path:
    """`folder/name`, or, when that is too long for a socket, a place that only we can enter."""
    path = folder.absolute() / name
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        folder.mkdir(parents=True, exist_ok=True)
        return path
    mark = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]
    private = Path(tempfile.gettempdir()) / f"frontline-{os.getuid()}-{mark}"
    private.mkdir(mode=0o700, exist_ok=True)
    about = private.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or stat.S_IMODE(about.st_mode) != 0o700:
        raise PermissionError(f"{private} belongs to somebody else or is open to others")
    return private / name


def free_port() -> int:
    """A loopback port that nobody uses at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def require_free(host: str, port: int, setting: str) -> None:
    """Raise PortInUse when this port cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as problem:
            raise PortInUse(
                f"Port {port} on {host} cannot be used ({problem.strerror}). "
                f"Stop the program that has it, or choose another one with {setting}."
            ) from problem
