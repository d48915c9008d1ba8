"""Encryption of single values with a key per customer.

The key in force is bound for the duration of a piece of work (`with sealing(key):`); outside of it values are
stored plain. A stored value names its form by its first character: `=` plain, `!` AES-256-GCM.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_PLAIN = "="
_SEALED = "!"
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A customer's key: 32 bytes, and the id under which it is kept."""

    key_id: str
    secret: bytes


_current: ContextVar[SealingKey | None] = ContextVar("sealing_key", default=None)


class KeyMissing(ValueError):
    """The value was sealed with a key that is not in force here, or was destroyed (the customer was erased)."""


@contextmanager
def sealing(key: SealingKey) -> Iterator[None]:
    """Put a key in force for this task and the tasks it starts."""
    token = _current.set(key)
    try:
        yield
    finally:
        _current.reset(token)


def seal(text: str) -> str:
    """Return the stored form of a text."""
    key = _current.get()
    if key is None:
        return _PLAIN + text
    nonce = os.urandom(_NONCE_BYTES)
    data = AESGCM(key.secret).encrypt(nonce, text.encode(), key.key_id.encode())
    return f"{_SEALED}{key.key_id}:{base64.b64encode(nonce + data).decode()}"


def open_sealed(stored: str) -> str:
    """Return the text of a stored form. Raises KeyMissing when its key is not in force."""
    if stored.startswith(_PLAIN):
        return stored[1:]
    key_id, _, data = stored[1:].partition(":")
    key = _current.get()
    if key is None or key.key_id != key_id:
        raise KeyMissing(key_id)
    raw = base64.b64decode(data)
    return AESGCM(key.secret).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], key_id.encode()).decode()
