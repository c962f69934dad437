"""The whole way on a tiny model: order of stages, contracts, determinism, notes."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from core.analysis import result_tables as tables
from core.analysis.pipeline import analyse
from core.causal.bounds import HEAD_BOUND
from core.config import AutoencoderConfig, make_config
from core.discovery.autoencoder import NO_CODE
from core.errors import ExamplesError, ModelError
from core.examples.reading import from_rows
from core.heads import HeadId
from core.model.tokens.continuations import BEYOND
from core.report.save import save
from core.report.sentences.confidence import confidence_sentence
from core.runs.progress import STAGES
from core.runs.result_reader import saved_effects, saved_heads, saved_mlps
from core.runs.run_folder import RunFolder
from core.schema import (
    CODE_COLUMNS,
    EDGE_COLUMNS,
    EFFECT_COLUMNS,
    EXAMPLE_COLUMNS,
    HEAD_COLUMNS,
    Progress,
    RunResult,
)
from tests.support.tiny_runs import texts

QUICK = AutoencoderConfig(members=2, latents=8, epochs=20)


def run(folder, models, **values):
    values = {"examples": texts(), "autoencoder": QUICK, "device": "cpu"} | values
    records = list(analyse(make_config(model=str(folder), **values), models))
    assert all(isinstance(record, Progress) for record in records[:-1])
    assert isinstance(records[-1], RunResult)
    return records[:-1], records[-1]


def test_stages_come_in_order_and_the_loss_is_reported(folder, models):
    progress, _ = run(folder, models)
    stages = list(dict.fromkeys(record.stage for record in progress))
    assert stages == [stage for stage in STAGES if stage in stages]
    assert {"load", "tokens", "capture", "train", "codes", "score", "report"} <= set(stages)
    assert all(record.metrics["loss"] > 0 for record in progress if record.stage == "train" and record.step)


@pytest.mark.parametrize("values", [{"candidates": "screened"}, {"pairing": "off"}, {"positions": "mean"}])
def test_every_text_is_read_plainly_once_and_once_to_be_continued(values, folder, models):
    """A plain pass is one without gradients whose last hidden state is that of the unchanged model."""
    loaded = models.get(str(folder), "cpu")
    own = [loaded.encode(example.text) for example in texts().examples]
    with torch.no_grad():
        plain = [loaded.model.base_model(torch.tensor([ids]))[0][0, -1] for ids in own]
    reads = [0] * len(own)

    def look(_module, _args, kwargs, output):
        if torch.is_grad_enabled() or kwargs["input_ids"].shape[1] == 1:  # what is written, behind a cache
            return
        lengths = kwargs["attention_mask"].sum(dim=1).tolist()
        for ids, length, hidden in zip(kwargs["input_ids"].tolist(), lengths, output[0], strict=True):
            if ids[:length] in own:  # else a text with what was said behind it, read with a head off
                text = own.index(ids[:length])
                reads[text] += torch.allclose(hidden[length - 1], plain[text], atol=1e-4)

    handle = loaded.model.base_model.register_forward_hook(look, with_kwargs=True)
    run(folder, models, **values)
    handle.remove()
    assert reads == [2] * len(own)


def test_forward_passes_are_counted_rightly(folder, models):
    calls = []
    base = models.get(str(folder), "cpu").model.base_model
    handle = base.register_forward_hook(lambda *_: calls.append(1))
    for values in ({}, {"candidates": "screened"}, {"evidence": False}, {"pairing": "off"}):
        calls.clear()
        _, result = run(folder, models, **values)
        assert result.manifest.forward_passes == len(calls)
    handle.remove()


def test_blocks_are_told_before_the_training_and_their_rows_stand_behind_the_heads(folder, models, tmp_path):
    progress, result = run(folder, models)
    stages = list(dict.fromkeys(record.stage for record in progress))
    assert stages.index("blocks") < stages.index("train")
    (told,) = [record.metrics for record in progress if record.stage == "blocks" and record.metrics]
    assert list(told) == [f"{part}.{layer}" for part in ("attention", "mlp") for layer in range(3)]
    layers = result.manifest.blocks.layers
    assert [round(told[f"mlp.{row.layer}"], 6) for row in layers] == [row.mlp for row in layers]
    assert result.mlps["effect"].tolist() == pytest.approx([row.mlp for row in layers], abs=1e-6)
    saved = RunFolder.create(tmp_path / "run", make_config(model="m", examples=texts()))
    save(result, saved)
    table = pd.read_csv(saved.path / "heads.csv", encoding="utf-8-sig")
    assert table["unit"].tolist() == ["head"] * 12 + ["mlp"] * 3
    assert table["head"].isna().tolist() == [False] * 12 + [True] * 3
    heads, mlps = saved_heads(saved), saved_mlps(saved)
    pd.testing.assert_frame_equal(heads[["layer", "head", "score"]], result.heads[["layer", "head", "score"]])
    assert mlps["effect"].tolist() == pytest.approx(result.mlps["effect"].tolist())
    effects = saved_effects(saved)
    of_mlps = effects[effects["kind"] == "mlp"]
    assert len(of_mlps) == 3 * 2 * 4 and of_mlps["source_head"].isna().all()
    means = (
        of_mlps.groupby(["source_layer", "direction"])["effect"].mean().abs().groupby("source_layer").max()
    )
    assert means.tolist() == pytest.approx(result.mlps["effect"].abs().tolist())


def test_without_evidence_no_block_is_exchanged(folder, models):
    progress, result = run(folder, models, evidence=False)
    assert "blocks" not in {record.stage for record in progress}
    assert result.manifest.blocks is None and result.mlps.empty


def test_tables_follow_the_contract(folder, models):
    _, result = run(folder, models)
    assert tuple(result.heads.columns) == HEAD_COLUMNS
    assert tuple(result.edges.columns) == EDGE_COLUMNS
    assert tuple(result.codes.columns) == CODE_COLUMNS
    assert tuple(result.examples.columns) == EXAMPLE_COLUMNS
    assert len(result.heads) == 12
    assert len(result.edges) == 3 * 16
    assert (result.edges.source_layer < result.edges.target_layer).all()
    assert result.heads.score.is_monotonic_decreasing
    assert result.edges.score.is_monotonic_decreasing
    assert len(result.codes) == 12 * 2 * 8


def test_shuffling_the_labels_tells_how_far_it_is(folder, models):
    progress, _ = run(folder, models, pairing="off", permutations=99, evidence=False)
    told = [record for record in progress if record.stage == "statistics"]
    assert (told[1].step, told[-1].step, told[-1].total) == (0, 99, 99)
    paired, _ = run(folder, models, evidence=False)
    assert [(r.step, r.total) for r in paired if r.stage == "statistics"] == [(0, 1)]


def test_evidence_stands_at_every_head_of_a_small_model_and_can_be_left_out(folder, models):
    progress, result = run(folder, models)
    assert result.manifest.evidence == "computed"
    assert [r.stage for r in progress].count("evidence") > 1
    for column in ("p_value", "effect", "effect_low", "effect_high", "verdict"):
        assert result.heads[column].notna().all()
        assert (result.edges[column].notna() == result.edges["selected"]).all()
    progress, without = run(folder, models, evidence=False)
    assert "evidence" not in {r.stage for r in progress}
    assert without.manifest.evidence == "not_computed"
    for column in ("p_value", "q_value", "effect", "effect_low", "effect_high", "verdict"):
        assert without.heads[column].isna().all()
        assert without.edges[column].isna().all()


def test_every_head_has_an_attribution_where_evidence_was_computed(folder, models):
    _, result = run(folder, models)
    assert result.heads["attribution"].notna().all()
    assert result.heads["attribution"].nunique() == 12
    assert result.manifest.evidence_about.backward_passes == 1
    _, without = run(folder, models, evidence=False)
    assert without.heads["attribution"].isna().all()


def test_effects_on_single_texts_give_the_effects_of_the_tables(folder, models):
    _, result = run(folder, models)
    effects = result.effects
    assert tuple(effects.columns) == EFFECT_COLUMNS
    labels = result.examples.set_index("example")["label"]
    for direction, label in (("noising", "anomalous"), ("denoising", "normal")):
        assert set(effects.loc[effects["direction"] == direction, "example"].map(labels)) == {label}
    main = effects[effects["ablation"] == "resample"]
    means = main.groupby(
        ["kind", "source_layer", "source_head", "target_layer", "target_head", "direction"], dropna=False
    )
    effects_by_head = means["effect"].mean().reset_index()
    for kind, table, keys in (
        ("head", result.heads, tables.HEAD_KEYS),
        ("edge", result.edges, tables.EDGE_KEYS),
    ):
        tested = table[table["effect"].notna()]
        assert len(tested) > 0
        for row in tested.to_dict("records"):
            rows = effects_by_head[effects_by_head["kind"] == kind]
            for column, key in zip(tables.EDGE_KEYS, keys, strict=False):
                rows = rows[rows[column] == row[key]]
            assert len(rows) == 2
            assert rows["effect"].iloc[rows["effect"].abs().argmax()] == pytest.approx(row["effect"])
    others = effects[effects["ablation"] != "resample"]
    assert set(others["ablation"]) == {"mean", "zero"}
    assert (set(others["kind"]), set(others["direction"])) == ({"head"}, {"noising"})
    matters = result.heads["selected"] | (result.heads["effect"].abs() >= HEAD_BOUND / 2)
    matters |= result.heads["verdict"].isin(["confirmed", "partly"])
    assert len(others) == 2 * 4 * matters.sum()
    assert effects.loc[effects["kind"] == "head", "target_layer"].isna().all()


def test_stability_and_evidence_are_plain_json_with_every_head(folder, models, tmp_path):
    _, result = run(folder, models)
    sure = result.manifest.stability
    assert 0 <= sure.jaccard <= 1
    assert (sure.held_out, sure.held_out_checked) == (None, 0)
    assert sure.confidence.level == "low"
    assert confidence_sentence(result.manifest, "en")
    content = json.loads(json.dumps(result.evidence.model_dump(mode="json"), allow_nan=False))
    assert content["stability"] == sure.model_dump(mode="json")
    assert len(content["codes"]) == 12
    every = {str(HeadId(*row)) for row in result.heads[["layer", "head"]].to_numpy()}
    assert set(content["heads"]) == every
    for row in content["heads"].values():
        assert set(row) == {"ablations", "signs_disagree", "works_against", "direction"}
    assert len(content["edges"]) == result.edges["selected"].sum()
    _, without = run(folder, models, evidence=False)
    assert (without.evidence.heads, len(without.evidence.codes)) == ({}, 12)
    assert without.manifest.stability.confidence.reasons[0].key == "untested"
    folder = RunFolder.create(tmp_path / "run", make_config(model="m", examples=texts()))
    save(result, folder)
    assert folder.read_json("evidence.json") == content
    stored = pd.read_csv(folder.path / "effects.csv", encoding="utf-8-sig")
    np.testing.assert_allclose(stored["effect"], result.effects["effect"])
    save(without, folder)
    assert pd.read_csv(folder.path / "effects.csv", encoding="utf-8-sig").empty


def test_the_same_config_gives_the_same_result_and_no_second_forward_pass(folder, models):
    _, first = run(folder, models, evidence=False)
    _, second = run(folder, models, evidence=False)
    # gradients are taken anew, behind what the texts begin with, which is read once and tried once
    screen = first.manifest.ranking.forward_passes
    assert first.manifest.forward_passes == 1 + BEYOND + screen
    assert second.manifest.forward_passes == screen == 7
    assert second.manifest.cached_texts == 8
    assert first.heads.equals(second.heads)
    assert first.codes.equals(second.codes)


def test_a_label_p_value_stands_only_where_it_means_something(folder, models):
    _, paired = run(folder, models)
    _, unpaired = run(folder, models, pairing="off", permutations=99, evidence=False)
    assert paired.heads.label_p_value.isna().all()
    assert unpaired.heads.label_p_value.between(0.01, 1).all()
    _, alike = run(folder, models, pairing="off", permutations=99)
    assert alike.manifest.evidence == "no_difference"
    assert alike.heads.label_p_value.isna().all(), "where nothing is to be explained it means nothing"


def test_scores_follow_from_the_saved_codes(folder, models):
    _, result = run(folder, models)
    best = result.heads.iloc[0]
    own = result.codes[(result.codes["layer"] == best["layer"]) & (result.codes["head"] == best["head"])]
    flat = int(best["layer"] * 4 + best["head"])
    slot = result.manifest.alignment.slots.index(own["position"].iloc[0])
    codes, strengths = (result.tensors[name][..., flat].numpy() for name in ("codes", "strengths"))
    compared = [a for pair in zip(*result.manifest.alignment.pairs, strict=True) for a in pair]
    for member, part in own.groupby("member"):
        written = part.set_index("example")["code"].replace("silent", "-1").astype(int)
        assert [written[a + 1] for a in compared] == codes[member, :, slot].tolist()

    flow = result.tensors["attention_flow"][slot, flat].item()
    alone = [~np.isin(c[:4, slot], c[4:, slot]) & (c[:4, slot] >= 0) for c in codes]
    totals = [np.mean(s[:4, slot] * there) for s, there in zip(strengths, alone, strict=True)]
    assert 0 < flow <= 1
    assert flow * np.mean(totals) == pytest.approx(best["code_score"], abs=1e-5)


def test_positions_before_the_first_difference_are_left_out(folder, models):
    """A decoder cannot see a token that only comes later, so these positions are equal in both texts."""
    _, result = run(folder, models)
    assert result.manifest.alignment.slots == ("3", "4")


def unequal_texts():
    """Four texts a side: words in front of some, and one a side that lacks a word."""
    rows = texts(paired=False).examples
    said = ["w9 w8 w1 w10 w2 w10 w3", "w1 w11 w11 w3", "w8 w1 w12 w2 w12 w3", rows[6].text]
    said += ["w7 w1 w10 w2 w30 w3", rows[3].text, "w1 w12 w32 w3", rows[7].text]
    labels = ["anomalous"] * 4 + ["normal"] * 4
    return from_rows([{"label": label, "text": text} for label, text in zip(labels, said, strict=True)])


def test_texts_of_unequal_lengths_are_compared_where_their_tokens_match(folder, models):
    _, result = run(folder, models, examples=unequal_texts(), permutations=99)
    alignment = result.manifest.alignment
    assert (alignment.mode, alignment.slots) == ("matched", ("1:w1", "2:w10…", "3:w2…", "4:w10…", "last"))
    lacking = [(1, 1), (6, 1)]
    places = enumerate(alignment.positions)
    assert [(i, slot) for i, row in places for slot, place in enumerate(row) if place is None] == lacking
    notes = {note.key: note.values for note in result.manifest.notes}
    assert notes["positions_matched"] == {"shortest": 4, "longest": 7, "slots": 5}
    assert "attention_flow_computed" in notes
    assert result.heads["score"].notna().all() and (result.heads["score"] > 0).any()
    codes, strengths = result.tensors["codes"], result.tensors["strengths"]
    for text, slot in lacking:
        assert bool((codes[:, text, slot] == NO_CODE).all()) and bool((strengths[:, text, slot] == 0).all())
    assert (codes == NO_CODE).any(dim=0).any(dim=-1).sum() == len(lacking)
    absent = result.codes["code"] == "absent"
    at_lacking = (result.codes["position"] == "2:w10…") & result.codes["example"].isin([2, 7])
    assert absent.tolist() == at_lacking.tolist()


def test_pairs_of_unequal_lengths_are_compared_where_both_texts_have_the_token(folder, models):
    """Two of four pairs lack the first word behind "w1" in one of their texts, so it is no slot."""
    examples = unequal_texts()
    examples = examples.with_examples(
        example.model_copy(update={"pair": f"p{i % 4}"}) for i, example in enumerate(examples.examples)
    )
    _, result = run(folder, models, examples=examples)
    alignment = result.manifest.alignment
    assert (alignment.mode, alignment.pairs_source) == ("matched", "given")
    assert alignment.slots == ("1:w1", "2:w2…", "3:w10…", "last")
    assert bool((result.tensors["codes"] != NO_CODE).all())
    assert "absent" not in set(result.codes["code"])


def test_texts_with_nothing_in_common_use_the_last_token_and_the_mean(folder, models):
    free = [("an"[i > 3], f"w{20 + 2 * i} w{21 + 2 * i}" + f" w{40 + i}" * (i % 2)) for i in range(8)]
    rows = [{"label": {"a": "anomalous", "n": "normal"}[side], "text": text} for side, text in free]
    _, result = run(folder, models, examples=from_rows(rows), permutations=99)
    assert result.manifest.alignment.mode == "last_mean"
    assert {note.key for note in result.manifest.notes} >= {
        "positions_last_mean",
        "nothing_in_common",
        "pairs_none",
        "few_examples",
    }


def test_the_published_recipe_runs_on_means_with_one_dictionary(folder, models):
    paper = make_config(model=str(folder), examples=texts(), preset="paper", device="cpu")
    quick = paper.autoencoder.model_copy(update={"epochs": 10})
    _, result = run(folder, models, preset="paper", autoencoder=quick)
    assert result.manifest.alignment.mode == "mean"
    assert set(result.codes.position) == {"mean"}
    assert set(result.codes.member) == {0}


def test_bad_input_stops_before_anything_is_trained(folder, models):
    with pytest.raises(ExamplesError, match="at least 3"):
        run(folder, models, examples=texts(count=2))
    long = texts()
    rows = [e.model_dump() for e in long.examples]
    rows[0]["text"] = "w1 " * 40
    with pytest.raises(ExamplesError, match="40 tokens, the model reads at most 32"):
        run(folder, models, examples=from_rows(rows))
    with pytest.raises(ModelError):
        run("no-such-model", models)
