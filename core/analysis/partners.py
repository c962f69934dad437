"""Partners for texts that have none: when a run makes them, and what it then compares.

1. A text needs a partner where it has none with as many tokens as it has itself, position by position.
2. Made are copies of the anomalous texts with the fewest words exchanged (`core.causal.partner_search`). Whether the
   sides differ, and what level the behaviour is to reach, is asked of the given normal texts.
3. A run compares made pairs where FEWEST texts and half of those that needed one got a partner; the others are left out
   and named. With fewer the texts are compared side by side, as without made partners.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from core.causal.metric import Metric, metric_of_sides
from core.causal.partner_search import make_partners
from core.config import RunConfig
from core.errors import ModelError
from core.examples.alignment import Alignment
from core.examples.counterfactuals import Counterfactual, Partners
from core.examples.example_set import MINIMUM_PER_SIDE, Example, ExampleSet
from core.model.memory import is_out_of_memory
from core.model.recording import Recording
from core.schema import ExchangeRecord, MadePartner, Note, PartnersRecord, json_number

FEWEST = MINIMUM_PER_SIDE
"""Texts with a made partner, below which they are not compared in pairs."""


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
    """Make partners for these anomalous texts of the recorded set; yields how many texts are done."""
    examples = config.examples
    normal = [i for i, e in enumerate(examples.examples) if e.label == "normal" and not e.source]
    metric = metric_of_sides(recording, examples, wanted, normal, config.seed)
    if not metric.differs:
        return _none(examples, "no_difference")
    sides = Alignment("last", "asked", (*wanted, *normal), len(wanted), (), np.zeros((0, 0), dtype=int))
    try:
        partners = yield from make_partners(recording, examples, sides, metric, config.seed)
    except (RuntimeError, MemoryError, ModelError) as error:
        if not is_out_of_memory(error):
            raise
        return _none(examples, "memory")
    made = {one.of for one in partners.made}
    usable = len(made) >= max(FEWEST, len(wanted) / 2)
    record = PartnersRecord(
        state=partners.state if usable or not made else "too_few",
        made=_records(partners, metric, wanted) if usable else (),
        without=_without(examples, partners),
        forward_passes=partners.forward_passes,
        backward_passes=partners.backward_passes,
        examples=partners.examples.model_dump(mode="json") if usable else {},
    )
    return MadePartners(partners.examples if usable else examples, record)


def partner_notes(record: PartnersRecord) -> list[Note]:
    """What a reader must know of the search: why there is none, or which texts have none."""
    state = [] if record.state == "computed" else [Note(key=f"partners_{record.state}")]
    return [*state, *record.without]


def _none(examples: ExampleSet, state: str) -> MadePartners:
    return MadePartners(examples, PartnersRecord(state=state))


def _records(partners: Partners, metric: Metric, wanted: Sequence[int]) -> tuple[MadePartner, ...]:
    before = dict(zip(wanted, metric.values.tolist(), strict=False))
    given = len(partners.examples.given)
    return tuple(
        _record(made, given + number, before[made.of]) for number, made in enumerate(partners.made, start=1)
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
