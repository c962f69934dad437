"""Pruning of edges: against path patching, by hand, and on the planted circuit."""

import numpy as np
import pytest
import torch

from core.benchmark.methods.acdc import cut_edges, losses, surviving
from core.causal.paired_runs import PairedRuns, forward_mask
from core.causal.path_patching import patch_edges
from core.examples.example_set import ExampleSet
from core.heads import EdgeId, HeadId, all_heads, forward_pairs
from core.model.logit_attribution import final_norm
from tests.support.pairs import pairs
from tests.support.surgery import replace_heads


def example_set(count: int = 4) -> ExampleSet:
    return ExampleSet(examples=tuple(pairs(count)))


def flat(edge: EdgeId, n_heads: int) -> tuple[int, int]:
    return edge.source.layer * n_heads + edge.source.head, edge.target.layer * n_heads + edge.target.head


def test_cut_edges_equal_path_patching(exact_model):
    runs = PairedRuns(exact_model, example_set(), 0)
    batch = runs.batches[0]
    generator = np.random.default_rng(0)
    rows = [
        [edge for edge in forward_pairs(all_heads(3, 4)) if generator.random() < share]
        for share in np.linspace(0.0, 0.9, len(batch.rows))
    ]
    cut = torch.zeros(len(rows), 13, 12)
    for row, edges in enumerate(rows):
        for edge in edges:
            source, target = flat(edge, 4)
            cut[row, target, source] = 1
    with torch.no_grad():
        with cut_edges(exact_model, cut, batch.other):
            result = runs.logits(batch)
        with patch_edges(exact_model, rows, batch.other):
            expected = runs.logits(batch)
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(result[-1], batch.logits[-1].to(result), atol=1e-2)


def test_an_edge_into_the_output_cut_by_hand(exact_model):
    runs = PairedRuns(exact_model, example_set(), 0)
    batch, head = runs.batches[0], HeadId(1, 2)
    cut = torch.zeros(len(batch.rows), 13, 12)
    cut[:, -1, 4 + 2] = 1
    between = (batch.other[1] - batch.z[1])[:, :, 2]
    change = between @ exact_model.output_weights(1)[2].to(between)

    def shifted(module, args):
        return (args[0] + change,)

    handle = final_norm(exact_model)[1].register_forward_pre_hook(shifted)
    with torch.no_grad():
        expected = runs.logits(batch)
        handle.remove()
        with cut_edges(exact_model, cut, batch.other):
            result = runs.logits(batch)
        torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(result, runs.logits(batch), atol=1e-3), head


def test_with_everything_cut_the_output_reads_the_normal_heads(planted):
    runs = PairedRuns(planted.loaded, planted.draw(3, 0), 0)
    batch, count = runs.batches[0], 24
    cut = torch.zeros(len(batch.rows), count + 1, count)
    cut[:, :-1] = torch.from_numpy(forward_mask(planted.loaded).T).float()
    cut[:, -1] = 1
    every = [all_heads(4, 6)] * len(batch.rows)
    with torch.no_grad():
        with cut_edges(planted.loaded, cut, batch.other):
            result = runs.logits(batch)
        with replace_heads(planted.loaded, every, batch.other.__getitem__):
            torch.testing.assert_close(result, runs.logits(batch), rtol=1e-4, atol=1e-3)


def test_losses_of_nothing_cut_are_zero_and_versions_do_not_mix(planted):
    runs = PairedRuns(planted.loaded, planted.draw(3, 0), 0)
    cut = torch.zeros(3, 25, 24)
    cut[1, -1] = 1
    for loss in ("kl", "logit_difference"):
        result = losses(runs, cut, loss)
        assert result[[0, 2]].tolist() == pytest.approx([0, 0], abs=1e-5)
        assert result[1] > 0.5


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
    result = losses(runs, cut, "logit_difference").tolist()
    assert result == pytest.approx([0, missing / 4 / runs.metric.gap], abs=1e-5)
    assert losses(runs, cut, "kl")[1] > 1e-4


def test_acdc_keeps_the_four_true_edges_of_the_planted_circuit(planted):
    runs = PairedRuns(planted.loaded, planted.draw(2, 0), 0)
    left = surviving(runs, "logit_difference", thresholds=(0.03, 1e9))
    kept = {(source, target) for target, source in np.argwhere(left[:-1] > 0)}
    assert kept == {flat(edge, 6) for edge in planted.true_edges}
    into_output = {index for index, score in enumerate(left[-1]) if score > 0}
    assert into_output == {flat(edge, 6)[1] for edge in planted.true_edges}
    assert set(left[left > 0]) == {0.03}
