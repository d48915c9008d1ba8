"""Run the assistant: `.venv-rasa/bin/python -m nlu.serve --model FILE --port PORT`.

Rasa takes its token as an argument, which every user of the machine can read. So this reads it from the environment and
hands it over inside the process. What the assistant does not need is taken out of its environment first, by starting
itself again under the same process id: it runs old libraries, and should know no secret but its own two.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIRED = ("FRONTLINE_RASA_TOKEN", "FRONTLINE_TRACKER_DB", "FRONTLINE_ACTION_URL", "FRONTLINE_ACTION_TOKEN")
KEPT = {*REQUIRED, "PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH"}
SHORTEST_TOKEN = 16
LONGEST_TRAINING_S = 3600
FIXED = {
    "RASA_TELEMETRY_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_INTER_OP_PARALLELISM_THREADS": "1",
    "TF_INTRA_OP_PARALLELISM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "SANIC_WORKERS": "1",
    # A turn takes two predictions (act, listen), the first turn of an episode three. A loop ends early.
    "MAX_NUMBER_OF_PREDICTIONS": "5",
    # The gateway gives a turn 1.5 s; a lock that outlives this would make the next message wait for nothing.
    "TICKET_LOCK_LIFETIME": "10",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "PYTHONWARNINGS": "ignore",
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the assistant on the loopback address.")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    if wrong := _wrong(arguments.model):
        print(f"assistant: {wrong}", file=sys.stderr)
        return 2
    model = str(arguments.model.resolve())
    os.chdir(ROOT)
    environment = _clean_environment()
    if dict(os.environ) != environment:
        again = [sys.executable, "-m", "nlu.serve", "--model", model, "--port", str(arguments.port)]
        os.execve(sys.executable, again, environment)  # noqa: S606 - no shell is meant.
    _prepare(Path(os.environ["FRONTLINE_TRACKER_DB"]))
    _sweep(Path(model).parent)

    from rasa.__main__ import main as rasa

    sys.argv = ["rasa", "run", "--enable-api", "--interface", "127.0.0.1", "--port", str(arguments.port)]
    sys.argv += ["--model", model, "--endpoints", "endpoints.yml", "--credentials", "credentials.yml"]
    # In one piece: a random token may begin with a dash.
    sys.argv += [f"--auth-token={os.environ['FRONTLINE_RASA_TOKEN']}"]
    rasa()
    return 0


def _wrong(model: Path) -> str | None:
    """Say what keeps us from starting. Without a model Rasa would start and answer every message with nothing."""
    for name in REQUIRED:
        if not os.environ.get(name):
            return f"{name} is not set"
    if len(os.environ["FRONTLINE_RASA_TOKEN"]) < SHORTEST_TOKEN:
        return f"FRONTLINE_RASA_TOKEN is shorter than {SHORTEST_TOKEN} characters"
    if not model.is_file():
        return f"there is no model at {model}; train one with: python -m nlu.train --out {model.parent}"
    return None


def _clean_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith("LC_")}
    kept["FRONTLINE_TRACKER_DB"] = str(Path(kept["FRONTLINE_TRACKER_DB"]).resolve())
    level = os.environ.get("FRONTLINE_LOG_LEVEL", "WARNING").upper()
    return {**kept, **FIXED, "FRONTLINE_LOG_LEVEL": level, "LOG_LEVEL": level}


def _prepare(database: Path) -> None:
    """Make the folder, and let the file be written without waiting for readers; the mode stays in the file."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def _sweep(models: Path) -> None:
    """Remove what killed trainings left beside the models; one that still runs is younger."""
    for folder in models.glob(".training-*"):
        if time.time() - folder.stat().st_mtime > LONGEST_TRAINING_S:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
