"""Identifiers: sortable by birth, unguessable, and typed so that one kind is never passed for another."""

import os
import time
from typing import NewType

CustomerId = NewType("CustomerId", str)
IdentityId = NewType("IdentityId", str)
ChannelId = NewType("ChannelId", str)
ConversationId = NewType("ConversationId", str)
EpisodeId = NewType("EpisodeId", str)
MessageId = NewType("MessageId", str)
ExchangeId = NewType("ExchangeId", str)
TicketId = NewType("TicketId", str)
HandoffId = NewType("HandoffId", str)
StaffId = NewType("StaffId", str)
TeamId = NewType("TeamId", str)
FileId = NewType("FileId", str)

# Crockford's base 32 without i, l, o and u: safe to read aloud and in addresses.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def _base32(value: int, length: int) -> str:
    digits = []
    for _ in range(length):
        digits.append(_ALPHABET[value & 31])
        value >>= 5
    return "".join(reversed(digits))


def new_id(prefix: str) -> str:
    """Return `<prefix>_<26 characters>`: 48 bits of Unix milliseconds, then 80 random bits.

    Two ids of one millisecond have no order among themselves; nothing may rely on id order for truth
    (messages have `seq` for that), only on locality in an index.
    """
    millis = _base32(time.time_ns() // 1_000_000, 10)
    return f"{prefix}_{millis}{_base32(int.from_bytes(os.urandom(10), 'big'), 16)}"
