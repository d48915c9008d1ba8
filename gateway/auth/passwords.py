"""Passwords: argon2id off the event loop, never more than two at a time (each takes 19 MiB and a core)."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from core.errors import Invalid

MIN_LENGTH = 8
MAX_LENGTH = 128
# OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Checked when the name does not exist, so that the answer takes as long as for one that does.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$4yi4GYbReRDaFb3VwVdDfg$gM94rVlEjYQJ3+CFspOSDcWpDGU4Y3FluaJz1h5YOSU"


class Passwords:
    """Hash and verify."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(2)

    async def hash(self, password: str) -> str:
        """Return the argon2id hash. Raises Invalid when the password is too short or too long."""
        if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            raise Invalid("password length", text_id="error.password_length")
        async with self._places:
            return await asyncio.to_thread(_HASHER.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password is right; takes the same time when there is no stored hash."""
        async with self._places:
            right = await asyncio.to_thread(_verify, stored or _NOBODY, password[:MAX_LENGTH])
        return right and stored is not None


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False
