"""What the check of a circuit found, in sentences made from circuit.json."""

from collections.abc import Sequence

import numpy as np

from core.report.sentences import mlps
from core.report.sentences.blast import blast
from core.runs.facts import Facts
from core.schema import AblationCheck, BeforeAfter, CircuitRecord
from core.text import number, percent, text

BAND = (0.05, 0.95)
"""The band of the random circuits that is shown: quantiles."""
HALF = 0.5
"""Share of the behaviour from which on a circuit is needed, or enough, in part."""


def whole(facts: Facts, language: str) -> list[str]:
    """What the circuit does as a whole, before and after of an ablation first; nothing where it was not checked."""
    check = facts.circuit
    if check is None or not check.ablations:
        return []
    lines = [ablated_in(facts, language), blast(check.blast_radius, language)]
    if check.defined:
        lines.append(faithfulness(check.defined[0], len(check.circuit), language))
    lines += [
        minimal_circuit(check, language),
        mlps.together(facts.manifest, language),
        state(check, language),
    ]
    return [line for line in lines if line]


def ablated_in(facts: Facts, language: str) -> str:
    """What ablating the fewest heads that were found does to the texts; empty where it was not tried."""
    trial = facts.circuit and facts.circuit.before_after
    return ablated(trial, language) if trial else ""


def ablated(trial: BeforeAfter, language: str) -> str:
    """Before and after of heads that were ablated: at fault, and still right."""
    heads = named(trial.heads, language)
    anomalous, normal = trial.counts["anomalous"], trial.counts["normal"]
    if anomalous.judged and normal.judged:
        return text(
            language,
            "circuit.ablated",
            heads=heads,
            before=anomalous.fault_before,
            after=anomalous.fault_after,
            anomalous=anomalous.judged,
            right_before=normal.right_before,
            right_after=normal.right_after,
            normal=normal.judged,
        )
    return text(
        language,
        "circuit.ablated_unjudged",
        heads=heads,
        changed=anomalous.texts - anomalous.same,
        anomalous=anomalous.texts,
        harmed=normal.texts - normal.same,
        normal=normal.texts,
    )


def faithfulness(ablation: AblationCheck, count: int, language: str) -> str:
    """How much of the behaviour the circuit alone gives under one ablation, beside random circuits."""
    kind = text(language, f"circuit.{ablation.kind}")
    if not ablation.defined:
        key = "circuit.undefined" if ablation.finite else "circuit.broken"
        return text(language, key, ablation=kind)
    values = {
        "ablation": kind,
        "count": count,
        "share": percent(ablation.faithfulness),
        "left": percent(ablation.completeness),
    }
    if not ablation.random_faithfulness:
        return text(language, "circuit.alone_without_random", **values)
    low, high = band(ablation.random_faithfulness)
    total = len(ablation.random_faithfulness) + 1
    return text(
        language,
        "circuit.alone",
        **values,
        low=percent(low),
        high=percent(high),
        random=total - 1,
        reached=rank(ablation),
    )


def needed_and_enough(ablation: AblationCheck, goal: float, language: str) -> str:
    """Whether the candidates are needed and enough, in the first words of the check; empty without numbers.

    Needed: without them at most 1 − goal of the behaviour is left. Enough: alone they give the goal of it. Half of the
    way is `in part`; what random circuits of as many heads do as well, in the middle 90 % of them, is shown for none.
    (Completeness and faithfulness, as in Wang et al. 2022, section 4.)
    """
    if not ablation.defined or ablation.faithfulness is None or ablation.completeness is None:
        return ""
    taken = 1.0 - ablation.completeness
    random = [1.0 - share for share in ablation.random_completeness]
    return text(
        language,
        "circuit.needed_and_enough",
        needed=text(language, f"circuit.{_reaches(taken, goal, random)}"),
        enough=text(
            language, f"circuit.{_reaches(ablation.faithfulness, goal, ablation.random_faithfulness)}"
        ),
    )


def _reaches(share: float, goal: float, random: Sequence[float]) -> str:
    if random and share <= band(random)[1]:
        return "like_random"
    return "yes" if share >= goal else "in_part" if share >= HALF else "no"


def minimal_circuit(check: CircuitRecord, language: str) -> str:
    """The minimal circuit that the search found, and what it cost; empty where there was no search."""
    minimal = check.minimal_circuit
    if not minimal:
        return ""
    key = "circuit.minimal" if minimal.complete else "circuit.minimal_missed"
    return text(
        language,
        key,
        count=len(minimal.heads),
        heads=named(minimal.heads, language),
        share=percent(minimal.reached or 0.0),
        goal=percent(check.goal),
        tried=minimal.tried,
    )


def minimal_ablation_set(check: CircuitRecord, mode: str, language: str) -> str:
    """The fewest heads found whose ablation takes the behaviour away; empty where there are none."""
    minimal = check.minimal_ablation_sets.get(mode)
    if not minimal or not minimal.heads:
        return ""
    key = "circuit.minimal_ablation" if minimal.complete else "circuit.minimal_ablation_missed"
    return text(
        language,
        key,
        heads=named(minimal.heads, language),
        count=len(minimal.heads),
        share=percent(minimal.reached or 0.0),
        harm=percent(minimal.harm or 0.0),
        mode=text(language, f"circuit.{mode}"),
        goal=percent(check.goal),
        tried=minimal.tried,
    )


def cost(check: CircuitRecord, language: str) -> str:
    """What the check cost."""
    return text(language, "circuit.cost", seconds=number(check.seconds), passes=check.forward_passes)


def state(check: CircuitRecord, language: str) -> str:
    """Why there is no number, or that a part is missing; empty where all is there."""
    if check.state != "computed":
        return text(language, f"circuit.{check.state}")
    return "" if check.complete else text(language, "circuit.incomplete")


def rank(ablation: AblationCheck) -> int:
    """How many of the random circuits reach the circuit."""
    return round((ablation.rank or 0.0) * (len(ablation.random_faithfulness) + 1)) - 1


def band(values: Sequence[float]) -> tuple[float, float]:
    """The middle 90 % of what random circuits reach."""
    low, high = np.quantile(np.array(values, dtype=float), BAND)
    return float(low), float(high)


def named(heads: Sequence[str], language: str) -> str:
    """Names of heads in a row."""
    return text(language, "circuit.comma").join(heads) if heads else "–"
