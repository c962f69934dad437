"""What the project wants to reach, beside what was measured: the table goals.csv. Goals are no tests."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from core.benchmark.metrics.speed import exponent
from core.benchmark.names import CEILING, INTERVENING, LOOKING, OURS, SCREENED, UNTRAINED
from core.benchmark.plan import MAIN
from core.benchmark.tables.summaries import of_method, over_shuffles

FEW = 5
"""Texts a side at which few texts are judged."""

FEWEST_DRAWS = 0.5
"""Share of our draws from which on a method's mean is compared with ours."""

TENFOLD, FOURFOLD = 10**0.5, 2.0
"""How far around the default a setting is moved, in both directions."""


@dataclass(frozen=True)
class Goal:
    """A row of goals.csv; `measured` and `met` are None where nothing was measured."""

    key: str
    wanted: float
    comparison: str
    measured: float | None
    met: bool | None
    note: str = ""


def goals(table: pd.DataFrame, sweep: pd.DataFrame, speed: pd.DataFrame) -> list[Goal]:
    """Every goal from summary.csv, sweep.csv and speed.csv; none where nothing was measured."""
    if table.empty:
        return []
    ours = of_method(table, OURS, "head", MAIN)
    edges = of_method(table, OURS, "edge", MAIN)
    few = of_method(table, OURS, "head", FEW)
    above, where = others_above(table)
    of_codes = [
        _goal("heads_auc", ">=", 0.97, ours["auc"].mean()),
        _goal("heads_auc_lowest", ">=", 0.93, ours["auc"].min(), _lowest(ours)),
        _goal("rows_others_above", "<=", 0, above, where),
        _goal("heads_auc_5", ">=", 0.95, few["auc"].mean()),
        _goal("heads_average_precision", ">=", 0.90, ours["average_precision"].mean()),
        _goal("edges_auc", ">=", 0.93, edges["auc"].mean()),
        _goal("edges_auc_true_heads", ">=", 0.80, edges["auc_true_heads"].mean()),
        _goal("spread_over_seeds", "<=", 0.01, ours["auc_seed_sd"].mean()),
        _goal("spread_over_sparsity", "<=", 0.02, *spread(sweep, "sparsity", TENFOLD)),
        _goal("spread_over_latents", "<=", 0.02, *spread(sweep, "latents", FOURFOLD)),
        _goal("false_discoveries_pairs", "<=", 0.1, over_shuffles(ours, "false_discoveries")),
        _goal("false_discoveries_unpaired", "<=", 0.1, over_shuffles(ours, "false_discoveries_unpaired")),
    ]
    return of_codes + list(_of_screened(table)) + list(_of_speed(speed))


def _of_screened(table: pd.DataFrame) -> Iterator[Goal]:
    """The same goals for the codes with the gradient screen, whose opponents are the methods that intervene."""
    heads, edges = of_method(table, SCREENED, "head", MAIN), of_method(table, SCREENED, "edge", MAIN)
    yield _goal("screened_heads_auc", ">=", 0.97, heads["auc"].mean())
    yield _goal("screened_heads_auc_lowest", ">=", 0.93, heads["auc"].min(), _lowest(heads))
    yield _goal("screened_rows_others_above", "<=", 0, *others_above(table, SCREENED, INTERVENING))
    yield _goal("screened_edges_auc_true_heads", ">=", 0.80, edges["auc_true_heads"].mean())


def others_above(table: pd.DataFrame, own: str = OURS, others: Sequence[str] = LOOKING) -> tuple[float, str]:
    """In how many tasks on a model one of the others has a higher head AUC than our method, and where; seen at 8 + 8.

    AUCs are compared as they are printed, with three decimals. Methods with less than half of our draws are left out.
    """
    ours = of_method(table, own, "head", MAIN)
    if ours.empty:
        return float("nan"), ""
    above: dict[str, list[str]] = {}
    for method in others:
        rival = of_method(table, method, "head", MAIN)
        few = rival["draws"].max() < FEWEST_DRAWS * ours["draws"].max()
        if few or method in (UNTRAINED, CEILING, own):
            continue
        for task, model in ours.index[rival["auc"].round(3).reindex(ours.index) > ours["auc"].round(3)]:
            above.setdefault(f"{task} {model}", []).append(method)
    return len(above), "; ".join(f"{row}: {', '.join(methods)}" for row, methods in above.items())


def spread(sweep: pd.DataFrame, setting: str, factor: float) -> tuple[float, str]:
    """The widest range of a case's AUC over the values from a `factor`-th of the default up to `factor` times it."""
    if sweep.empty:
        return float("nan"), ""
    part = sweep[sweep["setting"] == setting]
    means = part.groupby(["task", "model", "value"])["auc"].mean().reset_index()
    default = part.loc[part["is_default"], "value"]
    if means.empty or default.empty:
        return float("nan"), ""
    near = means["value"].between(default.iloc[0] / factor / 1.01, default.iloc[0] * factor * 1.01)
    ranges = means[near].groupby(["task", "model"])["auc"].agg(lambda values: values.max() - values.min())
    return float(ranges.max()), f"{' '.join(ranges.idxmax())}; mean of the tasks {ranges.mean():.3f}"


def _of_speed(speed: pd.DataFrame) -> Iterator[Goal]:
    for key, wanted, column in (("gpt2_seconds", 9, "seconds"), ("gpt2_peak_mb", 1500, "peak_mb")):
        costs = [_speed(speed, what, column) for what in ("gpt2-standard", "gpt2-standard-unpaired")]
        note = "the more costly of paired and unpaired with permutations"
        yield _goal(key, "<=", wanted, max(costs), note)
    for what in ("heads", "examples"):
        part = speed[(speed["what"] == what) & (speed["device"] == "cpu")] if len(speed) else speed
        power = exponent(part[what], part["seconds"]) if len(part) > 1 else float("nan")
        yield _goal(f"growth_{what}", "<=", 1.1, power)
    yield _goal("edges_1024_seconds", "<=", 5, _speed(speed, "edges-1024", "seconds"))
    yield _goal("edges_1024_peak_mb", "<=", 2000, _speed(speed, "edges-1024", "peak_mb"))
    whole = _speed(speed, "gpt2-xl-standard", "seconds", "cuda")
    yield _goal("gpu_ratio", "<=", 20, whole / _speed(speed, "gpt2-xl-standard", "forward_seconds", "cuda"))


def _speed(speed: pd.DataFrame, what: str, column: str, device: str = "cpu") -> float:
    if speed.empty:
        return float("nan")
    cells = speed.loc[(speed["what"] == what) & (speed["device"] == device), column]
    return float(cells.iloc[0]) if len(cells) else float("nan")


def _goal(key: str, comparison: Literal[">=", "<="], wanted: float, measured: float, note: str = "") -> Goal:
    if math.isnan(measured):
        return Goal(key, wanted, comparison, None, None, note)
    met = measured >= wanted if comparison == ">=" else measured <= wanted
    return Goal(key, wanted, comparison, round(float(measured), 4), bool(met), note)


def _lowest(table: pd.DataFrame) -> str:
    return " ".join(table["auc"].idxmin()) if len(table) else ""
