"""The content hash that names a model. Plain Python: the gateway (3.11) and training (3.10) compute the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_SUFFIXES = {".py", ".txt", ".yml"}
# What changes no model: how it is served and judged, and the words that customers see.
_APART = {
    "nlu/fingerprint.py",
    "nlu/serve.py",
    "nlu/components/rasa_changes.py",
    "nlu/evaluate.py",
    "nlu/components/channel.py",
}
_OUTSIDE = ["config.yml", "domain.yml", "core/normaliser.py", "core/data/normaliser.json"]


def fingerprint(root: Path = ROOT) -> str:
    """Return 16 hex digits over everything that a model is made of; file names count, dates do not."""
    inside = (p for p in (root / "nlu").rglob("*") if p.suffix in _SUFFIXES and "__pycache__" not in p.parts)
    files = sorted({p.relative_to(root).as_posix() for p in inside} - _APART | set(_OUTSIDE))
    digest = hashlib.sha256()
    for name in files:
        content = (root / name).read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def model_path(folder: Path, root: Path = ROOT) -> Path:
    """Return where the model of the present data belongs; it may not exist yet."""
    return folder / f"{fingerprint(root)}.tar.gz"
