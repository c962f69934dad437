"""The steps of the evidence, one after the other."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from core.causal.ablation_comparison import effects_when_out, summary
from core.causal.attribution import Attribution, attribution
from core.causal.bounds import EDGE_BOUND, HEAD_BOUND
from core.causal.comparison import Comparison
from core.causal.evidence._chosen import HeadEffects, chosen, every_head_rounds, strongest
from core.causal.evidence._notes import about_of, agreement, notes_of, tested_notes, why_nothing
from core.causal.evidence._steps import Steps
from core.causal.evidence.joint import Joint, joint
from core.causal.evidence.joint import runs as joint_runs
from core.causal.metric import Metric, answer_tokens_of
from core.causal.patching import Target
from core.causal.qkv_effects import PARTS, carried_by, part_effects, separable
from core.causal.replacements import KINDS, AblationKind
from core.causal.verdicts import CONFIRMED, PARTLY, Findings, judge
from core.errors import ModelError
from core.examples.alignment import Alignment
from core.examples.example_set import ExampleSet
from core.heads import EdgeId, HeadId
from core.model.loaded_model import LoadedModel
from core.model.logit_attribution import has_plain_stream
from core.model.memory import is_out_of_memory
from core.model.recording import Recording
from core.schema import AnswerToken, EvidenceAbout, HeadEvidence, Note, Progress

State = Literal["computed", "not_computed", "no_difference"]
MOST_EDGES = 40
"""Edges tested at most, the strongest."""


@dataclass(frozen=True)
class Evidence:
    """The state of the evidence, what was found, what it cost, and what a reader must know.

    `answers` are what the tokens of the answers add to the metric. `attribution` is (flat head,). `others` are effects
    (head, text) of the heads `compared` under the other ablations; `by_head` sums all ablations up by head. `joint` is
    what the confirmed heads do together. `untested` are heads that were not tested although a signal gives them an
    effect of at least the bound.
    """

    state: State = "not_computed"
    heads: Findings | None = None
    edges: Findings | None = None
    forward_passes: int = 0
    about: EvidenceAbout = field(default_factory=EvidenceAbout)
    notes: Sequence[Note] = ()
    answers: Sequence[AnswerToken] = ()
    attribution: np.ndarray | None = None
    others: Mapping[str, np.ndarray] = field(default_factory=dict)
    by_head: Mapping[HeadId, HeadEvidence] = field(default_factory=dict)
    compared: Sequence[HeadId] = ()
    joint: Joint | None = None
    untested: Sequence[HeadId] = ()


def gather(
    recording: Recording,
    examples: ExampleSet,
    alignment: Alignment,
    heads: Sequence[HeadId],
    edges: Sequence[EdgeId],
    seed: int,
    metric: Metric | None = None,
    *,
    comparison: Comparison | None = None,
    measured: HeadEffects | None = None,
    signals: Mapping[str, np.ndarray] | None = None,
    widen: bool = True,
) -> Generator[Progress, None, Evidence]:
    """Test heads and edges; Progress records of the stage `evidence` on the way.

    `heads` are the candidates and `edges` the scored edges, best first; those between heads that turn
    out to matter are tested. `recording` is of the whole example set,
    `metric` that of the compared texts where it is there already, or `comparison` with all that was measured on it:
    effects that are `measured` are not measured again. `signals` (flat head,) are cheap guesses of effects, beside the
    attribution. Without `widen` the candidates alone are tested. Without a candidate head nothing is run.
    """
    if not heads:
        return Evidence(forward_passes=metric.plain_passes if metric else 0)
    before = comparison.forward_passes if comparison else 0
    if comparison is None:
        known = {*heads, *(edge.source for edge in edges[:MOST_EDGES])}
        comparison = Comparison(recording, examples, alignment, seed, metric, known)
    answers = answer_tokens_of(comparison.metric, recording.loaded, alignment.kept)
    if not comparison.differs:
        notes = [why_nothing(comparison.metric), *comparison.metric.notes]
        passes, about = comparison.forward_passes - before, about_of(comparison)
        return Evidence("no_difference", None, None, passes, about, notes, answers)
    gathering = _Gathering(comparison, list(heads), list(edges), seed, signals or {})
    evidence = yield from gathering.steps(measured, widen)
    passes = (
        gathering.comparison.forward_passes
        - before
        + (gathering.guess.forward_passes if gathering.guess else 0)
    )
    return replace(evidence, forward_passes=passes, answers=answers)


class _Gathering:
    """The evidence of one comparison whose sides differ."""

    def __init__(
        self,
        comparison: Comparison,
        candidates: list[HeadId],
        edges: list[EdgeId],
        seed: int,
        signals: Mapping[str, np.ndarray],
    ) -> None:
        self._loaded: LoadedModel = comparison.recording.loaded
        self._every = self._loaded.heads
        rounds = every_head_rounds(self._loaded, comparison) or 1
        self.comparison = comparison.first(rounds)
        self.fewer = rounds < len(comparison.rounds)
        self._candidates, self._seed, self._signals = candidates, seed, signals
        self.edges = edges if has_plain_stream(self._loaded) else []
        self.guess: Attribution | None = None
        self._steps = Steps(1)

    def steps(self, measured: HeadEffects | None, widen: bool) -> Generator[Progress, None, Evidence]:
        """All that is asked, in its order."""
        comparison = self.comparison
        known = set() if measured is None else set(measured.heads)
        self._plan([head for head in self._candidates if head not in known], first=comparison.count)
        yield from self._attribution()
        tested = self._candidates
        if widen and comparison.fits:
            tested = chosen(self._loaded, comparison, tested, self._signals)
        self._plan([head for head in tested if head not in known])
        of_heads = yield from self._of_heads(tested, measured)
        matter = that_matter(of_heads)
        self.edges = [edge for edge in self.edges if edge.source in matter and edge.target in matter]
        compared = [head for head in tested if head in matter or head in self._candidates]
        self._plan([], compared=len(compared))
        of_edges = yield from self._of_edges()
        others = yield from self._others(compared)
        together = yield from self._together(of_heads)
        effect_of = dict(zip(of_heads.targets, of_heads.per_example[0], strict=True))
        first = np.stack([effect_of[head] for head in compared])
        by_head = {head: HeadEvidence() for head in tested}
        by_head |= summary(compared, {comparison.method: first, **others}, HEAD_BOUND, self._seed)
        yield Progress("evidence", self._steps.total, self._steps.total)
        return Evidence(
            "computed",
            of_heads,
            of_edges,
            about=self._about(of_heads, of_edges, together),
            notes=self._notes(of_heads, of_edges, by_head, bool(others)),
            attribution=None if self.guess is None else self.guess.mean,
            others=others,
            by_head=by_head,
            compared=compared,
            joint=together,
            untested=self._untested(tested),
        )

    def _plan(self, missing: Sequence[HeadId], compared: int | None = None, first: int = 0) -> None:
        """Count anew what is still to come, as far as it is known: `missing` heads, edges, and the other ablations.

        Which edges are split into their parts is not known before they are measured; all are counted.
        """
        comparison, edges = self.comparison, self.edges[:MOST_EDGES]
        parts = 1 + (len(PARTS) / comparison.directions if separable(self._loaded) else 0)
        heads = len(self._candidates) if compared is None else compared
        others = len(self._kinds) * heads * comparison.count
        runs = comparison.runs(missing) + int(parts * comparison.runs(edges)) + others
        self._steps.total = self._steps.done + first + runs + joint_runs(comparison)

    @property
    def _kinds(self) -> list[AblationKind]:
        """The other ablations."""
        return [kind for kind in KINDS if self.comparison.fits and kind != self.comparison.method]

    def _attribution(self) -> Generator[Progress, None, None]:
        """The attribution of all heads, a further signal; None where it does not fit into the memory."""
        comparison = self.comparison
        try:
            running = attribution(comparison.rounds[0].recording, comparison.patching, comparison.metric)
            self.guess = yield from self._steps.follow(running, comparison.count)
        except (RuntimeError, MemoryError, ModelError) as error:
            if not is_out_of_memory(error):
                raise
            return
        self._signals = {**self._signals, "attribution": self.guess.mean}

    def _of_heads(
        self, tested: Sequence[HeadId], measured: HeadEffects | None
    ) -> Generator[Progress, None, Findings]:
        """Effects of the tested heads, those that are measured already as they are, and their verdicts."""
        known = (
            {} if measured is None else dict(zip(measured.heads, measured.values.swapaxes(0, 1), strict=True))
        )
        missing = [head for head in tested if head not in known]
        if missing:
            running = self.comparison.effects(missing)
            values = yield from self._steps.follow(running, self.comparison.runs(missing))
            known |= zip(missing, values.swapaxes(0, 1), strict=True)
        effects = np.stack([known[head] for head in tested], axis=1)
        return judge(tested, effects, HEAD_BOUND, self._seed, self.comparison.alignment.made)

    def _of_edges(self) -> Generator[Progress, None, Findings]:
        """The strongest edges between heads that matter or are candidates, with what carries them."""
        comparison, edges = self.comparison, self.edges[:MOST_EDGES]
        effects = yield from self._steps.follow(comparison.effects(edges), comparison.runs(edges))
        findings = judge(edges, effects, EDGE_BOUND, self._seed, comparison.alignment.made)
        if not separable(self._loaded):
            return findings
        parts = np.full((len(edges), len(PARTS)), np.nan)
        carriers: list[str | None] = [None] * len(edges)
        good = [i for i, verdict in enumerate(findings.verdict) if verdict in (CONFIRMED, PARTLY)]
        self._steps.total -= len(PARTS) * (comparison.runs(edges) // comparison.directions)
        if good:
            split = [edges[i] for i in good]
            directions, runs = findings.direction[good].tolist(), comparison.runs(split[:1])
            runs //= comparison.directions
            self._steps.total += len(PARTS) * runs * len(split)
            running = part_effects(comparison.effects, split, directions, runs)
            parts[good] = yield from self._steps.follow(running, len(PARTS) * runs * len(split))
            for i in good:
                carriers[i] = carried_by(findings.effect[i], parts[i], EDGE_BOUND) or None
        return replace(findings, parts=parts, carried_by=carriers)

    def _others(self, compared: Sequence[HeadId]) -> Generator[Progress, None, dict[str, np.ndarray]]:
        """Effects of these heads under the other ablations, on the first partner of each text."""
        comparison = self.comparison
        running = effects_when_out(comparison.patching, compared, comparison.metric, self._kinds)
        runs = len(self._kinds) * len(compared) * comparison.count
        return (yield from self._steps.follow(running, runs))

    def _together(self, findings: Findings) -> Generator[Progress, None, Joint | None]:
        """What the confirmed heads do together; None where none is confirmed, or z of all heads is not there."""
        verdicts = zip(findings.targets, findings.verdict, strict=True)
        heads = [head for head, verdict in verdicts if verdict == CONFIRMED and isinstance(head, HeadId)]
        if not heads or not self.comparison.fits:
            return None
        running = joint(self.comparison, heads, self._every, self._seed)
        return (yield from self._steps.follow(running, joint_runs(self.comparison)))

    def _untested(self, tested: Sequence[Target]) -> list[HeadId]:
        """Heads that were not tested although a signal gives them an effect of at least the bound."""
        every = list(self._every)
        strength = strongest(self._signals, len(every))
        return [head for i, head in enumerate(every) if strength[i] >= HEAD_BOUND and head not in set(tested)]

    def _about(self, of_heads: Findings, of_edges: Findings, together: Joint | None) -> EvidenceAbout:
        cost = {} if self.guess is None else {"backward_passes": self.guess.backward_passes}
        correlation = {} if self.guess is None else agreement(self._loaded, self.guess.mean, of_heads)
        found = {
            "tested_heads": len(of_heads.targets),
            "tested_edges": len(of_edges.targets),
            "joint": together and together.record(),
        }
        return about_of(self.comparison).model_copy(update={**found, **cost, **correlation})

    def _notes(
        self, of_heads: Findings, of_edges: Findings, by_head: Mapping[HeadId, HeadEvidence], compares: bool
    ) -> list[Note]:
        """What a reader must know of all this."""
        tested, untested = len(of_heads.targets), len(self._untested(of_heads.targets))
        notes = [
            *notes_of(self.comparison, self._loaded, len(self.edges), len(of_edges.targets)),
            *tested_notes(self.comparison, tested, len(self._candidates), untested, self.fewer),
        ]
        if self.guess is None:
            notes.append(Note(key="attribution_skipped"))
        if of_edges.targets and not separable(self._loaded):
            notes.append(
                Note(key="edge_parts_unknown", values={"architecture": self._loaded.shape.architecture})
            )
        disagreeing = [str(head) for head, row in by_head.items() if row.signs_disagree]
        if not compares:
            notes.append(Note(key="ablations_skipped"))
        elif disagreeing:
            notes.append(Note(key="ablations_disagree", values={"heads": ", ".join(disagreeing)}))
        return notes


def that_matter(findings: Findings) -> set[HeadId]:
    """Heads with a good verdict, or with an effect of at least half the bound."""
    rows = zip(findings.targets, findings.effect, findings.verdict, strict=True)
    return {
        target
        for target, effect, verdict in rows
        if isinstance(target, HeadId) and (verdict in (CONFIRMED, PARTLY) or abs(effect) >= HEAD_BOUND / 2)
    }
