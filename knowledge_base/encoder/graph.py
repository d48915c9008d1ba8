"""The encoder as an ONNX graph that keeps its weights in four bits.

An export by torch.onnx holds the same weights as float32: 470 MB on disk and as much in memory. This graph, made
straight from the packed file, is 75 MB, loads in a tenth of a second, needs neither torch nor its exporter, and
gives the same vectors. Two variants share one file of weights: `exact` computes in float32, `quick` rounds
activations to eight bits, which is two to three times faster for short texts where the processor has the
instructions for it. Which one serves is decided at start-up, by measurement.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from knowledge_base.encoder.backends import VARIANTS
from knowledge_base.encoder.weights import BLOCK, PackedModel, levels, scales

WEIGHTS_FILE = "weights.bin"
# Smaller initialisers stay in the graph: shape inference needs to see the tiny ones.
_EXTERNAL_FROM_BYTES = 1024
_OPSET, _IR_VERSION = 17, 8
_FUSED = "com.microsoft"


def write_graphs(packed: PackedModel, folder: Path) -> None:
    """Write `exact.onnx`, `quick.onnx` and their common weights into `folder`."""
    for name, accuracy in VARIANTS.items():
        onnx.save_model(
            _Graph(packed, accuracy).model(),
            str(folder / f"{name}.onnx"),
            save_as_external_data=True,
            location=f"{name}.bin",
            all_tensors_to_one_file=True,
            size_threshold=_EXTERNAL_FROM_BYTES,
        )
    _share_weights(folder)


def _share_weights(folder: Path) -> None:
    """Point all variants at one file. The tensors and their order are the same, hence so are the offsets."""
    first, *others = VARIANTS
    contents = (folder / f"{first}.bin").read_bytes()
    for name in others:
        if (folder / f"{name}.bin").read_bytes() != contents:
            raise AssertionError("the variants of the graph differ in their weights")
        (folder / f"{name}.bin").unlink()
    os.replace(folder / f"{first}.bin", folder / WEIGHTS_FILE)
    for name in VARIANTS:
        model = onnx.load(str(folder / f"{name}.onnx"), load_external_data=False)
        for tensor in model.graph.initializer:
            for entry in tensor.external_data:
                if entry.key == "location":
                    entry.value = WEIGHTS_FILE
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())


@dataclass
class _Graph:
    packed: PackedModel
    accuracy: int
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def model(self) -> onnx.ModelProto:
        for name, number in (("axis_0", 0), ("axis_1", 1), ("axis_2", 2), ("last", -1)):
            self._constant(name, np.array([number], np.int64))
        hidden = self._embeddings()
        self._add("Cast", ["attention_mask"], "key_mask", to=TensorProto.INT32)
        for layer in range(self.packed.shape.layers):
            hidden = self._layer(layer, hidden)
        self._mean(hidden)
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"])
            for name in ("input_ids", "attention_mask")
        ]
        size = self.packed.shape.hidden
        outputs = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", size])]
        graph = helper.make_graph(self.nodes, "encoder", inputs, outputs, self.constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)]
        model = helper.make_model(graph, opset_imports=opsets)
        model.ir_version = _IR_VERSION
        return model

    def _constant(self, name: str, values: npt.NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _plain(self, name: str) -> str:
        return self._constant(name, self.packed.plain[name])

    def _add(self, operator: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(
            helper.make_node(operator, inputs, [output], name=f"{output}/node", domain=domain, **attributes)
        )
        return output

    def _embeddings(self) -> str:
        shape = self.packed.shape
        blocks = self.packed.blocks["emb.word"]
        self._constant("emb.word.levels", _pairs(levels(blocks)).reshape(shape.vocabulary, -1))
        self._constant("emb.word.scales", scales(blocks).reshape(shape.vocabulary, -1))
        words = self._add(
            "GatherBlockQuantized",
            ["emb.word.levels", "input_ids", "emb.word.scales"],
            "words",
            _FUSED,
            bits=4,
            block_size=BLOCK,
            gather_axis=0,
            quantize_axis=1,
        )
        # Every text is of token type 0, so its vector is added to all positions beforehand.
        positions = self.packed.plain["emb.pos"].reshape(shape.positions, shape.hidden)
        self._constant("positions", positions + self.packed.plain["emb.type"][: shape.hidden])
        self._add("Shape", ["input_ids"], "shape")
        self._add("Slice", ["shape", "axis_1", "axis_2", "axis_0"], "length")
        self._add("Slice", ["positions", "axis_0", "length", "axis_0"], "places")
        self._add("Add", [words, "places"], "embedded")
        norm = ["embedded", self._plain("emb.ln.w"), self._plain("emb.ln.b")]
        return self._add("LayerNormalization", norm, "hidden", axis=-1, epsilon=shape.epsilon)

    def _layer(self, layer: int, hidden: str) -> str:
        at = f"l{layer}"
        projected = [self._multiply(hidden, f"{at}.{part}") for part in "qkv"]
        bias = np.concatenate([self.packed.plain[f"{at}.{part}.b"] for part in "qkv"])
        attended = self._add(
            "MultiHeadAttention",
            [*projected, self._constant(f"{at}.qkv.b", bias), "key_mask"],
            f"{at}.attended",
            _FUSED,
            num_heads=self.packed.shape.heads,
        )
        hidden = self._add_and_norm(self._multiply(attended, f"{at}.ao"), hidden, f"{at}.ao", f"{at}.aln")
        inner = [self._multiply(hidden, f"{at}.fi"), self._plain(f"{at}.fi.b")]
        inner_out = self._add("BiasGelu", inner, f"{at}.inner", _FUSED)
        return self._add_and_norm(self._multiply(inner_out, f"{at}.fo"), hidden, f"{at}.fo", f"{at}.oln")

    def _multiply(self, left: str, name: str) -> str:
        outputs = self.packed.plain[f"{name}.b"].size
        blocks = self.packed.blocks[f"{name}.w"]
        inner = blocks.shape[0] * BLOCK // outputs
        pairs = _pairs(levels(blocks)).reshape(outputs, inner // BLOCK, BLOCK // 2)
        return self._add(
            "MatMulNBits",
            [
                left,
                self._constant(f"{name}.levels", pairs),
                self._constant(f"{name}.scales", scales(blocks)),
            ],
            f"{name}.product",
            _FUSED,
            K=inner,
            N=outputs,
            bits=4,
            block_size=BLOCK,
            accuracy_level=self.accuracy,
        )

    def _add_and_norm(self, new: str, old: str, bias: str, norm: str) -> str:
        inputs = [new, old, self._plain(f"{norm}.w"), self._plain(f"{norm}.b"), self._plain(f"{bias}.b")]
        return self._add("SkipLayerNormalization", inputs, f"{norm}.hidden", _FUSED, epsilon=self.packed.shape.epsilon)

    def _mean(self, hidden: str) -> None:
        """Mean over the tokens that are text, then length one."""
        self._add("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
        self._add("Unsqueeze", ["mask", "last"], "weights")
        self._add("Mul", [hidden, "weights"], "weighted")
        self._add("ReduceSum", ["weighted", "axis_1"], "sum", keepdims=0)
        self._add("LpNormalization", ["sum"], "vectors", axis=-1, p=2)


def _pairs(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Neighbours in one byte, the first in its low half: the order that onnxruntime reads."""
    return np.asarray(values[:, 0::2] | (values[:, 1::2] << 4), np.uint8)
