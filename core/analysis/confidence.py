"""How far to trust a run: one of four levels by a fixed rule, and the sentence that says it.

1. none: no head is a candidate, or the model does not behave differently on the two sides.
2. low: the candidates were not tested by interventions, or none of them is confirmed.
3. Otherwise four things are asked, and one that could not be measured counts as missed:
   - at least ENOUGH texts were tested;
   - drawing the texts anew chooses nearly the same heads: the mean Jaccard overlap is at least BAR;
   - on texts left out at least BAR of the effects hold (`core.discovery.held_out.held_out`);
   - with equal variety on both sides at least DIVERSITY of the candidates' score is left.
   high: all four. medium: at most two missed. low: more.

Pure Python, so that pages can say the sentence.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

from core.discovery.thresholds import BAR, DIVERSITY

Level = Literal["high", "medium", "low", "none"]
ENOUGH = 8
LEAST = 6
"""Tested texts without which no verdict can be `confirmed`: 2 / 2^6 is the first p below 0.05."""

MOST_MISSED = 2


@dataclass(frozen=True)
class Confidence:
    """The level, and what it rests on: keys of the section `confidence` of the texts, with their values."""

    level: Level
    reasons: tuple[dict[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {"level": self.level, "reasons": list(self.reasons)}


def judge_confidence(
    *,
    state: str,
    candidates: int,
    tested: int,
    confirmed: int,
    examples: int,
    jaccard: float,
    held_out: float,
    diversity: float,
) -> Confidence:
    """The level by the rule above. `state` is that of the evidence, `examples` how many texts were tested.

    `jaccard`, `held_out` and `diversity` are shares, NaN where they could not be measured.
    """
    if not candidates:
        return Confidence("none", (_reason("no_candidates"),))
    if state == "no_difference":
        return Confidence("none", (_reason("no_difference"),))
    if state != "computed":
        return Confidence("low", (_reason("untested"),))
    if not confirmed:
        few = _reason("too_few", examples=examples, least=LEAST)
        none = _reason("none_confirmed", tested=tested)
        return Confidence("low", (few,) if examples < LEAST else (none,))
    said = [_reason("confirmed", confirmed=confirmed, tested=tested, examples=examples)]
    missed = []
    if examples < ENOUGH:
        missed.append(_reason("few", enough=ENOUGH))
    steady = _reason("steady" if jaccard >= BAR else "unsteady", jaccard=_rounded(jaccard), bar=BAR)
    (said if jaccard >= BAR else missed).append(steady)
    if math.isnan(held_out):
        missed.append(_reason("held_out_unknown"))
    elif held_out >= BAR:
        said.append(_reason("held_out", share=_rounded(held_out)))
    else:
        missed.append(_reason("held_out_low", share=_rounded(held_out), bar_share=BAR))
    if not diversity >= DIVERSITY:
        missed.append(_reason("varied", share=_rounded(diversity)))
    level: Level = "high" if not missed else "medium" if len(missed) <= MOST_MISSED else "low"
    return Confidence(level, (*said, *missed))


def _reason(key: str, **values: Any) -> dict[str, Any]:
    return {"key": key, "values": values}


def _rounded(value: float) -> float | None:
    return round(float(value), 3) if math.isfinite(value) else None
