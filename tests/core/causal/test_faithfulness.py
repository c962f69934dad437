"""Circuits alone, without themselves, without each head, and beside random ones."""

from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.causal.bounds import SMALLEST_GAP
from core.causal.circuit_search import GOAL, minimal_ablation_set, minimal_circuit
from core.causal.faithfulness import _interval, areas, check_circuit, curve_sizes, random_circuits
from core.generators import result_of
from core.heads import HeadId, all_heads
from core.scenarios.loader import load_truth
from tests.core.causal.test_circuit_search import CIRCUIT, EVERY
from tests.support.pairs import pairs, patched
from tests.support.tiny_models import tiny


def test_shares_follow_from_the_measures_by_hand(monkeypatch):
    monkeypatch.setitem(SMALLEST_GAP, "logit_difference", 1e-6)
    loaded = tiny("gpt2", seed=2)
    patching, metric = patched(loaded, pairs())
    every = frozenset(EVERY)
    ranking = [*CIRCUIT, *(head for head in EVERY if head not in CIRCUIT)]
    (result,) = result_of(check_circuit(patching, metric, CIRCUIT, ranking, EVERY, 0, ("mean",), n_random=5))

    def mean_without(heads) -> float:
        return float(result_of(patching.measure([heads], range(4), metric, "mean")).mean())

    full, nothing = mean_without(()), mean_without(every)
    share = lambda heads: (mean_without(every - frozenset(heads)) - nothing) / (full - nothing)  # noqa: E731
    assert result.full == pytest.approx(full, abs=1e-4)
    assert result.faithfulness == pytest.approx(share(CIRCUIT), abs=1e-3)
    assert result.completeness == pytest.approx(share(every - frozenset(CIRCUIT)), abs=1e-3)
    for head, loss in result.minimality:
        assert loss == pytest.approx(share(CIRCUIT) - share(set(CIRCUIT) - {head}), abs=1e-3)
    assert [size for size, _ in result.curve] == list(range(1, 13))
    assert dict(result.curve)[12] == pytest.approx(1, abs=1e-3)
    assert dict(result.curve)[3] == pytest.approx(result.faithfulness, abs=1e-3)
    above = sum(value >= result.faithfulness for value in result.random_faithfulness)
    assert result.rank == pytest.approx((1 + above) / 6)


def test_heads_without_a_part_in_the_behaviour_give_no_share(monkeypatch):
    loaded = tiny("gpt2", seed=2)
    patching, metric = patched(loaded, pairs())

    def same(sets, texts, *_):
        yield 1
        return np.zeros((len(sets), len(texts)))

    monkeypatch.setattr(patching, "measure", same)
    (result,) = result_of(check_circuit(patching, metric, CIRCUIT, EVERY, EVERY, 0, ("zero",)))
    assert not result.defined
    plain = result.as_json()
    assert plain["faithfulness"] is plain["cpr"] is plain["rank"] is None
    assert plain["curve"][0]["faithfulness"] is None
    assert result_of(minimal_circuit(patching, metric, EVERY, EVERY)) is None


def test_a_measure_that_is_no_number_gives_no_share(monkeypatch):
    loaded = tiny("gpt2", seed=2)
    patching, metric = patched(loaded, pairs())

    def broken(sets, texts, *_):
        yield 1
        values = np.arange(len(sets) * len(texts), dtype=float).reshape(len(sets), len(texts))
        values[3, 0] = nan
        return values

    monkeypatch.setattr(patching, "measure", broken)
    (result,) = result_of(check_circuit(patching, metric, CIRCUIT, EVERY, EVERY, 0, ("zero",)))
    assert not result.defined and not result.finite


def test_circuit_of_all_heads_and_of_none():
    loaded = tiny("gpt2", seed=2)
    patching, metric = patched(loaded, pairs())
    every = EVERY
    (result,) = result_of(check_circuit(patching, metric, every, every, EVERY, 0, ("resample",)))
    assert result.faithfulness == pytest.approx(1)
    assert result.completeness == pytest.approx(0, abs=1e-3)
    assert result.random_faithfulness == ()
    assert result.rank == 1
    with pytest.raises(ValueError, match="empty circuit"):
        result_of(check_circuit(patching, metric, [], every, EVERY, 0))
    assert result_of(minimal_ablation_set(patching, metric, [])) is None


@given(st.sets(st.sampled_from(all_heads(3, 6)), min_size=1), st.integers(0, 9))
def test_random_circuits_have_as_many_heads_in_each_layer(circuit, seed):
    drawn = random_circuits(frozenset(circuit), all_heads(3, 6), 10, seed)
    counts = lambda heads: [sum(head.layer == layer for head in heads) for layer in range(3)]  # noqa: E731
    assert all(counts(other) == counts(circuit) for other in drawn)
    assert len(set(drawn)) == len(drawn)
    assert frozenset(circuit) not in drawn


@given(st.integers(1, 400), st.data())
def test_curve_sizes_hold_the_ends_and_the_circuit(heads, data):
    circuit = data.draw(st.integers(1, heads))
    sizes = curve_sizes(heads, circuit)
    assert sizes == sorted(set(sizes)) and sizes[0] == 1 and sizes[-1] == heads and circuit in sizes
    assert len(sizes) <= max(25, min(heads, 24))


def test_areas_by_hand():
    assert areas([1, 2], [1.0, 1.0], 2) == pytest.approx((0.75, 0.25))
    assert areas([2], [2.0], 2) == pytest.approx((1.0, 1.0))


def test_planted_circuit_alone_does_the_work_and_no_random_one_does(planted):
    loaded, patching, metric = planted
    truth = load_truth("planted-induction").heads
    circuit = [HeadId.parse(str(head)) for head in truth]
    ranking = [*circuit, *(head for head in loaded.heads if head not in circuit)]
    (result,) = result_of(check_circuit(patching, metric, circuit, ranking, loaded.heads, 0, ("resample",)))
    assert result.faithfulness > 0.95
    assert abs(result.completeness) < 0.05
    assert all(loss > 0.2 for _, loss in result.minimality)
    assert result.rank == pytest.approx(1 / 101)
    smallest = result_of(minimal_circuit(patching, metric, ranking, loaded.heads))
    assert set(smallest.heads) == set(circuit)
    assert smallest.complete and smallest.reached >= GOAL
    backwards = result_of(minimal_circuit(patching, metric, ranking[::-1], loaded.heads))
    assert set(backwards.heads) == set(circuit)


def test_interval_is_left_out_where_draws_leave_nothing_to_take_shares_of():
    full, nothing = np.array([1.0, -1.0, 1.0, -1.0]), np.zeros(4)
    assert np.isnan(_interval(full, full, nothing, 0)).all()
    low, high = _interval(np.array([1.0, 1.0]), np.array([2.0, 2.0]), np.zeros(2), 0)
    assert (low, high) == pytest.approx((0.5, 0.5))
