"""Made partners that are in the set already, read as the search reads those that it makes."""

from collections.abc import Mapping, Sequence

import numpy as np

from core.causal.metric import Metric
from core.causal.partner_search._levels import levels_of
from core.causal.partner_search._reading import Changed, Reader
from core.causal.partner_search._words import Reading, reading_of
from core.examples.counterfactuals import Counterfactual, Exchange
from core.examples.example_set import ExampleSet
from core.model.loaded_model import LoadedModel
from core.model.recording import Recording


def read_made(
    recording: Recording,
    examples: ExampleSet,
    metric: Metric,
    compared: Sequence[int],
    owners: Mapping[int, int],
) -> tuple[dict[int, Counterfactual], int]:
    """What made partners do, by their number in the set, and the single texts that were read for it.

    Those of other token counts than their text, or of the same tokens, are left out.


    `recording` is of all examples, `metric` of the `compared` ones, anomalous first. `owners` says for numbers of made
    partners which text each belongs to.
    """
    loaded, ids = recording.loaded, [tuple(text) for text in recording.texts]
    equal = {
        made: of for made, of in owners.items() if len(ids[made]) == len(ids[of]) and ids[made] != ids[of]
    }
    reader = Reader(loaded, metric)
    exchanges = {
        made: _exchanges(loaded, *(reading_of(loaded, examples, i, ids[i]) for i in (of, made)))
        for made, of in equal.items()
    }
    changed = [Changed(compared.index(of), ids[made], _places(exchanges[made])) for made, of in equal.items()]
    before = [Changed(compared.index(of), ids[of], _places(exchanges[made])) for made, of in equal.items()]
    read = reader.read([*changed, *before])
    levels = levels_of(metric, recording.of(compared).log_probabilities())
    found: dict[int, Counterfactual] = {}
    for (made, of), after, own in zip(equal.items(), read[: len(equal)], read[len(equal) :], strict=True):
        way = levels[compared.index(of)] - own.value
        found[made] = Counterfactual(
            of=of,
            ids=ids[made],
            exchanges=exchanges[made],
            closes=(after.value - own.value) / way if way else float(np.nan),
            value=after.value,
            log_likelihood=after.exchanged,
            log_likelihood_before=own.exchanged,
            example=examples.examples[made],
            changes=after.says != own.says,
        )
    return found, reader.forward_passes


def _places(exchanges: Sequence[Exchange]) -> tuple[tuple[int, int], ...]:
    return tuple((exchange.position, exchange.position + len(exchange.old)) for exchange in exchanges)


def _exchanges(loaded: LoadedModel, old: Reading, new: Reading) -> tuple[Exchange, ...]:
    """The runs of words that differ, or of tokens where words of the two texts do not lie alike."""
    words, others = ({(word.position, word.end): word for word in reading.words} for reading in (old, new))
    differing = [i for i, both in enumerate(zip(old.ids, new.ids, strict=True)) if both[0] != both[1]]
    found: list[Exchange] = []
    for position in differing:
        if found and position < found[-1].position + len(found[-1].old):
            continue
        place = next((p for p in words if p[0] <= position < p[1] and p in others), (position, position + 1))
        first, last = place
        spelled = [
            of[place].spelling if place in of else "".join(loaded.pieces(list(ids[first:last]))).strip()
            for of, ids in ((words, old.ids), (others, new.ids))
        ]
        found.append(Exchange(first, old.ids[first:last], new.ids[first:last], *spelled))
    return tuple(found)
