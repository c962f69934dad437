"""How the methods of a measured benchmark stand: ours beside the others, and how sure these numbers are."""

from dataclasses import dataclass

import pandas as pd

from core.benchmark.names import (
    CEILING,
    GROUPS,
    OURS,
    PUBLISHED,
    SCREENED,
    SIMPLE_IN_FORMS,
    UNTRAINED,
    group_of,
)
from core.benchmark.tables.summaries import SHUFFLES, over_shuffles

DIGITS = 3
"""Decimals with which ROC AUCs are shown and compared."""

COSTS = ("draws", "seconds", "forward_passes", "peak_mb")


@dataclass(frozen=True)
class Standing:
    """A method's mean ROC AUC over the cases, the lowest of them, and in how many it is above ours."""

    method: str
    mean: float
    lowest: float
    lowest_case: str
    above_ours: int


@dataclass(frozen=True)
class Comparison:
    """Our method beside the best others that were measured in all its cases; None where there is none.

    `above`: the cases in which a rival that only looks, the published method among them, is above ours, with the best
    of these rivals. ROC AUCs are compared as they are shown, with three decimals. `examples`: texts a side.
    """

    examples: int
    cases: int
    ours: Standing
    untrained: Standing | None
    look: Standing | None
    published: Standing | None
    change: Standing | None
    above: tuple[tuple[str, str], ...]
    screened: Standing | None = None


@dataclass(frozen=True)
class Reliability:
    """How sure the numbers of our method are; NaN where that was not measured.

    `over_draws`, `over_seeds`: standard deviation of the ROC AUC over draws of texts and over seeds, the mean of the
    cases. The rest are shares: of shuffles of the labels with any discovery, of confirmed ones that are true, of true
    ones that are confirmed.
    """

    over_draws: float
    over_seeds: float
    false_discoveries: float
    false_discoveries_unpaired: float
    confirmed_precision: float
    confirmed_recall: float


def main_examples(summary: pd.DataFrame) -> int:
    """The number of texts a side at which most methods were measured; the smallest of several such."""
    counts = summary.groupby("examples")["method"].nunique()
    return int(counts.idxmax())


def standings(summary: pd.DataFrame, unit: str, examples: int) -> pd.DataFrame:
    """One line a method: `mean`, `lowest`, `lowest_case` of the ROC AUC, `average_precision`, `cases`, COSTS.

    By group (ours, look, change, other), the best mean first. A method without a measured ROC AUC is left out.
    """
    lines = []
    part = measured_rows(summary, unit, examples)
    for (group, method), rows in part.groupby(["group", "method"], sort=False):
        values = rows.set_index("case")["auc"]
        line = {"method": method, "group": group, "mean": values.mean(), "lowest": values.min()}
        means = rows[["average_precision", *COSTS]].mean()
        lines.append({**line, "lowest_case": values.idxmin(), "cases": len(values), **means})
    columns = ["method", "group", "mean", "lowest", "lowest_case", "average_precision", "cases", *COSTS]
    table = pd.DataFrame(lines, columns=columns)
    place = table["group"].map([*GROUPS, "other"].index)
    order = table.assign(place=place).sort_values(["place", "mean"], ascending=[True, False], kind="stable")
    return order.drop(columns="place").reset_index(drop=True)


def measured_rows(summary: pd.DataFrame, unit: str, examples: int) -> pd.DataFrame:
    """The rows of a unit ("head" or "edge") and a number of texts whose ROC AUC was measured."""
    wanted = (summary["unit"] == unit) & (summary["examples"] == examples) & summary["auc"].notna()
    return summary[wanted]


def reliability(summary: pd.DataFrame, unit: str = "head") -> Reliability:
    """What is known of the spread of our method and of its verdicts, at the main number of texts.

    Shares of shuffles are means over all shuffles, the rest are means over the cases.
    """
    rows = measured_rows(summary, unit, main_examples(summary))
    rows = rows[rows["method"] == OURS]
    several = rows[rows["seeds"].fillna(0) > 1]
    return Reliability(
        over_draws=float(rows["auc_sd"].mean()),
        over_seeds=float(several["auc_seed_sd"].mean()),
        confirmed_precision=float(rows["confirmed_precision"].mean()),
        confirmed_recall=float(rows["confirmed_recall"].mean()),
        **{share: over_shuffles(rows, share) for share in SHUFFLES},
    )


def comparison(summary: pd.DataFrame, unit: str = "head") -> Comparison | None:
    """How `OURS` stands by ROC AUC at the main number of texts; None where it was not measured there."""
    examples = main_examples(summary)
    rows = measured_rows(summary, unit, examples)
    rows = rows[~rows["method"].isin(SIMPLE_IN_FORMS)]
    values = rows.pivot_table(index="case", columns="method", values="auc", aggfunc="mean")
    if OURS not in values:
        return None
    values = values[values[OURS].notna()]
    complete = [method for method in values if values[method].notna().all()]
    groups = {group: [name for name in complete if group_of(name) == group] for group in GROUPS}
    return Comparison(
        examples=examples,
        cases=len(values),
        ours=_standing(values, OURS),
        untrained=_best(values, [name for name in complete if name == UNTRAINED]),
        look=_best(values, [name for name in groups["look"] if name not in (UNTRAINED, *PUBLISHED)]),
        published=_best(values, [name for name in complete if name in PUBLISHED]),
        change=_best(values, [name for name in groups["change"] if name != CEILING]),
        above=_above(values),
        screened=_best(values, [name for name in complete if name == SCREENED]),
    )


def _above(values: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    rivals = [name for name in values if group_of(name) == "look" and name != UNTRAINED]
    above = _is_above(values, rivals)
    others = values[rivals]
    return tuple((str(case), str(others.loc[case].idxmax())) for case in values.index[above.any(axis=1)])


def _is_above(values: pd.DataFrame, methods: list[str]) -> pd.DataFrame:
    return values[methods].round(DIGITS).gt(values[OURS].round(DIGITS), axis=0)


def _best(values: pd.DataFrame, methods: list[str]) -> Standing | None:
    if not methods:
        return None
    return _standing(values, str(values[methods].mean().idxmax()))


def _standing(values: pd.DataFrame, method: str) -> Standing:
    own = values[method]
    above = int(_is_above(values, [method]).to_numpy().sum())
    return Standing(method, float(own.mean()), float(own.min()), str(own.idxmin()), above)
