"""What the model says without some of its heads, beside what it says with them."""

import json

import pytest
import torch

from core.causal.ablation_file import AblationFile, HeadValue, ablated, read_ablation_file
from core.config import make_config
from core.errors import ConfigError, ExamplesError, ModelError
from core.examples.example_set import Example
from core.examples.reading import from_rows, read_examples
from core.generators import result_of
from core.heads import HeadId, MlpId
from core.inspection.ablated_generation import MOST_TYPED, compare, counts, statements, what_if
from core.model.loading import ModelPool, load_model
from core.model.tokens.continuations import BEYOND, FIRST_TOKENS
from core.scenarios.build import tickets
from core.scenarios.loader import load_scenario
from tests.support.tiny_models import save_tiny

HEADS = [HeadId(0, 1), HeadId(2, 3)]


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
    for row in rows:
        first = [row[when]["continuation"].split()[:FIRST_TOKENS] for when in ("before", "after")]
        assert row["changed"] == (first[0] != first[1])
        assert (row["before"]["verdict"], row["before"]["difference"]) == ("", None)
    assert any(row["changed"] for row in rows)


def test_mlp_blocks_are_switched_off_with_heads_to_the_mean_of_the_normal_texts(tiny_config):
    comparison = what_if(tiny_config, [MlpId(1), *HEADS], "mean", new_tokens=1)
    assert comparison["heads"] == [*map(str, HEADS), "MLP1"]
    loaded = load_model(tiny_config.model)
    kept = []
    with loaded.layers[1].mlp.register_forward_hook(lambda _m, _a, output: kept.append(output[0].clone())):
        for example in tiny_config.examples.examples:
            if example.label == "normal":
                loaded.model(input_ids=torch.tensor([loaded.encode(example.text)]))
    value = comparison["ablation_file"]["mlps"]["MLP1"]
    assert value["everywhere"] == pytest.approx(torch.cat(kept).mean(0).tolist(), abs=1e-4)
    assert value["last"] == pytest.approx(torch.stack([one[-1] for one in kept]).mean(0).tolist(), abs=1e-4)


def test_bad_choices_are_explained(tiny_config):
    with pytest.raises(ConfigError, match="at least one head"):
        what_if(tiny_config, [], "mean")
    with pytest.raises(ConfigError, match="no head L9H0"):
        what_if(tiny_config, [HeadId(9, 0)], "mean")
    with pytest.raises(ExamplesError, match="at most 32"):
        what_if(tiny_config, HEADS, "mean", typed=["w1 " * 40])
    with pytest.raises(ConfigError, match="typed texts"):
        what_if(tiny_config, HEADS, "mean", typed=[f"w{i}" for i in range(MOST_TYPED + 1)])


def test_characters_that_the_tokenizer_does_not_know_are_named_on_typed_texts(tiny_config):
    comparison = what_if(tiny_config, HEADS, "zero", typed=["w7 w8", "w7 ☃ w8 ☃"], new_tokens=1)
    typed = [row["unread"] for row in comparison["rows"] if row["label"] == "typed"]
    assert typed == ["", "“☃”"]
    assert {row["unread"] for row in comparison["rows"] if row["label"] != "typed"} == {""}
    with pytest.raises(ExamplesError, match="Line 2: .*“☃”") as caught:
        what_if(tiny_config, HEADS, "zero", typed=["w7", "☃ ☃"])
    assert caught.value.key == "text_not_readable"


def test_numbers_that_break_are_reported_and_not_shown(tiny_config, monkeypatch):
    broken = AblationFile(
        "m", "", "mean", {HeadId(0, 0): HeadValue((float("nan"),) * 6, (float("nan"),) * 6)}
    )

    def broken_file(loaded, *_):
        return AblationFile(loaded.name, loaded.weights_hash, "mean", broken.heads)

    monkeypatch.setattr("core.inspection.ablated_generation.make_ablation_file", broken_file)
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
    verdicts = {"right": {"verdict": "right"}, "fault": {"verdict": "fault"}, "": {"verdict": ""}}
    rows = [
        {"label": "anomalous", "before": verdicts["fault"], "after": verdicts["right"], "changed": True},
        {"label": "anomalous", "before": verdicts["fault"], "after": verdicts["fault"], "changed": False},
        {"label": "anomalous", "before": verdicts[""], "after": verdicts[""], "changed": True},
        {"label": "normal", "before": verdicts["right"], "after": verdicts["right"], "changed": False},
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


def test_fault_of_the_sample_incident_goes_with_two_heads_on_tickets_that_nobody_saw(tmp_path):
    scenario = load_scenario("misrouted-tickets")

    config = make_config(model=str(scenario.model_folder), examples=read_examples(scenario.examples_in("en")))
    comparison = what_if(config, [HeadId(1, 2), HeadId(0, 5)], "mean", new_tokens=1)
    file = tmp_path / "ablation.json"
    file.write_text(json.dumps(comparison["ablation_file"]), encoding="utf-8")
    ablation_file = read_ablation_file(file)
    loaded = load_model(config.model, "cpu")
    unseen = [
        Example(label=label, text=getattr(pair, label), expected=pair.expected, actual=actual)
        for pair in tickets.pairs(40, 31_337, "en")
        for label, actual in (("anomalous", pair.actual), ("normal", pair.expected))
    ]
    texts = [loaded.encode(example.text) for example in unseen]
    before = result_of(statements(loaded, unseen, texts, 1, "begins"))
    after = result_of(
        statements(loaded, unseen, texts, 1, "begins", lambda: ablated(loaded, ablation_file), before.answers)
    )
    comparison = counts(
        [
            {
                "label": e.label,
                "before": was.as_statement(loaded),
                "after": now.as_statement(loaded),
                "changed": False,
            }
            for e, was, now in zip(unseen, before.said, after.said, strict=True)
        ]
    )
    assert comparison["anomalous"]["fault_before"] >= 38
    assert comparison["anomalous"]["fault_after"] <= 4
    assert comparison["normal"]["right_after"] >= 38


def test_texts_that_were_read_before_are_not_read_again_for_the_means(tiny_config):
    pool = ModelPool()
    what_if(tiny_config, HEADS, "mean", new_tokens=1, models=pool)
    calls = []
    base = pool.get(tiny_config.model, tiny_config.device).model.base_model
    with base.register_forward_hook(lambda *_: calls.append(1)):
        what_if(tiny_config, [HEADS[0]], "mean", new_tokens=1, models=pool)
    assert len(calls) == 2 * BEYOND, "before and after, one pass a token"
