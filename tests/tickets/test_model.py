"""Random lives of tickets (`lives.py`): a few in every run, many in `make soak`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.tickets.lives import TicketLives

_LIVES = settings(
    max_examples=8, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)

TestTicketLives = TicketLives.TestCase
TestTicketLives.settings = _LIVES


class ManyTicketLives(TicketLives):
    """The same, with chances for an hour."""


TestManyTicketLives = pytest.mark.soak(ManyTicketLives.TestCase)
TestManyTicketLives.settings = settings(_LIVES, max_examples=600, stateful_step_count=80)
