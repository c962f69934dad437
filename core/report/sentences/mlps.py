"""What passes through MLP blocks, which are measured whole and not broken down: one sentence of every result."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.causal.bounds import WORTH_NAMING
from core.schema import AddingUp, Manifest
from core.text import listed, percent, text

ALIKE = 0.05
"""Share of the difference up to which what adds up counts as the same."""

MOST_NAMED = 3
"""MLP blocks that are named, those with the largest shares."""


def mlp_sentence(manifest: Manifest, language: str) -> str:
    """Which MLP blocks pass on how much of the difference, or that none was measured; empty without a difference."""
    blocks = manifest.blocks
    if blocks is None:
        return "" if manifest.evidence == "no_difference" else text(language, "mlps.unmeasured")
    if blocks.reason:
        return text(language, "mlps.none_told")
    shares = {row.layer: row.mlp for row in blocks.layers if row.mlp is not None and row.clear}
    against = _named({layer: -share for layer, share in shares.items() if share <= -WORTH_NAMING})
    way = "against_one" if len(against) == 1 else "against"
    last = text(language, f"mlps.{way}", layers=_layers(language, against)) if against else ""
    strong = {layer: share for layer, share in shares.items() if share >= WORTH_NAMING}
    if not strong:
        return text(language, "mlps.none_strong", least=percent(WORTH_NAMING)) + last
    named = _named(strong)
    values = {
        "layers": _layers(language, named),
        "shares": listed(language, [percent(shares[layer]) for layer in named]),
        "more": len(strong) - len(named),
        "least": percent(WORTH_NAMING),
    }
    key = "one" if len(strong) == 1 else "several" if len(strong) == len(named) else "many"
    return text(language, f"mlps.{key}", **values) + last


def _named(shares: Mapping[int, float]) -> list[int]:
    """The layers with the largest shares, in the order of the model."""
    return sorted(sorted(shares, key=lambda layer: -shares[layer])[:MOST_NAMED])


def _layers(language: str, layers: Sequence[int]) -> str:
    return listed(language, [str(layer) for layer in layers])


def together(manifest: Manifest, language: str) -> str:
    """What all heads, all MLP blocks and both do together, beside the sums of single effects; empty without them."""
    rows = manifest.blocks.adding_up if manifest.blocks else ()
    if not rows or None in (rows[0].heads, rows[0].mlps, rows[0].both):
        return ""
    row = rows[0]
    shares = {name: percent(getattr(row, name)) for name in ("heads", "mlps", "both")}
    way = "exchanged" if len(rows) > 1 else "off"
    return text(language, f"mlps.together_{way}", **shares, sums=_sums(row, language))


def _sums(row: AddingUp, language: str) -> str:
    """What single effects add up to, beside all at once."""
    if row.interaction is None or row.sum_heads is None or row.sum_mlps is None:
        return ""
    values: dict[str, Any] = {
        "sum": percent(row.sum_heads + row.sum_mlps),
        "sum_heads": percent(row.sum_heads),
        "sum_mlps": percent(row.sum_mlps),
    }
    key = "same" if abs(row.interaction) < ALIKE else "more" if row.interaction < 0 else "less"
    return text(language, f"mlps.sums_{key}", **values)
