"""Train the assistant: `.venv-rasa/bin/python -m nlu.train --out <folder>` makes `<folder>/<content hash>.tar.gz`.

Does nothing when that file is there. The model appears under its name only when it is whole, so that two trainings at
once, or one that was killed, never leave half a model. The last line printed is the model's path.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

from nlu.fingerprint import ROOT, model_path

QUIET = {
    "RASA_TELEMETRY_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "TF_INTER_OP_PARALLELISM_THREADS": "1",
    "TF_INTRA_OP_PARALLELISM_THREADS": "1",
    # Threads that wait for each other on a busy machine made training ten times slower than one thread.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "LOG_LEVEL": "WARNING",
    "PYTHONWARNINGS": "ignore",
    "PYTHONHASHSEED": "0",
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Train the assistant if its data changed.")
    parser.add_argument("--out", type=Path, required=True, help="folder of models")
    model = model_path(parser.parse_args().out.resolve())
    if model.exists():
        print(f"assistant: {model.name} is up to date", flush=True)
    else:
        os.environ.update(QUIET)
        os.chdir(ROOT)
        _train(model)
    print(model)
    return 0


def _train(model: Path) -> None:
    started = time.monotonic()

    def say(words: str) -> None:
        print(f"assistant: {words} ({time.monotonic() - started:.0f} s)", flush=True)

    say("loading Rasa")
    from rasa.model_training import train  # Takes about ten seconds; the line above should be seen before.
    from rasa.utils.log_utils import configure_structlog

    configure_structlog()
    logging.getLogger("jieba").setLevel(logging.WARNING)

    say("training")
    model.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=model.parent, prefix=".training-") as work:
        # Rasa's cache of graph nodes stays in this folder: our own hash decides about training, and nothing else.
        os.environ["RASA_CACHE_DIRECTORY"] = f"{work}/cache"
        result = train(
            domain="domain.yml",
            config="config.yml",
            training_files=["nlu/data"],
            output=work,
            fixed_model_name=model.name.removesuffix(".tar.gz"),
            force_training=True,
        )
        if result.code != 0 or not result.model:
            sys.exit(f"assistant: training failed with code {result.code}; the lines above say why")
        os.replace(result.model, model)
    say(f"trained {model.name}")


if __name__ == "__main__":
    sys.exit(main())
