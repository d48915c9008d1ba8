"""Lua files as callables: read once, called by hash, loaded again when the server has forgotten them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

Argument = bytes | str | int | float


class Script:
    """One file of a folder's `lua/`, bound to a client. Safe to share between tasks."""

    def __init__(self, redis: Redis, path: Path) -> None:
        self._redis = redis
        self.text = path.read_text(encoding="utf-8")
        # Redis names a script by this hash; it guards nothing.
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run it. A server that was restarted gets the text once more; the errors of redis-py come through."""
        try:
            return await self._redis.evalsha(self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await self._redis.eval(self.text, len(keys), *keys, *args)

    async def many(self, calls: Sequence[tuple[Sequence[str], Sequence[Argument]]]) -> list[Any]:
        """Run it for each (keys, args) in one round trip; each call is atomic, all together are not."""
        if not calls:
            return []
        await self._redis.script_load(self.text)
        pipeline = self._redis.pipeline(transaction=False)
        for keys, args in calls:
            pipeline.evalsha(self.sha, len(keys), *keys, *args)
        return list(await pipeline.execute())
