"""Tokenising the examples and aligning their positions.

1. Pairs: those that the user gave; a text and its first made partner, where it has no other of equal length; else texts
   of one template are paired automatically, one to one, so that the number of differing tokens is smallest (an
   assignment problem). A text's other made partners are further pairs, on which effects are measured too.
2. Positions that correspond across all examples ("slots"):
   - `aligned`: every text has the same number of tokens; a slot is a position. Where pairs first differ at
     different positions, positions counted from there ("+0", "+1", …) are slots as well: a head that works just
     behind the difference works there in every pair.
   - `pairs`: only the two texts of each pair have the same number; slots are counted from the pair's first
     differing token and, where the pairs' lengths differ, from the end too.
   - `matched`: a slot is a column of the token alignment of all texts (`core.examples.token_alignment`) that most texts
     of both sides have; the others are left out of it. Texts that have almost nothing in common take `last_mean`.
   - `last_mean`, `last`, `mean`: the mean over all tokens and the last token, or one of them. In conversations, whose
     beginning (a long system message) is often the same, the mean leaves out the tokens that all texts begin with; and
     the tokens that all of them end with (the opening of the answer) are compared each, "-3", "-2", last.
   The last slot is always the last token, unless only the mean is compared.
3. A slot where no text can differ is dropped: in a decoder a position depends on the tokens up to it alone, so
   positions in front of the first difference carry no information.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Literal

import numpy as np

from core.errors import ExamplesError
from core.examples.example_set import LABELS, Example, ExampleSet, shortened
from core.examples.slots import LEAST_IN_COMMON, Mode, slots_of
from core.examples.token_alignment import ABSENT
from core.schema import AlignmentRecord, Note

PositionMode = Literal["auto", "aligned", "matched", "last", "mean"]

LARGEST_DIFFERENCE = 1 / 3
"""Texts are of one template where at most this share of their tokens differs."""

PairSource = Literal["given", "matched", "made"]
PairsSource = Literal["given", "automatic", "made", "none"]


@dataclass(frozen=True)
class Alignment:
    """Which positions of which examples are compared.

    `kept` are indices into the example set: anomalous first, then normal; where there are pairs, the i-th anomalous
    belongs to the i-th normal. `positions` is (len(kept), slots), MEAN and less for means over tokens, ABSENT where a
    text has no token that corresponds. `sources` says of each pair where its partner comes from; `further` are pairs
    (anomalous, normal) of a given text with more made partners.
    """

    mode: Mode
    reason: str
    kept: tuple[int, ...]
    n_anomalous: int
    slots: tuple[str, ...]
    positions: np.ndarray
    pairs_source: PairsSource = "none"
    left_out: tuple[int, ...] = ()
    values: Mapping[str, int] = field(default_factory=dict)
    sources: tuple[PairSource, ...] = ()
    further: tuple[tuple[int, int], ...] = ()

    @property
    def paired(self) -> bool:
        """Whether the examples are pairs."""
        return self.pairs_source != "none"

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Indices (anomalous, normal) into the example set; empty without pairs."""
        sides = self.kept[: self.n_anomalous], self.kept[self.n_anomalous :]
        return list(zip(*sides, strict=True)) if self.paired else []

    @property
    def source_of(self) -> dict[int, PairSource]:
        """By example, where its partner comes from, or it comes from itself; those without a partner are not there."""
        known: dict[int, PairSource] = {i: "made" for pair in self.further for i in pair}
        known |= {i: source for pair, source in zip(self.pairs, self.sources, strict=True) for i in pair}
        return known

    @property
    def made(self) -> bool:
        """Whether any partner is made."""
        return "made" in self.sources

    def rounds(self) -> list["Alignment"]:
        """The pairs, then the further ones of anomalous texts in rounds, in which each text stands at most once.

        Further rounds compare no positions.
        """
        rounds: list[dict[int, int]] = []
        for anomalous, normal in self.further:
            if anomalous not in self.kept:
                continue
            free = next((of_round for of_round in rounds if anomalous not in of_round), None)
            if free is None:
                rounds.append(free := {})
            free[anomalous] = normal
        return [self, *(self._round(of_round) for of_round in rounds)]

    def _round(self, pairs: Mapping[int, int]) -> "Alignment":
        kept, count = (*pairs.keys(), *pairs.values()), len(pairs)
        nothing = np.zeros((len(kept), 0), dtype=int)
        return replace(
            self,
            kept=kept,
            n_anomalous=count,
            slots=(),
            positions=nothing,
            sources=_made(count),
            further=(),
        )


def align(
    examples: ExampleSet,
    ids: Sequence[Sequence[int]],
    mode: PositionMode = "auto",
    pairing: str = "auto",
    own: Sequence[int] = (),
) -> Alignment:
    """Pair and align the examples with token ids `ids` (one sequence an example).

    `own` counts the tokens of each text that are its own, all where it is empty: texts share a template where few of
    these differ, however long the system message is that they have in common.

    Raises ExamplesError where `aligned` is asked for and cannot be had, or the two texts of a pair are the same tokens.
    """
    paired = find_pairs(examples.examples, ids, pairing, own)
    pairs = paired.pairs
    _check_difference(examples.examples, ids, pairs)
    anomalous, normal = [list(side) for side in zip(*pairs, strict=True)] or [
        [i for i, example in enumerate(examples.examples) if example.label == label and not example.source]
        for label in LABELS
    ]
    kept, n_anomalous = (*anomalous, *normal), len(anomalous)
    lengths = [len(ids[i]) for i in kept]
    values = {"shortest": min(lengths), "longest": max(lengths)}
    compared, reason = _choose_mode(mode, lengths, pairs, ids, values)
    texts = [ids[i] for i in kept]
    about_texts = texts, n_anomalous, bool(pairs), examples.form == "chat"
    slots = slots_of(compared, *about_texts)
    if compared == "matched" and mode == "auto" and slots.alike < LEAST_IN_COMMON:
        compared, reason = "last_mean", "nothing_in_common"
        slots = slots_of(compared, *about_texts)
    values |= {"slots": len(slots.names)} if compared == "matched" else {}
    left_out = tuple(
        i for i, example in enumerate(examples.examples) if i not in set(kept) and not example.source
    )
    about = paired.source, left_out, values, paired.sources, paired.further
    return Alignment(compared, reason, kept, n_anomalous, slots.names, slots.positions, *about)


@dataclass(frozen=True)
class Pairs:
    """Pairs (anomalous, normal) of indices, where the partner of each comes from, and those with more made partners."""

    pairs: tuple[tuple[int, int], ...] = ()
    sources: tuple[PairSource, ...] = ()
    further: tuple[tuple[int, int], ...] = ()

    @property
    def source(self) -> PairsSource:
        """Where the pairs come from in all: given ones count before those found, and these before made ones."""
        if "given" in self.sources:
            return "given"
        if "matched" in self.sources:
            return "automatic"
        return "made" if self.sources else "none"


def find_pairs(
    examples: Sequence[Example], ids: Sequence[Sequence[int]], pairing: str, own: Sequence[int] = ()
) -> Pairs:
    """The pairs of examples with token ids `ids`; those with made partners alone where `pairing` is off."""
    if pairing == "off":
        return _named([_nameless(example) for example in examples], ids)
    named = _named(examples, ids)
    unpaired = [i for i, example in enumerate(examples) if not example.pair]
    rest = [[i for i in unpaired if examples[i].label == label and examples[i].text] for label in LABELS]
    if pairing != "auto" or not all(rest):
        return named
    matched = _assign(rest[0], rest[1], ids, own or [len(text) for text in ids])
    from_rest: list[PairSource] = ["matched"] * len(matched)
    return replace(named, pairs=(*named.pairs, *matched), sources=(*named.sources, *from_rest))


def _nameless(example: Example) -> Example:
    """A given normal text without its pair name, so that it is no partner."""
    given_normal = example.label == "normal" and not example.source
    return example.model_copy(update={"pair": ""}) if given_normal else example


def _named(examples: Sequence[Example], ids: Sequence[Sequence[int]]) -> Pairs:
    """Pairs of one name: two given texts, or a given anomalous text and its first made partner.

    A made partner also goes before a given one that has another number of tokens.
    """
    names = dict.fromkeys(example.pair for example in examples if example.pair)
    members: dict[tuple[str, str, bool], list[int]] = defaultdict(list)
    for i, example in enumerate(examples):
        members[example.pair, example.label, bool(example.source)].append(i)
    pairs: list[tuple[int, int]] = []
    sources: list[PairSource] = []
    further: list[tuple[int, int]] = []
    for name in names:
        anomalous, normal = members[name, "anomalous", False], members[name, "normal", False]
        both = list(product(anomalous, normal))
        partnered = list(product(anomalous, members[name, "normal", True]))
        alike = [(i, j) for i, j in both if len(ids[i]) == len(ids[j])]
        main = [*alike, *partnered, *both][:1]
        pairs += main
        sources += ["given" if pair in both else "made" for pair in main]
        further += [pair for pair in partnered if pair not in main]
        further += product(members[name, "anomalous", True], normal)
    return Pairs(tuple(pairs), tuple(sources), tuple(further))


def _check_difference(
    examples: Sequence[Example], ids: Sequence[Sequence[int]], pairs: Sequence[tuple[int, int]]
) -> None:
    """Texts that differ for a reader can be the same for the model, where its tokenizer drops what sets them apart."""
    for anomalous, normal in pairs:
        if list(ids[anomalous]) == list(ids[normal]):
            first, second = (shortened(examples[i].text) for i in (anomalous, normal))
            pair = examples[anomalous].pair or "–"
            raise ExamplesError("pair_of_same_tokens", pair=pair, first=first, second=second)


def differing(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens differ between texts of the same length; all of them where lengths differ."""
    if len(first) != len(second):
        return max(len(first), len(second))
    return sum(a != b for a, b in zip(first, second, strict=True))


def _assign(
    anomalous: Sequence[int], normal: Sequence[int], ids: Sequence[Sequence[int]], own: Sequence[int]
) -> list[tuple[int, int]]:
    from scipy.optimize import linear_sum_assignment  # here: the pages read this module, and never need it

    cost = np.array([[differing(ids[a], ids[n]) for n in normal] for a in anomalous], dtype=float)
    length = np.array([[max(own[a], own[n]) for n in normal] for a in anomalous])
    same_template = cost <= length * LARGEST_DIFFERENCE
    rows, columns = linear_sum_assignment(np.where(same_template, cost, 1e6))
    if not same_template[rows, columns].all():
        return []
    return [(anomalous[row], normal[column]) for row, column in zip(rows, columns, strict=True)]


def _choose_mode(
    asked: PositionMode,
    lengths: Sequence[int],
    pairs: Sequence[tuple[int, int]],
    ids: Sequence[Sequence[int]],
    values: Mapping[str, int],
) -> tuple[Mode, str]:
    if asked in ("matched", "last", "mean"):
        return asked, "asked"
    if len(set(lengths)) == 1:
        return "aligned", "same_length"
    if pairs and all(len(ids[a]) == len(ids[n]) for a, n in pairs):
        return "pairs", "same_length_in_pairs"
    if asked == "aligned":
        raise ExamplesError("not_alignable", **values)
    return "matched", "lengths_differ"


def describe(alignment: Alignment) -> AlignmentRecord:
    """The alignment for the manifest; positions for each example of the set, empty for those left out, None for slots
    that a text lacks.
    """
    places = [tuple(None if p == ABSENT else p for p in row) for row in alignment.positions.tolist()]
    compared = dict(zip(alignment.kept, places, strict=True))
    return AlignmentRecord(
        mode=alignment.mode,
        reason=Note(key=alignment.reason, values=dict(alignment.values)),
        pairs=tuple(alignment.pairs),
        pairs_source=alignment.pairs_source,
        sources=alignment.sources,
        further=alignment.further,
        left_out=alignment.left_out,
        slots=alignment.slots,
        positions=tuple(compared.get(index, ()) for index in range(_count(alignment))),
    )


def _made(count: int) -> tuple[PairSource, ...]:
    made: PairSource = "made"
    return (made,) * count


def _count(alignment: Alignment) -> int:
    """How many examples the set has, made partners among them."""
    further = (i for pair in alignment.further for i in pair)
    return 1 + max([*alignment.kept, *alignment.left_out, *further])
