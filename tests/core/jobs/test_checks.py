"""The check of every head, on a model whose circuit is known."""

import json

import pandas as pd

from core.jobs.checks import check, write_groups
from core.runs.result_reader import saved_heads
from core.runs.run_folder import RunFolder
from core.scenarios.loader import load_truth
from core.schema import TextGroup, TextGroups
from core.text.csv_safe import read_cells, write_cells


def test_effect_of_every_head_fills_the_table(sample, models):
    before = pd.read_csv(sample.path / "heads.csv", encoding="utf-8-sig")
    texts = (sample.path / "examples.csv").read_bytes()
    told = ["p_value", "q_value", "effect", "effect_low", "effect_high", "verdict"]
    # as in a run of a model with too many heads, whose candidates alone were tested
    of_heads = before["unit"] == "head"
    blocks = before.loc[~of_heads, told]
    assert len(blocks) == 4
    before.loc[of_heads & ~before["selected"], told] = None
    before.to_csv(sample.path / "heads.csv", index=False, encoding="utf-8-sig")
    records = list(check("heads", sample, models))
    assert records[-1].step == records[-1].total
    after = pd.read_csv(sample.path / "heads.csv", encoding="utf-8-sig")
    pd.testing.assert_frame_equal(after.loc[after["unit"] == "mlp", told], blocks)
    after = saved_heads(sample)
    assert after["effect"].notna().all() and after["verdict"].notna().all()
    assert list(after.columns) == list(before.columns)
    effects = pd.read_csv(sample.path / "effects.csv", encoding="utf-8-sig")
    assert effects[effects["kind"] == "head"].groupby(["source_layer", "source_head"]).ngroups == len(after)
    assert {"edge", "mlp"} < set(effects["kind"])
    assert len(json.loads((sample.path / "evidence.json").read_text(encoding="utf-8"))["heads"]) == len(after)
    truth = {str(head) for head in load_truth("planted-induction").heads}
    confirmed = after[after["verdict"] == "confirmed"]
    assert {f"L{row.layer}H{row.head}" for row in confirmed.itertuples()} == truth
    manifest = json.loads((sample.path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["every_head"] and manifest["evidence_about"]["tested_heads"] == len(after)
    assert manifest["groups"]["state"] == "one"
    assert (sample.path / "examples.csv").read_bytes() == texts


def test_groups_go_into_their_own_column_and_every_other_cell_stays(tmp_path):
    run = RunFolder(tmp_path)
    rows = [["example", "text", "expected_log_probability", "mechanism", "note"]]
    rows += [[str(i), "'=1+1", "-3.5", "2", "0012"] for i in (1, 2, 3)]
    (tmp_path / "examples.csv").write_bytes(write_cells(rows))
    write_groups(run, TextGroups(state="several", groups=(TextGroup(texts=(2,)), TextGroup(texts=(0,)))))
    after = read_cells((tmp_path / "examples.csv").read_bytes())
    assert [row.pop(3) for row in after] == ["mechanism", "2", "", "1"]
    assert after == [[*row[:3], row[4]] for row in rows]


def test_tables_of_earlier_versions_get_no_column(tmp_path):
    content = write_cells([["example", "text"], ["1", "a"]])
    (tmp_path / "examples.csv").write_bytes(content)
    write_groups(RunFolder(tmp_path), TextGroups(state="several", groups=(TextGroup(texts=(0,)),)))
    assert (tmp_path / "examples.csv").read_bytes() == content
