"""Pairs of texts for the tiny models, and effects on them."""

from core.causal.metric import Metric, make_metric
from core.causal.patching import Patching
from core.examples.example_set import Example
from core.examples.reading import from_rows
from core.heads import EdgeId, HeadId
from core.model.loading import LoadedModel
from tests.support.tiny_models import recording_of

TARGETS = [
    HeadId(0, 1),
    HeadId(1, 3),
    HeadId(2, 0),
    EdgeId(HeadId(0, 1), HeadId(1, 3)),
    EdgeId(HeadId(0, 2), HeadId(2, 1)),
    EdgeId(HeadId(1, 0), HeadId(2, 2)),
]


def pairs(count=4, longer=True, words=True) -> list[Example]:
    """Pairs of one length each, of different lengths between them."""
    rows = []
    for i in range(count):
        tail = " w9" * (i if longer else 0)
        named = {"expected": f"w{40 + i}", "actual": f"w{50 + i}"} if words else {}
        rows.append({"label": "anomalous", "text": f"w1 w{10 + i} w2 w{10 + i} w3{tail}", **named})
        rows.append({"label": "normal", "text": f"w1 w{10 + i} w2 w{30 + i} w3{tail}", **named})
    found = from_rows(rows).examples
    return [*found[::2], *found[1::2]]


def patched(loaded: LoadedModel, examples: list[Example], method="resample") -> tuple[Patching, Metric]:
    """Patching of examples, anomalous first, by this method, and the metric."""
    recording, paired = recording_of(loaded, examples), method == "resample"
    count = sum(example.label == "anomalous" for example in examples)
    plain = recording.log_probabilities()
    metric = make_metric(loaded, recording.texts, examples, plain, count, paired, seed=0)
    return Patching(recording, count, paired), metric
