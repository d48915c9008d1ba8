"""Redis keys and channels of the gateway itself. Each limit's bucket has a hash tag of its own.

`cs:limit:<name>:{<key>}`   hash {level, at}; lives as long as it takes to fill up; written by `limits.py`
`cs:events`                 pub/sub channel of hints between gateways; nothing is stored; written by `core/fanout.py`
"""

from __future__ import annotations

PREFIX = "cs"


def limit(prefix: str, name: str, key: str) -> str:
    """The bucket of one limit and key."""
    return f"{prefix}:limit:{name}:{{{key}}}"


def events(prefix: str = PREFIX) -> str:
    """The channel of hints."""
    return f"{prefix}:events"
