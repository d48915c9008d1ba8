"""Any sentence-transformers model by torch: the fallback of the default model and the way of every other one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch  # noqa: TID251 - this is the one module that may.
from sentence_transformers import SentenceTransformer

from knowledge_base.encoder.backends import MAX_TOKENS, FloatArray
from knowledge_base.encoder.errors import BadModel

_BATCH = 32


class TorchBackend:
    """sentence-transformers as it is. Loads in five to ten seconds, in a gigabyte."""

    name = "torch"

    def __init__(self, model: Path | str, threads: int) -> None:
        if threads:
            torch.set_num_threads(threads)
        try:
            # Only what is on this machine: a name that is not in the local cache is refused, not fetched.
            self._model = SentenceTransformer(str(model), device="cpu", local_files_only=True)
        except (OSError, ValueError) as exc:
            raise BadModel(f"{model} is not a sentence-transformers model on this machine: {exc}") from exc
        longest = self._model.max_seq_length
        self._model.max_seq_length = min(MAX_TOKENS, longest) if longest else MAX_TOKENS
        self._prompt = _prompt(self._model, str(model))

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._model.get_embedding_dimension() or 0)

    def encode(self, texts: Sequence[str]) -> FloatArray:
        vectors = self._model.encode(
            list(texts),
            prompt=self._prompt,
            batch_size=_BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, np.float32).reshape(len(texts), -1)


def _prompt(model: SentenceTransformer, named: str) -> str:
    """What goes before each text: questions are compared with questions, so both sides carry the query prompt."""
    prompts = model.prompts or {}
    if prompts.get("query"):
        return str(prompts["query"])
    # The E5 family was trained with this prefix, but most of its folders do not say so.
    return "query: " if "e5" in Path(named).name.lower() else ""
