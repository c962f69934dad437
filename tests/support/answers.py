"""Texts with answers of several tokens, and their metric reckoned token by token with the whole model."""

from contextlib import nullcontext

import torch
from torch import Tensor

from core.causal.metric import Metric, make_metric
from core.causal.patching import Patching
from core.examples.example_set import Example
from core.examples.reading import from_rows
from core.heads import EdgeId, HeadId
from core.model.loading import LoadedModel
from tests.support.tiny_models import recording_of

FIVE = ["gpt2", "llama", "gpt_neox", "qwen3", "gemma2"]
"""Architectures: learned and rotary positions, shared key and value heads, a norm behind the attention."""

ANSWERS = [
    ("w40 w41 w42", "w50 w51"),
    ("w40 w43", "w40 w53 w54 w55"),
    ("w44", "w54 w55 w56"),
    ("w45 w46", "w45 w46 w47"),
]
"""Two rows; a common beginning and one row; one token against three; one the beginning of the other."""


def answered(paired: bool = True, longer: bool = True) -> list[Example]:
    """Four anomalous and four normal texts, anomalous first; without pairs the normal ones have other lengths."""
    rows = []
    for i, (expected, actual) in enumerate(ANSWERS):
        tail = " w9" * (i if longer else 0)
        words = {"expected": expected, "actual": actual}
        normal = f"w1 w{10 + i} w2 w{30 + i} w3{tail}" + ("" if paired else " w8" * (3 - i))
        rows.append({"label": "anomalous", "text": f"w1 w{10 + i} w2 w{10 + i} w3{tail}", **words})
        rows.append({"label": "normal", "text": normal, **words})
    examples = from_rows(rows).examples
    return [*examples[::2], *examples[1::2]]


def measured(loaded: LoadedModel, examples: list[Example], paired: bool = True) -> tuple[Patching, Metric]:
    """Patching and metric of examples, anomalous first."""
    recording = recording_of(loaded, examples)
    count = sum(example.label == "anomalous" for example in examples)
    plain = recording.log_probabilities()
    metric = make_metric(loaded, recording.texts, examples, plain, count, paired, seed=0)
    return Patching(recording, count, paired), metric


def tokens_of(loaded: LoadedModel, example: Example) -> tuple[list[int], list[int]]:
    """Tokens of the expected and of the actual answer; every word is one token here."""
    return loaded.encode(example.expected), loaded.encode(example.actual)


class Changed:
    """The whole model with z of single heads exchanged by a hook on the output projection, written for this test."""

    def __init__(self, loaded: LoadedModel, values: dict[HeadId, Tensor]) -> None:
        self._loaded, self._values = loaded, values

    def __enter__(self) -> None:
        self._handles = []
        width = self._loaded.shape.d_head
        for head, value in self._values.items():

            def hook(_module, args, head=head, value=value):
                z = args[0].clone()
                positions = min(z.shape[1], len(value))
                z[0, :positions, head.head * width : (head.head + 1) * width] = value[:positions]
                return (z,)

            projection = self._loaded.projection(head.layer)
            self._handles.append(projection.register_forward_pre_hook(hook))

    def __exit__(self, *_error) -> None:
        for handle in self._handles:
            handle.remove()


def z_of(loaded: LoadedModel, ids: list[int], head: HeadId) -> Tensor:
    """z (position, d_head) of one head, read at the output projection's input."""
    kept = []
    width = loaded.shape.d_head
    projection = loaded.projection(head.layer)
    handle = projection.register_forward_pre_hook(lambda _module, args: kept.append(args[0][0].clone()))
    with torch.no_grad():
        loaded.model(torch.tensor([ids]))
    handle.remove()
    return kept[0][:, head.head * width : (head.head + 1) * width]


def by_token(loaded: LoadedModel, ids: list[int], answer: list[int], change=None) -> float:
    """Log-probability of an answer behind a text: one run of the whole model a token.

    `change` gives the context in which the text with these answer tokens behind it is read.
    """
    total = 0.0
    for place, token in enumerate(answer):
        begun = list(answer[:place])
        with change(begun) if change else nullcontext(), torch.no_grad():
            logits = loaded.model(torch.tensor([[*ids, *begun]])).logits[0, -1]
        total += float(logits.double().log_softmax(-1)[token])
    return total


def difference(loaded: LoadedModel, ids: list[int], example: Example, change=None) -> float:
    """The metric of a text by its definition."""
    expected, actual = (by_token(loaded, ids, answer, change) for answer in tokens_of(loaded, example))
    return expected - actual


def receiver_z(loaded: LoadedModel, ids: list[int], edge: EdgeId, value: Tensor) -> Tensor:
    """z (position, d_head) of an edge's receiver that alone sees the sender write `value` (position, d_head).

    By hooks on the modules: what the sender's projection makes of both values goes through the norm behind the
    attention, where there is one, and its change is added in front of the norm of the receiver's layer.
    """
    width, source, target = loaded.shape.d_head, edge.source, edge.target
    projection, kept, deltas = loaded.projection(source.layer), [], []

    def compare(_module, args):
        changed = args[0].clone()
        changed[0, :, source.head * width : (source.head + 1) * width] = value
        ways = [projection.forward(z) for z in (changed, args[0])]
        if (behind := loaded.norm_behind(source.layer)) is not None:
            ways = [behind.forward(way) for way in ways]
        deltas.append(ways[0] - ways[1])

    handles = [
        projection.register_forward_pre_hook(compare),
        loaded.norm(target.layer).register_forward_pre_hook(lambda _module, args: (args[0] + deltas[0],)),
        loaded.projection(target.layer).register_forward_pre_hook(
            lambda _module, args: kept.append(args[0][0].clone())
        ),
    ]
    try:
        with torch.no_grad():
            loaded.model(torch.tensor([ids]))
    finally:
        for handle in handles:
            handle.remove()
    return kept[0][:, target.head * width : (target.head + 1) * width]
