"""Evidence: verdicts on models with a known circuit, and what a run says where it cannot be had."""

import numpy as np
import pytest

from core.analysis.pipeline import analyse
from core.causal.bounds import EDGE_BOUND, HEAD_BOUND
from core.causal.comparison import Comparison
from core.causal.evidence import HeadEffects, every_head_rounds, gather, most_runs
from core.causal.verdicts import Findings
from core.config import make_config
from core.errors import ModelError
from core.examples.alignment import align
from core.examples.example_set import ExampleSet
from core.examples.reading import from_rows, read_examples
from core.generators import relayed, result_of
from core.heads import HeadId, all_heads, forward_pairs
from core.model.loading import LoadedModel
from core.model.recording import Recording
from core.model.tokens.tokenising import tokenise
from core.scenarios.loader import load_scenario, load_truth
from core.schema import Progress
from core.text import LANGUAGES, text
from tests.support.pairs import TARGETS, pairs
from tests.support.tiny_models import save_tiny, tiny


@pytest.fixture(params=["gpt2", "llama", "gpt_neox"], scope="module")
def loaded(request):
    return tiny(request.param, seed=2)


def gathered(loaded, examples: ExampleSet, heads, edges, pairing="auto", widen=False, **about):
    """The evidence and its progress records; every note has a sentence in both languages."""
    ids = tokenise(loaded, examples)
    alignment = align(examples, ids, pairing=pairing)
    recording = Recording(loaded, ids, streams=True)
    about |= {"seed": 0, "widen": widen}
    running = gather(recording, examples, alignment, list(heads), list(edges), **about)
    steps: list[Progress] = []
    evidence = result_of(relayed(running, steps.append))
    for note in evidence.notes:
        assert all(text(language, f"note.{note.key}", **note.values) for language in LANGUAGES)
    return evidence, steps


def scenario(name, models) -> tuple[LoadedModel, ExampleSet]:
    found = load_scenario(name)
    return models.get(str(found.model_folder), "cpu"), read_examples(found.examples_file)


def confirmed(findings: Findings) -> set:
    return {t for t, said in zip(findings.targets, findings.verdict, strict=True) if said == "confirmed"}


def test_exactly_the_true_heads_and_edges_of_the_planted_circuit_are_confirmed(models):
    loaded, examples = scenario("planted-induction", models)
    truth = load_truth("planted-induction")
    heads = all_heads(4, 6)
    others = [edge for edge in forward_pairs(all_heads(4, 6)) if edge not in truth.edges]
    edges = [*sorted(truth.edges), *others[:: len(others) // 36][:36]]
    evidence, steps = gathered(loaded, examples, heads, edges)
    assert evidence.state == "computed"
    assert confirmed(evidence.heads) == truth.heads
    assert confirmed(evidence.edges) == truth.edges
    assert "partly" not in {*evidence.heads.verdict, *evidence.edges.verdict}
    assert evidence.forward_passes < len(heads) + len(edges)
    assert {s.stage for s in steps} == {"evidence"}
    assert [s.step for s in steps] == sorted(s.step for s in steps)
    assert steps[0].step > 0
    # what is left is counted anew where more is known: never upwards, and at the end it is what was done
    assert [s.total for s in steps] == sorted((s.total for s in steps), reverse=True)
    assert steps[-2].step == steps[-2].total == steps[-1].total == steps[-1].step


def test_the_true_edges_of_the_planted_circuit_are_carried_by_the_keys(models):
    """By construction the induction heads match the slot `before`, which the senders write, in their keys alone."""
    loaded, examples = scenario("planted-induction", models)
    truth = load_truth("planted-induction")
    others = [edge for edge in forward_pairs(all_heads(4, 6)) if edge not in truth.edges]
    evidence, _ = gathered(loaded, examples, sorted(truth.heads), [*sorted(truth.edges), *others[::12]])
    by_edge = dict(zip(evidence.edges.targets, evidence.edges.carried_by, strict=True))
    assert {edge for edge, said in by_edge.items() if said} == truth.edges
    assert {by_edge[edge] for edge in truth.edges} == {"k"}
    tested = [edge in truth.edges for edge in evidence.edges.targets]
    parts = evidence.edges.parts
    np.testing.assert_allclose(parts[tested, 1], evidence.edges.effect[tested], rtol=0.02)
    assert np.abs(parts[tested][:, [0, 2]]).max() < EDGE_BOUND / 2
    assert np.isnan(parts[~np.array(tested)]).all()


def test_models_whose_query_key_and_value_cannot_be_told_apart_say_so(monkeypatch):
    monkeypatch.setattr("core.causal.evidence._gathering.separable", lambda _: False)
    loaded = tiny("phi3", seed=2)
    rows = from_rows([e.model_dump() | {"pair": f"p{i % 4}"} for i, e in enumerate(pairs(words=False))])
    evidence, _ = gathered(loaded, rows, TARGETS[:3], TARGETS[3:])
    assert evidence.edges.parts is None
    assert "edge_parts_unknown" in {note.key for note in evidence.notes}
    assert "carried_by" not in next(iter(evidence.edges.records().values()))


def test_every_ablation_stands_beside_the_others_with_its_interval(models):
    loaded, examples = scenario("misrouted-tickets", models)
    heads = [HeadId(1, 2), HeadId(3, 3)]
    for pairing, method in (("auto", "resample"), ("off", "mean")):
        evidence, _ = gathered(loaded, examples, heads, [], pairing=pairing)
        assert evidence.about.method == method
        said = evidence.by_head[HeadId(1, 2)].ablations
        assert set(said) == {"resample", "mean", "zero"}
        assert all(one.low <= one.effect <= one.high for one in said.values())
        assert said[method].effect == pytest.approx(evidence.heads.per_example[0, 0].mean(), abs=1e-6)
        assert said["zero"].effect > 0.3
        assert {kind: values.shape for kind, values in evidence.others.items()} == {
            kind: (2, 8) for kind in said if kind != method
        }


def test_texts_too_long_for_the_memory_are_not_compared_and_the_run_says_so(loaded, monkeypatch):
    monkeypatch.setattr("core.causal.ablation_comparison.MOST_BYTES", 1)
    rows = from_rows([e.model_dump() | {"pair": f"p{i % 4}"} for i, e in enumerate(pairs(words=False))])
    evidence, _ = gathered(loaded, rows, TARGETS[:3], [])
    assert evidence.others == {}
    assert set(evidence.by_head[HeadId(0, 1)].ablations) == {"resample"}
    assert "ablations_skipped" in {note.key for note in evidence.notes}


def test_too_little_memory_for_gradients_leaves_the_attribution_out_alone(loaded, monkeypatch):
    def full(*_arguments):
        raise ModelError("out_of_memory", device="cpu")

    monkeypatch.setattr("core.causal.attribution._with_gradient", full)
    rows = from_rows([e.model_dump() | {"pair": f"p{i % 4}"} for i, e in enumerate(pairs(words=False))])
    evidence, _ = gathered(loaded, rows, TARGETS[:3], [])
    assert evidence.attribution is None
    assert evidence.heads.verdict[0] is not None
    assert "attribution_skipped" in {note.key for note in evidence.notes}


def test_at_most_the_strongest_edges_are_tested_and_the_run_says_so(models, monkeypatch):
    monkeypatch.setattr("core.causal.evidence._gathering.MOST_EDGES", 3)
    loaded, examples = scenario("planted-induction", models)
    truth, edges = load_truth("planted-induction").heads, list(forward_pairs(all_heads(4, 6)))
    evidence, _ = gathered(loaded, examples, all_heads(4, 6), edges)
    between = [edge for edge in edges if {edge.source, edge.target} <= truth]
    assert evidence.edges.targets == between[:3] != between
    note = next(note for note in evidence.notes if note.key == "evidence_strongest_edges")
    assert note.values == {"tested": 3, "candidates": len(between)}


def test_edges_are_tested_between_heads_that_turn_out_to_matter(models):
    loaded, examples = scenario("planted-induction", models)
    truth, edges = load_truth("planted-induction").heads, list(forward_pairs(all_heads(4, 6)))
    candidate = next(head for head in all_heads(4, 6) if head not in truth)
    evidence, _ = gathered(loaded, examples, [candidate], edges, widen=True)
    assert set(evidence.heads.targets) == set(all_heads(4, 6)) and confirmed(evidence.heads) == truth
    assert evidence.edges.targets == [edge for edge in edges if {edge.source, edge.target} <= truth]
    assert "evidence_every_head" in {note.key for note in evidence.notes}
    compared = {*truth, candidate}
    assert set(evidence.compared) == compared, (
        "the other ablations are asked of candidates and heads that matter"
    )


def test_where_not_every_head_can_be_tested_the_strong_ones_are_and_the_run_says_so(models, monkeypatch):
    """With the true heads no candidates, their attribution alone brings them in, the strongest first."""
    monkeypatch.setattr("core.causal.evidence._chosen.EVERY_HEAD_RUNS", 16 * 10)
    monkeypatch.setattr("core.causal.evidence._chosen.SHORT_TIMES", 1)
    monkeypatch.setattr("core.causal.evidence._chosen.STRONG_HEADS", 1)
    loaded, examples = scenario("planted-induction", models)
    every, truth = all_heads(4, 6), load_truth("planted-induction").heads
    candidates = [head for head in every if head not in truth][:8]
    evidence, _ = gathered(loaded, examples, candidates, [], widen=True)
    further = [head for head in evidence.heads.targets if head not in candidates]
    sizes = [abs(evidence.attribution[loaded.flat(head)]) for head in every]
    by_size = [every[i] for i in np.argsort(sizes)[::-1] if every[i] not in candidates]
    assert further == by_size[:2], "ten heads on 8 + 8 texts are within the bound"
    assert list(evidence.untested) == sorted(
        head for head in by_size[2:] if abs(evidence.attribution[loaded.flat(head)]) >= HEAD_BOUND
    )
    assert {"evidence_strong_heads", "evidence_untested"} <= {note.key for note in evidence.notes}


def test_a_signal_of_the_caller_makes_a_head_strong_too(models, monkeypatch):
    monkeypatch.setattr("core.causal.evidence._chosen.EVERY_HEAD_RUNS", 1)
    loaded, examples = scenario("planted-induction", models)
    every, truth = all_heads(4, 6), load_truth("planted-induction").heads
    outside = [head for head in every if head not in truth]
    signal = np.array([1.0 if head == outside[-1] else 0.0 for head in every])
    evidence, _ = gathered(loaded, examples, outside[:1], [], widen=True, signals={"gradient": signal})
    assert outside[-1] in evidence.heads.targets
    assert truth <= set(evidence.heads.targets)


def test_effects_that_are_measured_already_are_taken_as_they_are(models):
    loaded, examples = scenario("planted-induction", models)
    every = all_heads(4, 6)
    plain, _ = gathered(loaded, examples, every, [])
    made = np.zeros((2, 24, 8))
    made[0, 3] = 0.5
    known = HeadEffects(tuple(every), made)
    evidence, _ = gathered(loaded, examples, every, [], measured=known)
    assert confirmed(evidence.heads) == {every[3]}
    assert evidence.forward_passes < plain.forward_passes


def test_a_negative_gap_turns_no_effect_around(models):
    loaded, examples = scenario("misrouted-tickets", models)
    head = HeadId(1, 2)
    evidence, _ = gathered(loaded, examples, [head, HeadId(3, 3)], [])
    assert evidence.about.gap < 0
    assert confirmed(evidence.heads) == {head}
    assert evidence.heads.effect[0] > 0.5
    swapped = [e.model_copy(update={"expected": e.actual, "actual": e.expected}) for e in examples.examples]
    other, _ = gathered(loaded, ExampleSet(examples=tuple(swapped)), [head, HeadId(3, 3)], [])
    assert other.about.gap == pytest.approx(-evidence.about.gap)
    np.testing.assert_allclose(other.heads.effect, evidence.heads.effect, atol=1e-9)


def test_sides_that_do_not_differ_get_no_verdict(models):
    """Labels swapped in every second pair: the same texts and behaviours stand on both sides."""
    found = load_scenario("planted-induction")
    rows = [e.model_dump() for e in read_examples(found.examples_file).examples]
    for row in rows:
        if int(row["pair"]) % 2:
            row["label"] = "normal" if row["label"] == "anomalous" else "anomalous"
    config = make_config(model=str(found.model_folder), examples=from_rows(rows), preset="fast", device="cpu")
    result = list(analyse(config, models))[-1]
    assert not result.heads["selected"].any()
    assert result.manifest.evidence == "no_difference"
    assert result.manifest.evidence_about.gap_p_value > 0.05
    assert "evidence_chance" in {note.key for note in result.manifest.notes}
    for column in ("p_value", "q_value", "effect", "effect_low", "effect_high", "verdict"):
        assert result.heads[column].isna().all()
        assert result.edges[column].isna().all()


def test_with_three_pairs_nothing_is_confirmed_and_the_run_says_why(models):
    loaded, examples = scenario("planted-induction", models)
    three = ExampleSet(examples=tuple(e for e in examples.examples if int(e.pair) <= 3))
    evidence, _ = gathered(loaded, three, all_heads(4, 6), [])
    assert evidence.state == "computed"
    assert confirmed(evidence.heads) == set()
    assert "partly" in evidence.heads.verdict
    assert np.nanmin(evidence.heads.p) == pytest.approx(0.25)
    note = next(note for note in evidence.notes if note.key == "smallest_p_too_few")
    assert note.values == {"examples": 3, "p": "0.25"}


def test_unpaired_texts_get_the_mean_and_one_direction(models):
    loaded, examples = scenario("misrouted-tickets", models)
    evidence, _ = gathered(loaded, examples, [HeadId(1, 2)], [], pairing="off")
    assert evidence.about.method == "mean"
    assert evidence.about.directions == ("noising",)
    assert confirmed(evidence.heads) == {HeadId(1, 2)}
    assert "evidence_mean" in {note.key for note in evidence.notes}


def test_no_candidate_runs_nothing(loaded):
    evidence, steps = gathered(loaded, from_rows([e.model_dump() for e in pairs()]), [], [])
    assert (evidence.state, evidence.forward_passes, steps) == ("not_computed", 0, [])


def test_the_sample_incident_confirms_its_main_head(models):
    found = load_scenario("misrouted-tickets")
    config = make_config(
        model=str(found.model_folder),
        examples=read_examples(found.examples_file),
        preset="fast",
        device="cpu",
    )
    result = list(analyse(config, models))[-1]
    row = result.heads[(result.heads["layer"] == 1) & (result.heads["head"] == 2)].iloc[0]
    assert row["verdict"] == "confirmed"
    assert row["effect_low"] <= row["effect"] <= row["effect_high"]
    assert result.manifest.evidence_about.smallest_p == pytest.approx(2 / 2**8, abs=1e-6)


def test_a_difference_that_could_be_chance_is_not_called_none():
    loaded = tiny("gpt2", seed=2)
    rows = [
        {"label": label, "text": f"w{i} w{i + 20} w{word}"}
        for label, word in (("anomalous", 1), ("normal", 2))
        for i in range(3)
    ]
    examples = from_rows(rows)
    ids = tokenise(loaded, examples)
    alignment = align(examples, ids, "last", "off")
    running = gather(Recording(loaded, ids), examples, alignment, [HeadId(0, 0)], [], 0)
    while True:
        try:
            next(running)
        except StopIteration as end:
            found = end.value
            break
    assert found.state == "no_difference"
    (note,) = [note for note in found.notes if note.key.startswith("evidence_")]
    assert note.key == "evidence_chance"
    assert float(note.values["p"]) > 0.05
    for language in LANGUAGES:
        assert note.values["p"] in text(language, f"note.{note.key}", **note.values)


POST_NORM = {
    "opt": {"do_layer_norm_before": False, "word_embed_proj_dim": 16},
    "bloom": {"apply_residual_connection_post_layernorm": True},
}


@pytest.mark.parametrize("candidates", ["codes", "screened"])
@pytest.mark.parametrize("kind", POST_NORM)
def test_models_that_normalise_the_stream_get_verdicts_of_heads_and_say_why_none_of_edges(
    kind, candidates, tmp_path, monkeypatch
):
    monkeypatch.setattr("core.causal.metric._metric.SMALLEST_GAP", {"logit_difference": 1e-9})
    monkeypatch.setattr("core.causal.metric._metric.CHANCE", 1.0)
    examples = from_rows(
        [e.model_dump() | {"pair": f"p{i % 6}"} for i, e in enumerate(pairs(6, longer=False))]
    )
    model = str(save_tiny(tmp_path, kind, seed=2, **POST_NORM[kind]))
    config = make_config(model=model, examples=examples, preset="fast", device="cpu", candidates=candidates)
    result = list(analyse(config))[-1]
    assert result.edges["selected"].any()
    assert result.edges[["verdict", "effect", "p_value"]].isna().all(axis=None)
    assert result.heads.loc[result.heads["selected"], "verdict"].notna().all()
    assert "evidence_no_edges" in {note.key for note in result.manifest.notes}
    if candidates == "screened":
        assert result.manifest.gradient_screen.state == "norm"
        assert result.manifest.selection.candidates == "codes"


def test_pairs_of_unequal_length_are_not_resampled(loaded):
    rows = [e.model_dump() | {"pair": f"p{i % 4}"} for i, e in enumerate(pairs(longer=False))]
    rows[0]["text"] += " w9"
    examples = from_rows(rows)
    ids = tokenise(loaded, examples)
    alignment = align(examples, ids)
    assert alignment.paired
    evidence, _ = gathered(loaded, examples, TARGETS[:3], TARGETS[3:])
    assert evidence.about.method == "mean"


@pytest.mark.parametrize(("read", "heads_tested"), [(2, 12), (1, 0)])
def test_where_runs_read_few_tokens_anew_more_of_them_are_made(read, heads_tested, monkeypatch):
    """12 heads on 4 + 4 pairs take 96 runs; each reads the last two of five tokens."""
    monkeypatch.setattr("core.causal.evidence._chosen.EVERY_HEAD_RUNS", 60)
    monkeypatch.setattr("core.causal.evidence._chosen.SHORT_RUN", read)
    loaded = tiny("gpt2", seed=2)
    examples = from_rows([e.model_dump() | {"pair": f"p{i % 4}"} for i, e in enumerate(pairs(longer=False))])
    recording = Recording(loaded, tokenise(loaded, examples), streams=True)
    alignment = align(examples, recording.texts)
    comparison = Comparison(recording, examples, alignment, 0)
    assert most_runs(comparison) == (108 if heads_tested else 60)
    assert every_head_rounds(loaded, comparison) == (1 if heads_tested else 0)
