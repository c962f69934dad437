"""What passes through MLP blocks, which are measured whole and not broken down: one sentence of every result."""

from core.causal.bounds import WORTH_NAMING
from core.schema import Manifest
from core.text import listed, percent, text

MOST_NAMED = 3
"""MLP blocks that are named, those with the largest shares."""


def mlp_sentence(manifest: Manifest, language: str) -> str:
    """Which MLP blocks pass on how much of the difference; empty where nothing was measured."""
    blocks = manifest.blocks
    if blocks is None:
        return ""
    if blocks.reason:
        return text(language, "mlps.none_told")
    shares = {row.layer: row.mlp for row in blocks.layers if row.mlp is not None}
    strong = [layer for layer, share in shares.items() if abs(share) >= WORTH_NAMING]
    if not strong:
        return text(language, "mlps.none_strong", least=percent(WORTH_NAMING))
    named = sorted(sorted(strong, key=lambda layer: -abs(shares[layer]))[:MOST_NAMED])
    values = {
        "layers": listed(language, [str(layer) for layer in named]),
        "shares": listed(language, [percent(shares[layer]) for layer in named]),
        "more": len(strong) - len(named),
        "least": percent(WORTH_NAMING),
    }
    key = "one" if len(strong) == 1 else "several" if len(strong) == len(named) else "many"
    return text(language, f"mlps.{key}", **values)
