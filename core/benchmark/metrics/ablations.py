"""Heads found on a few texts, ablated on many unseen ones: the rows of switch.csv.

1. On the 8 + 8 texts of a draw the whole way is walked: analysis, evidence, then the searches of
   `core.causal.circuit_search`: the minimal ablation set under both modes, and the minimal circuit. Ablation files hold
   means over those normal texts.
2. 200 pairs that none of these texts belongs to are read with and without the ablation, and the likeliest next word is
   looked at.

`fault` is what the anomalous side says and the normal side does not. In misrouted-tickets it is the wrong department.
The other tasks have no fault: there it is what the model rightly says on the anomalous texts and has no reason to say
on the normal ones, and taking it away is all that the ablation is asked for. `right` is a word that fits a normal text.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch

from core.benchmark.methods.method import Analysed
from core.benchmark.metrics.verdicts import Verified
from core.benchmark.tasks.task import Role, Task
from core.causal.ablation_file import AblationFile, Mode, ablated, make_ablation_file
from core.causal.circuit_search import SearchResult, minimal_ablation_set, minimal_circuit
from core.causal.metric import Metric, metric_on
from core.causal.patching import Patching
from core.examples.example_set import ExampleSet
from core.generators import result_of
from core.jobs.circuit_check import ablatable, ranked, suggestion
from core.model.batching import batches_of
from core.model.loaded_model import LoadedModel
from core.model.next_token import last_logits
from core.scenarios.build.tasks import TaskPair

UNSEEN = 200
"""Pairs a draw."""

UNSEEN_SEEDS: dict[Role, int] = {"test": 90_000, "tuning": 40_000}
"""Unseen pairs start here: no seed of any other use."""

MODES: tuple[Mode, ...] = ("mean", "zero")
BY_ABLATION, BY_CIRCUIT = "minimal_ablation_set", "minimal_circuit"
WHEN = ("before", "after")


@dataclass(frozen=True)
class AblationRow:
    """One set of heads switched off in one mode: the columns of switch.csv.

    `examples` a side that the heads were found on; shares of the unseen texts, of the anomalous ones for `fault_*`, of
    the normal ones for `right_*`. `seconds` and `forward_passes` of the search. `fault_gone` is the share of the faults
    that are gone, `still_right` that of the right words that stay right. `anomalous_right_after` is empty where the
    anomalous side is no fault. `complete`: the search reached its goal. `suggested`: the mode that the dashboard
    proposes. `fault_on_normal` is how often a normal text is followed by a fault word anyway, before: where that is
    not 0, a fault is gone when no more than this is left.
    """

    task: str
    draw: int
    heads: str
    mode: str
    examples: int
    fault_before: float
    fault_after: float
    right_before: float
    right_after: float
    seconds: float
    forward_passes: int
    found_by: str
    fault_gone: float
    still_right: float
    anomalous_right_after: float
    complete: bool
    suggested: bool
    fault_on_normal: float
    model: str = "gpt2"


@dataclass(frozen=True)
class _Search:
    """Heads that a search has found, and what it cost; `modes` are those in which they are ablated."""

    found_by: str
    modes: tuple[Mode, ...]
    result: SearchResult
    seconds: float
    forward_passes: int


def ablation_rows(
    task: Task, examples: ExampleSet, analysed: Analysed, verified: Verified, draw: int, unseen: int = UNSEEN
) -> Iterator[AblationRow]:
    """Rows of one draw; none where the model does not behave differently on its two sides."""
    if verified.evidence.heads is None:
        return
    alignment = analysed.alignment
    compared = analysed.recording.of(alignment.kept)
    start = time.perf_counter()
    patching = Patching(compared, alignment.n_anomalous, alignment.paired, draw)
    metric = metric_on(analysed.recording, examples, alignment, draw)
    searches = list(_searches(task, patching, metric, verified, time.perf_counter() - start))
    suggested = suggestion(
        {search.modes[0]: search.result for search in searches if search.found_by == BY_ABLATION}
    )
    pairs = unseen_pairs(task, {example.text for example in examples.examples}, unseen, draw)
    reading = Reading(task.loaded, pairs, is_fault=metric.gap < 0)
    for search in searches:
        for mode in search.modes:
            ablation = make_ablation_file(task.loaded, search.result.heads, mode, patching.replacements.means)
            yield AblationRow(
                task=task.name,
                draw=draw,
                heads=" ".join(map(str, sorted(search.result.heads))),
                mode=mode,
                examples=alignment.n_anomalous,
                seconds=round(search.seconds, 4),
                forward_passes=search.forward_passes,
                found_by=search.found_by,
                complete=search.result.complete,
                suggested=search.found_by == BY_ABLATION and mode == suggested,
                model=task.model,
                **reading.shares(ablation),
            )


def _searches(
    task: Task, patching: Patching, metric: Metric, verified: Verified, plain_seconds: float
) -> Iterator[_Search]:
    """The searches that find any heads, with what they cost beside the plain runs."""
    candidates = ablatable(verified.heads)
    running = [
        *((BY_ABLATION, (mode,), minimal_ablation_set(patching, metric, candidates, mode)) for mode in MODES),
        (BY_CIRCUIT, MODES, minimal_circuit(patching, metric, ranked(verified.heads), task.loaded.heads)),
    ]
    for found_by, modes, search in running:
        start, passes = time.perf_counter(), patching.forward_passes
        result = result_of(search)
        seconds = plain_seconds + time.perf_counter() - start
        if result is not None and result.heads:
            yield _Search(found_by, modes, result, seconds, patching.forward_passes - passes)


def unseen_pairs(task: Task, texts: set[str], count: int, draw: int) -> list[TaskPair]:
    """`count` pairs with neither text among `texts`."""
    drawn = task.pairs(count + len(texts), UNSEEN_SEEDS[task.role] + draw)
    return [pair for pair in drawn if not {pair.anomalous, pair.normal} & texts][:count]


class Reading:
    """Unseen pairs, what the model says after them, and which words are the fault and which are right."""

    def __init__(self, loaded: LoadedModel, pairs: Sequence[TaskPair], is_fault: bool) -> None:
        self._loaded, self._is_fault = loaded, is_fault
        self._ids = [loaded.encode(pair.anomalous) for pair in pairs]
        self._ids += [loaded.encode(pair.normal) for pair in pairs]
        self._fault = [_tokens(loaded, pair.bad if is_fault else pair.good) for pair in pairs]
        self._good = [_tokens(loaded, pair.good) for pair in pairs]
        self._fitting = [_tokens(loaded, pair.fitting) for pair in pairs]
        self._before = self.next_tokens(None)

    def shares(self, ablation: AblationFile) -> dict[str, float]:
        """What becomes of the words under an ablation: the columns of a row."""
        good = self._good if self._is_fault else None
        return shares(self._before, self.next_tokens(ablation), self._fault, self._fitting, good)

    @torch.no_grad()
    def next_tokens(self, ablation: AblationFile | None) -> list[int]:
        """The likeliest next token of every text."""
        lengths = [len(text) for text in self._ids]
        likeliest = [0] * len(lengths)
        for batch in batches_of(lengths, range(len(lengths))):
            ends = [lengths[i] for i in batch]
            with nullcontext() if ablation is None else ablated(self._loaded, ablation, ends):
                logits = last_logits(self._loaded, [self._ids[i] for i in batch])
            for index, token in zip(batch, logits.argmax(dim=-1).tolist(), strict=True):
                likeliest[index] = token
        return likeliest


def shares(
    before: Sequence[int],
    after: Sequence[int],
    fault: Sequence[set[int]],
    fitting: Sequence[set[int]],
    good: Sequence[set[int]] | None,
) -> dict[str, float]:
    """Columns of a row from the next tokens of all texts, anomalous first, and the words (pair,) that count."""
    count = len(fault)
    faults = [_among(tokens[:count], fault) for tokens in (before, after)]
    right = [_among(tokens[count:], fitting) for tokens in (before, after)]
    return {
        **{f"fault_{when}": _share(one) for when, one in zip(WHEN, faults, strict=True)},
        **{f"right_{when}": _share(one) for when, one in zip(WHEN, right, strict=True)},
        "fault_gone": _share(~faults[1][faults[0]]),
        "still_right": _share(right[1][right[0]]),
        "anomalous_right_after": _share(_among(after[:count], good)) if good else float("nan"),
        "fault_on_normal": _share(_among(before[count:], fault)),
    }


def _tokens(loaded: LoadedModel, words: Sequence[str]) -> set[int]:
    return {token for word in words if (token := loaded.word_token(word)) is not None}


def _among(tokens: Sequence[int], words: Sequence[set[int]]) -> np.ndarray:
    return np.array([token in wanted for token, wanted in zip(tokens, words, strict=True)], dtype=bool)


def _share(values: np.ndarray) -> float:
    return round(float(values.mean()), 4) if len(values) else float("nan")
