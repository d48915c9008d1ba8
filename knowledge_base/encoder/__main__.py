"""`python -m knowledge_base.encoder --socket PATH --model FOLDER`: load a model and serve it until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from knowledge_base.encoder.choice import load
from knowledge_base.encoder.errors import BadModel
from knowledge_base.encoder.server import EncoderServer


def main() -> int:
    """Exit status 1, with one line that says why, when the model or the socket cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m knowledge_base.encoder", description=__doc__)
    parser.add_argument("--socket", required=True, help="path of the Unix socket to listen on")
    parser.add_argument(
        "--model", required=True, help="folder of the default model, or any sentence-transformers model"
    )
    parser.add_argument("--threads", type=int, default=_threads(), help="threads of one run of the model")
    arguments = parser.parse_args()
    # Its threads would come on top of ours; a handful of short texts is tokenised faster without them.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        asyncio.run(_serve(arguments.model, arguments.socket, arguments.threads))
    except BadModel as exc:
        print(f"encoder: {exc.detail}", file=sys.stderr)
        return 1
    return 0


async def _serve(model: str, path: str, threads: int) -> None:
    # Nothing else runs in this process yet, so loading may hold the loop.
    loaded = load(Path(model) if Path(model).is_dir() else model, threads)
    await EncoderServer(loaded, path).run(signals=True)


def _threads() -> int:
    """Half of the cores: the other half answers customers. A second thread helps short texts little anyway."""
    return max(1, min(4, (os.cpu_count() or 1) // 2))


if __name__ == "__main__":
    sys.exit(main())
