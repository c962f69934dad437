"""The model with one head or MLP block switched off at a time: what it says, and what its last logits lose.

1. A unit that is off writes its mean over the normal texts, as in the ablations of the page Evidence.
2. Each text is read once for each unit, with what the unchanged model says behind it. Where the likeliest next token is
   that of the unchanged model at every place, the model says the same as before, and the verdict is known.
3. Only the other texts are continued by the changed model itself.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from core.causal.ablation_file import ablated, make_ablation_file
from core.causal.metric import Row
from core.causal.mlp_blocks import replace_mlps
from core.causal.patching import Patching
from core.causal.replacements import replace_heads
from core.examples.answer_match import Match, verdict
from core.examples.example_set import LABELS, Example
from core.generators import relayed
from core.heads import HeadId, MlpId, UnitId
from core.mechanisms._answers import Way
from core.model.batching import batches_of, tokens_for
from core.model.loaded_model import LoadedModel
from core.model.next_token import head_logits, hidden_at
from core.model.tokens.continuations import Continuation, continued
from core.schema import SideCounts

PLACES = 64
"""Places whose logits are held at a time."""


@dataclass(frozen=True)
class Spoken:
    """Given texts (token ids) with what the unchanged model says behind each, and its logits there (text, vocabulary).

    `count` is how many tokens it was asked for, `decisive` how many first ones tell whether it says something else.
    `answers` are the first tokens of each text's own answers, where they part directly behind the text.
    """

    examples: Sequence[Example]
    texts: Sequence[Sequence[int]]
    said: Sequence[Continuation]
    logits: Tensor
    count: int
    decisive: int
    match: Match
    answers: Sequence[Mapping[Way, int]] = ()


@dataclass(frozen=True)
class Without:
    """One unit switched off: counts by side, and what the logits of the anomalous texts lose, a mean (vocabulary,).

    `on_answers` are the same of each text's own answers, against the mean of all words; empty where none is known.
    """

    counts: dict[str, SideCounts]
    lost: Tensor
    on_answers: dict[Way, float]


def without_each(
    loaded: LoadedModel, patching: Patching, spoken: Spoken, units: Sequence[UnitId]
) -> Generator[int, None, list[Without]]:
    """Each of these units switched off alone; yields after each forward pass how many were made.

    `patching` is of the compared texts: its normal ones give the means.
    """
    rows = [_row(number, *both) for number, both in enumerate(zip(spoken.texts, spoken.said, strict=True))]
    patching.mlp_outputs.prepare(
        rows, {unit.layer for unit in units if isinstance(unit, MlpId)}, "mean", False
    )
    anomalous = [example.label == "anomalous" for example in spoken.examples]
    same = torch.zeros(len(units), len(rows), dtype=torch.bool)
    lost = torch.zeros(len(units), spoken.logits.shape[-1])
    on_answers: list[dict[Way, list[float]]] = [{} for _ in units]
    items = [(unit, text) for unit in range(len(units)) for text in range(len(rows))]
    lengths = [len(rows[text].ids) for _, text in items]
    passes = 0

    def counted(_step: int = 0) -> int:
        nonlocal passes
        passes += 1
        return passes

    for batch in batches_of(lengths, range(len(items)), tokens_for(loaded.device)):
        of_batch = [items[item] for item in batch]
        off = [(units[unit], text) for unit, text in of_batch]
        read = _pass(loaded, patching, rows, spoken.said, off)
        for (place, text), (alike, logits) in zip(of_batch, read, strict=True):
            same[place, text] = alike
            if anomalous[text]:
                change = spoken.logits[text] - logits
                lost[place] += change
                for way, token in (spoken.answers[text] if spoken.answers else {}).items():
                    on_answers[place].setdefault(way, []).append(float(change[token] - change.mean()))
        yield counted()
    results = []
    for number, unit in enumerate(units):
        changed = [text for text in range(len(rows)) if not same[number, text]]
        texts, inside = [spoken.texts[text] for text in changed], partial(_off, loaded, patching, unit)
        written = yield from relayed(continued(loaded, texts, spoken.count, inside), counted)
        after = dict(enumerate(spoken.said)) | dict(zip(changed, written, strict=True))
        means = {way: sum(values) / len(values) for way, values in on_answers[number].items()}
        counts = _counts(spoken, list(after.values()))
        results.append(Without(counts, lost[number] / max(1, sum(anomalous)), means))
    return results


def _off(loaded: LoadedModel, patching: Patching, unit: UnitId) -> AbstractContextManager[object]:
    """Passes inside read texts whose last token is at the last place, or one further token each."""
    means = patching.replacements.means
    return ablated(
        loaded, make_ablation_file(loaded, [unit], "mean", means, None, patching.mlp_outputs.means)
    )


def _followed(said: Continuation) -> list[int]:
    """The next token at each place that the unchanged model chose, the one that ended it included."""
    return [*said.tokens, *([said.end_id] if said.end == "ended" else [])]


def _row(number: int, text: Sequence[int], said: Continuation) -> Row:
    """The text and what is said behind it, as far as a next token is chosen there."""
    ids = (*text, *said.tokens)
    return Row(number, ids if said.end == "ended" else ids[: max(len(text), len(ids) - 1)], len(text), ())


def _pass(
    loaded: LoadedModel,
    patching: Patching,
    rows: Sequence[Row],
    said: Sequence[Continuation],
    items: Sequence[tuple[UnitId, int]],
) -> list[tuple[bool, Tensor]]:
    """Of each text with its unit off: whether every next token is the unchanged model's, and the logits behind it."""
    read, followed = [rows[text] for _, text in items], [_followed(said[text]) for _, text in items]

    def values(layer: int, heads: Sequence[Sequence[int]]) -> Tensor:
        return patching.replacements.at(layer, read, heads, "mean")

    def of_mlps(layer: int, numbers: Sequence[int]) -> Tensor:
        return patching.mlp_outputs.at(layer, read, numbers, "mean")

    positions = [
        [row.start - 1 + place for place in range(max(1, len(tokens)))]
        for row, tokens in zip(read, followed, strict=True)
    ]
    heads = [[unit] if isinstance(unit, HeadId) else [] for unit, _ in items]
    mlps = [[unit] if isinstance(unit, MlpId) else [] for unit, _ in items]
    with torch.no_grad(), replace_heads(loaded, heads, values), replace_mlps(loaded, mlps, of_mlps):
        hidden = hidden_at(loaded, [row.ids for row in read], positions)
        firsts = torch.tensor([0, *map(len, positions)])[:-1].cumsum(0)
        logits = head_logits(loaded, hidden[firsts.to(hidden.device)]).float().cpu()
        likeliest = [head_logits(loaded, chunk).argmax(dim=-1) for chunk in hidden.split(PLACES)]
    tokens = torch.cat(likeliest).tolist()
    return [
        (tokens[first : first + len(own)] == own, of_text)
        for first, own, of_text in zip(firsts.tolist(), followed, logits, strict=True)
    ]


def _counts(spoken: Spoken, after: Sequence[Continuation]) -> dict[str, SideCounts]:
    """By side: texts, those whose answers are named, and how many of these are at fault and right."""
    by_side: dict[str, SideCounts] = {}
    for label in LABELS:
        rows = [
            (example, before, now)
            for example, before, now in zip(spoken.examples, spoken.said, after, strict=True)
            if example.label == label
        ]
        verdicts = [
            [verdict(one.text, example.expected, example.actual, spoken.match) for one in (before, now)]
            for example, before, now in rows
        ]
        judged = [both for both in verdicts if both[0]]
        numbers = {
            f"{name}_{when}": sum(both[place] == name for both in judged)
            for name in ("fault", "right")
            for place, when in enumerate(("before", "after"))
        }
        first = spoken.decisive
        same = sum(before.tokens[:first] == now.tokens[:first] for _, before, now in rows)
        by_side[label] = SideCounts(texts=len(rows), judged=len(judged), same=same, **numbers)
    return by_side
