"""The confidence in a run: one of four levels by a fixed rule.

1. none: no head is a candidate, or the model does not behave differently on the two sides.
2. low: the candidates were not tested by interventions, or none of them is confirmed.
3. Otherwise four things are asked, and one that could not be measured counts as missed:
   - at least ENOUGH texts were tested;
   - drawing the texts anew chooses nearly the same heads: the mean Jaccard overlap is at least BAR;
   - on texts left out at least BAR of the effects hold (`core.discovery.held_out.held_out`);
   - with equal variety on both sides at least DIVERSITY of the candidates' score is left.
   high: all four. medium: at most two missed. low: more.

Free of torch, so that pages can name the numbers of the rule.
"""

import math
from typing import Literal

from core.discovery.thresholds import BAR, DIVERSITY
from core.schema import ConfidenceRecord, Note, json_number

Level = Literal["high", "medium", "low", "none"]
ENOUGH = 8
"""Tested texts that the level high asks for."""

LEAST = 6
"""Tested texts without which no verdict can be `confirmed`: 2 / 2^6 is the first p below 0.05."""

MOST_MISSED = 2
"""Questions that a run of level medium may have missed."""


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
) -> ConfidenceRecord:
    """The level by the rule above. `state` is that of the evidence, `examples` how many texts were tested.

    `jaccard`, `held_out` and `diversity` are shares, NaN where they could not be measured.
    """
    if not candidates:
        return ConfidenceRecord(level="none", reasons=(_reason("no_candidates"),))
    if state == "no_difference":
        return ConfidenceRecord(level="none", reasons=(_reason("no_difference"),))
    if state != "computed":
        return ConfidenceRecord(level="low", reasons=(_reason("untested"),))
    if not confirmed:
        few = _reason("too_few", examples=examples, least=LEAST)
        none = _reason("none_confirmed", tested=tested)
        return ConfidenceRecord(level="low", reasons=(few,) if examples < LEAST else (none,))
    met = [_reason("confirmed", confirmed=confirmed, tested=tested, examples=examples)]
    missed = []
    if examples < ENOUGH:
        missed.append(_reason("few", enough=ENOUGH))
    steady = _reason("steady" if jaccard >= BAR else "unsteady", jaccard=json_number(jaccard, 3), bar=BAR)
    (met if jaccard >= BAR else missed).append(steady)
    if math.isnan(held_out):
        missed.append(_reason("held_out_unknown"))
    elif held_out >= BAR:
        met.append(_reason("held_out", share=json_number(held_out, 3)))
    else:
        missed.append(_reason("held_out_low", share=json_number(held_out, 3), bar_share=BAR))
    if not diversity >= DIVERSITY:
        missed.append(_reason("varied", share=json_number(diversity, 3)))
    level: Level = "high" if not missed else "medium" if len(missed) <= MOST_MISSED else "low"
    return ConfidenceRecord(level=level, reasons=(*met, *missed))


def _reason(key: str, **values: float | None) -> Note:
    return Note(key=key, values=values)
