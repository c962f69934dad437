"""How far to trust a run, in one sentence."""

from collections.abc import Mapping
from typing import Any

from core.causal.bounds import CERTAIN
from core.examples.example_set import ADVISED_PER_SIDE
from core.report.sentences.heads import below_chance
from core.runs.facts import Facts
from core.schema import Manifest
from core.text import number, percent, text

HALF = 0.5


def confidence_sentence(manifest: Manifest, language: str) -> str:
    """The level of confidence with its reasons; empty for a run made before this was measured."""
    judged = manifest.stability and manifest.stability.confidence
    if not judged:
        return ""
    reasons = [
        text(language, f"confidence.{reason.key}", **_shown(reason.values)) for reason in judged.reasons
    ]
    together = text(language, "confidence.and").join(reasons)
    return text(language, f"confidence.{judged.level}", reasons=together)


def _shown(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as text: shares and overlaps as percentages."""
    return {
        name: percent(value) if name.endswith("share") or name in ("jaccard", "bar") else number(value)
        for name, value in values.items()
    }


def confidence(facts: Facts, language: str) -> str:
    """The level with its reasons; for older runs, on what the result rests and what so few texts can show."""
    judged = confidence_sentence(facts.manifest, language)
    if judged:
        return judged
    sides, about = facts.sides(), facts.manifest.evidence_about
    parts: list[tuple[str, Mapping[str, object]]] = [("texts", sides)]
    if min(sides.values()) < ADVISED_PER_SIDE[0]:
        parts.append(("few", {"advised": ADVISED_PER_SIDE[0]}))
    if len(facts.candidates):
        parts += _stability(facts)
    if facts.state == "tested":
        if about.smallest_p is not None:
            # a smallest p above the q of a confirmation confirms nothing
            values = {"examples": about.examples or sides["anomalous"], "p": number(about.smallest_p)}
            parts.append(("smallest" if about.smallest_p <= CERTAIN else "too_few", values))
        parts.append(("single", {}))
    else:
        parts.append(("weak" if facts.state == "none" else "correlation", {}))
    lines = [text(language, f"summary.confidence_{key}", **values) for key, values in parts]
    return text(language, "summary.confidence", parts=text(language, "summary.and").join(lines))


def _stability(facts: Facts) -> list[tuple[str, Mapping[str, object]]]:
    """How far the candidates depend on the seeds of the ensemble, and on chance where nothing is paired."""
    heads = facts.candidates
    members = facts.manifest.settings.autoencoder.members
    parts: list[tuple[str, Mapping[str, object]]] = []
    if facts.manifest.selection.statistic == "count":
        parts.append(("single_autoencoder", {}))
    elif members > 1:
        stable = int((heads["frequency"] >= HALF).sum())
        parts.append(("stable", {"stable": stable, "count": len(heads), "members": members}))
    p_values = heads["label_p_value"].astype(float)
    if p_values.notna().any():
        total = len(facts.heads)
        counts = below_chance(p_values, total)
        parts.append(("shuffled", {"count": len(heads), "heads": total, **counts}))
    return parts
