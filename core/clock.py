"""Time as a thing that is handed in, so that tests and the demo can move it."""

from datetime import datetime, timedelta, timezone
from typing import Protocol
from zoneinfo import ZoneInfo

UTC = timezone.utc
SHANGHAI = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    """The one source of "now" for everything that is stored, compared or shown."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""


class SystemClock:
    """The machine's clock, moved by a fixed offset (demo and tests only: FRONTLINE_CLOCK_OFFSET_S)."""

    def __init__(self, offset_s: float = 0.0) -> None:
        self._offset = timedelta(seconds=offset_s)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset


class FakeClock:
    """A clock that stands still until a test or the demo generator moves it."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware datetime")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, **delta: float) -> None:
        """Move forward by `timedelta(**delta)`."""
        self._now += timedelta(**delta)

    def set(self, moment: datetime) -> None:
        """Jump to a moment, backwards too."""
        self._now = moment.astimezone(UTC)


def rfc3339(moment: datetime) -> str:
    """Write a moment as the public contract does: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def millis(moment: datetime) -> int:
    """Unix milliseconds, the unit of every score in Redis."""
    return int(moment.timestamp() * 1000)
