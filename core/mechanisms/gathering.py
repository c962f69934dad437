"""What each head and MLP block that matters does, as mechanisms.json holds it.

1. Told are the confirmed and partly confirmed heads, then the strongest further ones, MOST_UNITS at most and fewer
   where many texts are read (RUNS); and MLP blocks alike.
2. One pass over every compared text (`_reading`) says where each head is read: at the end of the texts, where the
   answer is, or at an earlier word (`_places`). Its attention there is added up by word (`_looking`).
3. What it makes likelier: a head that is read at the end writes into the last logits itself (direct logit attribution);
   its mean over the anomalous texts less that over the normal ones it is compared with counts. Of a head that is read
   earlier, and of MLP blocks, what the last logits lose without it counts.
4. Each unit is switched off alone on all given texts (`_without`).
5. The answers, and how far each unit moves them by what it writes at the end itself (`_answers`).
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from core.causal.metric import Metric
from core.causal.patching import Patching
from core.causal.verdicts import CONFIRMED, PARTLY, Findings
from core.config import RunConfig
from core.examples.alignment import Alignment
from core.generators import relayed
from core.heads import HeadId, MlpId, UnitId
from core.mechanisms._answers import Ending, answers_of, endings
from core.mechanisms._looking import seen_words
from core.mechanisms._paths import text_paths
from core.mechanisms._places import is_read_at_end, place_names, places
from core.mechanisms._reading import TextReading, marks_of, read_texts, spellings
from core.mechanisms._repeated import random_scores
from core.mechanisms._without import Spoken, Without, without_each
from core.mechanisms._writing import Written, written
from core.mechanisms.roles import RESTING, Role, mean_scores, resting_at, role_of, role_scores
from core.model.activation_store import ActivationStore
from core.model.recording import Recording
from core.model.tokens.continuations import continued_once, decisive_tokens, enough_tokens
from core.model.tokens.prompts import prompt_of
from core.model.tokens.words import TextWord, readable_piece, top_words, words_of
from core.schema import Mechanism, MechanismsRecord, TextPath, WrittenWord

Kind = Literal["head", "mlp"]
MOST_UNITS: dict[Kind, int] = {"head": 20, "mlp": 8}
FEWEST_UNITS = 12
SMALLEST = 0.01
"""Effect, as a share of the gap, of an unproven unit that is told."""
RUNS = 1500
"""Runs of single texts with one head off that a run may take beyond FEWEST_UNITS heads."""
MOST_WRITTEN, LEAST_WRITTEN = 6, 0.1
"""Words of each kind that are named, and their least change as a share of the largest one."""
SMALLEST_WRITTEN = 0.01
"""Least change of a logit that is named."""


@dataclass(frozen=True)
class Told:
    """What the stage returns, and its forward passes."""

    record: MechanismsRecord
    forward_passes: int


def units_of(findings: Findings | None, texts: int) -> list[UnitId]:
    """The units that are told: those with a good verdict, then the rest, each by the size of its effect."""
    if findings is None:
        return []
    rows = [
        (verdict in (CONFIRMED, PARTLY), abs(float(effect)), target)
        for target, effect, verdict in zip(findings.targets, findings.effect, findings.verdict, strict=True)
        if isinstance(target, HeadId | MlpId) and np.isfinite(effect)
    ]
    rows = [row for row in rows if row[0] or row[1] >= SMALLEST]
    rows.sort(key=lambda row: (not row[0], -row[1]))
    kind: Kind = "mlp" if rows and isinstance(rows[0][2], MlpId) else "head"
    most = min(MOST_UNITS[kind], max(FEWEST_UNITS, RUNS // max(1, texts)))
    return [target for _, _, target in rows[:most]]


def steps_of(heads: Findings, mlps: Findings | None, metric: Metric, texts: int) -> int:
    """Steps of the stage, as far as they are known before: a pass a row, and about one a unit."""
    return len(metric.rows) + len(units_of(heads, texts)) + len(units_of(mlps, texts)) + 1


def mechanisms(
    config: RunConfig,
    recording: Recording,
    alignment: Alignment,
    heads: Findings,
    mlps: Findings | None,
    metric: Metric,
    store: ActivationStore | None = None,
) -> Generator[int, None, Told]:
    """Tell every unit that matters; yields how many steps are done. `recording` is of the whole example set."""
    given = [i for i, example in enumerate(config.examples.examples) if not example.source]
    telling = _Telling(config, recording, alignment, (heads, mlps), metric, given)
    return (yield from telling.steps(store))


class _Telling:
    def __init__(
        self,
        config: RunConfig,
        recording: Recording,
        alignment: Alignment,
        findings: tuple[Findings, Findings | None],
        metric: Metric,
        given: Sequence[int],
    ) -> None:
        self._config, self._recording, self._alignment = config, recording, alignment
        self._findings, self._metric, self._given = findings, metric, given
        self._loaded, self._examples = recording.loaded, config.examples.examples
        chosen = [unit for of_kind in findings for unit in units_of(of_kind, len(given))]
        self._heads = [unit for unit in chosen if isinstance(unit, HeadId)]
        self._mlps = [unit for unit in chosen if isinstance(unit, MlpId)]
        self._units: list[UnitId] = [*self._heads, *self._mlps]
        self._count = alignment.n_anomalous
        self._compared = recording.of(alignment.kept)
        self._patching = Patching(self._compared, self._count, alignment.paired, config.seed, heads=())
        self._passes = 0

    def steps(self, store: ActivationStore | None) -> Generator[int, None, Told]:
        words = [self._words(number) for number in self._alignment.kept]
        about = self._compared, self._patching, self._metric, self._heads, self._mlps, words
        readings = yield from relayed(read_texts(*about), self._counted)
        after = self._recording.log_probabilities()
        ends = endings(self._loaded, self._examples, self._recording.texts, self._alignment, after)
        spoken = yield from self._spoken(store, ends)
        without = yield from relayed(
            without_each(self._loaded, self._patching, spoken, self._units), self._counted
        )
        at_end, at = self._places(readings)
        texts = self._compared.texts
        direct = written(self._loaded, readings, texts, ends, self._alignment, len(self._heads))
        on_random = random_scores(self._loaded, self._heads, self._config.seed)
        self._counted()
        names, numbers = [str(unit) for unit in self._units], [i + 1 for i in self._alignment.kept]
        units = {
            str(head): self._head(
                place, readings, words, at_end[place], at[place], direct, without[place], on_random[place]
            )
            for place, head in enumerate(self._heads)
        }
        units |= {
            str(mlp): self._mlp(mlp, of_mlp)
            for mlp, of_mlp in zip(self._mlps, without[len(self._heads) :], strict=True)
        }
        return Told(
            MechanismsRecord(
                units=units,
                texts=self._paths(readings, at),
                answers=answers_of(ends, direct.pushes, names, numbers[: self._count]),
            ),
            self._passes + self._patching.mlp_outputs.forward_passes,
        )

    def _counted(self, _step: int = 0) -> int:
        self._passes += 1
        return self._passes

    def _spoken(self, store: ActivationStore | None, ends: Sequence[Ending]) -> Generator[int, None, Spoken]:
        """What the unchanged model says behind the given texts."""
        given, config, loaded = self._recording.of(self._given), self._config, self._loaded
        logits = given.logits(range(len(self._given))).float().cpu()
        count = enough_tokens(loaded, config.examples, config.match)
        running = continued_once(loaded, given.texts, count, logits.log_softmax(dim=-1), store)
        said = yield from relayed(running, self._counted)
        examples, decisive = (
            [self._examples[i] for i in self._given],
            decisive_tokens(loaded, config.examples),
        )
        of_text = {
            number: {way: token for way, (_, token) in end.ways().items()} if not end.shared else {}
            for number, end in zip(self._alignment.kept[: self._count], ends, strict=True)
        }
        answers = [of_text.get(number, {}) for number in self._given]
        return Spoken(examples, given.texts, said, logits, count, decisive, config.match, answers)

    def _words(self, number: int) -> list[TextWord]:
        prompt = prompt_of(self._loaded, self._config.examples, self._examples[number])
        return words_of(self._loaded, prompt, self._recording.texts[number])

    def _places(self, readings: Sequence[TextReading]) -> tuple[list[bool], list[list[int]]]:
        """Of each head whether it is read at the end, and its position (head, text) in every compared text.

        The normal text of a pair of equal lengths is read at the same position, others at the end.
        """
        anomalous, lengths = readings[: self._count], self._compared.lengths
        ends = [reading.end for reading in readings]
        at_end, at = [], []
        for head in range(len(self._heads)):
            matters = [reading.matters[head] for reading in anomalous]
            last = is_read_at_end(matters, ends[: self._count])
            own = places(matters, ends[: self._count], last)
            other = ends[self._count :]
            if not last and self._alignment.paired:
                other = [
                    place if lengths[text] == lengths[text + self._count] else end
                    for text, (place, end) in enumerate(zip(own, other, strict=True))
                ]
            at_end.append(last)
            at.append([*own, *other])
        return at_end, at

    def _paths(self, readings: Sequence[TextReading], at: Sequence[Sequence[int]]) -> tuple[TextPath, ...]:
        """Every compared text with the tokens that each head looks at, and the effects on it."""
        attention = [
            {str(head): reading.attention(place, at[place][text]) for place, head in enumerate(self._heads)}
            for text, reading in enumerate(readings)
        ]
        about = self._recording, self._config.examples, self._alignment
        return text_paths(*about, attention, self._findings, set(self._units))

    def _mlp(self, mlp: MlpId, without: Without) -> Mechanism:
        change = self._lost(without)
        return Mechanism(
            unit="mlp",
            layer=mlp.layer,
            at_end=False,
            through="later",
            given=_rounded(without.on_answers.get("up")),
            wanted=_rounded(without.on_answers.get("down")),
            likelier=self._named(change, 1),
            unlikelier=self._named(change, -1),
            without=without.counts,
        )

    def _lost(self, without: Without) -> Tensor:
        """What the last logits (vocabulary,) lose without a unit, against the mean of all words."""
        lost = without.lost[: len(self._loaded.tokenizer)]
        return lost - lost.mean()

    def _head(
        self,
        place: int,
        readings: Sequence[TextReading],
        words: Sequence[Sequence[TextWord]],
        at_end: bool,
        at: Sequence[int],
        wrote: Written,
        without: Without,
        on_random: Mapping[Role, float | None],
    ) -> Mechanism:
        anomalous, numbers = range(self._count), [i + 1 for i in self._alignment.kept]
        attention = {text: readings[text].attention(place, at[text]) for text in anomalous}
        seen = [text for text in anomalous if attention[text] is not None]
        direct = at_end and wrote.mean is not None
        change = wrote.mean[place] if at_end and wrote.mean is not None else self._lost(without)
        own = wrote.on_answers(place) if direct else without.on_answers
        on_texts = mean_scores([reading.scores[place] for reading in readings if reading.scores])
        copies = wrote.copying[place] if at_end else None
        on_texts |= {"copying": copies, "negative": None if copies is None else -copies}
        return Mechanism(
            layer=self._heads[place].layer,
            head=self._heads[place].head,
            place=place_names([words[text] for text in anomalous], [at[text] for text in anomalous]),
            at_end=at_end,
            through="direct" if direct else "later",
            given=_rounded(own.get("up")),
            wanted=_rounded(own.get("down")),
            looks_at=seen_words(
                [words[text] for text in seen],
                [weights for text in seen if (weights := attention[text]) is not None],
                [numbers[text] for text in seen],
            ),
            likelier=self._named(change, 1),
            unlikelier=self._named(change, -1),
            without=without.counts,
            roles=role_scores(on_texts, on_random),
            role=role_of(on_texts, on_random, self._resting(attention, words, at)),
        )

    def _resting(
        self, attention: Mapping[int, Tensor | None], words: Sequence[Sequence[TextWord]], at: Sequence[int]
    ) -> dict[Role, float]:
        """Mean scores of the resting roles at the place where a head is read, over the anomalous texts."""
        lengths = self._compared.lengths
        scores = [
            resting_at(
                weights, marks_of(words[text]), spellings(words[text]), min(at[text], lengths[text] - 1)
            )
            for text, weights in attention.items()
            if weights is not None
        ]
        return {role: sum(own[role] for own in scores) / len(scores) for role in RESTING} if scores else {}

    def _named(self, change: Tensor, sign: int) -> tuple[WrittenWord, ...]:
        """The words whose logit changes most in one direction."""
        top = top_words(self._loaded, sign * change, MOST_WRITTEN)
        least = max(SMALLEST_WRITTEN, LEAST_WRITTEN * float(change.abs().max()))
        return tuple(
            WrittenWord(word=readable_piece(piece), change=round(sign * value, 4))
            for piece, value in top
            if value >= least
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
