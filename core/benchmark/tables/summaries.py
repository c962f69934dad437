"""From measurements to means: the table summary.csv, and what of it the goals need."""

import pandas as pd

from core.benchmark.tables.rows import GROUP

MEANS = [
    "auc",
    "average_precision",
    "precision",
    "recall",
    "auc_true_heads",
    "jaccard",
    "seconds",
    "forward_passes",
    "peak_mb",
    "confirmed_precision",
    "confirmed_recall",
    "false_confirmations",
    "false_confirmations_unpaired",
    "false_discoveries",
    "false_discoveries_unpaired",
    "wrong_at_q",
    "evidence_seconds",
    "evidence_passes",
    "strong_recall",
    "strongest_tested",
]
SUMS = ["shuffles", "shuffles_tested", "shuffles_unpaired", "shuffles_unpaired_tested"]
SHUFFLES = {"false_discoveries": "shuffles", "false_discoveries_unpaired": "shuffles_unpaired"}
"""The column that counts the shuffles behind another one."""

NUMBERS = ("draws", "seeds", "auc_sd", "auc_seed_sd", "auc_lowest", *MEANS, *SUMS)
"""The columns of summary.csv that hold numbers."""


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per task, model, method, number of texts and unit, in the order in which they first came.

    Means are over draws of the means over seeds. `auc_sd` is the standard deviation over the draws, `auc_seed_sd` the
    mean over the draws of that over the seeds (as of a sample); `auc_lowest` the lowest draw.
    """
    keys = list(GROUP)
    # evidence is gathered with the first seed of a draw alone
    rows = rows.assign(evidence_passes=rows["evidence_passes"].where(rows["evidence_passes"] > 0))
    per_draw = rows.groupby([*keys, "draw"], sort=False)
    means = per_draw[MEANS].mean().reset_index()
    seeds = per_draw["auc"].agg(["count", lambda values: values.std(ddof=1)]).reset_index()
    seeds.columns = [*keys, "draw", "seeds", "auc_seed_sd"]
    groups = means.groupby(keys, sort=False)
    table = groups[MEANS].mean()
    table["draws"] = groups.size()
    table["auc_sd"] = groups["auc"].std(ddof=0)
    table["auc_lowest"] = groups["auc"].min()
    by_seed = seeds.groupby(keys, sort=False)
    table["seeds"] = by_seed["seeds"].max()
    several = table["seeds"] > 1
    table["auc_seed_sd"] = by_seed["auc_seed_sd"].mean().where(several)
    table = table.join(rows.groupby(keys, sort=False)[SUMS].sum())
    table = table.join(rows.groupby(keys, sort=False)["role"].first()).reset_index()
    first = [*keys, "role", "draws", "seeds", "auc", "auc_sd", "auc_seed_sd", "auc_lowest"]
    return table[[*first, *(name for name in (*MEANS, *SUMS) if name not in first)]].round(5)


def of_method(table: pd.DataFrame, method: str, unit: str, examples: int) -> pd.DataFrame:
    """The rows of one method, unit and number of texts, by (task, model)."""
    wanted = (table["method"] == method) & (table["unit"] == unit) & (table["examples"] == examples)
    return table[wanted].set_index(["task", "model"])


def over_shuffles(rows: pd.DataFrame, share: str) -> float:
    """Mean of a column of SHUFFLES over all shuffles; over the rows where these were not counted."""
    weights = rows[SHUFFLES[share]].where(rows[share].notna(), 0.0).fillna(0.0)
    total = weights.sum()
    return float((rows[share] * weights).sum() / total) if total else float(rows[share].mean())
