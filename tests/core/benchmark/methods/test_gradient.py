"""Attribution by gradients: against finite differences and path patching on tiny models."""

import numpy as np
import pytest
import torch
from torch import Tensor

from core.benchmark.methods.gradient import eap, gate_gradients, hisp, screened
from core.benchmark.methods.method import by_codes
from core.causal.edge_attribution import attributions
from core.causal.paired_runs import PairedRuns, forward_mask
from core.causal.path_patching import patch_edges
from core.config import PRESETS
from core.errors import ExamplesError
from core.examples.example_set import ExampleSet
from core.heads import EdgeId, HeadId, all_heads, forward_pairs
from core.model.hooks import after, on_z
from tests.support.pairs import pairs
from tests.support.surgery import recorded
from tests.support.tiny_models import tiny


def example_set(count: int = 4) -> ExampleSet:
    return ExampleSet(examples=tuple(pairs(count)))


def flat(edge: EdgeId, n_heads: int) -> tuple[int, int]:
    return edge.source.layer * n_heads + edge.source.head, edge.target.layer * n_heads + edge.target.head


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
            with recorded(exact_model) as recording, torch.no_grad():
                exact_model.model(torch.tensor([text]))
            own = [of_layer[place, : len(text)].float() for of_layer in z]
            torch.testing.assert_close(own, list(recording.z[:, 0]))
    measured = runs.metric.of(batch.logits, batch.rows)
    assert measured == pytest.approx(runs.metric.values[batch.rows], abs=1e-4)


def measure_of(runs: PairedRuns, batch) -> Tensor:
    with torch.no_grad():
        return runs.metric.read(runs.logits(batch).double(), batch.rows).double()


def test_gate_gradients_equal_finite_differences(exact_model):
    runs = PairedRuns(exact_model, example_set(), 0)
    batch = runs.batches[0]
    result = gate_gradients(runs, batch)
    assert result.shape == (12, len(batch.rows))

    def gated(head: HeadId, gate: float) -> Tensor:
        def change(z: Tensor) -> Tensor:
            z = z.clone()
            z[:, :, head.head] *= gate
            return z

        with on_z(exact_model, head.layer, change):
            return measure_of(runs, batch)

    noise = 0.01 * float(result.abs().max())
    for head in all_heads(3, 4):
        slope = (gated(head, 1 + 0.01) - gated(head, 1 - 0.01)) / 0.02
        np.testing.assert_allclose(result[exact_model.flat(head)], slope, rtol=0.02, atol=noise)


def test_head_importance_has_length_one_in_every_layer(exact_model):
    result = hisp(exact_model, example_set(), 0)
    assert np.linalg.norm(result.heads.reshape(3, 4), axis=1) == pytest.approx([1, 1, 1])
    assert result.edges[0, 5] == min(result.heads[0], result.heads[5])
    assert not result.edges[~forward_mask(exact_model)].any()


def test_edge_attribution_is_path_patching_of_a_small_change(exact_model):
    examples = example_set()
    heads, edges, passes = attributions(exact_model, examples, 0)
    assert passes == 2
    runs = PairedRuns(exact_model, examples, 0)
    result = dict.fromkeys(forward_pairs(all_heads(3, 4)), 0.0)
    small = 0.01
    for batch in runs.batches:
        plain = measure_of(runs, batch)
        towards = [z + small * (other - z) for z, other in zip(batch.z, batch.other, strict=True)]
        for edge in result:
            with patch_edges(exact_model, [[edge]] * len(batch.rows), towards):
                result[edge] += float((plain - measure_of(runs, batch)).sum())
    noise = 0.03 * np.abs(edges).max()
    for edge, lost in result.items():
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
                        sides = batch.z[head.layer], batch.other[head.layer]
                        change[:, :, head.head] = (sides[0] - sides[1])[:, :, head.head]
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


def test_screened_scores_are_codes_times_attribution(planted):
    drawn = planted.draw(4, 0)
    result, codes = (
        screened(planted.loaded, drawn, 0),
        by_codes(PRESETS["standard"])(planted.loaded, drawn, 0),
    )
    heads, edges, passes = attributions(planted.loaded, drawn, 0, 5)
    np.testing.assert_allclose(result.heads**2, codes.heads * np.abs(heads))
    np.testing.assert_allclose(result.edges**2, codes.edges * np.abs(edges), rtol=1e-5)
    assert result.forward_passes == passes + codes.forward_passes
