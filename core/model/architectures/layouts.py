"""How the projections to queries, keys and values lie in types whose three can be told apart by the projection."""

from typing import Literal

QkvLayout = Literal["separate", "fused", "interleaved", "unknown"]
"""Three modules; one module [q | k | v]; one module, per head [q k v]; or in a way that only the whole attention input
can be changed."""

_SEPARATE = ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "gemma3", "opt", "gptj")
_LAYOUTS: dict[str, QkvLayout] = {
    **dict.fromkeys(_SEPARATE, "separate"),
    "gpt2": "fused",
    "gpt_neox": "interleaved",
    "bloom": "interleaved",
}


def qkv_layout(kind: str) -> QkvLayout:
    """The layout of a model type."""
    return _LAYOUTS.get(kind, "unknown")
