"""What turns texts into vectors: one small Protocol, kept by onnxruntime here and by torch next door."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

FloatArray = npt.NDArray[np.float32]

MANIFEST = "frontline.json"
"""The file that makes a folder ours: identity, prompt, and vectors to compare with."""

VARIANTS = {"exact": 1, "quick": 4}
"""Name of a graph → onnxruntime's `accuracy_level`: 1 computes in float32, 4 rounds activations to eight bits."""

MAX_TOKENS = 256
"""Where a text is cut. The longest answer passage is shorter; a whole pasted page costs 60 ms, not half a second."""

# A run is padded to its longest text, and padding costs as much as text. A processor gains little from large runs, so
# only texts of like length go together: at most this many times the shortest, and so many tokens in all.
_LONGEST_TO_SHORTEST = 1.25
_TOKENS_PER_RUN = 2048


class Backend(Protocol):
    """One way to encode. Blocks while it computes; used by one thread at a time."""

    @property
    def name(self) -> str:
        """For people and logs: `onnx-quick`, `torch`."""
        ...

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """One vector of length one for each text, in order; an empty text has a vector too."""
        ...


class OnnxBackend:
    """onnxruntime over a graph that `graph.py` wrote, in 150 MB; torch is not needed."""

    def __init__(self, folder: Path, variant: str, tokenizer: Tokenizer, threads: int) -> None:
        self.name = f"onnx-{variant}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A spinning pool would take the core that the gateway needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(folder / f"{variant}.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = tokenizer
        self._pad = json.loads((folder / "config.json").read_text(encoding="utf-8"))["pad_token_id"]
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        self._prompt: str = manifest["prompt"]
        self._dim: int = manifest["dim"]

    def encode(self, texts: Sequence[str]) -> FloatArray:
        vectors = np.empty((len(texts), self._dim), np.float32)
        ids = [e.ids for e in self._tokenizer.encode_batch([self._prompt + text for text in texts])]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        for run in _runs(order, [len(i) for i in ids]):
            vectors[run] = self._run([ids[i] for i in run])
        return vectors

    def _run(self, ids: list[list[int]]) -> FloatArray:
        longest = max(map(len, ids))
        padded = np.full((len(ids), longest), self._pad, np.int64)
        mask = np.zeros((len(ids), longest), np.int64)
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        (vectors,) = self._session.run(None, {"input_ids": padded, "attention_mask": mask})
        return np.asarray(vectors, np.float32)


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a folder, set up for our batches. Half a second, so back ends share one."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    return tokenizer


def _runs(order: list[int], lengths: list[int]) -> list[list[int]]:
    """Cut texts, sorted by length, into runs of like length and few enough tokens."""
    runs: list[list[int]] = []
    current: list[int] = []
    for index in order:
        too_many = (len(current) + 1) * lengths[index] > _TOKENS_PER_RUN
        if current and (too_many or lengths[index] > _LONGEST_TO_SHORTEST * lengths[current[0]]):
            runs.append(current)
            current = []
        current.append(index)
    return [*runs, current] if current else runs
