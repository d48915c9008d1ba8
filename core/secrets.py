"""Signing and encryption keys: made once, kept in a file that only the owner can read."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets as random
from pathlib import Path


class Secrets:
    """The keys of this installation. Each use has a key of its own, derived by name from one root."""

    def __init__(self, root: bytes) -> None:
        self._root = root

    def key(self, name: str) -> bytes:
        """Return 32 bytes for one use; the same name always gives the same key (HKDF-Expand, RFC 5869)."""
        return hmac.new(self._root, name.encode() + b"\x01", hashlib.sha256).digest()


def load_secrets(path: Path) -> Secrets:
    """Read the secret file, or make it (0600) when it does not exist; two processes may race for it."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"version": 1, "root": random.token_hex(32)}, file)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)  # Fails when another process was quicker; then its file counts.
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
        data = json.loads(path.read_text(encoding="utf-8"))
    return Secrets(bytes.fromhex(data["root"]))
