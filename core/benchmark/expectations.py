"""How well the true heads are put first for texts like the user's: read from a measured benchmark, never guessed.

1. What kind of texts they are, by pairs and compared positions, names the method that was measured on such texts. Made
   partners leave a text one without a partner: the benchmark's runs on such texts make them too.
2. Its mean ROC AUC over the benchmark's cases at the largest number of texts a side that was measured and is not above
   the user's is what to expect, or at the smallest that was measured; where there is no such row, nothing is.
3. What would raise it are the other kinds of texts at the same number, and more texts, where they were measured higher.
"""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from core.benchmark.names import OURS, SCREENED
from core.benchmark.standings import standings
from core.schema import AlignmentRecord

Kind = Literal["pairs", "no_pairs", "unequal", "last", "mean", "other"]
Way = Literal["pairs", "same_length", "positions", "more_texts"]

LEAST_GAIN = 0.005
"""What is gained less is not named: ROC AUCs are shown with two decimals."""
ENOUGH_TEXTS = 10
"""More texts a side are not advised."""


@dataclass(frozen=True)
class Accuracy:
    """The mean ROC AUC of a method over the benchmark's cases, the lowest of them, at a number of texts a side."""

    method: str
    examples: int
    cases: int
    mean: float
    lowest: float


@dataclass(frozen=True)
class Expectation:
    """What to expect of texts of this kind, and what would raise it; `accuracy` is None where it was not measured."""

    kind: Kind
    accuracy: Accuracy | None
    ways: tuple[tuple[Way, Accuracy], ...] = ()


def expectation(
    summary: pd.DataFrame, alignment: AlignmentRecord, per_side: int, preset: str, candidates: str = "codes"
) -> Expectation:
    """What a measured benchmark says of texts that are compared like this, `per_side` of them on the smaller side."""
    kind = kind_of(alignment)
    method = _method(kind, preset, candidates)
    now = _accuracy(summary, method, per_side) if method else None
    paired = _method("pairs", "standard" if preset == "paper" else preset, candidates)
    others: list[tuple[Way, Accuracy | None]] = []
    if kind in ("no_pairs", "unequal", "other") and not has_given_pairs(alignment):
        others.append(("pairs", _accuracy(summary, paired, per_side)))
    if kind == "unequal":
        others.append(("same_length", _accuracy(summary, _method("no_pairs", preset, candidates), per_side)))
    if has_given_pairs(alignment) and kind == "other":
        others.append(("same_length", _accuracy(summary, paired, per_side)))
    if kind in ("last", "mean") and preset != "paper":
        others.append(("positions", _accuracy(summary, paired, per_side)))
    if method and now and per_side < ENOUGH_TEXTS:
        others.append(("more_texts", _accuracy(summary, method, ENOUGH_TEXTS)))
    least = now.mean + LEAST_GAIN if now else 0.0
    return Expectation(kind, now, tuple((way, one) for way, one in others if one and one.mean >= least))


def kind_of(alignment: AlignmentRecord) -> Kind:
    """The kind of texts that the benchmark measured, or `other`."""
    if "made" in alignment.sources:
        made: dict[str, Kind] = {"aligned": "no_pairs", "pairs": "unequal"}
        return made.get(alignment.mode, "other")
    if alignment.pairs:
        kinds: dict[str, Kind] = {"aligned": "pairs", "pairs": "pairs", "last": "last", "mean": "mean"}
        return kinds.get(alignment.mode, "other")
    unpaired: dict[str, Kind] = {"aligned": "no_pairs", "matched": "unequal", "last_mean": "unequal"}
    return unpaired.get(alignment.mode, "other")


def has_given_pairs(alignment: AlignmentRecord) -> bool:
    """Whether the user's own texts are pairs, as given or as matched; made partners are none of these."""
    return bool(alignment.pairs) and "made" not in alignment.sources


def _method(kind: Kind, preset: str, candidates: str) -> str:
    """The method that was measured on such texts with these settings; empty where none was."""
    if preset == "paper":
        return "paper" if kind == "mean" else ""
    if kind == "pairs":
        return SCREENED if candidates == "screened" else f"headlight-{preset}"
    names = {"no_pairs": "unpaired", "unequal": "unequal", "last": "last", "mean": "mean"}
    # without pairs the gradient screen is not used; these were measured with the preset standard alone
    usable = kind in names and f"headlight-{preset}" == OURS
    return f"headlight-{names[kind]}" if usable else ""


def _accuracy(summary: pd.DataFrame, method: str, per_side: int) -> Accuracy | None:
    measured = summary[(summary["method"] == method) & (summary["unit"] == "head") & summary["auc"].notna()]
    counts = sorted(int(count) for count in measured["examples"].unique())
    if not counts:
        return None
    examples = max((count for count in counts if count <= per_side), default=counts[0])
    row = standings(measured, "head", examples).iloc[0]
    return Accuracy(method, examples, int(row["cases"]), float(row["mean"]), float(row["lowest"]))
