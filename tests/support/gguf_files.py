"""A tiny GGUF file of a Llama model, written from a random one with the package gguf."""

from pathlib import Path

import gguf
import numpy as np
import torch

from tests.support.tiny_models import WORDS, random_model

WIDE = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "head_dim": 8}
"""Shapes whose rows fill the blocks of 32 numbers of Q8_0."""

_PARTS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}


def write_gguf(file: Path, quantise: bool = True) -> torch.nn.Module:
    """Write the file, its matrices as Q8_0 if asked; the model that it holds, with the numbers that it stands for."""
    model = random_model("llama", **WIDE)
    config, weights = model.config, model.state_dict()
    writer = gguf.GGUFWriter(str(file), "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    _add_tokenizer(writer)
    names = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
    for layer in range(config.num_hidden_layers):
        names |= {f"blk.{layer}.{own}": f"model.layers.{layer}.{name}" for own, name in _PARTS.items()}
    with torch.no_grad():
        for own, name in names.items():
            weight = weights[f"{name}.weight"]
            rows = weight.clone()
            if own.endswith(("attn_q", "attn_k")):
                rows = _interleaved(rows, config.head_dim)
            _add(writer, f"{own}.weight", rows, weight, quantise and weight.dim() == 2, config.head_dim)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model


def _interleaved(rows: torch.Tensor, d_head: int) -> torch.Tensor:
    """Rows of a query or key projection in the order of llama.cpp, which rotates neighbours instead of halves."""
    heads = rows.unflatten(0, (-1, 2, d_head // 2))
    return heads.swapaxes(1, 2).reshape(rows.shape)


def _halved(rows: torch.Tensor, d_head: int) -> torch.Tensor:
    return rows.unflatten(0, (-1, d_head // 2, 2)).swapaxes(1, 2).reshape(rows.shape)


def _add(
    writer: gguf.GGUFWriter, own: str, rows: torch.Tensor, weight: torch.Tensor, quantise: bool, d_head: int
) -> None:
    """Add a tensor, and give the model's weight the numbers that the file stands for."""
    if not quantise:
        writer.add_tensor(own, rows.numpy().astype(np.float32))
        return
    kind = gguf.GGMLQuantizationType.Q8_0
    packed = gguf.quants.quantize(rows.numpy(), kind)
    writer.add_tensor(own, packed, raw_dtype=kind)
    plain = torch.from_numpy(gguf.quants.dequantize(packed, kind))
    weight.copy_(_halved(plain, d_head) if "attn_q" in own or "attn_k" in own else plain)


def _add_tokenizer(writer: gguf.GGUFWriter) -> None:
    tokens = ["<unk>", "<s>", "</s>", "▁", *(f"▁{word}" for word in WORDS)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * 4 + [-float(place) for place in range(len(WORDS))])
    writer.add_token_types([2, 3, 3] + [1] * (len(tokens) - 3))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
