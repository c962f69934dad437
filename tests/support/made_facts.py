"""Facts of runs in every state, made by hand: what sentences are tested against."""

import numpy as np
import pandas as pd

from core.runs.facts import Facts, facts
from core.schema import Manifest
from tests.support.made_result import EVIDENCE

MANIFEST = {
    "model": {"name": "/models/tiny", "n_layers": 3, "n_heads": 2},
    "counts": {"anomalous": 8, "normal": 7},
    "alignment": {"mode": "aligned", "pairs": [[0, 1]]},
    "timings": {"load": 1.0, "train": 2.0},
    "forward_passes": 12,
    "device": "cpu",
    "settings": {"autoencoder": {"members": 4}},
    "selection": {"statistic": "strength"},
    "notes": [],
}
EFFECTS = {
    "L0H1": (0.3, 0.2, 0.4, "confirmed"),
    "L1H0": (-0.7, -0.9, -0.5, "partly"),
    "L2H1": (0.62, 0.41, 0.8, "confirmed"),
}


def made_facts(
    selected: int = 3,
    effects: dict[str, tuple[float, float, float, str]] | None = None,
    label_p: list[float] | None = None,
    **manifest: object,
) -> Facts:
    """Six heads, best first, of which this many are candidates."""
    names = ["L0H1", "L1H0", "L2H1", "L0H0", "L1H1", "L2H0"]
    heads = pd.DataFrame({"layer": [int(n[1]) for n in names], "head": [int(n[3]) for n in names]})
    heads = heads.assign(
        score=[6.0, 5.0, 4.0, 3.0, 2.0, 1.0],
        frequency=[1.0, 0.75, 0.25, 0.0, 0.0, 0.0],
        selected=[i < selected for i in range(6)],
        label_p_value=[*(label_p or []), *[np.nan] * (6 - len(label_p or []))],
    )
    rows = [(effects or {}).get(name, (np.nan, np.nan, np.nan, None)) for name in names]
    for place, column in enumerate(("effect", "effect_low", "effect_high", "verdict")):
        heads[column] = [row[place] for row in rows]
    ends = {"source_layer": [0, 0], "source_head": [0, 1], "target_layer": [1, 2], "target_head": [0, 1]}
    edges = pd.DataFrame({**ends, "selected": [True, False], "effect": [np.nan] * 2, "verdict": [None, None]})
    return facts(Manifest.model_validate({**MANIFEST, **manifest}), heads, edges, {"L2H1": "trigger"})


def with_effects(effects: dict[str, tuple[float, float, float, str]] = EFFECTS, **about: object) -> Facts:
    return made_facts(effects=effects, evidence="computed", evidence_about={**EVIDENCE, **about})


STATES = {
    "none": made_facts(selected=0),
    "untested": made_facts(),
    "one": made_facts(selected=1),
    "unpaired": made_facts(label_p=[0.001, 0.2, 0.04], alignment={"mode": "last_mean", "pairs": []}),
    "no_difference": made_facts(evidence="no_difference", evidence_about={"gap": -0.012}),
    "paper": made_facts(selection={"statistic": "count"}),
    "few": made_facts(counts={"anomalous": 3, "normal": 8}),
    "tested": with_effects(),
    "mean": with_effects(directions=["noising"]),
    "against": with_effects(
        {"L1H0": (-0.7, -0.9, -0.5, "confirmed"), "L0H1": (0.01, -0.1, 0.1, "not confirmed")}
    ),
    "partly": with_effects({"L1H0": (-0.7, -0.9, -0.5, "partly"), "L0H1": (0.1, -0.1, 0.2, "not confirmed")}),
    "too_few": with_effects(smallest_p=0.25, examples=3),
}
