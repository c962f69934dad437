"""What the confirmed heads do together: shares by hand, beside other sets of the size."""

from dataclasses import replace

import numpy as np
import pytest

from core.causal.comparison import Comparison
from core.causal.evidence import joint as module
from core.causal.evidence.joint import RANDOM_SETS, Joint, joint, runs
from core.examples.alignment import align
from core.examples.example_set import ExampleSet
from core.examples.reading import read_examples
from core.generators import result_of
from core.heads import HeadId, all_heads
from core.model.recording import Recording
from core.model.tokens.tokenising import tokenise
from core.scenarios.loader import load_scenario, load_truth
from core.schema import EvidenceAbout, JointRecord
from tests.support.pairs import pairs
from tests.support.tiny_models import recording_of, tiny

SHAPE = (4, 6)
EVERY = all_heads(*SHAPE)


@pytest.fixture(scope="module")
def planted_comparison(models):
    scenario = load_scenario("planted-induction")
    loaded, examples = (
        models.get(str(scenario.model_folder), "cpu"),
        read_examples(scenario.examples_file),
    )
    ids = tokenise(loaded, examples)
    return Comparison(Recording(loaded, ids, streams=True), examples, align(examples, ids), 0)


def test_the_true_heads_together_carry_the_planted_behaviour_and_others_nothing(planted_comparison):
    truth = load_truth("planted-induction").heads
    true = result_of(joint(planted_comparison, sorted(truth), EVERY, 0))
    assert (true.texts, true.gone) == (8, 8)
    assert true.removed == pytest.approx(1, abs=0.05) and true.every == pytest.approx(1, abs=0.05)
    assert true.alone > 0.9
    assert len(true.random) == RANDOM_SETS and true.reached == 0
    others = [head for head in EVERY if head not in truth][:3]
    false = result_of(joint(planted_comparison, others, EVERY, 0))
    assert abs(false.removed) < 0.05 and false.gone == 0 and abs(false.alone) < 0.1
    assert false.every == pytest.approx(true.every)


def test_shares_are_those_of_the_changed_runs(planted_comparison):
    """m(all heads changed), m(the set changed) and m(all but the set changed), measured one by one."""
    heads = [HeadId(0, 0), sorted(load_truth("planted-induction").heads)[0]]
    found = result_of(joint(planted_comparison, heads, EVERY, 0))
    metric, patching = planted_comparison.metric, planted_comparison.patching
    every = frozenset(EVERY)
    share = []
    for changed in (frozenset(heads), every, every - set(heads)):
        values = result_of(patching.measure([changed], range(8), metric, "resample"))[0]
        share.append(np.mean(metric.values[:8] - values) / metric.gap)
    assert (found.removed, found.every) == pytest.approx(share[:2], abs=1e-6)
    assert found.alone == pytest.approx((share[1] - share[2]) / share[1], abs=1e-6)


def test_where_the_heads_carry_nothing_no_share_of_it_is_given():
    loaded, examples = tiny("llama", seed=2), ExampleSet(examples=tuple(pairs(longer=False)))
    recording = recording_of(loaded, examples.examples)
    alignment = align(examples, [list(text) for text in recording.texts])
    comparison = Comparison(recording, examples, alignment, 0)
    tiny_gap = replace(comparison.metric, kind="logit_difference")
    comparison.rounds[0] = replace(comparison.rounds[0], metric=tiny_gap)
    monkey = {**module.SMALLEST_GAP, "logit_difference": 1e9}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SMALLEST_GAP", monkey)
        found = result_of(joint(comparison, [HeadId(0, 1)], loaded.heads, 0))
    assert np.isnan(found.alone) and found.random == () and np.isnan(found.reached)
    record = found.record()
    assert (record.alone, record.reached, record.random) == (None, None, ())
    assert record.removed == pytest.approx(found.removed, abs=1e-6)


def test_on_many_texts_the_first_ones_are_read_and_steps_are_counted(planted_comparison, monkeypatch):
    monkeypatch.setattr(module, "MOST_TEXTS", 3)
    steps = []
    running = joint(planted_comparison, [HeadId(0, 0)], EVERY, 0)
    try:
        while True:
            steps.append(next(running))
    except StopIteration as end:
        found = end.value
    assert found.texts == 3
    assert steps[-1] == (3 + len(found.random)) * 3 <= runs(planted_comparison) == 23 * 3


@pytest.mark.parametrize(
    ("alone", "random", "expected"),
    [(0.5, (0.4, 0.5, 0.6, 0.1), 0.5), (0.9, (0.1, 0.2), 0.0), (0.5, (), None), (float("nan"), (0.1,), None)],
)
def test_which_share_of_the_other_sets_does_as_well_by_hand(alone, random, expected):
    found = Joint((HeadId(0, 0),), 8, 0.9, 8, 1.0, alone, random)
    assert found.record().reached == expected


def test_a_manifest_of_before_has_none_of_it():
    assert EvidenceAbout.model_validate({"metric": "logit_difference", "examples": 8}).joint is None
    assert JointRecord.model_validate({}).removed is None
