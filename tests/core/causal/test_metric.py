"""The behaviour as one number: its words, its gap, and whether that could be chance."""

from itertools import combinations

import numpy as np
import pytest
import torch

from core.causal.metric import make_metric
from core.causal.metric._making import _label_p
from core.causal.statistics import (
    label_weights,
)
from tests.support.pairs import pairs, patched
from tests.support.surgery import plain_run
from tests.support.tiny_models import recording_of, tiny

LEVELS = (0.05, 0.1, 0.25)


@pytest.fixture(params=["gpt2", "llama", "gpt_neox"], scope="module")
def loaded(request):
    return tiny(request.param, seed=2)


def ids_of(loaded, examples) -> list[list[int]]:
    return [loaded.encode(example.text) for example in examples]


def test_the_shift_without_words_is_the_symmetric_divergence(loaded):
    examples = pairs(words=False)
    _, found = patched(loaded, examples, "resample")
    assert found.kind == "next_word_shift"
    gaps = []
    for anomalous, normal in zip(examples[:4], examples[4:], strict=True):
        p, q = (
            plain_run(loaded, loaded.encode(e.text), None, None).log_softmax(-1).double()
            for e in (anomalous, normal)
        )
        gaps.append(float((p.exp() * (p - q)).sum() + (q.exp() * (q - p)).sum()))
    assert found.gap == pytest.approx(np.mean(gaps), rel=1e-3)
    assert found.divergence == pytest.approx(np.mean(gaps), rel=1e-3)


def test_a_pair_shares_the_words_of_its_anomalous_text(loaded):
    examples = pairs()
    right_only = [e.model_copy(update={"actual": e.expected}) if e.label == "normal" else e for e in examples]
    _, both = patched(loaded, examples, "resample")
    _, one = patched(loaded, right_only, "resample")
    assert one.kind == "logit_difference"
    np.testing.assert_allclose(one.values, both.values, atol=1e-6)
    others = [e.model_copy(update={"actual": "w5"}) if e.label == "normal" else e for e in examples]
    np.testing.assert_allclose(patched(loaded, others, "resample")[1].values, both.values, atol=1e-6)
    without = [e.model_copy(update={"actual": ""}) if i in (0, 4) else e for i, e in enumerate(examples)]
    assert patched(loaded, without, "resample")[1].kind == "next_word_shift"


def test_a_gap_that_is_tiny_is_no_make_metric(loaded):
    rows = pairs()
    alike = torch.zeros(8, 64).log_softmax(-1)
    found = make_metric(loaded, ids_of(loaded, rows), rows, alike, 4, True, seed=0)
    assert (found.gap, found.differs) == (0, False)
    bare = [e.model_copy(update={"expected": "", "actual": ""}) for e in rows]
    assert not make_metric(loaded, ids_of(loaded, bare), bare, alike, 4, True, seed=0).differs
    assert not make_metric(loaded, ids_of(loaded, bare), bare, alike, 4, False, seed=0).differs


def test_without_pairs_the_gap_is_tested_by_shuffled_labels(loaded):
    numbers = torch.Generator().manual_seed(0)
    bare = pairs(8, longer=False, words=False)
    noise = torch.randn(16, 64, generator=numbers).log_softmax(-1)
    assert make_metric(loaded, ids_of(loaded, bare), bare, noise, 8, False, seed=0).gap_p > 0.05
    shifted = noise.clone()
    shifted[:8, :5] += 3
    apart = make_metric(loaded, ids_of(loaded, bare), bare, shifted.log_softmax(-1), 8, False, seed=0)
    assert apart.gap_p < 0.01
    assert apart.differs


def test_measure_of_unpaired_texts_does_not_depend_on_their_labels():
    """Else shuffling labels would be no fair test of the gap."""
    loaded = tiny("gpt2", seed=2)
    examples = pairs(4)
    mixed = [*examples[:2], *examples[6:], *examples[2:6]]
    places = [0, 1, 6, 7, 2, 3, 4, 5]
    log_probabilities = recording_of(loaded, examples).log_probabilities()
    first = make_metric(loaded, ids_of(loaded, examples), examples, log_probabilities, 4, False, 0)
    second = make_metric(loaded, ids_of(loaded, mixed), mixed, log_probabilities[places], 4, False, 0)
    assert second.values == pytest.approx(first.values[places])
    nameless = [
        e.model_copy(update={"expected": "", "actual": ""}) if i in (1, 6) else e
        for i, e in enumerate(examples)
    ]
    first = make_metric(loaded, ids_of(loaded, nameless), nameless, log_probabilities, 4, False, 0)
    again = [nameless[i] for i in places]
    second = make_metric(loaded, ids_of(loaded, again), again, log_probabilities[places], 4, False, 0)
    assert first.kind == "logit_difference"
    assert second.values == pytest.approx(first.values[places])


@pytest.mark.parametrize("sides", [(3, 3), (4, 4), (3, 5)])
@pytest.mark.parametrize("kind", ["fixed measures", "direction follows the labels"])
def test_the_p_of_the_gap_is_exact_over_all_labellings(sides, kind):
    """Each labelling in turn is the truth, so the share of p up to a level is at most the level, without any draw."""
    anomalous, total = sides[0], sum(sides)
    random = np.random.default_rng(total)
    values = random.normal(size=total) if kind == "fixed measures" else random.normal(size=(total, total))
    if values.ndim == 2:
        values = values @ values.T
    found = []
    for chosen in combinations(range(total), anomalous):
        order = [*chosen, *(i for i in range(total) if i not in chosen)]
        relabelled = values[order] if values.ndim == 1 else values[np.ix_(order, order)]
        found.append(_label_p(relabelled, label_weights(total, anomalous, seed=0)))
    for level in (*LEVELS, 0.5):
        assert (np.array(found) <= level).mean() <= level
    assert min(found) <= 2 / len(found)
