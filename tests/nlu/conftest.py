"""One real assistant for all tests of this folder; each test speaks in an episode of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.assistant import Assistant, start_assistant


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    folder: Path = tmp_path_factory.mktemp("assistant")
    with start_assistant(folder, environment={"SECRET_OF_SOMEONE_ELSE": "open sesame"}) as assistant:
        yield assistant


@pytest.fixture
def assistant(running: Assistant) -> Iterator[Assistant]:
    """The shared assistant, with the action endpoint as it was before the last test changed it."""
    running.actions.search = None
    running.actions.status = 200
    yield running
    running.actions.search = None
    running.actions.status = 200


@pytest.fixture
def episode() -> str:
    return f"episode-{secrets.token_hex(6)}"
