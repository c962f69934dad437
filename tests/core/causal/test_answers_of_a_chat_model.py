"""Whole answers on a real chat model: conversations of several lines, answers of several tokens."""

import numpy as np
import pytest
import torch

from core.causal.metric import make_metric
from core.causal.patching import Patching
from core.examples.example_set import Example, ExampleSet
from core.generators import result_of
from core.heads import HeadId
from core.model.loading import load_model
from core.model.recording import Recording
from core.model.tokens.tokenising import tokenise
from tests.support.answers import Changed, by_token

pytestmark = pytest.mark.slow

HEADS = [HeadId(8, 1), HeadId(20, 0), HeadId(23, 3)]
SYSTEM = "You sort tickets.\nAnswer with the name of one department."
ANSWERS = ("Customer Support", "Customer Billing Department")


def tickets() -> list[Example]:
    """Two anomalous and two normal tickets of three lines; the answers begin alike."""
    expected, actual = ANSWERS
    bodies = {
        "anomalous": (
            "My invoice is late.\nIt was due in May.\nWho helps?",
            "My card was charged.\nTwice.\nWho helps?",
        ),
        "normal": (
            "My parcel is late.\nIt was due in May.\nWho helps?",
            "My phone was broken.\nTwice.\nWho helps?",
        ),
    }
    return [
        Example(label=label, text=body, expected=expected, actual=actual)
        for label, both in bodies.items()
        for body in both
    ]


def test_metric_and_ablation_equal_one_run_a_token(smollm2):
    loaded = load_model(str(smollm2), "cpu")
    examples = ExampleSet(examples=tuple(tickets()), form="chat", system=SYSTEM)
    texts = tokenise(loaded, examples)
    recording = Recording(loaded, texts, streams=True)
    plain = recording.log_probabilities()
    metric = make_metric(loaded, texts, list(examples.examples), plain, 2, False, 0)
    answers = [loaded.encode(answer, special=True) for answer in ANSWERS]
    assert len(answers[0]) >= 2 and len(answers[1]) >= 3
    assert answers[0][0] == answers[1][0]
    for row in metric.rows:
        assert row.answer in [tuple(answer[:-1]) for answer in answers], "behind the template stands no space"
    values = [by_token(loaded, ids, answers[0]) - by_token(loaded, ids, answers[1]) for ids in texts]
    assert metric.values == pytest.approx(values, abs=2e-3)
    zero = result_of(Patching(recording, 2, False).measure([HEADS], range(4), metric, "zero"))[0]

    def silent(_begun):
        return Changed(loaded, {head: torch.zeros(400, loaded.shape.d_head) for head in HEADS})

    out = [
        by_token(loaded, ids, answers[0], silent) - by_token(loaded, ids, answers[1], silent) for ids in texts
    ]
    assert zero == pytest.approx(out, abs=2e-3)
    assert np.abs(zero - metric.values).max() > 0.01
