"""The benchmark's other methods: by hand, against definitions on tiny models, and on the planted circuit."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import Tensor

from core.benchmark.methods import catalogue, correlational
from core.benchmark.methods.acdc import cut_edges, losses, surviving
from core.benchmark.methods.catalogue import paper_250, paper_settings
from core.benchmark.methods.correlational import (
    TIE,
    chance,
    cluster_codes,
    mean_distances,
    paper_counting,
    paper_ensemble,
    probe_scores,
    untrained,
)
from core.benchmark.methods.exact import exact_patching
from core.benchmark.methods.gradient import eap, gate_gradients, hisp
from core.benchmark.methods.method import Outcome, ours, paper
from core.benchmark.methods.screened import screened
from core.benchmark.methods.subnetwork_probing import gates, learned_gates, not_shut
from core.benchmark.tasks.task import Task, TaskName, load_task
from core.causal.edge_attribution import attributions
from core.causal.interventions import patch_edges, record, replace_heads
from core.causal.paired_runs import PairedRuns, forward_mask
from core.config import PRESETS
from core.discovery import autoencoder
from core.discovery.scoring import combined, head_scores
from core.errors import ExamplesError
from core.examples.example_set import ExampleSet
from core.heads import EdgeId, HeadId, all_heads, forward_pairs
from core.model.hooks import after, on_z
from core.model.loading import LoadedModel, ModelPool
from core.model.logit_attribution import final_norm
from tests.core.causal.test_evidence import pairs
from tests.support.tiny_models import tiny

KINDS = ("gpt2", "llama", "gpt_neox", "qwen3")


@pytest.fixture(scope="module")
def planted() -> Task:
    return load_task(TaskName("planted-induction"), ModelPool(size=8))


@pytest.fixture(params=KINDS, scope="module")
def exact_model(request: pytest.FixtureRequest) -> LoadedModel:
    loaded = tiny(request.param, seed=2)
    loaded.model.double()
    return loaded


def example_set(count: int = 4) -> ExampleSet:
    return ExampleSet(examples=tuple(pairs(count)))


def flat(edge: EdgeId, n_heads: int) -> tuple[int, int]:
    return edge.source.layer * n_heads + edge.source.head, edge.target.layer * n_heads + edge.target.head


# --- methods that only look


def test_k_means_finds_well_separated_clouds():
    noise = torch.randn(9, 1, 2, 2, generator=torch.Generator().manual_seed(0)) * 0.01
    clouds = torch.tensor([[10.0, 0.0], [0.0, 10.0], [-10.0, 0.0]])
    own = [0, 1, 0, 1, 2, 2, 2, 2, 2]
    shared = [0, 1, 2, 0, 0, 1, 2, 1, 2]
    values = noise + torch.stack([clouds[own], clouds[shared]], dim=1)[:, None]
    codes = cluster_codes(values, seed=0)
    assert codes.latent.shape == (1, 9, 1, 2)
    for head, cloud in enumerate((own, shared)):
        found = codes.latent[0, :, 0, head].tolist()
        assert len(set(zip(found, cloud, strict=True))) == 3
    assert codes.strength.flatten().tolist() == pytest.approx([10.0] * 18, abs=0.1)
    assert head_scores(codes, 4).score.tolist() == pytest.approx([10.0, 0.0], abs=0.1)


def test_distance_of_means_at_the_best_slot_by_hand():
    outputs = torch.zeros(4, 2, 2, 2)
    outputs[:2, 0, 0] = torch.tensor([[3.0, 0.0], [5.0, 0.0]])
    outputs[:2, 1, 0] = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    outputs[:, :, 1] = 7.0
    assert mean_distances(outputs, 2).tolist() == [4.0, 0.0]


@pytest.mark.parametrize("paired", [True, False])
def test_probe_is_the_regression_of_scikit_learn_with_texts_held_out(paired):
    values = torch.randn(12, 1, 3, 4, generator=torch.Generator().manual_seed(1))
    values[:6, :, 1] += 0.7
    labels = np.array([1] * 6 + [0] * 6)
    found = probe_scores(values, 6, paired)
    held = [[i, i + 6] for i in range(6)] if paired else [[i] for i in range(12)]
    for head in range(3):
        x = values[:, 0, head].numpy()
        decisions = np.empty(12)
        for out in held:
            seen = np.setdiff1d(np.arange(12), out)
            decisions[out] = LogisticRegression(tol=1e-8).fit(x[seen], labels[seen]).decision_function(x[out])
        assert found[head] == pytest.approx(roc_auc_score(labels, decisions), abs=1.01 * TIE)


def test_probes_of_equal_auc_are_told_apart_by_their_margin():
    values = torch.zeros(8, 1, 2, 2)
    values[:, 0, 0, 0] = torch.tensor([1.0] * 4 + [-1.0] * 4)
    values[:, 0, 1, 0] = 3 * values[:, 0, 0, 0]
    small, large = probe_scores(values, 4, paired=True)
    assert 1 < small < large < 1 + TIE


def test_untrained_makes_no_step(planted, monkeypatch):
    def refuse(*_args: object, **_named: object) -> None:
        raise AssertionError("a step of training")

    monkeypatch.setattr(autoencoder._Trainer, "step", refuse)
    found = untrained()(planted.loaded, planted.draw(3, 0), 0)
    assert np.ptp(found.heads) > 0
    assert found.forward_passes == 1


def test_paper_ensemble_is_the_mean_of_seeds_that_no_other_draw_has(planted, monkeypatch):
    seeds = []

    def one(_loaded: LoadedModel, _examples: ExampleSet, seed: int) -> Outcome:
        seeds.append(seed)
        return Outcome(np.array([seed, 1.0]), np.full((2, 2), seed), 1.0, 1)

    monkeypatch.setattr(correlational, "paper", lambda settings: one)
    method = paper_ensemble(PRESETS["paper"])
    found = [method(planted.loaded, planted.draw(3, 0), draw) for draw in (0, 1)]
    assert found[0].heads.tolist() == [3.5, 1.0]
    assert found[0].edges.tolist() == [[3.5, 3.5], [3.5, 3.5]]
    assert found[0].seconds == 8.0
    assert found[0].forward_passes == 8
    assert len(set(seeds)) == 16


def test_paper_with_many_examples_reads_those_and_not_the_draw(planted):
    many = planted.draw(12, 77)
    method = paper_counting(lambda: many, PRESETS["paper"])
    first, second = (method(planted.loaded, planted.draw(3, draw), 5) for draw in (0, 1))
    assert (first.heads == second.heads).all()
    assert (first.heads == paper(PRESETS["paper"])(planted.loaded, many, 5).heads).all()
    assert first.heads.max() > 3


def test_chance_is_repeatable_and_knows_nothing():
    loaded = tiny()
    first, again, other = (chance(loaded, example_set(), seed) for seed in (0, 0, 1))
    assert (first.edges == again.edges).all()
    assert (first.heads != other.heads).all()


# --- pairs


def test_pairs_of_different_length_are_refused():
    loaded = tiny()
    single = [example.model_copy(update={"text": example.text + " w5"}) for example in pairs(4)[4:]]
    uneven = ExampleSet(examples=(*pairs(4)[:4], *single))
    with pytest.raises(ExamplesError, match="same number of tokens"):
        PairedRuns(loaded, uneven, 0)


def test_pair_runs_hold_both_sides(exact_model):
    runs = PairedRuns(exact_model, example_set(), 0)
    assert sorted(row for batch in runs.batches for row in batch.rows) == [0, 1, 2, 3]
    assert runs.forward_passes == 1
    batch = runs.batches[0]
    for side, z in ((0, batch.z), (1, batch.other)):
        for place, row in enumerate(batch.rows):
            text = runs.texts[row + 4 * side]
            with record(exact_model) as recording, torch.no_grad():
                exact_model.model(torch.tensor([text]))
            torch.testing.assert_close(z[:, place, : len(text)].float(), recording.z[:, 0])
    measured = runs.metric.of(batch.logits, batch.rows)
    assert measured == pytest.approx(runs.metric.values[batch.rows], abs=1e-4)


# --- gradients


def measure_of(runs: PairedRuns, batch) -> Tensor:
    with torch.no_grad():
        return runs.metric.read(runs.logits(batch).double(), batch.rows).double()


def test_gate_gradients_equal_finite_differences(exact_model):
    runs = PairedRuns(exact_model, example_set(), 0)
    batch = runs.batches[0]
    found = gate_gradients(runs, batch)
    assert found.shape == (3, 4, len(batch.rows))

    def gated(head: HeadId, gate: float) -> Tensor:
        def change(z: Tensor) -> Tensor:
            z = z.clone()
            z[:, :, head.head] *= gate
            return z

        with on_z(exact_model, head.layer, change):
            return measure_of(runs, batch)

    noise = 0.01 * float(found.abs().max())
    for head in all_heads(3, 4):
        slope = (gated(head, 1 + 0.01) - gated(head, 1 - 0.01)) / 0.02
        np.testing.assert_allclose(found[head.layer, head.head], slope, rtol=0.02, atol=noise)


def test_head_importance_has_length_one_in_every_layer(exact_model):
    found = hisp(exact_model, example_set(), 0)
    assert np.linalg.norm(found.heads.reshape(3, 4), axis=1) == pytest.approx([1, 1, 1])
    assert found.edges[0, 5] == min(found.heads[0], found.heads[5])
    assert not found.edges[~forward_mask(exact_model)].any()


def test_edge_attribution_is_path_patching_of_a_small_change(exact_model):
    examples = example_set()
    heads, edges, passes = attributions(exact_model, examples, 0)
    assert passes == 2
    runs = PairedRuns(exact_model, examples, 0)
    found = dict.fromkeys(forward_pairs(3, 4), 0.0)
    small = 0.01
    for batch in runs.batches:
        plain = measure_of(runs, batch)
        towards = batch.z + small * (batch.other - batch.z)
        for edge in found:
            with patch_edges(exact_model, [[edge]] * len(batch.rows), towards):
                found[edge] += float((plain - measure_of(runs, batch)).sum())
    noise = 0.03 * np.abs(edges).max()
    for edge, lost in found.items():
        expected = lost / small / runs.count / runs.metric.gap
        assert edges[flat(edge, 4)] == pytest.approx(expected, rel=0.05, abs=noise)
    assert not edges[~forward_mask(exact_model)].any()
    assert (eap(exact_model, examples, 0).heads == np.abs(heads)).all()


def test_integrated_gradients_are_the_mean_over_the_way_between_the_texts(exact_model):
    examples, steps, small = example_set(), 3, 0.01
    heads, _, _ = attributions(exact_model, examples, 0, steps)
    runs = PairedRuns(exact_model, examples, 0)
    embed = exact_model.model.get_input_embeddings()
    expected = np.zeros(12)
    for batch in runs.batches:
        with torch.no_grad():
            first, second = embed(batch.ids[0]), embed(batch.ids[1])
        for step in range(1, steps + 1):
            between = second + step / steps * (first - second)
            for index, head in enumerate(all_heads(3, 4)):
                measured = []
                for size in (small, -small):

                    def shift(z: Tensor, head=head, size=size, batch=batch) -> Tensor:
                        change = torch.zeros_like(z)
                        change[:, :, head.head] = (batch.z - batch.other)[head.layer, :, :, head.head]
                        return z + size * change

                    with (
                        after(embed, lambda module, output, between=between: between),
                        on_z(exact_model, head.layer, shift),
                    ):
                        measured.append(measure_of(runs, batch))
                expected[index] += float((measured[0] - measured[1]).sum()) / (2 * small)
    expected /= steps * runs.count * runs.metric.gap
    np.testing.assert_allclose(heads, expected, rtol=0.05, atol=0.03 * np.abs(heads).max())


def test_gradients_leave_no_hook_behind(exact_model):
    eap(exact_model, example_set(), 0)
    assert not any(exact_model.projection(layer)._forward_pre_hooks for layer in range(3))
    assert not any(exact_model.norm(layer)._forward_pre_hooks for layer in range(3))


def test_a_norm_behind_the_attention_is_refused():
    with pytest.raises(ValueError, match="no sum over heads"):
        attributions(tiny("gemma2"), example_set(), 0)


# --- pruning


def test_cut_edges_equal_path_patching(exact_model):
    runs = PairedRuns(exact_model, example_set(), 0)
    batch = runs.batches[0]
    generator = np.random.default_rng(0)
    rows = [
        [edge for edge in forward_pairs(3, 4) if generator.random() < share]
        for share in np.linspace(0.0, 0.9, len(batch.rows))
    ]
    cut = torch.zeros(len(rows), 13, 12)
    for row, edges in enumerate(rows):
        for edge in edges:
            source, target = flat(edge, 4)
            cut[row, target, source] = 1
    with torch.no_grad():
        with cut_edges(exact_model, cut, batch.other):
            found = runs.logits(batch)
        with patch_edges(exact_model, rows, batch.other):
            expected = runs.logits(batch)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(found[-1], batch.logits[-1].to(found), atol=1e-2)


def test_an_edge_into_the_output_cut_by_hand(exact_model):
    runs = PairedRuns(exact_model, example_set(), 0)
    batch, head = runs.batches[0], HeadId(1, 2)
    cut = torch.zeros(len(batch.rows), 13, 12)
    cut[:, -1, 4 + 2] = 1
    change = (batch.other - batch.z)[1, :, :, 2] @ exact_model.output_weights(1)[2]

    def shifted(module, args):
        return (args[0] + change,)

    handle = final_norm(exact_model)[1].register_forward_pre_hook(shifted)
    with torch.no_grad():
        expected = runs.logits(batch)
        handle.remove()
        with cut_edges(exact_model, cut, batch.other):
            found = runs.logits(batch)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(found, runs.logits(batch), atol=1e-3), head


def test_with_everything_cut_the_output_reads_the_normal_heads(planted):
    runs = PairedRuns(planted.loaded, planted.draw(3, 0), 0)
    batch, count = runs.batches[0], 24
    cut = torch.zeros(len(batch.rows), count + 1, count)
    cut[:, :-1] = torch.from_numpy(forward_mask(planted.loaded).T).float()
    cut[:, -1] = 1
    every = torch.ones(4, len(batch.rows), 6, dtype=torch.bool)
    with torch.no_grad():
        with cut_edges(planted.loaded, cut, batch.other):
            found = runs.logits(batch)
        with replace_heads(planted.loaded, every, batch.other):
            torch.testing.assert_close(found, runs.logits(batch), rtol=1e-4, atol=1e-3)


def test_losses_of_nothing_cut_are_zero_and_versions_do_not_mix(planted):
    runs = PairedRuns(planted.loaded, planted.draw(3, 0), 0)
    cut = torch.zeros(3, 25, 24)
    cut[1, -1] = 1
    for loss in ("kl", "logit_difference"):
        found = losses(runs, cut, loss)
        assert found[[0, 2]].tolist() == pytest.approx([0, 0], abs=1e-5)
        assert found[1] > 0.5


@pytest.mark.parametrize("receivers", [[8, 11], [12], [5, 9, 12]], ids=str)
def test_losses_of_runs_that_start_late_are_those_of_whole_runs(exact_model, receivers):
    runs = PairedRuns(exact_model, example_set(), 0)
    cut = torch.zeros(2, 13, 12)
    for receiver in receivers:
        cut[1, receiver, : 12 if receiver == 12 else receiver // 4 * 4] = 1
    missing = 0.0
    for batch in runs.batches:
        with torch.no_grad(), cut_edges(exact_model, cut[1:].repeat(len(batch.rows), 1, 1), batch.other):
            logits = runs.logits(batch)
        missing += float(runs.metric.read(batch.logits - logits, batch.rows).sum())
    found = losses(runs, cut, "logit_difference").tolist()
    assert found == pytest.approx([0, missing / 4 / runs.metric.gap], abs=1e-5)
    assert losses(runs, cut, "kl")[1] > 1e-4


def test_acdc_keeps_the_four_true_edges_of_the_planted_circuit(planted):
    runs = PairedRuns(planted.loaded, planted.draw(2, 0), 0)
    left = surviving(runs, "logit_difference", thresholds=(0.03, 1e9))
    kept = {(source, target) for target, source in np.argwhere(left[:-1] > 0)}
    assert kept == {flat(edge, 6) for edge in planted.true_edges}
    into_output = {index for index, score in enumerate(left[-1]) if score > 0}
    assert into_output == {flat(edge, 6)[1] for edge in planted.true_edges}
    assert set(left[left > 0]) == {0.03}


def test_hard_concrete_gates():
    noise = torch.linspace(1e-6, 1 - 1e-6, 100_001)
    for location in (-2.0, 0.0, 1.5):
        found = gates(torch.tensor(location), noise)
        assert float(found.min()) >= 0
        assert float(found.max()) <= 1
        share = float((found > 0).float().mean())
        assert share == pytest.approx(float(torch.sigmoid(not_shut(torch.tensor(location)))), abs=1e-3)


def test_learned_gates_find_the_planted_heads_and_repeat_by_seed(planted):
    runs = PairedRuns(planted.loaded, planted.draw(3, 0), 0)
    found = learned_gates(runs, seed=0, steps=60)
    assert set(np.argsort(found)[-4:]) == set(np.flatnonzero(planted.head_truth()))
    assert ((found >= 0) & (found <= 1)).all()
    assert (found == learned_gates(runs, seed=0, steps=60)).all()
    assert (found != learned_gates(runs, seed=1, steps=60)).any()


# --- the ceiling


def test_exact_patching_finds_the_planted_circuit_and_counts_its_passes(planted):
    found = exact_patching(planted.loaded, planted.draw(3, 0), 0)
    assert set(np.argsort(found.heads)[-4:]) == set(np.flatnonzero(planted.head_truth()))
    best = np.argsort(found.edges, axis=None)[-4:]
    assert set(best) == set(np.flatnonzero(planted.edge_truth()))
    assert found.forward_passes > 4
    assert not found.edges[~forward_mask(planted.loaded)].any()


def test_the_screen_and_the_codes_must_both_speak_for_a_head():
    assert combined(np.array([4.0, 4.0, 0.0]), np.array([-0.25, 0.0, 9.0])).tolist() == [1.0, 0.0, 0.0]


def test_screened_scores_are_codes_times_attribution(planted):
    drawn = planted.draw(4, 0)
    found, codes = screened(planted.loaded, drawn, 0), ours(PRESETS["standard"])(planted.loaded, drawn, 0)
    heads, edges, passes = attributions(planted.loaded, drawn, 0, 5)
    np.testing.assert_allclose(found.heads**2, codes.heads * np.abs(heads))
    np.testing.assert_allclose(found.edges**2, codes.edges * np.abs(edges), rtol=1e-5)
    assert found.forward_passes == passes + codes.forward_passes


# --- which are run


def test_the_published_setting_has_its_own_sparsity_for_docstring(planted, monkeypatch):
    monkeypatch.setattr(catalogue, "paper_counting", lambda more, settings: (more, settings))
    docstring = load_task(TaskName("docstring"), ModelPool(size=8))
    assert paper_250(docstring, 0)[1].sparsity == 0.05
    assert paper_settings(docstring).sparsity == 0.05
    more, settings = paper_250(planted, 0)
    assert settings == PRESETS["paper"]
    assert more().count("normal") == 250
    assert not {e.text for e in more().examples} & {e.text for e in planted.draw(8, 0).examples}
    other, _ = paper_250(planted, 1)
    assert more() == more()
    assert more() != other(), "other texts for other draws"


def test_chance_differs_between_draws_and_seeds_and_repeats(planted):
    first, second = planted.draw(3, 0), planted.draw(3, 1)
    heads = [
        chance(planted.loaded, drawn, seed).heads for drawn, seed in ((first, 0), (second, 0), (first, 1))
    ]
    assert not any(np.array_equal(heads[0], other) for other in heads[1:])
    assert np.array_equal(heads[0], chance(planted.loaded, first, 0).heads)
