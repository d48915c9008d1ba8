"""Keys and signatures of webhooks. A key is derived from the installation's root, so no table or backup holds it.

X-Frontline-Event        kind of what happened
X-Frontline-Event-Id     the same at each try and for each receiver: what was seen already may be dropped
X-Frontline-Timestamp    seconds since 1970 when this try began
X-Frontline-Signature    v1=<hex>[,v1=<hex>], HMAC-SHA256 over `<timestamp>.<body>` with each key in force
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from core.secrets import Secrets

EVENT = "X-Frontline-Event"
EVENT_ID = "X-Frontline-Event-Id"
TIMESTAMP = "X-Frontline-Timestamp"
SIGNATURE = "X-Frontline-Signature"

# A receiver should refuse older ones, so that a captured call cannot be played again.
TOLERANCE_S = 300


def key_of(secrets: Secrets, webhook_id: str, number: int) -> str:
    """The key as the receiver knows it; the same id and number always give the same."""
    raw = secrets.key(f"webhook:{webhook_id}:{number}")
    return "whk_" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def sign(key: str, timestamp: int, body: bytes) -> str:
    """One signature in hex."""
    return hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def headers(keys: list[str], kind: str, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one try, signed with every key in force."""
    return {
        "Content-Type": "application/json; charset=utf-8",
        EVENT: kind,
        EVENT_ID: event_id,
        TIMESTAMP: str(timestamp),
        SIGNATURE: ",".join(f"v1={sign(key, timestamp, body)}" for key in keys),
    }


def verify(key: str, timestamp: str, signature: str, body: bytes, *, now: float) -> bool:
    """What a receiver does: whether one of the signatures is of this key, and fresh."""
    if not timestamp.isascii() or not timestamp.isdigit() or abs(now - int(timestamp)) > TOLERANCE_S:
        return False
    expected = f"v1={sign(key, int(timestamp), body)}"
    return any(hmac.compare_digest(expected.encode(), each.strip().encode()) for each in signature.split(","))
