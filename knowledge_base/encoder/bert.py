"""The tensors of a packed model under the names that a BERT in safetensors has."""

from __future__ import annotations

import numpy as np

from knowledge_base.encoder.weights import FloatArray, PackedModel, Shape, weights_of

_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def bert_tensors(packed: PackedModel) -> dict[str, FloatArray]:
    """The state of a BertModel. The pooler, which mean pooling never uses, is all zeros."""
    shape = packed.shape
    hidden = shape.hidden
    state = {
        "embeddings.word_embeddings.weight": weights_of(packed, "emb.word").reshape(shape.vocabulary, hidden),
        "embeddings.position_embeddings.weight": weights_of(packed, "emb.pos").reshape(shape.positions, hidden),
        "embeddings.token_type_embeddings.weight": weights_of(packed, "emb.type").reshape(shape.token_types, hidden),
        "embeddings.LayerNorm.weight": weights_of(packed, "emb.ln.w"),
        "embeddings.LayerNorm.bias": weights_of(packed, "emb.ln.b"),
        "pooler.dense.weight": np.zeros((hidden, hidden), np.float32),
        "pooler.dense.bias": np.zeros(hidden, np.float32),
    }
    for layer in range(shape.layers):
        for short, long in _LAYER.items():
            bias = weights_of(packed, f"l{layer}.{short}.b")
            weight = weights_of(packed, f"l{layer}.{short}.w")
            is_norm = short.endswith("ln")
            state[f"encoder.layer.{layer}.{long}.bias"] = bias
            state[f"encoder.layer.{layer}.{long}.weight"] = weight if is_norm else weight.reshape(bias.size, -1)
    return state


def bert_config(shape: Shape, pad: int) -> dict[str, object]:
    """`config.json` of the same model."""
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": shape.hidden,
        "initializer_range": 0.02,
        "intermediate_size": shape.feed_forward,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": shape.positions,
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "pad_token_id": pad,
        "position_embedding_type": "absolute",
        "tokenizer_class": "XLMRobertaTokenizerFast",
        "torch_dtype": "float32",
        "type_vocab_size": shape.token_types,
        "vocab_size": shape.vocabulary,
    }
