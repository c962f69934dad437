"""The check of the circuit as a whole: does it alone carry the behaviour, and how few heads are enough?

Its parts come one after the other, each written into circuit.json as soon as it is done, so that a check that was left
goes on from there: faithfulness under each ablation, the minimal circuit, the minimal ablation sets, what the model
says with the better one of these ablated, and what else that changes.
"""

import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.analysis.candidates import heads_of
from core.causal.ablation_file import Mode
from core.causal.circuit_search import GOAL, SearchResult, minimal_ablation_set, minimal_circuit
from core.causal.comparison import Comparison
from core.causal.faithfulness import RANDOM_CIRCUITS, check_circuit
from core.causal.mlp_blocks.together import taken_out_together
from core.causal.replacements import KINDS
from core.config import RunConfig
from core.errors import StorageError
from core.examples.alignment import Alignment
from core.generators import relayed
from core.heads import HeadId
from core.inspection.ablated_generation import compare
from core.inspection.blast_radius import blast_radius
from core.model.loading import ModelPool
from core.model.recording import Recording
from core.runs.result_reader import CIRCUIT_FILE, read_circuit, saved_heads
from core.runs.run_folder import RunFolder
from core.schema import AblationCheck, BeforeAfter, CircuitRecord, HeadSet, Progress, json_number

MOST_ABLATED = 12
"""Candidates that the search for heads to ablate looks at, those with the largest effects."""
MODES: tuple[Mode, ...] = ("mean", "zero")
PARTS = ("ablations", "minimal_circuit", "minimal_ablation_sets")
"""Parts of circuit.json that a check goes on from."""


class CircuitCheck:
    """One check of one run, from what an earlier check of the same circuit left."""

    def __init__(self, run: RunFolder, config: RunConfig, recording: Recording, alignment: Alignment) -> None:
        self._began = time.perf_counter()
        self._run, self._config, self._heads = run, config, saved_heads(run)
        self._circuit, self._ranking = heads_of(self._heads[self._heads["selected"]]), ranked(self._heads)
        self._every, self._recording = recording.loaded.heads, recording
        comparison = Comparison(recording, config.examples, alignment, config.seed, most_rounds=1)
        self._patching, self._metric = comparison.patching, comparison.metric
        circuit = tuple(str(head) for head in self._circuit)
        self._record = CircuitRecord(
            state="computed",
            circuit=circuit,
            goal=GOAL,
            random_circuits=RANDOM_CIRCUITS,
            metric=self._metric.kind,
            gap=round(self._metric.gap, 4),
        ).model_copy(update=_finished_parts(run, circuit))

    def steps(self, models: ModelPool) -> Generator[Progress, None, None]:
        """Do the parts that are missing."""
        if not self._metric.differs or not self._circuit:
            self._write(state="no_candidates" if self._metric.differs else "no_difference", complete=True)
            return
        yield from self._faithfulness()
        yield from self._minimal_circuit()
        yield from self._minimal_ablation_sets()
        yield from self._comparison(models)
        self._write(complete=True)

    def _write(self, **parts: Any) -> None:
        seconds = round(time.perf_counter() - self._began, 2)
        passes = self._recording.forward_passes + self._metric.plain_passes + self._patching.forward_passes
        self._record = self._record.model_copy(update={**parts, "seconds": seconds, "forward_passes": passes})
        if self._run.path.exists():
            self._run.write_model(CIRCUIT_FILE, self._record)

    def _faithfulness(self) -> Generator[Progress, None, None]:
        done = {ablation.kind for ablation in self._record.ablations}
        for kind in (kind for kind in KINDS if kind not in done):
            about = self._patching, self._metric, self._circuit, self._ranking, self._every, self._config.seed
            (result,) = yield from check_circuit(*about, [kind])
            running = taken_out_together(
                self._recording.loaded, self._patching, self._metric, self._every, kind
            )
            shares = yield from relayed(running, lambda _: Progress("circuit", 1, 1))
            shares["heads_out"] = (self._metric.anomalous - result.nothing) / self._metric.gap
            together = {name: json_number(share) for name, share in shares.items()}
            check = AblationCheck.model_validate({**result.as_json(), **together})
            self._write(ablations=(*self._record.ablations, check))

    def _minimal_circuit(self) -> Generator[Progress, None, None]:
        if self._record.minimal_circuit is not None:
            return
        smallest = yield from minimal_circuit(self._patching, self._metric, self._ranking, self._every)
        if smallest is not None:
            shares = yield from self._shares(smallest.heads)
            record = _head_set(smallest).model_copy(update={"faithfulness": shares})
            self._write(minimal_circuit=record)

    def _shares(self, heads: Sequence[HeadId]) -> Generator[Progress, None, dict[str, float | None]]:
        """Faithfulness of a circuit under every ablation."""
        every, texts = frozenset(self._every), range(self._patching.n_anomalous)
        shares: dict[str, float | None] = {}
        for kind in KINDS:
            sets = [(), every, every - frozenset(heads)]
            running = self._patching.measure(sets, texts, self._metric, kind)
            measured = yield from relayed(running, lambda _: Progress("smallest", 0, 1))
            full, nothing, alone = measured.mean(axis=1)
            shares[kind] = json_number((alone - nothing) / (full - nothing) if full != nothing else np.nan)
        return shares

    def _minimal_ablation_sets(self) -> Generator[Progress, None, None]:
        sets = dict(self._record.minimal_ablation_sets)
        for mode in (mode for mode in MODES if mode not in sets):
            candidates = ablatable(self._heads)
            smallest = yield from minimal_ablation_set(self._patching, self._metric, candidates, mode)
            sets[mode] = _head_set(smallest) if smallest else None
            self._write(minimal_ablation_sets=dict(sets))

    def _comparison(self, models: ModelPool) -> Generator[Progress, None, None]:
        sets = self._record.minimal_ablation_sets
        mode = suggestion(sets)
        best = mode and sets[mode]
        if not mode or not best:
            return
        heads = [HeadId.parse(name) for name in best.heads]
        comparison = yield from compare(self._run.config(), heads, mode, models=models)
        parts = {name: comparison[name] for name in ("heads", "mode", "counts", "rows")}
        self._write(before_after=BeforeAfter.model_validate(parts))
        radius = yield from blast_radius(self._run.config(), heads, mode, models)
        self._write(blast_radius=radius)


def suggestion(sets: Mapping[str, HeadSet | SearchResult | None]) -> Mode | None:
    """Which of the two ways to ablate heads to suggest: one that reaches the goal, with the least harm."""
    possible = [(mode, heads) for mode in MODES if (heads := sets.get(mode)) and heads.heads]
    best = min(possible, key=lambda way: (not way[1].complete, way[1].harm or 0.0), default=None)
    return best and best[0]


def ranked(heads: pd.DataFrame) -> list[HeadId]:
    """All heads: those with a measured effect first, by its size, then the others by their score."""
    size = heads["effect"].abs().fillna(-1.0)
    return heads_of(heads.assign(size=size).sort_values(["size", "score"], ascending=False, kind="stable"))


def ablatable(heads: pd.DataFrame) -> list[HeadId]:
    """Candidates whose ablation can take the behaviour away, the strongest effects first."""
    return ranked(heads[heads["selected"] & ~(heads["effect"] < 0)])[:MOST_ABLATED]


def _finished_parts(run: RunFolder, circuit: tuple[str, ...]) -> dict[str, Any]:
    """What an earlier check of the same circuit finished before it was stopped."""
    try:
        before = read_circuit(run)
    except StorageError:
        return {}
    if before is None or before.complete or before.circuit != circuit:
        return {}
    return {name: getattr(before, name) for name in PARTS}


def _head_set(smallest: SearchResult) -> HeadSet:
    heads = tuple(map(str, smallest.heads))
    reached, harm = json_number(smallest.reached), json_number(smallest.harm)
    return HeadSet(heads=heads, reached=reached, harm=harm, tried=smallest.tried, complete=smallest.complete)
