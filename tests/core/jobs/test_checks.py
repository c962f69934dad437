"""The check of every head, on a model whose circuit is known."""

import json

import pandas as pd

from core.jobs.checks import check
from core.scenarios.loader import load_truth


def test_effect_of_every_head_fills_the_table(sample, models):
    before = pd.read_csv(sample.path / "heads.csv", encoding="utf-8-sig")
    told = ["p_value", "q_value", "effect", "effect_low", "effect_high", "verdict"]
    # as in a run of a model with too many heads, whose candidates alone were tested
    before.loc[~before["selected"], told] = None
    before.to_csv(sample.path / "heads.csv", index=False, encoding="utf-8-sig")
    records = list(check("heads", sample, models))
    assert records[-1].step == records[-1].total
    after = pd.read_csv(sample.path / "heads.csv", encoding="utf-8-sig")
    assert after["effect"].notna().all() and after["verdict"].notna().all()
    assert list(after.columns) == list(before.columns)
    effects = pd.read_csv(sample.path / "effects.csv", encoding="utf-8-sig")
    assert effects[effects["kind"] == "head"].groupby(["source_layer", "source_head"]).ngroups == len(after)
    assert (effects["kind"] == "edge").any()
    assert len(json.loads((sample.path / "evidence.json").read_text(encoding="utf-8"))["heads"]) == len(after)
    truth = {str(head) for head in load_truth("planted-induction").heads}
    confirmed = after[after["verdict"] == "confirmed"]
    assert {f"L{row.layer}H{row.head}" for row in confirmed.itertuples()} == truth
    manifest = json.loads((sample.path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["every_head"] and manifest["evidence_about"]["tested_heads"] == len(after)
