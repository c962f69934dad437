"""How far to trust a run, in one sentence made from its manifest."""

import math
from collections.abc import Mapping
from typing import Any

from core.schema import Manifest
from core.text import number, percent, text


def confidence_sentence(manifest: Manifest, language: str) -> str:
    """One sentence on how far to trust a run; empty for a run made before this was measured."""
    confidence = manifest.stability and manifest.stability.confidence
    if not confidence:
        return ""
    reasons = [
        text(language, f"confidence.{reason.key}", **_shown(reason.values)) for reason in confidence.reasons
    ]
    together = text(language, "confidence.and").join(reasons)
    return text(language, f"confidence.{confidence.level}", reasons=together)


def _shown(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as text: shares and overlaps as percentages."""
    return {
        name: percent(math.nan if value is None else value)
        if name.endswith("share") or name in ("jaccard", "bar")
        else number(math.nan if value is None else value)
        for name, value in values.items()
    }
