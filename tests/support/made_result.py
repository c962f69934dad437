"""A small result made by hand, and the same with evidence: what reports and sentences are tested against."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from core.schema import CODE_COLUMNS, EDGE_COLUMNS, HEAD_COLUMNS, Manifest, RunResult

EVIDENCE = {
    "gap": -2.5,
    "directions": ["noising", "denoising"],
    "examples": 8,
    "smallest_p": 0.0078,
}


def made_result() -> RunResult:
    """Two heads of which one is selected, one edge; an anomalous and a normal text."""
    heads = pd.DataFrame(
        {
            "layer": [1, 0],
            "head": [0, 1],
            "score": [3.25, 0.5],
            "score_low": [3.0, 0.0],
            "score_high": [3.5, 1.0],
        }
    ).assign(frequency=[1.0, 0.0], selected=[True, False])
    edges = pd.DataFrame(
        {"source_layer": [0], "source_head": [1], "target_layer": [1], "target_head": [0], "score": [2.0]}
    ).assign(frequency=[0.5], selected=[True])
    examples = (
        pd.DataFrame(
            {
                "example": [1, 2],
                "label": ["anomalous", "normal"],
                "text": ['=HYPERLINK("x")', "<b>請求書</b>"],
            }
        )
        .assign(
            pair="",
            expected="-1",
            actual="",
            tokens=[3, 4],
            next_word=["<i>", "b"],
            next_probability=[0.5, 0.25],
        )
        .assign(
            continuation=["<i>a</i>\nb", "b"],
            verdict=["other", ""],
            expected_log_probability=[-3.5, None],
            actual_log_probability=None,
            expected_pieces=['[["-1",-3.5]]', ""],
            actual_pieces="",
            pair_source="given",
            mechanism=None,
        )
    )
    codes = pd.DataFrame([[0, 1, 0, "3", 1, "anomalous", "p", "silent", "given"]], columns=list(CODE_COLUMNS))
    manifest = {
        "model": {"name": "m", "architecture": "gpt2", "n_layers": 2, "n_heads": 1},
        "scenario": "",
        "settings": {"preset": "fast", "seed": 0, "autoencoder": {"members": 4}},
        "alignment": {"mode": "aligned", "pairs": [[0, 1]], "pairs_source": "given"},
        "counts": {"anomalous": 1, "normal": 1, "heads": 2, "selected_heads": 1},
        "timings": {"train": 1.5},
        "forward_passes": 3,
        "cached_texts": 0,
        "device": "cpu",
        "created": "2026-01-01T00:00:00+00:00",
        "selection": {"statistic": "strength"},
        "notes": [{"key": "few_examples", "values": {"count": 1}}],
    }
    return RunResult(
        heads.reindex(columns=list(HEAD_COLUMNS)),
        edges.reindex(columns=list(EDGE_COLUMNS)),
        codes,
        examples,
        Manifest.model_validate(manifest),
    )


def evidence_result(effect: float = -0.5, verdict: str = "confirmed") -> RunResult:
    """The same with evidence: this effect of the selected head, give or take a quarter of the gap."""
    found = made_result()
    heads = found.heads.assign(
        effect=[effect, np.nan],
        effect_low=[effect - 0.25, np.nan],
        effect_high=[effect + 0.25, np.nan],
        verdict=[verdict, None],
    )
    edges = found.edges.assign(effect=[0.1], effect_low=[0.0], effect_high=[0.2], verdict=["not confirmed"])
    manifest = with_changes(found.manifest, evidence="computed", evidence_about=EVIDENCE)
    return replace(found, heads=heads, edges=edges, manifest=manifest)


def with_changes(manifest: Manifest, **changes: Any) -> Manifest:
    """The manifest with other values."""
    return Manifest.model_validate({**manifest.model_dump(), **changes})
