"""One measurement: the columns of benchmark.csv."""

from dataclasses import dataclass, fields
from typing import Literal, get_args

Unit = Literal["head", "edge"]
UNITS: tuple[Unit, ...] = get_args(Unit)

NAN = float("nan")

GROUP = ("task", "model", "method", "examples", "unit")
"""The columns that name what is measured; draws and seeds repeat it."""


@dataclass(frozen=True)
class Row:
    """One measurement. precision and recall belong to the default rule.

    From confirmed_precision on: verdicts (`core.benchmark.metrics.verdicts`, `core.benchmark.metrics.strong`), of the
    method headlight-standard and, but for what is said of shuffled labels, of the same on texts without partners.
    `jaccard`: mean overlap of the candidates with those of the same texts drawn anew (`core.discovery.stability`), of
    our methods alone. `role` says whether settings may be chosen on the model: "tuning", or never: "test".
    """

    task: str
    model: str
    method: str
    examples: int
    draw: int
    seed: int
    unit: Unit
    auc: float = NAN
    average_precision: float = NAN
    precision: float = NAN
    recall: float = NAN
    seconds: float = NAN
    forward_passes: int = 0
    peak_mb: float = NAN
    auc_true_heads: float = NAN
    precision_split: float = NAN
    recall_split: float = NAN
    precision_gap: float = NAN
    recall_gap: float = NAN
    precision_average: float = NAN
    recall_average: float = NAN
    precision_quartile: float = NAN
    recall_quartile: float = NAN
    hits_in_ten_best: int = 0
    confirmed_precision: float = NAN
    confirmed_recall: float = NAN
    false_confirmations: float = NAN
    shuffles: int = 0
    shuffles_tested: int = 0
    false_confirmations_unpaired: float = NAN
    shuffles_unpaired: int = 0
    shuffles_unpaired_tested: int = 0
    evidence_seconds: float = NAN
    evidence_passes: int = 0
    jaccard: float = NAN
    false_discoveries: float = NAN
    false_discoveries_unpaired: float = NAN
    wrong_at_q: float = NAN
    role: str = "test"
    strong_recall: float = NAN
    strongest_tested: float = NAN


COLUMNS = tuple(field.name for field in fields(Row))
