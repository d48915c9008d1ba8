"""The moment at which stories of the hand-off begin: a Friday morning in Shanghai."""

from datetime import datetime

from core.clock import UTC

START = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
