"""How the projections to queries, keys and values lie in types that multiply them by themselves.

All other types hand the three to a function that is looked up (`core.model.attention_calls`).
"""

from typing import Literal

QkvLayout = Literal["separate", "interleaved", "unknown"]
"""Three modules; one module, per head [q k v]; or in a way that only the whole attention input can be changed."""

_LAYOUTS: dict[str, QkvLayout] = {
    **dict.fromkeys(("gpt_neo", "mvp", "trocr", "xglm"), "separate"),
    "bloom": "interleaved",
}


def qkv_layout(kind: str) -> QkvLayout:
    """The layout of a model type."""
    return _LAYOUTS.get(kind, "unknown")
