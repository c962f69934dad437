"""Where each known architecture keeps its blocks, its attention and the projection that mixes the heads."""

from dataclasses import dataclass
from typing import Any, Literal

QkvLayout = Literal["separate", "fused", "interleaved", "unknown"]
"""How the query, key and value projections lie: three modules; one module [q | k | v]; one module, per head
[q k v]; or in a way that only the whole attention input can be changed."""


@dataclass(frozen=True)
class Architecture:
    """Names of modules. `blocks` is a path from the causal model; the others are names below it."""

    blocks: str
    attention: str
    projection: str
    norm: str
    qkv: QkvLayout = "separate"


_LLAMA = Architecture("model.layers", "self_attn", "o_proj", "input_layernorm")

ARCHITECTURES: dict[str, Architecture] = {
    "gpt2": Architecture("transformer.h", "attn", "c_proj", "ln_1", "fused"),
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    "gemma": _LLAMA,
    "gemma2": _LLAMA,
    "gemma3_text": _LLAMA,
    "gemma3": Architecture("model.language_model.layers", "self_attn", "o_proj", "input_layernorm"),
    "phi3": Architecture("model.layers", "self_attn", "o_proj", "input_layernorm", "unknown"),
    "gpt_neox": Architecture("gpt_neox.layers", "attention", "dense", "input_layernorm", "interleaved"),
    "opt": Architecture("model.decoder.layers", "self_attn", "out_proj", "self_attn_layer_norm"),
    "gptj": Architecture("transformer.h", "attn", "out_proj", "ln_1"),
    "bloom": Architecture("transformer.h", "self_attention", "dense", "input_layernorm", "interleaved"),
    "falcon": Architecture("transformer.h", "self_attention", "dense", "input_layernorm", "unknown"),
}

SUPPORTED = (
    "GPT-2, Llama, Mistral, Qwen2, Qwen3, Gemma 1 to 3, Phi-3, GPT-NeoX (Pythia), OPT, GPT-J, Bloom, Falcon"
)


def submodule(root: Any, path: str) -> Any:
    """The module at a dotted path below `root`."""
    for name in path.split("."):
        root = getattr(root, name)
    return root
