"""Recipes, and what the model says without some of its heads: against plain surgery, and through generate."""

import json
import subprocess
import sys
from contextlib import nullcontext

import pytest
import torch

from core.causal.ablation_file import (
    AblationFile,
    HeadValue,
    ablated,
    ablation_file_from,
    make_ablation_file,
    read_ablation_file,
)
from core.config import make_config
from core.errors import ConfigError, ExamplesError, ModelError
from core.examples.example_set import Example
from core.examples.reading import from_rows, read_examples
from core.generators import result_of
from core.heads import HeadId
from core.inspection.ablated_generation import (
    MOST_TYPED,
    _row,
    ablation_file_of,
    compare,
    counts,
    statements,
    what_if,
)
from core.model.loading import load_model
from core.scenarios import load_scenario
from core.scenarios.build import tickets
from tests.core.causal.test_interventions import Surgery
from tests.support.paths import ROOT
from tests.support.tiny_models import save_tiny, tiny

HEADS = [HeadId(0, 1), HeadId(2, 3)]


@pytest.fixture(params=["gpt2", "llama", "gpt_neox"], scope="module")
def loaded(request):
    return tiny(request.param, seed=2)


def means(loaded, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    shape = loaded.shape
    generator = torch.Generator().manual_seed(seed)
    size = (shape.n_layers, shape.n_heads, shape.d_head)
    return torch.randn(size, generator=generator), torch.randn(size, generator=generator)


def test_switched_off_heads_write_what_the_recipe_says(loaded):
    values = means(loaded)
    ablation_file = make_ablation_file(loaded, HEADS, "mean", values)
    ids = torch.tensor([loaded.encode("w1 w2 w3 w4")])
    surgery = Surgery(loaded)
    plain = surgery.attend

    def attend(layer, z):
        z = z.clone()
        for head in HEADS:
            if head.layer == layer:
                z[0, :-1, head.head] = values[0][head.layer, head.head]
                z[0, -1, head.head] = values[1][head.layer, head.head]
        return plain(layer, z)

    surgery.attend = attend
    with torch.no_grad():
        wanted = surgery.run(ids)
        with ablated(loaded, ablation_file):
            got = loaded.model(ids).logits
        untouched = loaded.model(ids).logits
    assert got == pytest.approx(wanted, abs=1e-4)
    assert (untouched - got).abs().max() > 1e-3


def test_padded_rows_equal_single_ones(loaded):
    ablation_file = make_ablation_file(loaded, HEADS, "mean", means(loaded))
    short, long = loaded.encode("w1 w2"), loaded.encode("w5 w6 w7 w8")
    padded = torch.tensor([[*short, 0, 0], long])
    with torch.no_grad():
        with ablated(loaded, ablation_file, [2, 4]):
            both = loaded.model(padded).logits
        with ablated(loaded, ablation_file):
            alone = loaded.model(torch.tensor([short])).logits
    assert both[0, :2] == pytest.approx(alone[0], abs=1e-4)


def test_generate_of_transformers_works_under_a_recipe(loaded):
    ablation_file = make_ablation_file(loaded, HEADS, "zero", means(loaded))
    ids = torch.tensor([loaded.encode("w1 w2 w3")])
    with torch.no_grad(), ablated(loaded, ablation_file):
        written = loaded.model.generate(ids, max_new_tokens=4, do_sample=False, pad_token_id=0)
        step = loaded.model(ids).logits[0, -1].argmax()
    assert written[0, 3] == step
    assert all(
        value.everywhere == value.last == (0.0,) * loaded.shape.d_head
        for value in ablation_file.heads.values()
    )


def test_recipe_survives_its_file_and_other_weights_are_refused(tmp_path):
    loaded = tiny("gpt2", seed=2)
    ablation_file = make_ablation_file(loaded, HEADS, "mean", means(loaded), {"run": "r1"})
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps(ablation_file.as_json()), encoding="utf-8")
    read = read_ablation_file(file)
    assert read.heads[HEADS[0]].last == pytest.approx(ablation_file.heads[HEADS[0]].last)
    assert (read.model, read.mode, read.about) == (ablation_file.model, "mean", {"run": "r1"})
    with pytest.raises(ModelError, match="other weights"), ablated(tiny("gpt2", seed=3), read):
        pass


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"format": 99, "mode": "mean", "heads": {}, "model": "m", "weights_hash": "h"},
        {"format": 1, "mode": "off", "heads": {}, "model": "m", "weights_hash": "h"},
        {"format": 1, "mode": "mean", "heads": {"seven": {}}, "model": "m", "weights_hash": "h"},
        {"format": 1, "mode": "mean", "heads": {"L0H1": {"last": []}}, "model": "m", "weights_hash": "h"},
    ],
)
def test_what_is_no_recipe_is_refused(content, tmp_path):
    with pytest.raises(ConfigError, match="ablation file cannot be read"):
        ablation_file_from(content)
    with pytest.raises(ConfigError, match="ablation file cannot be read"):
        read_ablation_file(tmp_path / "none.json")


@pytest.fixture(scope="module")
def tiny_config(tmp_path_factory):
    folder = save_tiny(tmp_path_factory.mktemp("tiny"), "gpt2", seed=2)
    rows = [
        {"label": label, "text": f"w1 w{10 + i} {word}"}
        for i in range(3)
        for label, word in (("anomalous", "w5"), ("normal", "w6"))
    ]
    return make_config(model=str(folder), examples=from_rows(rows))


def test_examples_without_words_are_counted_by_change_alone(tiny_config):
    comparison = what_if(tiny_config, HEADS, "zero", typed=["w7 w8", "  "], new_tokens=2)
    assert comparison["counts"]["anomalous"]["judged"] == 0
    assert comparison["counts"]["typed"]["texts"] == 1
    rows = comparison["rows"]
    assert [row["label"] for row in rows].count("typed") == 1
    changed = sum(row["before"]["next"][0]["token"] != row["after"]["next"][0]["token"] for row in rows)
    assert changed == sum(row["changed"] for row in rows)
    assert all(len(row["after"]["continuation"].split()) == 2 for row in rows)


def test_bad_choices_are_explained(tiny_config):
    with pytest.raises(ConfigError, match="at least one head"):
        what_if(tiny_config, [], "mean")
    with pytest.raises(ConfigError, match="no head L9H0"):
        what_if(tiny_config, [HeadId(9, 0)], "mean")
    with pytest.raises(ExamplesError, match="at most 32"):
        what_if(tiny_config, HEADS, "mean", typed=["w1 " * 40])
    with pytest.raises(ConfigError, match="typed texts"):
        what_if(tiny_config, HEADS, "mean", typed=[f"w{i}" for i in range(MOST_TYPED + 1)])


def test_numbers_that_break_are_reported_and_not_shown(tiny_config, monkeypatch):
    broken = AblationFile(
        "m", "", "mean", {HeadId(0, 0): HeadValue((float("nan"),) * 6, (float("nan"),) * 6)}
    )

    def made(loaded, *_):
        return AblationFile(loaded.name, loaded.weights_hash, "mean", broken.heads)

    monkeypatch.setattr("core.inspection.ablated_generation.make_ablation_file", made)
    with pytest.raises(ModelError, match="NaN or infinite"):
        what_if(tiny_config, [HeadId(0, 0)], "mean")


def test_text_at_the_models_limit_is_continued_as_far_as_it_goes_and_stops_no_other(tiny_config):
    alone = what_if(tiny_config, HEADS, "mean", new_tokens=6)
    beside = what_if(tiny_config, HEADS, "mean", typed=[" ".join(f"w{i}" for i in range(31))], new_tokens=6)
    typed = next(row for row in beside["rows"] if row["label"] == "typed")["after"]["continuation"]
    assert 1 <= len(typed.split()) <= 2
    for with_it, without in zip(beside["rows"], alone["rows"], strict=False):
        assert with_it["after"]["continuation"] == without["after"]["continuation"]
        assert len(with_it["before"]["continuation"].split()) == 6


def test_comparison_can_be_left_between_two_forward_passes(tiny_config):
    running = compare(tiny_config, HEADS, "mean", new_tokens=4)
    assert [(record.stage, record.step) for record, _ in zip(running, range(4), strict=False)] == [
        ("what_if", 0),
        ("what_if", 1),
        ("what_if", 2),
        ("what_if", 3),
    ]
    running.close()


def test_counts_by_hand():
    said = {"right": {"verdict": "right"}, "fault": {"verdict": "fault"}, "": {"verdict": ""}}
    rows = [
        {"label": "anomalous", "before": said["fault"], "after": said["right"], "changed": True},
        {"label": "anomalous", "before": said["fault"], "after": said["fault"], "changed": False},
        {"label": "anomalous", "before": said[""], "after": said[""], "changed": True},
        {"label": "normal", "before": said["right"], "after": said["right"], "changed": False},
    ]
    comparison = counts(rows)
    assert comparison["anomalous"] == {
        "texts": 3,
        "judged": 2,
        "fault_before": 2,
        "fault_after": 1,
        "right_before": 0,
        "right_after": 1,
        "same": 1,
    }
    assert comparison["normal"]["right_after"] == 1
    assert comparison["typed"]["texts"] == 0


def test_fault_of_the_sample_incident_is_switched_off_on_tickets_that_nobody_saw():
    scenario = load_scenario("misrouted-tickets")

    config = make_config(model=str(scenario.model_folder), examples=read_examples(scenario.examples_in("en")))
    ablation_file = ablation_file_of(config, [HeadId(1, 2), HeadId(0, 5)], "mean")
    loaded = load_model(config.model, "cpu")
    unseen = [
        Example(label=label, text=getattr(pair, label), expected=pair.expected, actual=actual)
        for pair in tickets.pairs(40, 31_337, "en")
        for label, actual in (("anomalous", pair.actual), ("normal", pair.expected))
    ]
    texts = [loaded.encode(example.text) for example in unseen]
    before = result_of(statements(loaded, texts, 1, lambda lengths: nullcontext()))
    after = result_of(statements(loaded, texts, 1, lambda lengths: ablated(loaded, ablation_file, lengths)))
    comparison = counts(
        [_row(loaded, e, was, now) for e, was, now in zip(unseen, before, after, strict=True)]
    )
    assert comparison["anomalous"]["fault_before"] >= 38
    assert comparison["anomalous"]["fault_after"] <= 4
    assert comparison["normal"]["right_after"] >= 38


PROGRAM = """
import sys, torch
from core import load_model, read_recipe, switched_off
loaded, recipe = load_model(sys.argv[1]), read_recipe(sys.argv[2])
ids = torch.tensor([loaded.encode(sys.argv[3])])
with switched_off(loaded, recipe):
    written = loaded.model.generate(ids, max_new_tokens=1, do_sample=False, pad_token_id=0)
print(loaded.tokenizer.decode(written[0, ids.shape[1]:]))
"""


def test_documented_program_uses_a_recipe_outside(tmp_path):
    scenario = load_scenario("misrouted-tickets")
    examples = read_examples(scenario.examples_in("en"))
    config = make_config(model=str(scenario.model_folder), examples=examples)
    file = tmp_path / "recipe.json"
    ablation_file = ablation_file_of(config, [HeadId(1, 2), HeadId(0, 5)], "mean")
    file.write_text(json.dumps(ablation_file.as_json()), encoding="utf-8")
    anomalous = examples.examples[0]
    command = [sys.executable, "-c", PROGRAM, config.model, str(file), anomalous.text]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-1500:]
    assert done.stdout.strip() == anomalous.expected
