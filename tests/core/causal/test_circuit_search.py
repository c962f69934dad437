"""Searches for small sets of heads."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from core.causal.circuit_search import GOAL, minimal_ablation_set, minimal_circuit
from core.generators import result_of
from core.heads import HeadId, all_heads
from core.scenarios.loader import load_truth
from tests.support.pairs import pairs, patched
from tests.support.tiny_models import tiny

SHAPE = (3, 4)
EVERY = all_heads(*SHAPE)


CIRCUIT = (HeadId(0, 1), HeadId(1, 3), HeadId(2, 0))


def test_planted_behaviour_is_switched_off_by_few_heads(planted):
    loaded, patching, metric = planted
    candidates = all_heads(loaded.shape.n_layers, loaded.shape.n_heads)
    switch = result_of(minimal_ablation_set(patching, metric, candidates))
    assert set(switch.heads) <= {HeadId.parse(str(head)) for head in load_truth("planted-induction").heads}
    assert switch.reached >= GOAL
    assert switch.harm < 0.1


def made_measures(values):
    """Takes the place of an patching's measures: `values(heads, text)` says what each run gives."""

    def measures(sets, texts, *_):
        yield 1
        return np.array([[values(frozenset(heads), text) for text in texts] for heads in sets])

    return measures


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_model_that_breaks_is_no_success(monkeypatch, sign):
    loaded = tiny("gpt2", seed=2)
    patching, metric = patched(loaded, pairs())
    metric = replace(metric, values=sign * np.array([1.0, 1, 1, 1, 0, 0, 0, 0]))
    broken = made_measures(lambda heads, text: nan if heads else float(metric.values[text]))
    monkeypatch.setattr(patching, "measure", broken)
    switch = result_of(minimal_ablation_set(patching, metric, list(CIRCUIT)))
    assert switch.heads == () and not switch.complete
    assert result_of(minimal_circuit(patching, metric, EVERY, EVERY)) is None


def test_harm_on_one_text_is_not_made_good_by_another(monkeypatch):
    loaded = tiny("gpt2", seed=2)
    patching, metric = patched(loaded, pairs())
    metric = replace(metric, values=np.array([1.0, 1, 1, 1, 0, 0, 0, 0]))

    def values(heads, text):
        if text < 4:
            return 0.0 if heads else 1.0
        return (0.5 if text % 2 else -0.5) if CIRCUIT[0] in heads else 0.0

    monkeypatch.setattr(patching, "measure", made_measures(values))
    switch = result_of(minimal_ablation_set(patching, metric, list(CIRCUIT)))
    assert CIRCUIT[0] not in switch.heads
    assert switch.harm == 0
    alone = result_of(minimal_ablation_set(patching, metric, [CIRCUIT[0]]))
    assert alone.harm == pytest.approx(0.5)
