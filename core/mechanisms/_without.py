"""The model with one head or MLP block switched off at a time: what it says, and what its last logits lose.

1. A unit that is off writes its mean over the normal texts, as in the ablations of the page Evidence.
2. Each text is read once for each unit, with what the unchanged model says behind it, as far as that tells the verdict.
   Where the likeliest next token is that of the unchanged model at every such place, the verdict is known.
3. Only the other texts are continued by the changed model itself.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product

import torch
from torch import Tensor

from core.causal.metric import Row
from core.causal.mlp_blocks import replace_mlps
from core.causal.patching import Patching
from core.causal.replacements import replace_heads
from core.examples.answer_match import Match, plain, verdict
from core.examples.example_set import LABELS, Example
from core.generators import relayed
from core.heads import HeadId, MlpId, UnitId
from core.mechanisms._answers import Way
from core.model.batching import BATCH_ROWS, tokens_for
from core.model.hooks import on_z, tokens_in_front
from core.model.loaded_model import LoadedModel
from core.model.mlp_outputs import on_mlp
from core.model.next_token import head_logits, hidden_at
from core.model.recording import Recording
from core.model.tokens.continuations import UNREADABLE, Continuation, continued, readable
from core.schema import SideCounts

PLACES = 64
"""Places whose logits are held at a time."""
BEHIND = 3
"""Characters behind an answer that tell whether its last word or number ends there (4 is neither 45 nor 4.5)."""


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
    followed = [_followed(loaded, spoken, number) for number in range(len(spoken.texts))]
    rows = [
        Row(number, (*text, *tokens[: max(0, len(tokens) - 1)]), len(text), ())
        for number, (text, tokens) in enumerate(zip(spoken.texts, followed, strict=True))
    ]
    plain_run = Recording(loaded, [row.ids for row in rows], streams=True)
    patching.mlp_outputs.prepare(
        rows, {unit.layer for unit in units if isinstance(unit, MlpId)}, "mean", False
    )
    heard = [_Heard(spoken) for _ in units]
    items = sorted(product(range(len(units)), range(len(rows))), key=lambda item: units[item[0]].layer)
    passes = 0

    def counted(_step: int = 0) -> int:
        nonlocal passes
        passes += 1
        return passes

    yield from relayed(plain_run.read(), counted)
    for batch in _batches(items, [len(row.ids) for row in rows], tokens_for(loaded.device)):
        off = [(units[unit], text) for unit, text in batch]
        read = _pass(loaded, patching, plain_run, rows, followed, off)
        for (unit, text), (alike, logits) in zip(batch, read, strict=True):
            heard[unit].take(text, alike, logits)
        yield counted()
    changed = [(unit, text) for unit in range(len(units)) for text in heard[unit].changed]
    texts = [spoken.texts[text] for _, text in changed]

    def off_rows(numbers: Sequence[int]) -> AbstractContextManager[object]:
        return _off(loaded, patching, [units[changed[number][0]] for number in numbers])

    running = continued(loaded, texts, spoken.count, of_rows=off_rows)
    written = yield from relayed(running, counted)
    for (unit, text), continuation in zip(changed, written, strict=True):
        heard[unit].after[text] = continuation
    return [of_unit.told() for of_unit in heard]


class _Heard:
    """What is known of one unit while its texts are read."""

    def __init__(self, spoken: Spoken) -> None:
        self._spoken, self.after = spoken, list(spoken.said)
        self.changed: list[int] = []
        self._lost = torch.zeros(spoken.logits.shape[-1])
        self._on_answers: dict[Way, list[float]] = {}
        self._anomalous = [example.label == "anomalous" for example in spoken.examples]

    def take(self, text: int, alike: bool, logits: Tensor) -> None:
        """One text with the unit off: whether every next token is as before, and the logits behind it."""
        if not alike:
            self.changed.append(text)
        if self._anomalous[text]:
            change = self._spoken.logits[text] - logits
            self._lost += change
            for way, token in (self._spoken.answers[text] if self._spoken.answers else {}).items():
                self._on_answers.setdefault(way, []).append(float(change[token] - change.mean()))

    def told(self) -> Without:
        """Counts and means."""
        means = {way: sum(values) / len(values) for way, values in self._on_answers.items()}
        return Without(_counts(self._spoken, self.after), self._lost / max(1, sum(self._anomalous)), means)


def _batches(
    items: Sequence[tuple[int, int]], lengths: Sequence[int], budget: int
) -> Iterator[list[tuple[int, int]]]:
    """Runs in their order, cut where so many tokens are read with padding."""
    batch: list[tuple[int, int]] = []
    for item in items:
        longest = max(lengths[text] for _, text in [*batch, item])
        if batch and (longest * (len(batch) + 1) > budget or len(batch) == BATCH_ROWS):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


@contextmanager
def _off(loaded: LoadedModel, patching: Patching, units: Sequence[UnitId]) -> Iterator[None]:
    """Each row of the passes inside has its unit off: whole texts, which end at the last place, then written tokens."""
    by_layer: dict[tuple[type, int], list[tuple[int, int | None]]] = {}
    for row, unit in enumerate(units):
        by_layer.setdefault((type(unit), unit.layer), []).append((row, getattr(unit, "head", None)))

    def change(kind: type, layer: int, values: Tensor) -> Tensor:
        changed = values.clone()
        for row, head in by_layer[kind, layer]:
            if head is None:
                everywhere, last = patching.mlp_outputs.means(layer)
            else:
                everywhere, last = (means[layer][head] for means in patching.replacements.means)
            own = changed[row] if head is None else changed[row, :, head]
            own[:] = everywhere.to(values)
            if not in_front():
                own[-1] = last.to(values)
        return changed

    with ExitStack() as stack:
        in_front = stack.enter_context(tokens_in_front(loaded))
        for kind, layer in by_layer:
            on = on_mlp if kind is MlpId else on_z
            stack.enter_context(on(loaded, layer, partial(change, kind, layer)))
        yield


def _followed(loaded: LoadedModel, spoken: Spoken, number: int) -> list[int]:
    """The next tokens that the unchanged model chose behind a text, up to where they tell the verdict.

    The token that ended it is one of them.
    """
    said, example = spoken.said[number], spoken.examples[number]
    longest = max(len(plain(answer)) for answer in (example.expected, example.actual))
    if spoken.match == "begins":
        for count in range(spoken.decisive, len(said.tokens)):
            beginning = readable(loaded, spoken.texts[number], said.tokens[:count]).rstrip(UNREADABLE)
            if not longest or len(plain(beginning)) >= longest + BEHIND:
                return list(said.tokens[:count])
    return [*said.tokens, *([said.end_id] if said.end == "ended" else [])]


def _pass(
    loaded: LoadedModel,
    patching: Patching,
    plain: Recording,
    rows: Sequence[Row],
    followed: Sequence[Sequence[int]],
    items: Sequence[tuple[UnitId, int]],
) -> list[tuple[bool, Tensor]]:
    """Of each text with its unit off: whether every next token is the unchanged model's, and the logits behind it."""
    read, own_tokens = [rows[text] for _, text in items], [list(followed[text]) for _, text in items]

    def values(layer: int, heads: Sequence[Sequence[int]]) -> Tensor:
        return patching.replacements.at(layer, read, heads, "mean")

    def of_mlps(layer: int, numbers: Sequence[int]) -> Tensor:
        return patching.mlp_outputs.at(layer, read, numbers, "mean")

    positions = [
        [row.start - 1 + place for place in range(max(1, len(tokens)))]
        for row, tokens in zip(read, own_tokens, strict=True)
    ]
    heads = [[unit] if isinstance(unit, HeadId) else [] for unit, _ in items]
    mlps = [[unit] if isinstance(unit, MlpId) else [] for unit, _ in items]
    resumed = plain.resumed([text for _, text in items], min(unit.layer for unit, _ in items))
    with resumed, torch.no_grad(), replace_heads(loaded, heads, values), replace_mlps(loaded, mlps, of_mlps):
        hidden = hidden_at(loaded, [row.ids for row in read], positions)
        firsts = torch.tensor([0, *map(len, positions)])[:-1].cumsum(0)
        logits = head_logits(loaded, hidden[firsts.to(hidden.device)]).float().cpu()
        likeliest = [head_logits(loaded, chunk).argmax(dim=-1) for chunk in hidden.split(PLACES)]
    tokens = torch.cat(likeliest).tolist()
    return [
        (tokens[first : first + len(own)] == own, of_text)
        for first, own, of_text in zip(firsts.tolist(), own_tokens, logits, strict=True)
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
