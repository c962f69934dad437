"""A slot that a text lacks: no part in means and training, no code, no strength, and no gain for either side."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.candidates import score
from core.discovery.attention_flow import AttentionFlow, flow_between, once
from core.discovery.autoencoder import NO_CODE, SILENT, Codes
from core.discovery.codes import centre, codes_of, scale
from core.discovery.label_permutation import label_permutations
from core.discovery.redrawn import draw_examples, drawn_scores
from core.discovery.scoring import head_scores, unique_codes
from core.discovery.variety import different_codes
from core.examples.token_alignment import ABSENT
from core.generators import result_of
from core.model.attention_weights import Attention
from tests.support.codes import SMALL, aligned, codes_from, finish, random_codes


def outputs_lacking(*lacking: tuple[int, int]) -> torch.Tensor:
    """Head outputs of 6 texts, 3 slots, 4 heads, NaN at (text, slot)."""
    outputs = torch.randn(6, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    for text, slot in lacking:
        outputs[text, slot] = torch.nan
    return outputs


def test_the_mean_of_a_slot_is_that_of_the_texts_that_have_it():
    whole, lacking = outputs_lacking(), outputs_lacking((2, 1))
    centred = centre(lacking, 3, paired=False)
    others = [0, 1, 3, 4, 5]
    torch.testing.assert_close(centred[others, 1], whole[others, 1] - whole[others, 1].mean(dim=0))
    assert bool(centred[2, 1].isnan().all())
    torch.testing.assert_close(centred[:, [0, 2]], centre(whole, 3, paired=False)[:, [0, 2]])


def test_of_a_pair_a_slot_that_one_text_lacks_is_left_out_for_both():
    centred = centre(outputs_lacking((2, 1)), 3, paired=True)
    assert bool(centred[[2, 5], 1].isnan().all())
    assert not bool(centred[[0, 1, 3, 4]].isnan().any())


def test_the_common_factor_is_that_of_what_is_there():
    lacking = outputs_lacking((0, 0), (4, 2))
    there = lacking[~lacking.isnan()].reshape(-1, 5)
    torch.testing.assert_close(
        scale(lacking)[1, 1], lacking[1, 1] / there.square().sum(dim=1).mean().sqrt(), atol=1e-6, rtol=1e-5
    )


def test_autoencoders_see_only_what_is_there():
    """Training without the absent samples: the same as one slot of the texts that have it, if the others lack it."""
    outputs = outputs_lacking((1, 0), (4, 0))[:, :1]
    _, codes = finish(codes_of(outputs, SMALL, seed=3))
    others = [0, 2, 3, 5]
    _, alone = finish(codes_of(outputs[others], SMALL, seed=3))
    assert codes.latent[:, others].equal(alone.latent)
    torch.testing.assert_close(codes.strength[:, others], alone.strength)
    assert bool((codes.latent[:, [1, 4]] == NO_CODE).all())
    assert bool((codes.strength[:, [1, 4]] == 0).all())
    assert not bool((alone.latent == NO_CODE).any())


def test_an_absent_code_is_neither_anomalous_only_nor_counted():
    index = torch.tensor([NO_CODE, 3, SILENT, NO_CODE])
    assert unique_codes(index, 2).item() == 1
    codes = codes_from(index.reshape(1, 4, 1, 1))
    assert head_scores(codes, 2).score.item() == pytest.approx(1), (
        "over the one anomalous text that has the slot"
    )
    assert head_scores(codes_from(torch.full((1, 4, 1, 1), NO_CODE)), 2).score.item() == 0


def test_no_side_gains_by_a_slot_that_texts_lack():
    """Strengths count by the share of the texts that have the slot, whichever side they are of."""
    full = torch.tensor([1, 1, 2, 2, 2, 2]).reshape(1, 6, 1, 1)
    for lacking in ((0,), (5,)):
        codes = codes_from(full.index_fill(1, torch.tensor(lacking), NO_CODE))
        strength = AttentionFlow(torch.ones(1, 1)).weigh(codes).strength.flatten()
        there = [text for text in range(6) if text not in lacking]
        assert strength[there].tolist() == pytest.approx([5 / 6] * 5)


@given(st.integers(0, 10_000), st.integers(0, 5))
def test_a_slot_that_a_text_lacks_changes_no_head_that_is_best_elsewhere(seed, text):
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(0, 5, (2, 6, 2, 8), generator=generator)
    strength = torch.rand(2, 6, 2, 8, generator=generator)
    lacking = index.clone()
    lacking[:, text, 1] = NO_CODE
    flow = AttentionFlow(torch.ones(2, 8))
    before = score(flow.weigh(Codes(index, strength)), 3, np.arange(8) // 4)
    after = score(flow.weigh(Codes(lacking, strength)), 3, np.arange(8) // 4)
    elsewhere = (before.heads.best_slot == 0) & (after.heads.best_slot == 0)
    torch.testing.assert_close(before.heads.score[elsewhere], after.heads.score[elsewhere])
    between = np.outer(elsewhere, elsewhere)
    np.testing.assert_allclose(before.edges[between], after.edges[between])


def test_a_slot_that_most_texts_of_one_side_have_is_no_evidence():
    """Every text has a code of its own, so labels say nothing; that normal texts lack the slot must not either."""
    index = torch.arange(12).reshape(1, 12, 1, 1).clone()
    index[0, 8:] = NO_CODE
    assert result_of(label_permutations(codes_from(index), 6, 199, seed=0))[0] == pytest.approx(1.0)


@pytest.mark.parametrize("statistic", ["strength", "count"])
def test_drawn_texts_count_only_where_they_have_the_slot(statistic):
    codes = random_codes()
    codes.latent[:, [1, 9], 2] = NO_CODE
    anomalous, normal = draw_examples(12, 5, paired=False, seed=3, draws=6)
    drawn = drawn_scores(codes, anomalous, normal, statistic)
    for row in range(6):
        rows = [*np.repeat(np.arange(5), anomalous[row]), *np.repeat(np.arange(5, 12), normal[row])]
        again = Codes(*(field[:, rows] for field in codes))
        np.testing.assert_allclose(drawn[row], head_scores(again, 5, statistic).score.numpy(), rtol=1e-5)


def test_a_joint_code_is_a_mean_over_the_texts_that_have_both_slots():
    # heads 0 and 1 are best at slots 0 and 1; the first text lacks slot 0, the second slot 1
    slots = torch.tensor([[NO_CODE, 1], [1, NO_CODE], [1, 1], [1, 1], [2, 2], [2, 2]])
    index = slots[None, :, :, None].expand(-1, -1, -1, 2)
    codes = codes_from(index, torch.tensor([[4.0, 1.0], [1.0, 4.0]]).expand(1, 6, 2, 2))
    scores = score(codes, 4, np.arange(2))
    assert scores.heads.best_slot.tolist() == [0, 1]
    assert scores.heads.score.tolist() == [4, 4]
    assert scores.edges[0, 1] == pytest.approx(4)


def test_variety_is_counted_over_the_texts_that_have_the_slot():
    anomalous, normal = (
        torch.tensor(side)[None, :, None, None] for side in ([0, 1, NO_CODE], [5, NO_CODE, NO_CODE])
    )
    # thinned to one text each, both sides show one code
    assert different_codes(anomalous, normal).flatten().tolist() == pytest.approx([1, 1])
    none = torch.full_like(normal, NO_CODE)
    assert different_codes(anomalous, none).flatten().tolist() == [0, 0]


def test_flow_takes_lengths_and_shares_of_the_texts_that_have_a_slot():
    positions = np.array([[0, 1, 2]] * 5 + [[0, ABSENT, 1]])
    np.testing.assert_allclose(once(positions), [1, 1, 1])
    np.testing.assert_allclose(once(np.array([[0, 1, 1], [0, ABSENT, 1]])), [1, 0.5, 0.75])
    weights = torch.rand(4, 3, 3, generator=torch.Generator().manual_seed(1))
    lacking = flow_between(
        outputs_lacking((5, 1)), Attention("computed", weights), np.arange(4) // 2, aligned(3, positions)
    )
    assert bool(torch.isfinite(lacking.weights).all()) and np.isfinite(lacking.links).all()
    nowhere = flow_between(
        outputs_lacking(*((text, 1) for text in range(6))),
        Attention("computed", weights),
        np.arange(4) // 2,
        aligned(3, np.array([[0, ABSENT, 1]] * 6)),
    )
    assert bool(torch.isfinite(nowhere.weights).all()) and np.isfinite(nowhere.links).all()
