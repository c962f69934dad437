"""The result's tables, with the columns that the file contract names."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from torch import Tensor

from core import schema
from core.analysis.example_rows import ExampleRow
from core.causal.statistics import member_interval
from core.discovery.autoencoder import NO_CODE, SILENT, Codes
from core.discovery.scoring import at_best
from core.examples.alignment import Alignment, PairSource
from core.examples.example_set import ExampleSet
from core.examples.reading.headings import CARRIED
from core.heads import EdgeId, HeadId
from core.model.tokens.answer_readings import AnswerReading
from core.schema import Direction, EvidenceDetails, HeadEvidence, StabilityRecord

if TYPE_CHECKING:
    from core.analysis.candidates import Scores
    from core.causal.evidence import Evidence
    from core.causal.patching import Target
    from core.causal.verdicts import Findings
    from core.discovery.stability import Stability

HEAD_KEYS = ("layer", "head")
EDGE_KEYS = ("source_layer", "source_head", "target_layer", "target_head")

TEXT_COLUMNS = ("verdict", "carried_by")
DIRECTIONS: tuple[Direction, Direction] = ("noising", "denoising")

_Block = tuple[Sequence["Target"], str, int, np.ndarray]
"""Targets, ablation, number of the direction, effects (target, text)."""

ANSWERS: tuple[Literal["expected"], Literal["actual"]] = ("expected", "actual")

EDGE_ROWS = 20_000
"""Edges written at most, the best ones; the manifest counts all."""


def head_table(scores: "Scores", label_p: np.ndarray | None, every: Sequence[HeadId]) -> pd.DataFrame:
    """One row a head of the model (`every`, by the flat axis), best first; columns not computed are empty."""
    layer, number = np.array(every).T
    low, high = member_interval(scores.heads.per_member.numpy())
    table = pd.DataFrame(
        {
            "layer": layer,
            "head": number,
            "score": scores.heads.score.numpy(),
            "score_low": low,
            "score_high": high,
            "frequency": scores.head_frequency,
            "selected": scores.head_selected,
            "label_p_value": np.nan if label_p is None else label_p,
            "code_score": np.nan if scores.codes is None else scores.codes.heads.score.numpy(),
            "screen": _or_empty(scores.signals.mean_gradient if scores.signals else None),
            "exact": _or_empty(scores.signals.mean_exact if scores.signals else None),
        }
    )
    table = table.sort_values(["score", "layer", "head"], ascending=[False, True, True], ignore_index=True)
    return table.assign(unit="head").reindex(columns=list(schema.HEAD_COLUMNS))


def _or_empty(values: np.ndarray | None) -> np.ndarray | float:
    return np.nan if values is None else values


def edge_table(scores: "Scores", every: Sequence[HeadId]) -> pd.DataFrame:
    """One row a forward pair of heads, best first, at most EDGE_ROWS."""
    layer, number = np.array(every).T
    source, target = np.nonzero(layer[:, None] < layer[None, :])
    order = np.lexsort((target, source, -scores.edges[source, target]))[:EDGE_ROWS]
    source, target = source[order], target[order]
    table = pd.DataFrame(
        {
            "source_layer": layer[source],
            "source_head": number[source],
            "target_layer": layer[target],
            "target_head": number[target],
            "score": scores.edges[source, target],
            "frequency": scores.edge_frequency[source, target],
            "selected": scores.edge_selected[source, target],
            "code_score": np.nan if scores.codes is None else scores.codes.edges[source, target],
            "screen": np.nan if scores.edge_gradient is None else scores.edge_gradient[source, target],
        }
    )
    return table.reindex(columns=list(schema.EDGE_COLUMNS))


def without_candidates(table: pd.DataFrame) -> pd.DataFrame:
    """The table of a run that found nothing to explain: scores of codes, but no candidates and no p-values."""
    return table.assign(selected=False, **({"label_p_value": np.nan} if "label_p_value" in table else {}))


def with_findings(table: pd.DataFrame, findings: "Findings | None", keys: Sequence[str]) -> pd.DataFrame:
    """The table with the effect columns of what was tested; the other rows stay empty."""
    if findings is None:
        return table
    records = findings.records()
    index = [records.get(tuple(row)) for row in table[list(keys)].to_numpy().tolist()]
    filled = table.copy()
    for column in next(iter(records.values()), {}):
        empty = None if column in TEXT_COLUMNS else np.nan
        filled[column] = [row[column] if row else empty for row in index]
    return filled


def with_attribution(
    heads: pd.DataFrame, attribution: np.ndarray | None, every: Sequence[HeadId]
) -> pd.DataFrame:
    """The head table with the attribution (head,) of every head; empty where there is none."""
    if attribution is None:
        return heads
    of_head = dict(zip(every, attribution.tolist(), strict=True))
    rows = heads[["layer", "head"]].to_numpy().tolist()
    return heads.assign(attribution=[of_head[HeadId(*row)] for row in rows])


def effect_table(evidence: "Evidence", alignment: Alignment) -> pd.DataFrame:
    """Effects on single texts: one row a tested head or edge, ablation, direction and text that was changed.

    `example` counts as in the example table. A head or MLP block stands in the source columns; its target columns are
    empty, as is the source head of an MLP block.
    """
    if evidence.heads is None or evidence.edges is None:
        return schema.no_effects()
    method = evidence.about.method
    blocks: list[_Block] = [
        (findings.targets, method, number, values)
        for findings in (evidence.heads, evidence.edges)
        for number, values in enumerate(findings.per_example)
    ]
    blocks += [(evidence.compared, kind, 0, values) for kind, values in evidence.others.items()]
    return effect_rows(blocks, alignment)


def effect_rows(blocks: Sequence[_Block], alignment: Alignment) -> pd.DataFrame:
    """Rows of effects (target, text) on the anomalous or the normal texts, by ablation and number of the direction."""
    count, sources = alignment.n_anomalous, alignment.sources
    rows = [
        (
            *_place(target),
            ablation,
            DIRECTIONS[number],
            alignment.kept[number * count + place] + 1,
            value,
            sources[place] if sources else "",
        )
        for targets, ablation, number, values in blocks
        for target, of_target in zip(targets, values, strict=True)
        for place, value in enumerate(of_target.tolist())
    ]
    table = pd.DataFrame(rows, columns=list(schema.EFFECT_COLUMNS))
    return table.astype(dict.fromkeys(("source_head", "target_layer", "target_head"), "Int64"))


def _place(target: "Target") -> tuple[str | int | None, ...]:
    """The kind of a target, and the columns of its source and target."""
    if isinstance(target, EdgeId):
        return ("edge", *target.source, *target.target)
    if isinstance(target, HeadId):
        return ("head", *target, None, None)
    return ("mlp", target.layer, None, None, None)


def evidence_record(
    evidence: "Evidence", stability: "Stability", judged: StabilityRecord, every: Sequence[HeadId]
) -> EvidenceDetails:
    """evidence.json: tested heads under every ablation, tested edges, the codes of every head, the whole run."""
    return EvidenceDetails(
        state=evidence.state,
        method=evidence.about.method or None,
        heads=head_records(evidence),
        edges={
            f"{target.source}>{target.target}": HeadEvidence(**row)
            for target, row in _directions(evidence.edges)
            if isinstance(target, EdgeId)
        },
        codes=stability.of_heads([str(head) for head in every]),
        answers=tuple(evidence.answers),
        stability=judged,
    )


def head_records(evidence: "Evidence") -> dict[str, HeadEvidence]:
    """What evidence.json holds of each tested head: its effect under every ablation, and in which direction."""
    return {
        str(head): evidence.by_head[head].model_copy(update=row)
        for head, row in _directions(evidence.heads)
        if isinstance(head, HeadId)
    }


def _directions(findings: "Findings | None") -> list[tuple["Target", dict[str, Any]]]:
    if findings is None:
        return []
    signs = zip(findings.works_against.tolist(), findings.direction.tolist(), strict=True)
    return [
        (target, {"works_against": against, "direction": DIRECTIONS[direction]})
        for target, (against, direction) in zip(findings.targets, signs, strict=True)
    ]


def code_table(
    codes: Codes, best_slot: Tensor, examples: ExampleSet, alignment: Alignment, every: Sequence[HeadId]
) -> pd.DataFrame:
    """One row a head, member and example: the code at the head's best position, `silent` where none fires, `absent`
    where the text lacks the position.
    """
    best = at_best(codes, best_slot).latent.numpy()
    layer, number = np.array(every).T
    member, head, row = (index.ravel() for index in np.indices(best.shape))
    compared = np.array(alignment.kept)
    names = [_pair_name(examples, alignment, i) for i in range(best.shape[-1])]
    code = best.ravel()
    table = pd.DataFrame(
        {
            "layer": layer[head],
            "head": number[head],
            "member": member,
            "position": np.array(alignment.slots)[best_slot.numpy()[head]],
            "example": compared[row] + 1,
            "label": np.array([examples.examples[i].label for i in compared])[row],
            "pair": np.array(names)[row],
            "code": np.select([code == SILENT, code == NO_CODE], ["silent", "absent"], code.astype(str)),
            "pair_source": np.array([alignment.source_of.get(i, "") for i in compared.tolist()])[row],
        }
    )
    table = table.sort_values(["layer", "head", "member", "example"], ignore_index=True)
    return table[list(schema.CODE_COLUMNS)]


def example_table(
    examples: ExampleSet,
    ids: Sequence[Sequence[int]],
    rows: Sequence[ExampleRow],
    source_of: Mapping[int, PairSource] = MappingProxyType({}),
) -> pd.DataFrame:
    """One row an example, in the user's order, with its number of tokens, what the model says, and its answers.

    `source_of` says by index where the partner of an example comes from. Behind these stand the further columns of the
    user's file; `carried.` goes before a heading that is one of ours.
    """
    records = [
        {
            "example": number,
            **example.model_dump(exclude={"line", "source"}),
            "tokens": len(text),
            "next_word": row["next"][0]["piece"],
            "next_probability": row["next"][0]["probability"],
            "continuation": row["continuation"],
            "verdict": row["verdict"],
            **{f"{name}_{column}": value for name in ANSWERS for column, value in _answer(row[name]).items()},
            "pair_source": source_of.get(number - 1, ""),
            "mechanism": None,
        }
        for number, (example, text, row) in enumerate(zip(examples.examples, ids, rows, strict=True), start=1)
    ]
    further = {
        heading if heading not in schema.EXAMPLE_COLUMNS else f"{CARRIED}{heading}": heading
        for example in examples.examples
        for heading in example.carried
    }
    table = pd.DataFrame(records)[list(schema.EXAMPLE_COLUMNS)]
    cells = {
        name: [example.carried.get(heading, "") for example in examples.examples]
        for name, heading in further.items()
    }
    return pd.concat([table, pd.DataFrame(cells, index=table.index, dtype=str)], axis=1)


def _answer(reading: AnswerReading | None) -> dict[str, float | str | None]:
    """The log-probability of an answer behind its text, and its tokens with their own, as JSON; empty without one."""
    if reading is None:
        return {"log_probability": None, "pieces": ""}
    pieces = [[piece["piece"], round(piece["log_probability"], 4)] for piece in reading["pieces"]]
    return {
        "log_probability": reading["log_probability"],
        "pieces": json.dumps(pieces, ensure_ascii=False),
    }


def _pair_name(examples: ExampleSet, alignment: Alignment, row: int) -> str:
    """The user's name of the pair; `auto-1` and so on where pairs were found automatically."""
    given = examples.examples[alignment.kept[row]].pair
    if given or not alignment.paired:
        return given
    return f"auto-{row % alignment.n_anomalous + 1}"
