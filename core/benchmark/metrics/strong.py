"""Strong heads, those whose true effect is large: whether the evidence looks at them and says so.

1. `strong_recall`: the share of the heads with a true effect of at least STRONG of the gap that are confirmed or partly
   confirmed.
2. `strongest_tested`: whether the head with the largest true effect is tested at all, 1 or 0.

Both are NaN where no effects are known, and 0 where nothing is tested although there are some.
"""

from collections.abc import Mapping

from core.causal.verdicts import CONFIRMED, PARTLY, Findings
from core.heads import HeadId

STRONG = 0.1


def strong_recall(effects: Mapping[HeadId, float], findings: Findings | None) -> float:
    """Share of the strong heads of true effects (shares of the gap, with sign) that the evidence finds."""
    strong = {head for head, effect in effects.items() if abs(effect) >= STRONG}
    if not strong:
        return float("nan")
    named = zip(findings.targets, findings.verdict, strict=True) if findings else ()
    return len(strong & {head for head, verdict in named if verdict in (CONFIRMED, PARTLY)}) / len(strong)


def strongest_tested(effects: Mapping[HeadId, float], findings: Findings | None) -> float:
    """1 where the head with the largest true effect is tested, else 0."""
    if not effects:
        return float("nan")
    strongest = max(effects, key=lambda head: abs(effects[head]))
    return float(findings is not None and strongest in findings.targets)
