"""What one phone shows: the messages of one invented customer, kept over a restart in one small file."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_USERS = 200
_KEPT = 500


# What a phone shows for a file that its owner sent.
SENT = {"image": "[图片]", "voice": "[语音]", "video": "[视频]"}


@dataclass(frozen=True, slots=True)
class Shown:
    """One bubble. `mine` is the customer's own; `choices` are the entries of a menu: [{id, label}]."""

    number: int
    mine: bool
    text: str
    choices: tuple[dict[str, str], ...] = ()
    failed: bool = False


@dataclass(slots=True)
class Phones:
    """All phones of one platform. With a path, what they show survives a restart."""

    path: Path | None = None
    _shown: dict[str, list[Shown]] = field(default_factory=lambda: defaultdict(list))
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        if self.path is not None and self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    entry = json.loads(line)
                    bubble = entry["bubble"]
                    bubble["choices"] = tuple(bubble["choices"])
                    self._shown[entry["user"]].append(Shown(**bubble))

    async def show(self, user: str, *, mine: bool, text: str, choices: tuple[dict[str, str], ...] = ()) -> Shown:
        """Add a bubble and wake the page."""
        if user not in self._shown and len(self._shown) >= _USERS:
            self._shown.pop(next(iter(self._shown)))
        kept = self._shown[user]
        bubble = Shown(kept[-1].number + 1 if kept else 1, mine, text, choices)
        kept.append(bubble)
        del kept[:-_KEPT]
        if self.path is not None:
            await asyncio.to_thread(self._write, user, bubble)
        async with self._news:
            self._news.notify_all()
        return bubble

    def _write(self, user: str, bubble: Shown) -> None:
        assert self.path is not None
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"user": user, "bubble": asdict(bubble)}, ensure_ascii=False) + "\n")

    def after(self, user: str, number: int) -> list[Shown]:
        """What a phone shows after a bubble."""
        return [bubble for bubble in self._shown.get(user, ()) if bubble.number > number]

    async def wait(self, user: str, number: int, timeout_s: float) -> list[Shown]:
        """The same, waiting for news at most `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s), self._news:
                await self._news.wait_for(lambda: bool(self.after(user, number)))
        except TimeoutError:
            pass
        return self.after(user, number)


def as_json(bubbles: list[Shown]) -> list[dict[str, Any]]:
    """For the page."""
    return [asdict(bubble) for bubble in bubbles]
