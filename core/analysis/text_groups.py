"""One fault or several: the anomalous texts grouped by the heads that carry the fault on them.

1. Each text is the vector of the effects on it (noising) of the tested heads that matter: whose mean effect is at least
   half the bound of a head in size. It is scaled to length 1, so that how strongly a text shows the fault does not
   count. A text whose vector is shorter than WEAKEST of the median one is not placed, and where more than MOST_WEAK of
   the texts are so, nothing is grouped.
2. Average linkage over cosine distances, cut into 2 to MOST groups of at least SMALLEST texts each.
3. A cut is clear where its mean silhouette (Rousseeuw 1987) and the mean distance between its two nearest groups reach
   their bars, and where the same groups show (a silhouette of SUPPORT) when the heads get the mean of the normal texts,
   which does not hang on where a text differs from its partner. The clear cut with the largest silhouette stands; where
   none is clear, the answer is one group.

The bars depend on what the heads get instead: with their partner's value, texts of one mechanism hardly ever fall
apart; with the mean of the normal texts they do so more easily, above all where few heads are looked at. They were
chosen on the tuning models, where every behaviour has one mechanism, so that at most 5 % of the draws of 5, 8 and 16
texts fall apart falsely whatever the number of heads (docs/method.md). Codes, untrained dictionaries and k-means on
head outputs did worse than effects on the test cases (docs/benchmark.md), so they have no say here.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist, squareform

from core.causal.bounds import HEAD_BOUND
from core.schema import TextGroup, TextGroups, json_number

if TYPE_CHECKING:
    from core.causal.evidence import Evidence
    from core.examples.alignment import Alignment


class Bars(NamedTuple):
    """Least mean silhouette, least mean cosine distance between two groups, fewest heads that are looked at."""

    separation: float
    distance: float
    heads: int = 1


BARS: dict[str, Bars] = {"resample": Bars(0.5, 0.35), "mean": Bars(0.75, 0.5, heads=8)}
"""By what the heads get instead."""

SUPPORT = Bars(0.3, 0.35)
"""What the same groups must reach where the heads get the mean of the normal texts."""

SMALLEST, MOST = 2, 4
"""Texts of the smallest group, and groups at most."""

FEWEST = 4
"""Texts from which groups are looked for."""

WEAKEST, MOST_WEAK = 0.25, 0.25
"""Length of a vector, as a share of the median, below which its text is not placed; share of such texts at most."""

MOST_TELLING = 6
"""Heads named at most that tell groups apart."""


@dataclass(frozen=True)
class Division:
    """The group (text,) of every text, from 1, 0 where a text is not placed; how clear the best cut is.

    `labels` are 1 everywhere where no cut is clear enough, 0 where too few texts could be placed to ask.
    """

    labels: np.ndarray
    separation: float = float("nan")
    distance: float = float("nan")
    supported: bool = True

    @property
    def count(self) -> int:
        """Groups."""
        return int(self.labels.max(initial=0))

    def clear(self, bars: Bars) -> bool:
        """Whether the groups are far enough apart to stand."""
        return self.supported and self.separation >= bars.separation and self.distance >= bars.distance


def divided(effects: np.ndarray, bars: Bars = BARS["resample"], others: np.ndarray | None = None) -> Division:
    """The groups of texts with these effects (text, head), in the order of their first texts.

    `others` are the effects (text, head) of giving the heads the mean of the normal texts.
    """
    one = Division(np.ones(len(effects), dtype=int))
    lengths = np.linalg.norm(effects, axis=1)
    placed = np.flatnonzero((lengths > 0) & (lengths >= WEAKEST * np.median(lengths)))
    if len(placed) < max(FEWEST, (1 - MOST_WEAK) * len(effects)):
        return Division(np.zeros(len(effects), dtype=int))
    best = clearest_cut(effects[placed], bars, None if others is None else others[placed])
    if best is None:
        return one
    if not best.clear(bars):
        return Division(one.labels, best.separation, best.distance)
    labels = np.zeros(len(effects), dtype=int)
    labels[placed] = best.labels
    return Division(labels, best.separation, best.distance)


def clearest_cut(vectors: np.ndarray, bars: Bars, others: np.ndarray | None = None) -> Division | None:
    """The cut of texts (text, feature), none of length 0, by the rule above, clear or not; None where there is none."""
    distances = pdist(vectors, "cosine").clip(min=0)
    tree, square = linkage(distances, "average"), squareform(distances)
    beside = None if others is None else _distances(others)
    best: Division | None = None
    for count in range(2, min(MOST, len(vectors) // SMALLEST) + 1):
        labels = in_order(fcluster(tree, count, "maxclust"))
        if labels.max() != count or np.bincount(labels)[1:].min() < SMALLEST:
            continue
        supported = beside is None or (
            silhouette(beside, labels) >= SUPPORT.separation and _nearest(beside, labels) >= SUPPORT.distance
        )
        found = Division(labels, silhouette(square, labels), _nearest(square, labels), supported)
        order = found.clear(bars), found.separation
        if best is None or order > (best.clear(bars), best.separation):
            best = found
    return best


def in_order(labels: np.ndarray) -> np.ndarray:
    """The same groups, numbered from 1 in the order of their first texts."""
    first = {label: number for number, label in enumerate(dict.fromkeys(labels.tolist()), start=1)}
    return np.array([first[label] for label in labels.tolist()])


def silhouette(distances: np.ndarray, labels: np.ndarray) -> float:
    """Mean silhouette of groups of at least two texts each, from distances (text, text)."""
    # not scikit-learn's: importing it takes longer than the whole grouping
    members = np.array([labels == label for label in np.unique(labels)])
    sums, own = distances @ members.T, members.T
    within = sums[own] / (members.sum(axis=1)[labels - 1] - 1)
    between = np.where(own, np.inf, sums / members.sum(axis=1)).min(axis=1)
    return float(np.mean((between - within) / np.maximum(np.maximum(within, between), 1e-12)))


def _distances(vectors: np.ndarray) -> np.ndarray:
    """Cosine distances (text, text); 1 to and from a text without effects."""
    square: np.ndarray = np.nan_to_num(squareform(pdist(vectors, "cosine")), nan=1.0).clip(min=0)
    return square


def _nearest(distances: np.ndarray, labels: np.ndarray) -> float:
    """Mean distance between the texts of the two groups that are nearest by it."""
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return min(float(distances[np.ix_(*pair)].mean()) for pair in combinations(groups, 2))


def text_groups(evidence: "Evidence", alignment: "Alignment") -> TextGroups | None:
    """The groups of a run's anomalous texts; None where no effect was measured text by text."""
    findings = evidence.heads
    if findings is None:
        return None
    bars = BARS["resample" if evidence.about.method == "resample" else "mean"]
    finite = np.isfinite(findings.per_example).all(axis=(0, 2))
    looked_at = finite & (np.abs(np.nan_to_num(findings.per_example[0])).mean(axis=-1) >= HEAD_BOUND / 2)
    directions = findings.per_example[:, looked_at].swapaxes(1, 2)
    names = [str(head) for head, good in zip(findings.targets, looked_at, strict=True) if good]
    effects = directions[0]
    if len(effects) < FEWEST:
        return TextGroups(state="too_few", heads=len(names), fewest=FEWEST)
    if not names:
        return TextGroups(state="weak")
    if len(names) < bars.heads:
        return TextGroups(state="few_heads", heads=len(names), fewest=bars.heads)
    division = divided(effects, bars, _others(evidence, names))
    clear: dict[str, float | None] = {
        "wanted": bars.separation,
        "separation": json_number(division.separation),
        "distance": json_number(division.distance),
    }
    if division.count < 2:
        return TextGroups(state="one" if division.count else "weak", heads=len(names), **clear)
    texts, labels = np.array(alignment.kept[: len(effects)]), division.labels
    telling, means = _telling(effects, labels, names)
    return TextGroups(
        state="several",
        groups=tuple(_group(texts[labels == number], number, telling, means) for number in _numbers(labels)),
        unplaced=tuple(texts[labels == 0].tolist()),
        telling=tuple(telling),
        heads=len(names),
        agreement=_agreement(directions, labels),
        **clear,
    )


def _others(evidence: "Evidence", names: list[str]) -> np.ndarray | None:
    """Effects (text, head) of giving these heads the mean of the normal texts; None where they were not measured."""
    mean = evidence.others.get("mean")
    if mean is None:
        return None
    measured = [place for place, head in enumerate(evidence.compared) if str(head) in names]
    effects = mean[measured].T
    return effects if measured and np.isfinite(effects).all() else None


def _numbers(labels: np.ndarray) -> range:
    return range(1, int(labels.max()) + 1)


def _telling(
    effects: np.ndarray, labels: np.ndarray, names: list[str]
) -> tuple[list[str], dict[str, np.ndarray]]:
    """The heads whose mean effects differ most between the groups, and these means (group,) by head.

    A head tells groups apart where the means differ by at least the bound of a head and by twice the spread within
    the groups.
    """
    groups = [effects[labels == number] for number in _numbers(labels)]
    means = np.array([group.mean(axis=0) for group in groups])
    spread = np.sqrt(np.mean([group.var(axis=0) for group in groups], axis=0))
    range_of = means.max(axis=0) - means.min(axis=0)
    order = [head for head in np.argsort(-range_of, kind="stable") if range_of[head] >= HEAD_BOUND]
    clear = [head for head in order if range_of[head] >= 2 * spread[head]] or order
    return [names[head] for head in clear[:MOST_TELLING]], dict(zip(names, means.T, strict=True))


def _group(texts: np.ndarray, number: int, telling: list[str], means: dict[str, np.ndarray]) -> TextGroup:
    """A group with the heads that do more in it than in any other."""
    return TextGroup(
        texts=tuple(texts.tolist()),
        heads=tuple(head for head in telling if int(np.abs(means[head]).argmax()) == number - 1),
        effects={head: round(float(means[head][number - 1]), 4) for head in telling},
    )


def _agreement(directions: np.ndarray, labels: np.ndarray) -> float | None:
    """Adjusted Rand index of the groups with as many that denoising alone gives; None where it was not measured."""
    if len(directions) < 2:
        return None
    placed = (labels > 0) & (np.linalg.norm(directions[1], axis=1) > 0)
    if placed.sum() < FEWEST:
        return None
    tree = linkage(pdist(directions[1][placed], "cosine").clip(min=0), "average")
    return round(rand_index(labels[placed], fcluster(tree, int(labels.max()), "maxclust")), 4)


def rand_index(first: np.ndarray, second: np.ndarray) -> float:
    """Adjusted Rand index of two divisions of the same texts (Hubert & Arabie 1985): 1 alike, 0 as by chance."""
    from sklearn.metrics import adjusted_rand_score  # here, for few runs need it and the import is slow

    return float(adjusted_rand_score(first, second))


def numbers_of(groups: TextGroups | None) -> dict[int, int]:
    """The number of the group, from 1, by text, counted from 0; empty where the texts do not fall into groups."""
    return {
        text: number
        for number, group in enumerate(groups.groups if groups else (), start=1)
        for text in group.texts
    }


def with_groups(examples: pd.DataFrame, groups: TextGroups | None) -> pd.DataFrame:
    """The example table with the number of each text's group; empty for all other texts."""
    numbers = numbers_of(groups)
    column = pd.array([numbers.get(text) for text in range(len(examples))], dtype="Int64")
    return examples.assign(mechanism=column)
