"""The confidence in a run: one of four levels by a fixed rule.

1. none: no head is a candidate, or the model does not behave differently on the two sides.
2. low: the candidates were not tested by interventions, or none of them is confirmed. Or one of these speaks against
   what the result says, that the confirmed heads carry the behaviour:
   - a head was not tested although a cheap signal gives it an effect of at least the bound: it could be confirmed, and
     be stronger than all that are;
   - changing all confirmed heads together takes less than CHANGES of the gap away;
   - alone they keep no more of the behaviour than other sets of the size: more than REACHED of these do as well;
   - what the model says is mostly the same on both sides (`core.analysis.behaviour_notes`);
   - what is left weighs more than they do: less goes with the confirmed heads than with the other heads, or than stays
     with every head of the model changed (words and MLP blocks).
3. Otherwise six things are asked, and one that could not be measured counts as missed:
   - at least ENOUGH texts were tested;
   - drawing the texts anew chooses nearly the same heads: the mean Jaccard overlap is at least BAR;
   - on texts left out at least BAR of the effects hold (`core.discovery.held_out.held_out`);
   - with equal variety on both sides at least DIVERSITY of the candidates' score is left;
   - what the confirmed heads do together was measured;
   - no partner was made: what an exchanged word brings along beside the behaviour is in the effects too.
   high: all six. medium: at most two missed. low: more.

How often the levels keep their word is measured: `core.benchmark.metrics.trust`.

Free of torch, so that pages can name the numbers of the rule.
"""

import math
from collections.abc import Sequence
from typing import Literal

from core.causal.bounds import HEAD_BOUND
from core.discovery.thresholds import BAR, DIVERSITY
from core.schema import ConfidenceRecord, JointRecord, Note, json_number

Level = Literal["high", "medium", "low", "none"]
ENOUGH = 8
"""Tested texts that the level high asks for."""

LEAST = 6
"""Tested texts without which no verdict can be `confirmed`: 2 / 2^6 is the first p below 0.05."""

MOST_MISSED = 2
"""Questions that a run of level medium may have missed."""

CHANGES = 0.25
"""Share of the gap that must go with all confirmed heads changed together."""

REACHED = 0.1
"""Share of other sets of heads that may keep as much of the behaviour as the confirmed heads do."""


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
    untested: int = 0,
    joint: JointRecord | None = None,
    doubts: Sequence[Note] = (),
    made: bool = False,
) -> ConfidenceRecord:
    """The level by the rule above. `state` is that of the evidence, `examples` how many texts were tested.

    `jaccard`, `held_out` and `diversity` are shares, NaN where they could not be measured. `untested` counts the heads
    that were not tested although a signal gives them an effect of at least the bound; `joint` is what the confirmed
    heads do together, None where that was not measured. `doubts` are further reasons that keep the level low. `made`
    says that partners of the texts were made.
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
    against = [*_against(untested, joint), *doubts]
    missed = [_reason("joint_unknown")] if joint is None or joint.removed is None else []
    if made:
        missed.append(_reason("made_partners"))
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
    return ConfidenceRecord(level="low" if against else level, reasons=(*met, *against, *missed))


def _against(untested: int, joint: JointRecord | None) -> list[Note]:
    """What keeps the level low: reasons against the statement that the confirmed heads carry the behaviour."""
    found = [_reason("untested_strong", count=untested, bound_share=HEAD_BOUND)] if untested else []
    if joint is None or joint.removed is None:
        return found
    removed, every = joint.removed, joint.every
    shares = {"share": json_number(removed, 3), "gone": joint.gone, "texts": joint.texts}
    if removed < CHANGES:
        found.append(_reason("joint_little", **shares))
    if joint.reached is not None and joint.reached > REACHED:
        random = len(joint.random)
        found.append(_reason("joint_random", reached=round(joint.reached * random), random=random))
    if every is not None and removed >= CHANGES and removed < max(every - removed, 1 - every):
        key = "joint_other_heads" if every - removed >= 1 - every else "joint_not_heads"
        rest_share = json_number(max(every - removed, 1 - every), 3)
        found.append(_reason(key, rest_share=rest_share, **shares))
    return found


def _reason(key: str, **values: float | None) -> Note:
    return Note(key=key, values=values)
