"""How far to trust a run, in one sentence made from its manifest."""

import math
from collections.abc import Mapping
from typing import Any

from core.text import number, percent, text


def confidence_sentence(manifest: Mapping[str, Any], language: str) -> str:
    """One sentence on how far to trust a run; empty for a run made before this was measured."""
    found = (manifest.get("certainty") or {}).get("trust")
    if not found:
        return ""
    reasons = [
        text(language, f"trust.{reason['key']}", **_shown(reason.get("values", {})))
        for reason in found["reasons"]
    ]
    return text(language, f"trust.{found['level']}", reasons=text(language, "trust.and").join(reasons))


def _shown(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as text: shares and overlaps as percentages."""
    return {
        name: percent(math.nan if value is None else value)
        if name.endswith("share") or name in ("jaccard", "bar")
        else number(math.nan if value is None else value)
        for name, value in values.items()
    }
