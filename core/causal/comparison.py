"""What effects are measured on: the texts that are compared, each with one partner or several, and their metric.

A text whose partners were made may have several of them. They come in rounds (`Alignment.rounds`): the first holds one
pair of each text, the others hold each text at most once. What changing a head does to a text is averaged over the
text's partners, and the gap likewise: over the partners of a text first, then over the texts. An effect is the one as a
share of the other, so that a text with many partners weighs no more than one with a single partner, and a partner
whose own gap is small cannot blow an effect up. The unit of every statistic is the text.

With one partner a text, or with none, this is the single comparison of `core.causal.patching`.
"""

from collections.abc import Collection, Generator, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np

from core.causal.ablation_comparison import fits
from core.causal.metric import Metric, metric_on
from core.causal.patching import AnyTarget, HeadSet, Method, Patching
from core.causal.path_patching import Reads
from core.causal.replacements import AblationKind
from core.examples.alignment import Alignment
from core.examples.example_set import ExampleSet
from core.generators import relayed
from core.heads import HeadId
from core.model.recording import Recording


@dataclass(frozen=True)
class Round:
    """Texts with one partner each, or without any: their plain runs, the metric, the changed runs.

    `texts` says of each anomalous text of the round which one of the comparison it is.
    """

    alignment: Alignment
    recording: Recording
    metric: Metric
    patching: Patching
    texts: tuple[int, ...]

    @property
    def gaps(self) -> np.ndarray:
        """How far the metric of each text lies above that of its partner (text of the round,)."""
        values, count = self.metric.values, self.metric.n_anomalous
        gaps: np.ndarray = values[:count] - values[count:]
        return gaps


class Comparison:
    """All rounds of an example set. `recording` is of the whole set, `metric` that of `alignment` where it is there.

    At most `most_rounds` rounds are used. Further rounds are left out where the first one is not resampled, since
    partners of other lengths say nothing position by position, and where z of all heads does not fit into the memory
    set aside (`fits`): z is then kept of `heads` alone, by default of all. Raises ExamplesError where a text with its
    answer is longer than the model reads.
    """

    def __init__(
        self,
        recording: Recording,
        examples: ExampleSet,
        alignment: Alignment,
        seed: int,
        metric: Metric | None = None,
        heads: Collection[HeadId] | None = None,
        most_rounds: int | None = None,
    ) -> None:
        self.alignment, self.recording = alignment, recording
        self._passes_before = recording.forward_passes
        main = metric or metric_on(recording, examples, alignment, seed)
        self.fits = fits(recording.loaded, [row.ids for row in main.rows])
        known = None if self.fits else heads
        self.rounds = [_round(recording, alignment, main, seed, known, range(alignment.n_anomalous))]
        if main.differs and self.fits and self.method == "resample":
            place = {text: number for number, text in enumerate(alignment.kept[: alignment.n_anomalous])}
            for further in alignment.rounds()[1:most_rounds]:
                of_round = metric_on(recording, examples, further, seed)
                texts = [place[text] for text in further.kept[: further.n_anomalous]]
                self.rounds.append(_round(recording, further, of_round, seed, None, texts))

    def first(self, rounds: int) -> "Comparison":
        """The same with its first rounds alone."""
        fewer = copy(self)
        fewer.rounds = self.rounds[:rounds]
        return fewer

    @property
    def metric(self) -> Metric:
        """That of the first round; it says whether the sides differ."""
        return self.rounds[0].metric

    @property
    def patching(self) -> Patching:
        """The changed runs of the first round."""
        return self.rounds[0].patching

    @property
    def method(self) -> Method:
        """How heads are changed: `resample` or `mean`."""
        return self.patching.method

    @property
    def differs(self) -> bool:
        """Whether the model behaves differently on the two sides."""
        return self.metric.differs

    @property
    def count(self) -> int:
        """Anomalous texts."""
        return self.alignment.n_anomalous

    @property
    def directions(self) -> int:
        """Directions in which effects are measured: noising, and between the texts of pairs denoising."""
        return len(self.patching.texts)

    @property
    def gap(self) -> float:
        """What effects are shares of: the metric's gap, over a text's partners first, then over the texts."""
        if len(self.rounds) == 1:
            return self.metric.gap
        return float(self.over_partners([one.gaps for one in self.rounds]).mean())

    @property
    def forward_passes(self) -> int:
        """Forward passes made for this comparison, with those of the plain texts that it was the first to read."""
        own = sum(one.patching.forward_passes + one.metric.plain_passes for one in self.rounds)
        return own + self.recording.forward_passes - self._passes_before

    def runs(self, targets: Sequence[AnyTarget]) -> int:
        """How many changed runs `effects` makes."""
        return sum(one.patching.runs(targets) for one in self.rounds)

    def effects(
        self,
        targets: Sequence[AnyTarget],
        reads: Reads = "all",
        directions: Sequence[int] | None = None,
    ) -> Generator[int, None, np.ndarray]:
        """Effects (direction, target, text) as shares of the gap; yields the runs done after each forward pass.

        noising: what the anomalous run loses; denoising: what the normal run gains. Positive where the target works
        towards the anomalous behaviour. `reads` limits what the receiver of an edge sees of the change; `directions`
        are numbers of directions, by default all.
        """
        changes, done = [], 0
        for one in self.rounds:
            running = one.patching.effects(targets, one.metric, reads, directions)
            shares = yield from relayed(running, done.__add__)
            changes.append(shares * one.metric.gap)
            done += one.patching.runs(targets) * len(shares) // self.directions
        return self.over_partners(changes) / self.gap

    def removed(
        self, sets: Sequence[HeadSet], kind: AblationKind | None = None
    ) -> Generator[int, None, np.ndarray]:
        """Shares (set, text) of the gap that the anomalous texts lose with all heads of a set changed together.

        By the comparison's own way of changing them, or by `kind`. Yields the runs done after each forward pass.
        """
        changes, done = [], 0
        for one in self.rounds:
            texts = range(one.metric.n_anomalous)
            running = one.patching.measure(sets, texts, one.metric, kind or one.patching.method)
            changed = yield from relayed(running, done.__add__)
            changes.append(one.metric.values[: len(texts)] - changed)
            done += len(sets) * len(texts)
        return self.over_partners(changes) / self.gap

    def over_partners(self, of_rounds: Sequence[np.ndarray]) -> np.ndarray:
        """Means (…, text) over the partners of each text, of one array (…, text of the round) a round."""
        total = np.zeros((*of_rounds[0].shape[:-1], self.count))
        for one, values in zip(self.rounds, of_rounds, strict=True):
            total[..., list(one.texts)] += values
        return total / np.bincount([text for one in self.rounds for text in one.texts])


def _round(
    recording: Recording,
    alignment: Alignment,
    metric: Metric,
    seed: int,
    heads: Collection[HeadId] | None,
    texts: Sequence[int],
) -> Round:
    compared = recording.of(alignment.kept)
    patching = Patching(compared, alignment.n_anomalous, alignment.paired, seed, heads)
    return Round(alignment, compared, metric, patching, tuple(texts))
