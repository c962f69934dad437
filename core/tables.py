"""The result's tables, with the columns that the file contract names."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from torch import Tensor

from core.autoencoder import SILENT, Codes
from core.examples import ExampleSet
from core.results import CODE_COLUMNS, EDGE_COLUMNS, EXAMPLE_COLUMNS, HEAD_COLUMNS
from core.scoring import at_best
from core.statistics import member_interval
from core.tokens import Alignment

if TYPE_CHECKING:
    from core.evidence import Findings
    from core.pipeline import Scores

HEAD_KEYS = ("layer", "head")
EDGE_KEYS = ("source_layer", "source_head", "target_layer", "target_head")

EDGE_ROWS = 20_000
"""Edges written at most, the best ones; the manifest counts all."""


def head_table(scores: "Scores", label_p: np.ndarray | None, n_heads: int) -> pd.DataFrame:
    """One row a head of the model, best first; columns not computed are empty."""
    flat = np.arange(len(scores.head_selected))
    low, high = member_interval(scores.heads.per_member.numpy())
    table = pd.DataFrame(
        {
            "layer": flat // n_heads,
            "head": flat % n_heads,
            "score": scores.heads.score.numpy(),
            "score_low": low,
            "score_high": high,
            "frequency": scores.head_frequency,
            "selected": scores.head_selected,
            "label_p_value": np.nan if label_p is None else label_p,
        }
    )
    table = table.sort_values(["score", "layer", "head"], ascending=[False, True, True], ignore_index=True)
    return table.reindex(columns=list(HEAD_COLUMNS))


def edge_table(scores: "Scores", n_heads: int) -> pd.DataFrame:
    """One row a forward pair of heads, best first, at most EDGE_ROWS."""
    heads = len(scores.head_selected)
    layer = np.arange(heads) // n_heads
    source, target = np.nonzero(layer[:, None] < layer[None, :])
    order = np.lexsort((target, source, -scores.edges[source, target]))[:EDGE_ROWS]
    source, target = source[order], target[order]
    table = pd.DataFrame(
        {
            "source_layer": source // n_heads,
            "source_head": source % n_heads,
            "target_layer": target // n_heads,
            "target_head": target % n_heads,
            "score": scores.edges[source, target],
            "frequency": scores.edge_frequency[source, target],
            "selected": scores.edge_selected[source, target],
        }
    )
    return table.reindex(columns=list(EDGE_COLUMNS))


def with_findings(table: pd.DataFrame, findings: "Findings | None", keys: Sequence[str]) -> pd.DataFrame:
    """The table with the effect columns of what was tested; the other rows stay empty."""
    if findings is None:
        return table
    found = findings.records()
    index = [found.get(tuple(row)) for row in table[list(keys)].to_numpy().tolist()]
    filled = table.assign(verdict=[row["verdict"] if row else None for row in index])
    for column in ("p_value", "q_value", "effect", "effect_low", "effect_high"):
        filled[column] = [row[column] if row else np.nan for row in index]
    return filled


def code_table(
    codes: Codes, best_slot: Tensor, examples: ExampleSet, alignment: Alignment, n_heads: int
) -> pd.DataFrame:
    """One row a head, member and example: the code at the head's best position, `silent` where none fires."""
    best = at_best(codes, best_slot).latent.numpy()
    count = best.shape[-1]
    member, head, row = (index.ravel() for index in np.indices(best.shape))
    kept = np.array(alignment.kept)
    slot = best_slot.numpy()
    names = [_pair_name(examples, alignment, i) for i in range(count)]
    code = best.ravel()
    table = pd.DataFrame(
        {
            "layer": head // n_heads,
            "head": head % n_heads,
            "member": member,
            "position": np.array(alignment.slots)[slot[head]],
            "example": kept[row] + 1,
            "label": np.array([examples.examples[i].label for i in kept])[row],
            "pair": np.array(names)[row],
            "code": np.where(code == SILENT, "silent", code.astype(str)),
        }
    )
    table = table.sort_values(["layer", "head", "member", "example"], ignore_index=True)
    return table[list(CODE_COLUMNS)]


def example_table(
    examples: ExampleSet, ids: Sequence[Sequence[int]], rows: Sequence[dict[str, Any]]
) -> pd.DataFrame:
    """One row an example, in the user's order, with its number of tokens and what the model says next."""
    records = [
        {
            "example": number,
            **example.model_dump(exclude={"line"}),
            "tokens": len(text),
            "next_word": row["next"][0]["piece"],
            "next_probability": row["next"][0]["probability"],
        }
        for number, (example, text, row) in enumerate(zip(examples.examples, ids, rows, strict=True), start=1)
    ]
    return pd.DataFrame(records)[list(EXAMPLE_COLUMNS)]


def _pair_name(examples: ExampleSet, alignment: Alignment, row: int) -> str:
    """The user's name of the pair; `auto-1` and so on where pairs were found automatically."""
    given = examples.examples[alignment.kept[row]].pair
    if given or not alignment.paired:
        return given
    return f"auto-{row % alignment.n_anomalous + 1}"
