"""The default model, made once and kept for the next run; the encoder as a real process on a real socket."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from knowledge_base.encoder.build import default_model

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def model() -> Path:
    """The folder of the default model, where `make run` keeps it too."""
    return default_model(Path(os.environ.get("FRONTLINE_DATA", REPOSITORY / ".data")) / "models")


@pytest.fixture
def socket_path(tmp_path: Path) -> str:
    """A path that is short enough for a Unix socket."""
    return str(tmp_path / "encoder.sock")


@pytest.fixture
def start_process(model: Path, socket_path: str) -> Callable[[], subprocess.Popen[bytes]]:
    """Starts the encoder as `frontline run` does."""

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "knowledge_base.encoder", "--socket", socket_path, "--model", str(model)]
        return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    return start
