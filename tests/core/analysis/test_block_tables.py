"""How much passes through attention and MLP block of each layer, and what all of them do together."""

import numpy as np
import pytest
import torch

from core.analysis.block_tables import block_notes, blocks_record
from core.causal.bounds import HEAD_BOUND
from core.causal.comparison import Comparison
from core.causal.mlp_blocks.shares import block_effects, block_runs
from core.causal.verdicts import judge
from core.examples.alignment import align
from core.examples.example_set import ExampleSet
from core.generators import result_of
from core.heads import MlpId
from core.model.loaded_model import LoadedModel
from tests.support import every_type
from tests.support.pairs import pairs
from tests.support.tiny_models import random_model, recording_of, tiny, word_tokenizer


def compared(loaded, ending: str = "") -> Comparison:
    """Pairs that differ in one word; with an `ending` of the normal texts, in the last word too."""
    given = [
        one.model_copy(update={"pair": f"p{number % 4}"}) for number, one in enumerate(pairs(longer=False))
    ]
    if ending:
        changed = [f"{one.text.removesuffix('w3')}{ending}" for one in given[4:]]
        given[4:] = [
            one.model_copy(update={"text": text}) for one, text in zip(given[4:], changed, strict=True)
        ]
    examples = ExampleSet(examples=given)
    recording = recording_of(loaded, examples.examples)
    alignment = align(examples, [list(text) for text in recording.texts])
    return Comparison(recording, examples, alignment, 0)


def record_of(comparison: Comparison):
    loaded, blocks = comparison.recording.loaded, result_of(block_effects(comparison))
    heads = judge(loaded.heads, result_of(comparison.effects(loaded.heads)), HEAD_BOUND, 0)
    return blocks, blocks_record(blocks, blocks.findings(0, made=False), heads, loaded.heads)


def test_where_blocks_only_add_the_single_effects_add_up_to_all_at_once():
    """One parallel block and no final norm: heads and MLP block read the same words and only add to the logits."""
    model = random_model("gptj", seed=2, n_layer=1)
    model.transformer.ln_f = torch.nn.Identity()
    comparison = compared(LoadedModel(model, word_tokenizer(), "one parallel block"), "w8")
    _, record = record_of(comparison)
    assert [row.direction for row in record.adding_up] == ["noising", "denoising"]
    for row in record.adding_up:
        assert row.sum_heads + row.sum_mlps == pytest.approx(row.both, abs=1e-4)
        assert row.interaction == pytest.approx(0, abs=1e-4)
        assert row.sum_heads == pytest.approx(row.heads, abs=1e-4)
        assert row.sum_mlps == pytest.approx(row.mlps, abs=1e-4)
        assert min(abs(row.heads), abs(row.mlps)) > 0.01


def test_where_one_reads_what_the_other_writes_the_remainder_is_the_interaction():
    blocks, record = record_of(compared(tiny("llama", seed=2)))
    for number, row in enumerate(record.adding_up):
        assert row.both == pytest.approx(1, abs=1e-4)  # the texts of a pair end with the same word
        assert row.interaction == pytest.approx(row.both - row.sum_heads - row.sum_mlps, abs=1e-4)
        assert row.sum_mlps == pytest.approx(blocks.mlp[number].mean(axis=-1).sum(), abs=1e-4)
    assert abs(record.adding_up[0].interaction) > 0.05
    found = blocks.findings(0, made=False)
    assert [row.clear for row in record.layers] == ((found.low > 0) | (found.high < 0)).tolist()
    assert {row.clear for row in record.layers} == {True, False}


def test_shares_are_those_of_all_heads_of_a_layer_and_of_its_mlp_block():
    comparison = compared(tiny("gpt2", seed=2))
    loaded = comparison.recording.loaded
    blocks, runs = result_of(block_effects(comparison)), block_runs(comparison)
    assert runs == (3 + 3 + 3) * 8
    shares = blocks.shares()
    assert list(shares) == [f"{part}.{layer}" for part in ("attention", "mlp") for layer in range(3)]
    of_layer = [head for head in loaded.heads if head.layer == 1]
    for name, target in (("attention.1", of_layer), ("mlp.2", MlpId(2))):
        both = result_of(comparison.effects([target]))[:, 0].mean(axis=-1)
        assert shares[name] == pytest.approx(both[np.abs(both).argmax()], abs=1e-5)
    found = blocks.findings(0, made=False)
    assert found.effect == pytest.approx([shares[f"mlp.{layer}"] for layer in range(3)], abs=1e-6)
    assert np.isfinite(found.p).all() and set(found.records()) == {(0,), (1,), (2,)}


def test_layers_without_heads_count_whole_and_a_note_says_so():
    loaded = LoadedModel(every_type.tiny("jamba"), word_tokenizer(), "jamba")
    blocks, record = record_of(compared(loaded))
    assert [row.whole for row in record.layers] == [True, False, True, False]
    assert [row.attention is None for row in record.layers] == [True, False, True, False]
    (note,) = block_notes(blocks, "jamba")
    assert (note.key, note.values["layers"]) == ("mlps_whole_layers", "0, 2")


def test_a_model_whose_stream_is_no_plain_sum_has_shares_of_attention_alone():
    loaded = tiny("opt", seed=2, do_layer_norm_before=False)
    blocks, record = record_of(compared(loaded))
    assert not blocks.mlps and record.adding_up == () and record.reason
    assert all(row.attention is not None and row.mlp is None for row in record.layers)
    assert [note.key for note in block_notes(blocks, "other")] == ["mlps_none"]


def test_where_memory_does_not_hold_all_heads_mlp_blocks_are_measured_alone(monkeypatch):
    loaded = tiny("llama", seed=2)
    whole = result_of(block_effects(compared(loaded)))
    monkeypatch.setattr("core.causal.comparison.fits", lambda *_: False)
    monkeypatch.setattr("core.causal.mlp_blocks.outputs.MOST_BYTES", 1)
    monkeypatch.setattr("core.model.mlp_outputs.MLP_BYTES", 1)
    blocks, record = record_of(compared(loaded))
    np.testing.assert_allclose(blocks.mlp, whole.mlp, atol=2e-4)
    assert [row.attention for row in record.layers] == [None] * 3 and record.adding_up == ()
