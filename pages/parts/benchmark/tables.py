"""What the charts of a measured benchmark draw, as tables; pure functions of the result."""

import pandas as pd

from core.benchmark.reading import GROUPS, OURS, measured_rows

STATED_Q = 0.1
"""The false discovery rate up to which a head counts as found; the evidence is held to it."""

CALIBRATION = ("false_discoveries", "false_discoveries_unpaired", "wrong_at_q")
SHUFFLES = {"false_discoveries": "shuffles", "false_discoveries_unpaired": "shuffles_unpaired"}
"""The column that counts the shuffles behind another one."""

CONFIRMED = ("confirmed_precision", "confirmed_recall")
SETTINGS = ("latents", "sparsity", "epochs", "learning_rate", "members", "examples")
FAVOURITES = (OURS, "pair-difference-norm", "untrained", "paper", "eap-ig")
"""Methods whose lines are drawn at first."""

SHORTEST = 0.01
"""Seconds on a logarithmic axis at least: what takes less, such as a random order, stands there."""


def unit_of(summary: pd.DataFrame) -> list[str]:
    """The units that were measured, heads first."""
    return [unit for unit in ("head", "edge") if (summary["unit"] == unit).any()]


def over_examples(summary: pd.DataFrame, unit: str, measure: str) -> pd.DataFrame:
    """`method`, `examples`, `mean`, `low`, `high`, `cases`: the mean of the cases, and one deviation over draws.

    The deviation is that of the ROC AUC, as a mean of the cases; for other measures low and high are the mean.
    """
    part = summary[(summary["unit"] == unit) & summary[measure].notna()]
    if part.empty:
        return pd.DataFrame(columns=["method", "examples", "mean", "low", "high", "cases"])
    found = part.groupby(["method", "examples"], sort=True).agg(
        mean=(measure, "mean"), spread=("auc_sd", "mean"), cases=(measure, "size")
    )
    spread = found["spread"].astype(float).fillna(0.0) if measure == "auc" else 0.0
    found = found.assign(low=found["mean"] - spread, high=(found["mean"] + spread).clip(upper=1.0))
    return found.drop(columns="spread").reset_index()


def several(table: pd.DataFrame) -> list[str]:
    """The methods that were measured at more than one number of texts, by group."""
    counts = table.groupby("method")["examples"].nunique()
    known = [method for members in GROUPS.values() for method in members]
    return sorted(
        counts[counts > 1].index, key=lambda name: (known.index(name) if name in known else len(known), name)
    )


def with_cost(table: pd.DataFrame) -> pd.DataFrame:
    """The standings whose seconds were measured, none below SHORTEST."""
    timed = table[table["seconds"].notna()]
    return timed.assign(seconds=timed["seconds"].clip(lower=SHORTEST))


def calibration(summary: pd.DataFrame, unit: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """`case`, `series` (a column's name), `value`, `shuffles` (how many it rests on; 0 for none), of our method."""
    part = summary[(summary["method"] == OURS) & (summary["unit"] == unit)]
    found = []
    for name in columns:
        rows = part[part[name].notna()]
        count = rows[SHUFFLES[name]].fillna(0.0) if name in SHUFFLES else 0.0
        found.append(rows[["case"]].assign(series=name, value=rows[name].astype(float), shuffles=count))
    return pd.concat(found, ignore_index=True)


def overall(table: pd.DataFrame) -> dict[str, float]:
    """The mean of each series of a calibration over all shuffles; over the cases where none are counted."""
    means = {}
    for name, part in table.groupby("series", sort=False):
        weights = part["shuffles"] if part["shuffles"].sum() else part["shuffles"] + 1.0
        means[str(name)] = float((part["value"] * weights).sum() / weights.sum())
    return means


def cells(summary: pd.DataFrame, unit: str, examples: int, measure: str) -> pd.DataFrame:
    """`case`, `method`, `value` of everything measured at this number of texts."""
    part = measured_rows(summary, unit, examples, measure)
    found = part.groupby(["case", "method"], sort=False)[measure].mean().reset_index(name="value")
    return found.astype({"value": float})


def hardest_first(table: pd.DataFrame) -> list[str]:
    """The cases, where our method does worst first; then those in which it was not measured."""
    own = table[table["method"] == OURS].set_index("case")["value"].sort_values()
    return [*own.index, *sorted(set(table["case"]) - set(own.index))]


def over_seeds(summary: pd.DataFrame, unit: str, examples: int) -> pd.DataFrame:
    """`case`, `method`, `value`: standard deviation of the ROC AUC over seeds, where several were run."""
    part = measured_rows(summary, unit, examples, "auc_seed_sd")
    part = part[part["seeds"].fillna(0) > 1]
    return part[["case", "method", "auc_seed_sd"]].rename(columns={"auc_seed_sd": "value"})


def sweep_measure(sweep: pd.DataFrame) -> str:
    """What the sweep is shown by: the ROC AUC where a truth is known, else the agreement; "" for neither."""
    return next((name for name in ("auc", "agreement") if sweep[name].notna().any()), "")


def swept(sweep: pd.DataFrame, setting: str, measure: str) -> pd.DataFrame:
    """`value`, `mean`, `low`, `high`, `is_default` of a setting: the mean of the seeds, and the seeds' extremes.

    A seed's number is the mean over tasks, models and draws.
    """
    part = sweep[(sweep["setting"] == setting) & sweep[measure].notna() & sweep["value"].notna()]
    part = part.assign(
        seed=part["seed"].fillna(0), is_default=part["is_default"].astype(str).str.lower().isin(("true", "1"))
    )
    by_seed = part.groupby(["value", "seed"], as_index=False).agg(
        one=(measure, "mean"), is_default=("is_default", "any")
    )
    return by_seed.groupby("value", as_index=False).agg(
        mean=("one", "mean"), low=("one", "min"), high=("one", "max"), is_default=("is_default", "any")
    )
