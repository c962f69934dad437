"""Partners for texts that have none: when a run makes them, and what it then compares.

1. A text needs a partner where it has none with as many tokens as it has itself, position by position.
2. Made are copies of the anomalous texts with the fewest words exchanged (`core.causal.partner_search`). Whether the
   sides differ, and what level the behaviour is to reach, is asked of the given normal texts.
3. Each text is read about a hundred times, and each partner is compared: so at most MOST_TEXTS texts get some, drawn
   by the run's seed where there are more, and MOST_PARTNERS are made in all.
4. A run compares made pairs where FEWEST texts and half of all anomalous ones have a partner then; the others are left
   out and named. With fewer the texts are compared as they would be without made partners.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.causal.metric import metric_of_sides
from core.causal.partner_search import make_partners, read_made
from core.config import RunConfig
from core.errors import ModelError
from core.examples.alignment import Alignment
from core.examples.counterfactuals import Counterfactual, Direction, Partners
from core.examples.example_set import LABELS, MINIMUM_PER_SIDE, Example, ExampleSet, Label
from core.examples.made_texts import owner_of
from core.generators import result_of
from core.model.memory import is_out_of_memory
from core.model.recording import Recording
from core.schema import ExchangeRecord, MadePartner, Note, PartnersRecord, json_number

FEWEST = MINIMUM_PER_SIDE
"""Texts with a partner, below which they are not compared in pairs."""

MOST_TEXTS = 64
"""Texts that partners are made for at most."""

MOST_PARTNERS = 64
"""Made partners of all texts together at most."""

A_TEXT = 4
"""Made partners of one text at most."""


@dataclass(frozen=True)
class MadePartners:
    """The examples to compare, and the record for the run folder."""

    examples: ExampleSet
    record: PartnersRecord

    @property
    def any(self) -> bool:
        """Whether the run compares made pairs."""
        return bool(self.record.examples)


def texts_without_partner(config: RunConfig, alignment: Alignment, ids: Sequence[Sequence[int]]) -> list[int]:
    """Numbers in the set of the given anomalous texts that a run makes partners for; none where it is not to."""
    if config.partners == "off" or config.autoencoder.shared:
        return []
    has = {a for a, n in alignment.pairs if len(ids[a]) == len(ids[n])}
    return [i for i, example in enumerate(config.examples.examples) if _lacks(example) and i not in has]


def _lacks(example: Example) -> bool:
    return example.label == "anomalous" and not example.source


def made_partners(
    recording: Recording, config: RunConfig, wanted: Sequence[int]
) -> Generator[int, None, MadePartners]:
    """Make partners for these anomalous texts of the recorded set; yields how many texts are done.

    Made partners that are in the set already are read, so that the record tells what each of them does.
    """
    known = known_partners(recording, config.examples, config.seed)
    if not wanted:
        return MadePartners(config.examples, known)
    try:
        partners, values = yield from _searched(recording, config, wanted)
    except (RuntimeError, MemoryError, ModelError) as error:
        if not is_out_of_memory(error):
            raise
        return MadePartners(config.examples, known.model_copy(update={"state": "memory"}))
    made = len({one.of for one in partners.made})
    usable = _usable(made, len(_given(config.examples, "anomalous")), len(wanted))
    kept = partners.examples if usable else config.examples
    record = PartnersRecord(
        state=_state(partners, usable or bool(known.made)),
        made=(*known.made, *(_records(config.examples, partners, values) if usable else ())),
        without=(*_not_asked(len(wanted)), *_without(config.examples, partners)),
        forward_passes=known.forward_passes + partners.forward_passes,
        backward_passes=partners.backward_passes,
        examples=kept.model_dump(mode="json") if kept.made else {},
    )
    return MadePartners(kept, record)


def setting_off(recording: Recording, config: RunConfig) -> PartnersRecord:
    """What would set the behaviour off: the fewest words exchanged in each given normal text that make it anomalous."""
    normal = _given(config.examples, "normal")
    partners, values = result_of(_searched(recording, config, normal, "normal"))
    return PartnersRecord(
        state=partners.state,
        made=_records(config.examples, partners, values),
        without=_without(config.examples, partners),
        forward_passes=partners.forward_passes,
        backward_passes=partners.backward_passes,
        examples=partners.examples.model_dump(mode="json"),
    )


def _searched(
    recording: Recording, config: RunConfig, wanted: Sequence[int], direction: Direction = "anomalous"
) -> Generator[int, None, tuple[Partners, dict[int, float]]]:
    """The search over these texts of one side of the recorded set, and the metric of the given texts by number."""
    anomalous, normal = (_given(config.examples, label) for label in LABELS)
    metric = metric_of_sides(recording, config.examples, anomalous, normal, config.seed)
    kept, asked = (*anomalous, *normal), _drawn(wanted, config.seed)
    sides = Alignment("last", "asked", kept, len(anomalous), (), np.zeros((0, 0), dtype=int))
    search = make_partners(
        recording,
        config.examples,
        sides,
        metric,
        config.seed,
        per_text=max(1, min(A_TEXT, MOST_PARTNERS // max(1, len(asked)))),
        direction=direction,
        texts=asked,
    )
    return (yield from search), dict(zip(kept, metric.values.tolist(), strict=True))


def _given(examples: ExampleSet, label: Label) -> list[int]:
    """Numbers of the given texts of a side."""
    return [i for i, example in enumerate(examples.examples) if example.label == label and not example.source]


def _drawn(wanted: Sequence[int], seed: int) -> list[int]:
    """The texts that partners are made for: all, or MOST_TEXTS of them in their order."""
    if len(wanted) <= MOST_TEXTS:
        return list(wanted)
    return sorted(np.random.default_rng(seed).choice(wanted, MOST_TEXTS, replace=False).tolist())


def _usable(made: int, anomalous: int, wanted: int) -> bool:
    """Whether to compare pairs: of the anomalous texts, all but the wanted ones have a partner without new ones."""
    others = anomalous - wanted
    return made > 0 and others + made >= max(FEWEST, (others + min(wanted, MOST_TEXTS)) / 2)


def _state(partners: Partners, usable: bool) -> str:
    if not partners.made and not usable and partners.state == "computed":
        return "none_found"
    return partners.state if usable or not partners.made else "too_few"


def _not_asked(wanted: int) -> list[Note]:
    """A note where there are more texts than partners are made for."""
    values = {"count": wanted - MOST_TEXTS, "asked": MOST_TEXTS, "total": wanted}
    return [Note(key="partner_not_asked", values=values)] if wanted > MOST_TEXTS else []


def known_partners(recording: Recording, examples: ExampleSet, seed: int) -> PartnersRecord:
    """What the made partners that are in the recorded set do; those of another length than their text are left out."""
    owners = {
        number: examples.examples.index(owner)
        for number, example in enumerate(examples.examples)
        if example.source and (owner := owner_of(examples, example))
    }
    if not owners:
        return PartnersRecord()
    sides = [_given(examples, label) for label in LABELS]
    metric = metric_of_sides(recording, examples, sides[0], sides[1], seed)
    given = [*sides[0], *sides[1]]
    read, passes = read_made(recording, examples, metric, given, owners)
    before = dict(zip(given, metric.values.tolist(), strict=True))
    return PartnersRecord(
        state="computed",
        made=tuple(_record(made, number + 1, before[made.of]) for number, made in read.items()),
        forward_passes=passes,
        examples=examples.model_dump(mode="json"),
    )


def partner_notes(record: PartnersRecord) -> list[Note]:
    """What a reader must know of the search: why there is none, or which texts have none."""
    state = [] if record.state == "computed" else [Note(key=f"partners_{record.state}")]
    return [*state, *record.without]


def _records(
    examples: ExampleSet, partners: Partners, values: Mapping[int, float]
) -> tuple[MadePartner, ...]:
    """`values` is the metric of the given texts by their number."""
    first = len(examples.examples) + 1
    return tuple(
        _record(made, number, values[made.of]) for number, made in enumerate(partners.made, start=first)
    )


def _record(made: Counterfactual, number: int, before: float) -> MadePartner:
    tokens = sum(len(exchange.new) for exchange in made.exchanges)
    return MadePartner(
        text=made.of + 1,
        example=number,
        exchanges=tuple(
            ExchangeRecord(position=exchange.position, old=exchange.old_piece, new=exchange.new_piece)
            for exchange in made.exchanges
        ),
        closes=json_number(made.closes, 4),
        before=json_number(before, 4),
        after=json_number(made.value, 4),
        changes=made.changes,
        likelihood=json_number((made.log_likelihood - made.log_likelihood_before) / max(1, tokens), 4),
    )


def _without(examples: ExampleSet, partners: Partners) -> tuple[Note, ...]:
    """One note a reason, with the lines of the texts that got no partner."""
    by_reason: dict[str, list[int]] = {}
    for number, reason in sorted(partners.without.items()):
        by_reason.setdefault(reason, []).append(examples.examples[number].line or number + 1)
    return tuple(
        Note(key=f"partner_{reason}", values={"count": len(lines), "lines": ", ".join(map(str, lines))})
        for reason, lines in by_reason.items()
    )
