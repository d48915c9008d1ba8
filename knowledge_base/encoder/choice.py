"""Which back end serves: the fastest on this machine whose vectors agree with torch's.

The default model comes with vectors that torch gave when it was built. At start each ONNX variant encodes the same
texts; one that differs is out, and the quickest of the others serves. Torch is imported only when none is left, or
when an operator names another model, for which there is nothing but torch.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog

from knowledge_base.encoder.backends import (
    MANIFEST,
    VARIANTS,
    Backend,
    FloatArray,
    OnnxBackend,
    load_tokenizer,
)
from knowledge_base.encoder.errors import BadModel

log = structlog.get_logger()

LEAST_COSINE = 0.9995
"""Vectors that are nearer than this to torch's order search results the same way, up to ties."""

# Enough to tell back ends apart, short enough not to be felt at start.
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is ready to encode. `model_id` changes whenever its vectors may: vectors are kept under it."""

    backend: Backend
    model_id: str
    dim: int
    probe_ms: float


def load(model: Path | str, threads: int) -> Loaded:
    """Load a folder made by `build.default_model`, or any sentence-transformers model by folder or name."""
    manifest = Path(model) / MANIFEST
    if not manifest.is_file():
        return _load_foreign(model, threads)
    known = json.loads(manifest.read_text(encoding="utf-8"))
    texts = [entry["text"] for entry in known["probe"]]
    expected = np.array([entry["vector"] for entry in known["probe"]], np.float32)
    candidates = [
        (took, backend)
        for backend in _onnx_backends(Path(model), threads)
        if (took := _check(backend, texts, expected)) is not None
    ]
    if candidates:
        took, backend = min(candidates, key=lambda pair: pair[0])
        return Loaded(backend, known["model_id"], known["dim"], took)
    log.warning("encoder.no_onnx_backend_agrees", model_id=known["model_id"])
    torch = _torch(model, threads)
    took = _check(torch, texts, expected) or 0.0
    return Loaded(torch, known["model_id"], known["dim"], took)


def _onnx_backends(folder: Path, threads: int) -> list[Backend]:
    backends: list[Backend] = []
    tokenizer = load_tokenizer(folder)
    for variant in VARIANTS:
        try:
            backends.append(OnnxBackend(folder, variant, tokenizer, threads))
        # onnxruntime's errors share no base of their own; whatever a variant cannot do, the next one may.
        except Exception as exc:
            log.warning("encoder.backend_unusable", backend=f"onnx-{variant}", reason=str(exc)[:300])
    return backends


def _check(backend: Backend, texts: Sequence[str], expected: FloatArray) -> float | None:
    """Milliseconds for one text of the probe, one at a time; None when the vectors differ."""
    agreement = float(min(np.sum(backend.encode(texts) * expected, axis=1)))
    if not agreement >= LEAST_COSINE:
        log.warning("encoder.backend_differs", backend=backend.name, cosine=round(agreement, 6))
        return None
    rounds = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        for text in texts:
            backend.encode([text])
        rounds.append(time.perf_counter() - began)
    took = min(rounds) * 1000 / len(texts)
    log.info("encoder.backend_agrees", backend=backend.name, cosine=round(agreement, 6), ms=round(took, 2))
    return took


def _load_foreign(model: Path | str, threads: int) -> Loaded:
    backend = _torch(model, threads)
    dim = backend.encode(["?"]).shape[1]
    return Loaded(backend, _identity(model), dim, 0.0)


def _torch(model: Path | str, threads: int) -> Backend:
    # Imported here because torch takes seconds and most of a gigabyte, which the default model does without.
    from knowledge_base.encoder.torch_backend import TorchBackend

    return TorchBackend(model, threads)


def _identity(model: Path | str) -> str:
    """A folder is known by its content. A name from the local cache is its own identity, as caches are immutable."""
    folder = Path(model)
    if not folder.is_dir():
        return str(model)
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    if digest.digest() == hashlib.sha256().digest():
        raise BadModel(f"{folder} is empty")
    return f"{folder.name}-{digest.hexdigest()[:16]}"
