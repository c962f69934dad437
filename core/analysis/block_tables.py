"""MLP blocks and whole blocks in the tables of a result: rows of heads.csv and effects.csv, record and notes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core import schema
from core.analysis.result_tables import DIRECTIONS, effect_rows
from core.causal.mlp_blocks.shares import BlockEffects
from core.causal.verdicts import Findings
from core.examples.alignment import Alignment
from core.heads import HeadId, MlpId
from core.schema import AddingUp, BlocksRecord, HeadEvidence, LayerShares, Note, json_number


def mlp_table(findings: Findings | None) -> pd.DataFrame:
    """One row an MLP block in the columns of heads.csv, from the first layer on; only heads have a head and a score."""
    if findings is None or not len(findings.targets):
        return schema.no_mlps()
    rows = [
        {"layer": layer, "selected": False, "unit": "mlp", **columns}
        for (layer,), columns in findings.records().items()
    ]
    return pd.DataFrame(rows).reindex(columns=list(schema.HEAD_COLUMNS)).astype({"head": "Int64"})


def with_mlp_effects(effects: pd.DataFrame, findings: Findings | None, alignment: Alignment) -> pd.DataFrame:
    """The table of effects on single texts with those of MLP blocks behind."""
    if findings is None or not len(findings.targets):
        return effects
    method = "resample" if len(findings.per_example) > 1 else "mean"
    blocks = [
        (findings.targets, method, number, values) for number, values in enumerate(findings.per_example)
    ]
    own = effect_rows(blocks, alignment)
    return own if effects.empty else pd.concat([effects, own], ignore_index=True)


def mlp_records(findings: Findings | None) -> dict[str, HeadEvidence]:
    """What evidence.json holds of each MLP block: in which direction its effect was taken."""
    if findings is None:
        return {}
    signs = zip(findings.works_against.tolist(), findings.direction.tolist(), strict=True)
    return {
        str(target): HeadEvidence(works_against=against, direction=DIRECTIONS[direction])
        for target, (against, direction) in zip(findings.targets, signs, strict=True)
    }


def blocks_record(
    blocks: BlockEffects | None, mlps: Findings | None, heads: Findings | None, every: Sequence[HeadId]
) -> BlocksRecord | None:
    """For the manifest; findings are on MLP blocks and on single heads, `every` are all heads of the model."""
    if blocks is None:
        return None
    shares = blocks.shares()
    sides = [] if mlps is None else zip(mlps.targets, mlps.low, mlps.high, strict=True)
    clear = {target for target, low, high in sides if low > 0 or high < 0}
    layers = sorted({*blocks.layers, *(mlp.layer for mlp in blocks.mlps)})
    return BlocksRecord(
        layers=tuple(
            LayerShares(
                layer=layer,
                attention=json_number(shares.get(f"attention.{layer}", np.nan)),
                mlp=json_number(shares.get(f"mlp.{layer}", np.nan)),
                clear=MlpId(layer) in clear,
                whole=layer in blocks.whole,
            )
            for layer in layers
        ),
        adding_up=_adding_up(blocks, heads, every),
        reason=blocks.reason,
        forward_passes=blocks.forward_passes,
    )


def _adding_up(blocks: BlockEffects, heads: Findings | None, every: Sequence[HeadId]) -> tuple[AddingUp, ...]:
    """By direction what heads and MLP blocks do together, beside the sums over single ones."""
    rows = []
    tested_all = heads is not None and {*heads.targets} >= {*every}
    for number, direction in enumerate(DIRECTIONS[: len(blocks.together)]):
        if not blocks.together.shape[1]:
            continue
        of_heads, of_mlps, both = blocks.together[number].mean(axis=-1).tolist()
        sum_mlps = float(blocks.mlp[number].mean(axis=-1).sum())
        sum_heads = float("nan")
        if heads is not None and tested_all:
            sum_heads = float(heads.per_example[number].mean(axis=-1).sum())
        rows.append(
            AddingUp(
                direction=direction,
                heads=json_number(of_heads),
                mlps=json_number(of_mlps),
                both=json_number(both),
                sum_heads=json_number(sum_heads),
                sum_mlps=json_number(sum_mlps),
                interaction=json_number(both - sum_heads - sum_mlps),
            )
        )
    return tuple(rows)


def block_notes(blocks: BlockEffects | None, architecture: str) -> list[Note]:
    """What a reader must know: why there are no MLP blocks, and which layers count whole as one."""
    if blocks is None:
        return []
    if blocks.reason:
        return [Note(key="mlps_none", values={"architecture": architecture})]
    if blocks.whole:
        return [Note(key="mlps_whole_layers", values={"layers": ", ".join(map(str, blocks.whole))})]
    return []
