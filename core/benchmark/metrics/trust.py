"""Whether the levels of trust keep their word: whole runs whose main statement is known to hold or not.

The main statement of a run is "these confirmed heads carry the behaviour". It **holds** where the confirmed head with
the largest effect is a true head and at least TRUE_SHARE of the confirmed heads are true. A run without a confirmed
head claims nothing and is not judged. Runs are whole analyses with default settings (`core.analysis.pipeline`), on
texts of these kinds:

- `pairs`, `unpaired`, `unequal`: right ones, in the three forms of `core.benchmark.tasks.forms`;
- `mislabelled`: pairs of which SWAPPED have their labels exchanged. The truth stays;
- `mixed`: half of the pairs show another behaviour of the same model. True is what is true of either;
- `wrong`: anomalous texts beside normal texts of another behaviour, so that they differ in much else. The truth is
  that of the anomalous texts;
- `shuffled`: texts without pairs whose labels are dealt out anew. Nothing is true, so a claim never holds.

Kinds that need another behaviour are left out where the model has one alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from core.analysis.pipeline import analyse
from core.benchmark.tables.rows import NAN
from core.benchmark.tasks.forms import PARTNERLESS, of_unequal_lengths, partnerless
from core.benchmark.tasks.task import FIRST_SEEDS, Task, TaskName
from core.config import make_config
from core.examples.example_set import Example, ExampleSet
from core.heads import HeadId
from core.model.activation_store import ActivationStore
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool
from core.scenarios.loader import load_scenario
from core.schema import RunResult

TRUE_SHARE = 0.8
"""Of the confirmed heads that must be true where the main statement holds."""

SWAPPED = 2
"""Pairs of a mislabelled set whose labels are exchanged."""

LEVELS = ("high", "medium", "low", "none")


@dataclass(frozen=True)
class TrustRow:
    """One run: a row of trust.csv.

    `holds` is 1 or 0, NaN where nothing is claimed. `reasons` are the keys of what the level rests on. `removed`,
    `every`, `alone` and `reached` are those of `core.causal.evidence.joint`.
    """

    task: str
    model: str
    kind: str
    draw: int
    level: str
    confirmed: int = 0
    true: int = 0
    strongest: str = ""
    holds: float = NAN
    reasons: str = ""
    pairs: str = "none"
    tested: int = 0
    untested: int = 0
    removed: float = NAN
    every: float = NAN
    alone: float = NAN
    reached: float = NAN
    jaccard: float = NAN
    held_out: float = NAN
    diversity: float = NAN
    role: str = "test"


def trust_rows(task: Task, other: Task | None, examples: int, draw: int) -> Iterator[TrustRow]:
    """Rows of one draw; `other` is another behaviour of the same model, None where there is none."""
    for kind, (texts, truth) in text_sets(task, other, examples, draw).items():
        yield judged(TrustRow(task.name, task.model, kind, draw, "none", role=task.role), task, texts, truth)


def text_sets(
    task: Task, other: Task | None, examples: int, draw: int
) -> dict[str, tuple[ExampleSet, frozenset[HeadId]]]:
    """Texts of every kind that can be made, with the heads that are true of them."""
    pairs, random = task.draw(examples, draw), np.random.default_rng([FIRST_SEEDS[task.role], draw])
    sets = {"pairs": (pairs, task.true_heads), "mislabelled": (mislabelled(pairs), task.true_heads)}
    for kind, form in (("unpaired", partnerless), ("unequal", of_unequal_lengths)):
        try:
            sets[kind] = form(task, examples, draw), task.true_heads
        except ValueError:
            continue
    alone = sets.get("unpaired", (without_pairs(pairs), task.true_heads))[0]
    sets["shuffled"] = shuffled(alone, random), frozenset()
    if other is not None:
        theirs = other.draw(examples, PARTNERLESS + draw)
        sets["mixed"] = mixed(pairs, theirs), task.true_heads | other.true_heads
        wrong = (*without_pairs(pairs).of("anomalous"), *without_pairs(theirs).of("normal"))
        sets["wrong"] = ExampleSet(examples=wrong), task.true_heads
    return {kind: (different(texts), truth) for kind, (texts, truth) in sets.items()}


def different(texts: ExampleSet) -> ExampleSet:
    """Of texts without pairs that say the same the first; pairs as they are."""
    if any(example.pair for example in texts.examples):
        return texts
    first = {example.text: example for example in reversed(texts.examples)}
    return ExampleSet(examples=tuple(one for one in texts.examples if first[one.text] is one))


def mislabelled(pairs: ExampleSet) -> ExampleSet:
    """The same pairs with the labels of the first SWAPPED exchanged."""
    names = list(dict.fromkeys(example.pair for example in pairs.examples))[:SWAPPED]
    return ExampleSet(
        examples=tuple(_other_side(one) if one.pair in names else one for one in pairs.examples)
    )


def _other_side(example: Example) -> Example:
    return example.model_copy(update={"label": "normal" if example.label == "anomalous" else "anomalous"})


def mixed(first: ExampleSet, second: ExampleSet) -> ExampleSet:
    """The first half of the pairs of one set beside the other half of another's."""
    names = list(dict.fromkeys(example.pair for example in first.examples))
    half = set(names[: len(names) // 2])
    own = [example for example in first.examples if example.pair in half]
    theirs = [example for example in second.examples if example.pair not in half]
    return ExampleSet(examples=(*own, *theirs))


def without_pairs(texts: ExampleSet) -> ExampleSet:
    """The same texts without the names of their pairs."""
    return ExampleSet(examples=tuple(one.model_copy(update={"pair": ""}) for one in texts.examples))


def shuffled(texts: ExampleSet, random: np.random.Generator) -> ExampleSet:
    """The same texts with their labels dealt out anew: as many of each, never the true ones nor exactly the others."""
    labels = [example.label for example in texts.examples]
    while True:
        order = random.permutation(len(labels))
        dealt = [labels[i] for i in order]
        alike = sum(one == now for one, now in zip(labels, dealt, strict=True))
        if 0 < alike < len(labels):
            break
    return ExampleSet(
        examples=tuple(
            example.model_copy(update={"label": label})
            for example, label in zip(texts.examples, dealt, strict=True)
        )
    )


def judged(blank: TrustRow, task: Task, texts: ExampleSet, truth: frozenset[HeadId]) -> TrustRow:
    """The row of one run, a whole analysis with default settings whose seed is the draw."""
    result = _analysed(task.loaded, texts, blank.draw)
    heads, about, stable = result.heads, result.manifest.evidence_about, result.manifest.stability
    assert stable is not None and stable.confidence is not None
    confirmed = heads[heads["verdict"] == "confirmed"]
    joint = about.joint.model_dump() if about.joint else {}
    numbers: dict[str, Any] = {name: joint.get(name) for name in ("removed", "every", "alone", "reached")}
    numbers |= {name: getattr(stable, name) for name in ("jaccard", "held_out", "diversity")}
    numbers = {name: NAN if value is None else round(value, 4) for name, value in numbers.items()}
    found = dict(zip(named(confirmed), confirmed["effect"].abs(), strict=True))
    strongest = max(found, key=found.__getitem__, default=None)
    return replace(
        blank,
        level=stable.confidence.level,
        confirmed=len(found),
        true=len(truth & found.keys()),
        strongest=str(strongest or ""),
        holds=holds(found, truth),
        reasons=" ".join(reason.key for reason in stable.confidence.reasons),
        pairs=result.manifest.alignment.pairs_source,
        tested=about.tested_heads,
        untested=_untested(result),
        **numbers,
    )


def _untested(result: RunResult) -> int:
    """Strong heads that were not tested."""
    notes = (note for note in result.manifest.notes if note.key == "evidence_untested")
    return next((int(note.values["count"] or 0) for note in notes), 0)


def holds(confirmed: Mapping[HeadId, float], truth: frozenset[HeadId]) -> float:
    """Whether the main statement holds, by the rule above, from sizes of effects; NaN where nothing is claimed."""
    if not confirmed:
        return NAN
    strongest = max(confirmed, key=confirmed.__getitem__)
    share = len(truth & confirmed.keys()) / len(confirmed)
    return float(strongest in truth and share >= TRUE_SHARE)


def named(heads: pd.DataFrame) -> list[HeadId]:
    """The heads of a head table."""
    return [HeadId(*row) for row in heads[["layer", "head"]].to_numpy().tolist()]


def by_level(rows: pd.DataFrame) -> pd.DataFrame:
    """Of each level the runs, those that claim something, and the share of these whose statement holds."""
    levels = [
        {
            "level": level,
            "runs": len(of_level),
            "claims": int(of_level["holds"].notna().sum()),
            "holds": of_level["holds"].mean(),
        }
        for level in LEVELS
        for of_level in [rows[rows["level"] == level]]
    ]
    return pd.DataFrame(levels)


def trust_lines(rows: Sequence[TrustRow]) -> list[str]:
    """What holds at each level as lines of a printed table; none without rows."""
    if not rows:
        return []
    lines = ["", "Trust: runs whose main statement holds, of those that claim something"]
    for of_level in by_level(pd.DataFrame(vars(row) for row in rows)).itertuples():
        share = f"{of_level.holds:.3f}" if of_level.claims else "  –  "
        lines.append(f"{of_level.level:8} {of_level.runs:4} runs {of_level.claims:4} claims {share}")
    return lines


def other_behaviour(name: TaskName, names: Sequence[TaskName]) -> TaskName | None:
    """The next behaviour on the same model, the first after the last; None where it is alone or not bundled."""
    of_model = [one for one in names if _model(one) == _model(name) and not one.published]
    return of_model[(of_model.index(name) + 1) % len(of_model)] if len(of_model) > 1 else None


def _model(name: TaskName) -> str:
    return name.folder or str(load_scenario(name.name).model_folder)


class _Held(ModelPool):
    """A pool of one model that is loaded already."""

    def __init__(self, loaded: LoadedModel) -> None:
        super().__init__(size=1)
        self._loaded = loaded

    @contextmanager
    def lease(self, source: str, device: str = "auto", adapter: str = "") -> Iterator[LoadedModel]:
        yield self._loaded


def _analysed(loaded: LoadedModel, texts: ExampleSet, seed: int) -> RunResult:
    config = make_config(model=loaded.name, examples=texts, device="cpu", seed=seed)
    with TemporaryDirectory() as folder:
        store = ActivationStore(Path(folder))
        try:
            *_, result = analyse(config, _Held(loaded), store)
        finally:
            store.close()
    assert isinstance(result, RunResult)
    return result
