"""Effects over several partners of a text: means over partners first, then over texts."""

from dataclasses import replace

import numpy as np
import pytest

from core.causal.comparison import Comparison
from core.causal.metric import metric_on
from core.causal.patching import Patching
from core.examples.alignment import align
from core.examples.example_set import Example, ExampleSet
from core.generators import result_of
from core.heads import EdgeId, HeadId
from tests.support.pairs import pairs
from tests.support.tiny_models import recording_of, tiny

HEADS = [HeadId(0, 1), HeadId(1, 3), HeadId(2, 0)]
EDGES = [EdgeId(HeadId(0, 1), HeadId(1, 3))]
ANSWERS = {"expected": "w40", "actual": "w50"}


@pytest.fixture(scope="module")
def loaded():
    return tiny("llama", seed=2)


def example(label, text, pair="", source=""):
    return Example(label=label, text=text, pair=pair, source=source, **ANSWERS)


def with_made():
    """Three anomalous texts with three, two and one made partners, and three normal texts of another length."""
    given = [example("anomalous", f"w1 w{10 + i} w2 w{10 + i} w3", "abc"[i]) for i in range(3)]
    given += [example("normal", f"w5 w{20 + i} w6 w7") for i in range(3)]
    made = [(0, 30), (1, 31), (2, 32), (0, 33), (1, 34), (0, 35)]
    partners = [example("normal", f"w1 w{10 + i} w2 w{word} w3", "abc"[i], "made") for i, word in made]
    return ExampleSet(examples=(*given, *partners)), [(i, 6 + place) for place, (i, _) in enumerate(made)]


def compared(loaded, examples, **limits):
    recording = recording_of(loaded, examples.examples)
    alignment = align(examples, [list(text) for text in recording.texts])
    metric = replace(metric_on(recording, examples, alignment, 0), sides_differ=True)
    return Comparison(recording, examples, alignment, 0, metric, **limits), recording


def test_effects_are_means_over_the_partners_of_a_text(loaded):
    examples, of_text = with_made()
    comparison, recording = compared(loaded, examples)
    assert [one.texts for one in comparison.rounds] == [(0, 1, 2), (0, 1), (0,)]
    changes, gaps = {}, {}
    for text, partner in of_text:
        alone = recording.of([text, partner])
        made = replace(
            comparison.alignment, kept=(text, partner), n_anomalous=1, sources=("made",), further=()
        )
        metric = metric_on(recording, examples, made, 0)
        running = Patching(alone, 1, True).effects([*HEADS], metric)
        changes.setdefault(text, []).append(result_of(running)[:, :, 0] * metric.gap)
        gaps.setdefault(text, []).append(metric.gap)
    gap = np.mean([np.mean(of_one) for of_one in gaps.values()])
    expected = np.stack([np.mean(changes[text], axis=0) for text in range(3)], axis=-1) / gap
    effects = result_of(comparison.effects(HEADS))
    assert comparison.gap == pytest.approx(gap, rel=1e-4)
    assert effects.shape == (2, 3, 3)
    np.testing.assert_allclose(effects, expected, atol=1e-4)
    assert np.abs(effects).max() > 0.05
    assert comparison.runs(HEADS) == 3 * 2 * 6


def test_every_run_is_counted_and_rounds_can_be_limited(loaded):
    examples, _ = with_made()
    comparison, _ = compared(loaded, examples, most_rounds=2)
    assert len(comparison.rounds) == 2
    before = comparison.forward_passes
    steps = list(comparison.effects(EDGES))
    assert steps[-1] == comparison.runs(EDGES) == 2 * 5
    assert comparison.forward_passes > before


def test_all_heads_together_remove_what_their_single_runs_say(loaded):
    """A set of one head loses what taking that head out loses; the empty set loses nothing."""
    examples, _ = with_made()
    comparison, _ = compared(loaded, examples)
    noising = result_of(comparison.effects(HEADS))[0]
    removed = result_of(comparison.removed([frozenset(), *({head} for head in HEADS)]))
    np.testing.assert_allclose(removed[0], 0, atol=1e-4)
    np.testing.assert_allclose(removed[1:], noising, atol=1e-5)


@pytest.mark.parametrize("paired", [True, False])
def test_texts_with_one_partner_or_none_are_the_single_comparison(loaded, paired):
    examples = ExampleSet(examples=tuple(pairs(longer=False)))
    recording = recording_of(loaded, examples.examples)
    ids = [list(text) for text in recording.texts]
    alignment = align(examples, ids, pairing="auto" if paired else "off")
    comparison = Comparison(recording, examples, alignment, 0)
    metric = metric_on(recording, examples, alignment, 0)
    patching = Patching(recording.of(alignment.kept), 4, paired)
    assert len(comparison.rounds) == 1 and comparison.directions == 1 + paired
    assert comparison.gap == metric.gap and comparison.method == ("resample" if paired else "mean")
    effects = result_of(comparison.effects(HEADS))
    np.testing.assert_allclose(effects, result_of(patching.effects(HEADS, metric)), atol=1e-12)
