"""Where each known architecture keeps its blocks, its attention and the projection that mixes the heads."""

from dataclasses import dataclass, replace
from typing import Any, Literal

QkvLayout = Literal["separate", "fused", "interleaved", "unknown"]
"""How the query, key and value projections lie: three modules; one module [q | k | v]; one module, per head
[q k v]; or in a way that only the whole attention input can be changed."""


@dataclass(frozen=True)
class Architecture:
    """Names of modules. `blocks` is a path from the causal model; the next three are names below it.

    `final_norm` is a path from the causal model to the norm in front of the unembedding; `post_norm` names the
    norm, below a block, that what the attention writes goes through before it reaches the residual stream.
    """

    blocks: str
    attention: str
    projection: str
    norm: str
    final_norm: str
    qkv: QkvLayout = "separate"
    post_norm: str = ""


_LLAMA = Architecture("model.layers", "self_attn", "o_proj", "input_layernorm", "model.norm")
_GEMMA = replace(_LLAMA, post_norm="post_attention_layernorm")

ARCHITECTURES: dict[str, Architecture] = {
    "gpt2": Architecture("transformer.h", "attn", "c_proj", "ln_1", "transformer.ln_f", "fused"),
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    "gemma": _LLAMA,
    "gemma2": _GEMMA,
    "gemma3_text": _GEMMA,
    "gemma3": replace(_GEMMA, blocks="model.language_model.layers", final_norm="model.language_model.norm"),
    "phi3": replace(_LLAMA, qkv="unknown"),
    "gpt_neox": Architecture(
        "gpt_neox.layers", "attention", "dense", "input_layernorm", "gpt_neox.final_layer_norm", "interleaved"
    ),
    "opt": Architecture(
        "model.decoder.layers",
        "self_attn",
        "out_proj",
        "self_attn_layer_norm",
        "model.decoder.final_layer_norm",
    ),
    "gptj": Architecture("transformer.h", "attn", "out_proj", "ln_1", "transformer.ln_f"),
    "bloom": Architecture(
        "transformer.h", "self_attention", "dense", "input_layernorm", "transformer.ln_f", "interleaved"
    ),
    "falcon": Architecture(
        "transformer.h", "self_attention", "dense", "input_layernorm", "transformer.ln_f", "unknown"
    ),
}

SUPPORTED = (
    "GPT-2, Llama, Mistral, Qwen2, Qwen3, Gemma 1 to 3, Phi-3, GPT-NeoX (Pythia), OPT, GPT-J, Bloom, Falcon"
)


def submodule(root: Any, path: str) -> Any:
    """The module at a dotted path below `root`."""
    for name in path.split("."):
        root = getattr(root, name)
    return root
