"""The behaviour as one number: its words, its gap, and whether that could be chance."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.causal.metric import make_metric
from core.causal.metric._making import label_p
from core.causal.metric._own_word import own_word_gaps, own_words
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


def random_texts(count: int, seed: int) -> torch.Tensor:
    """Log-probabilities (text, vocabulary) of texts that all come from one source."""
    numbers = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(count, 12, generator=numbers)).log_softmax(-1)


@pytest.mark.parametrize("sides", [(3, 3), (4, 4), (3, 5)])
@pytest.mark.parametrize("kind", ["fixed values", "own words"])
def test_the_p_of_the_gap_is_exact_over_all_labellings(sides, kind):
    """Each labelling in turn is the truth, so the share of p up to a level is at most the level, without any draw."""
    anomalous, total = sides[0], sum(sides)
    values, plain = np.random.default_rng(total).normal(size=total), random_texts(total, total)
    weights, found = label_weights(total, anomalous, seed=0), []
    for chosen in combinations(range(total), anomalous):
        order = [*chosen, *(i for i in range(total) if i not in chosen)]
        gaps = (
            weights @ values[order]
            if kind == "fixed values"
            else own_word_gaps(plain[order], own_words(plain[order]), weights)
        )
        found.append(label_p(gaps))
    for level in (*LEVELS, 0.5):
        assert (np.array(found) <= level).mean() <= level
    assert min(found) <= 2 / len(found)


def by_hand(plain: torch.Tensor, text: int, n_anomalous: int) -> float:
    """The own-word metric by its definition."""
    others = [other for other in range(n_anomalous, len(plain)) if other != text]
    said = [int(plain[other].argmax()) for other in others]
    return float(plain[text].max()) - float(np.mean([float(plain[text, token]) for token in said]))


@given(st.integers(2, 5), st.integers(2, 5), st.integers(0, 1000))
def test_own_word_metric_is_its_definition_under_every_labelling(anomalous, normal, seed):
    total = anomalous + normal
    plain = random_texts(total, seed)
    weights = label_weights(total, anomalous, seed=0)
    gaps = own_word_gaps(plain, own_words(plain), weights)
    for number in range(0, len(weights), 7):
        order = [*np.flatnonzero(weights[number] > 0), *np.flatnonzero(weights[number] < 0)]
        values = [by_hand(plain[order], text, anomalous) for text in range(total)]
        assert gaps[number] == pytest.approx(
            np.mean(values[:anomalous]) - np.mean(values[anomalous:]), abs=1e-5
        )
    assert gaps.mean() == pytest.approx(0, abs=1e-6), "two sides that are alike have no gap on average"


def test_texts_without_words_and_pairs_are_read_by_their_own_words(loaded):
    examples = pairs(longer=False, words=False)
    _, metric = patched(loaded, examples, "mean")
    plain = recording_of(loaded, examples).log_probabilities()
    assert metric.kind == "own_word"
    assert metric.values == pytest.approx([by_hand(plain, text, 4) for text in range(8)], abs=1e-5)
    assert metric.gap_p is not None
    single = [row.reads[0].position == len(row.ids) - 1 for row in metric.rows]
    assert single == [True] * 8


def test_own_words_that_differ_from_text_to_text_do_not_average_out(loaded):
    """Every anomalous text says a word of its own, so the sides' mean probabilities are alike."""
    bare = pairs(8, longer=False, words=False)
    flat = 0.1 * torch.randn(16, 64, generator=torch.Generator().manual_seed(1))
    told = flat.clone()
    told[range(8), range(10, 18)] += 8
    assert not make_metric(loaded, ids_of(loaded, bare), bare, flat.log_softmax(-1), 8, False, seed=0).differs
    found = make_metric(loaded, ids_of(loaded, bare), bare, told.log_softmax(-1), 8, False, seed=0)
    assert found.differs
    assert found.gap == pytest.approx(8, abs=0.5)


def test_where_the_sides_are_alike_a_difference_is_said_at_the_nominal_rate(loaded):
    """Texts of one source, dealt to two sides, 300 times: at most 5 % and what chance allows."""
    bare = pairs(5, longer=False, words=False)
    said = [
        make_metric(loaded, ids_of(loaded, bare), bare, random_texts(10, seed), 5, False, seed=0).differs
        for seed in range(300)
    ]
    assert 1 <= sum(said) <= 25
