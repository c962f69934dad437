"""The best signals that can be had on the compared texts, and the scores that they give heads and edges.

1. Gradients: attribution with integrated gradients of every head, on every partner of a text
   (`core.causal.edge_attribution`); without partners, attribution towards the mean of the normal texts
   (`core.causal.attribution`). In a model that gives no gradients the step is left out, and a note says so.
2. Exact effects of every head, where that takes few enough changed runs (`core.causal.evidence`); else of the
   STRONGEST heads that codes and gradients put first. These are the effects that the evidence rests on: they are
   measured once.
3. The score of a head by the rule of `core.analysis.signals`.
4. The score of an edge: codes and links, and its first-order effect, by the same rule. In large models edges run into
   the MOST_RECEIVERS best heads alone.

Effects are read on the same texts as the evidence. That makes candidates, not verdicts: where every head is tested, no
choice stands in front of the tests, and elsewhere p-values of what was chosen are somewhat too small.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from core.analysis.candidates import Scores, with_signals
from core.analysis.signals import Signals
from core.causal.attribution import attribution
from core.causal.bounds import HEAD_BOUND
from core.causal.comparison import Comparison
from core.causal.edge_attribution import STEPS, adds_up_by_head, attributed, tokens_at_once
from core.causal.evidence import HeadEffects, every_head_rounds
from core.causal.paired_runs import PairedRuns
from core.errors import ModelError
from core.examples.example_set import ExampleSet
from core.generators import relayed
from core.heads import HeadId
from core.model.loaded_model import LoadedModel
from core.model.memory import is_out_of_memory
from core.schema import Note, RankingRecord
from core.text import percent

STRONGEST = 64
"""Heads whose effect is measured in larger models."""

MOST_RECEIVERS = 64
"""Heads that edges are looked at into, by gradients."""

_NO_GRADIENT = ("grad", "derivative", "differentiable", "backward")
"""What errors of a model through which no gradient passes speak of."""


State = Literal["computed", "mean", "memory", "no_gradient", "not_finite"]


@dataclass(frozen=True)
class Ranking:
    """Scores of heads and edges, the signals behind them, and what they cost.

    `gradients` says whether there are any: `computed`, `mean` (towards the mean of the normal texts), or why there are
    none. `heads` are those whose effects were measured, in flat order, on the first `rounds` partners of each text.
    """

    scores: Scores
    signals: Signals
    comparison: Comparison
    gradients: State
    heads: tuple[HeadId, ...] = ()
    rounds: int = 1
    forward_passes: int = 0
    backward_passes: int = 0

    @property
    def effects(self) -> HeadEffects | None:
        """The measured effects, for the evidence; None where none were measured."""
        if self.signals.exact is None:
            return None
        measured = np.isfinite(self.signals.exact).any(axis=(0, 2))
        return HeadEffects(self.heads, self.signals.exact[:, measured])

    def record(self) -> RankingRecord:
        """For the manifest."""
        return RankingRecord(
            gradients=self.gradients,
            steps=STEPS if self.gradients == "computed" else 0,
            heads=len(self.heads),
            rounds=self.rounds,
            forward_passes=self.forward_passes,
            backward_passes=self.backward_passes,
        )

    def notes(self) -> list[Note]:
        """What a reader must know, as keys and values for the catalogues."""
        every, heads = len(self.scores.head_selected), len(self.heads)
        if not heads:
            effects = Note(key="ranking_effects_none")
        elif heads < every:
            effects = Note(key="ranking_effects_strongest", values={"heads": heads, "every": every})
        else:
            values = {"heads": heads, "bound": percent(HEAD_BOUND)}
            effects = Note(key="ranking_effects_every", values=values)
        steps = {"steps": STEPS} if self.gradients == "computed" else {}
        return [Note(key=f"ranking_gradients_{self.gradients}", values=steps), effects]


def ranked(
    codes: Scores, comparison: Comparison, examples: ExampleSet, seed: int, effects: bool = True
) -> Generator[int, None, Ranking]:
    """Rank all heads and edges; yields steps done, of `steps_of`.

    `codes` are the scores of the codes alone. Without `effects` no head is changed: codes and gradients rank. The
    comparison's gap must not be too small to be a behaviour.
    """
    return (yield from _Walk(codes, comparison, examples, seed, effects).ranking())


def rankable(comparison: Comparison) -> bool:
    """Whether effects are shares of anything: the gap is one, whether or not it could be chance."""
    return not comparison.metric.too_small and comparison.gap != 0


def steps_of(comparison: Comparison, effects: bool = True) -> int:
    """How many steps a ranking takes: gradients of single texts, and changed runs."""
    loaded = comparison.recording.loaded
    heads, rounds = _every(comparison), every_head_rounds(loaded, comparison)
    used = comparison.first(max(1, rounds))
    steps = comparison.count if used.method == "mean" else STEPS * comparison.count * len(used.rounds)
    if effects and comparison.fits:
        steps += used.runs(heads if rounds else heads[:STRONGEST])
    if len(heads) > MOST_RECEIVERS and used.method == "resample" and adds_up_by_head(loaded):
        steps += STEPS * comparison.count
    return steps


def _every(comparison: Comparison) -> list[HeadId]:
    return list(comparison.rounds[0].recording.loaded.heads)


class _Walk:
    """The steps of one ranking, and what they have found so far."""

    def __init__(
        self, codes: Scores, comparison: Comparison, examples: ExampleSet, seed: int, effects: bool
    ) -> None:
        self._codes, self._whole, self._examples, self._seed = codes, comparison, examples, seed
        self._measures = effects and comparison.fits
        self._loaded: LoadedModel = comparison.recording.loaded
        self._heads = _every(comparison)
        rounds = every_head_rounds(self._loaded, comparison)
        self._every_head = rounds > 0
        self._comparison = comparison.first(max(1, rounds))
        self._done = self._forward = self._backward = 0
        self._state: State = "computed"

    def ranking(self) -> Generator[int, None, Ranking]:
        """All steps in their order."""
        gradient, edges = yield from self._gradients()
        signals = Signals(gradient)
        heads, exact = yield from self._effects(with_signals(self._codes, signals))
        signals = replace(signals, exact=exact)
        if edges is None and gradient is not None and self._edges_follow:
            edges = yield from self._edges_into(with_signals(self._codes, signals).heads.score.numpy())
        return Ranking(
            scores=with_signals(self._codes, signals, edges),
            signals=signals,
            comparison=self._whole,
            gradients=self._state,
            heads=tuple(heads),
            rounds=len(self._comparison.rounds),
            forward_passes=self._forward,
            backward_passes=self._backward,
        )

    @property
    def _edges_follow(self) -> bool:
        """Whether edges have first-order effects here: between partners, where heads add up."""
        return self._comparison.method == "resample" and adds_up_by_head(self._loaded)

    def _gradients(self) -> Generator[int, None, tuple[np.ndarray | None, np.ndarray | None]]:
        """First-order effects of heads (text, head) and, in models of few heads, of edges (source, target)."""
        try:
            if self._comparison.method == "mean":
                return (yield from self._towards_the_mean()), None
            few = len(self._heads) <= MOST_RECEIVERS and self._edges_follow
            heads, edges = yield from self._on_pairs(self._comparison, None if few else [])
        except (RuntimeError, NotImplementedError, MemoryError, ModelError) as error:
            self._state = _why_none(error)
            return None, None
        if not np.isfinite(heads).all() or not np.isfinite(edges).all():
            self._state = "not_finite"
            return None, None
        return heads, edges if few else None

    def _on_pairs(
        self, comparison: Comparison, receivers: Sequence[int] | None
    ) -> Generator[int, None, tuple[np.ndarray, np.ndarray]]:
        """Integrated gradients of heads (text, head) and edges (source, target) over all partners."""
        of_heads, of_edges, pairs = [], np.zeros((len(self._heads),) * 2), 0
        for one in comparison.rounds:
            runs = PairedRuns(
                self._loaded,
                self._examples,
                self._seed,
                one.alignment,
                tokens_at_once(self._loaded, None if receivers is None else len(receivers)),
                comparison.recording,
                one.metric,
                behind_prefix=True,
            )
            found = yield from relayed(attributed(runs, STEPS, receivers), self._done.__add__)
            of_heads.append(found.by_pair.T * one.metric.gap)
            of_edges += found.edges * one.metric.gap * runs.count
            pairs += runs.count
            self._done += STEPS * runs.count
            self._forward += found.forward_passes
            self._backward += found.backward_passes
        heads = comparison.over_partners(of_heads).T / comparison.gap
        return heads, of_edges / (pairs * comparison.gap)

    def _towards_the_mean(self) -> Generator[int, None, np.ndarray | None]:
        """Attribution (text, head) of giving each head its mean over the normal texts."""
        one = self._comparison.rounds[0]
        found = yield from relayed(attribution(one.recording, one.patching, one.metric), self._done.__add__)
        self._done += len(one.texts)
        self._forward += found.forward_passes
        self._backward += found.backward_passes
        self._state = "mean"
        values = found.values.reshape(len(self._heads), -1).T
        if not np.isfinite(values).all():
            self._state = "not_finite"
            return None
        return values

    def _effects(self, cheap: Scores) -> Generator[int, None, tuple[list[HeadId], np.ndarray | None]]:
        """The heads whose exact effects are measured, and these (direction, head, text), NaN for other heads."""
        comparison = self._comparison
        if not self._measures:
            return [], None
        heads = self._heads
        if not self._every_head:
            order = np.argsort(-cheap.heads.score.numpy(), kind="stable")[:STRONGEST]
            heads = [self._heads[i] for i in sorted(order.tolist())]
        before = comparison.forward_passes
        values = yield from relayed(comparison.effects(heads), self._done.__add__)
        self._done += comparison.runs(heads)
        self._forward += comparison.forward_passes - before
        exact = np.full((len(values), len(self._heads), values.shape[-1]), np.nan)
        places = {head: place for place, head in enumerate(self._heads)}
        exact[:, [places[head] for head in heads]] = values
        return heads, exact

    def _edges_into(self, scores: np.ndarray) -> Generator[int, None, np.ndarray | None]:
        """First-order effects of edges (source, target) into the best heads, on the first partner of each text."""
        best = np.argsort(-scores, kind="stable")[:MOST_RECEIVERS]
        try:
            _, edges = yield from self._on_pairs(self._comparison.first(1), sorted(best.tolist()))
        except (RuntimeError, MemoryError, ModelError) as error:
            if not is_out_of_memory(error):
                raise
            return None
        return edges if np.isfinite(edges).all() else None


def _why_none(error: BaseException) -> State:
    """Why there are no gradients; raises the error where it is another one."""
    if is_out_of_memory(error):
        return "memory"
    if isinstance(error, RuntimeError | NotImplementedError) and any(
        word in str(error).lower() for word in _NO_GRADIENT
    ):
        return "no_gradient"
    raise error
