"""Effects of heads, sets of heads and edges on the pairs of a task, by resampling between the two texts of a pair.

The metric is the mean logit of all words that fit minus that of all that do not, at the last position; effects are
those of `core.causal.patching`, their mean over the pairs.
"""

from collections.abc import Sequence

from core.causal.metric import Metric, Words, make_metric, metric_of
from core.causal.patching import AnyTarget, Patching
from core.generators import result_of
from core.model.loaded_model import LoadedModel
from core.model.next_token import last_logits
from core.model.recording import Recording
from core.scenarios.build.make_examples import examples_of
from core.scenarios.build.tasks import TaskPair
from core.scenarios.loader import Effect


class PairPatching:
    """Patching between the two texts of every pair; `anomalous` and `normal` are the means of the metric.

    With `whole_answers` the metric is that of a run on these texts: expected answer less actual one, all their tokens.
    """

    def __init__(self, loaded: LoadedModel, pairs: Sequence[TaskPair], whole_answers: bool = False) -> None:
        texts = [pair.anomalous for pair in pairs] + [pair.normal for pair in pairs]
        recording = Recording(loaded, [loaded.encode(text) for text in texts], streams=True)
        self._loaded = loaded
        self._metric = (_by_answers if whole_answers else _by_words)(recording, pairs)
        self._patching = Patching(recording, len(pairs), paired=True)
        self.anomalous, self.normal = self._metric.anomalous, self._metric.normal

    def shown(self) -> dict[str, float]:
        """How far the model shows the behaviour on the anomalous texts: the share of those behind which the likeliest
        token is the expected one, where both answers first differ, and of those whose metric is above their partner's.
        """
        count, values = self._patching.n_anomalous, self._metric.values
        parts = sorted(self._metric.parts, key=lambda part: part.place, reverse=True)
        first = {part.text: part for part in parts if part.side == "expected"}
        # both answers begin alike in front of that place, so any row that reaches it will do
        rows = {row.text: row for row in sorted(self._metric.rows, key=lambda row: len(row.ids))}
        reads = [rows[text].ids[: rows[text].start + first[text].place] for text in range(count)]
        likeliest = last_logits(self._loaded, reads).argmax(dim=-1).tolist()
        said = [likeliest[text] == first[text].token for text in range(count)]
        higher = values[:count] > values[count:]
        return {"said": round(sum(said) / count, 4), "higher": round(float(higher.mean()), 4)}

    def effects(self, targets: Sequence[AnyTarget]) -> list[Effect]:
        """The effect of every target; either all are edges or none is."""
        effects = result_of(self._patching.effects(targets, self._metric)).mean(axis=-1)
        count = self._patching.n_anomalous
        return [Effect(round(lost, 4), round(won, 4), count) for lost, won in effects.T.tolist()]


def _by_words(recording: Recording, pairs: Sequence[TaskPair]) -> Metric:
    """Mean logit of all words that fit minus that of all that do not."""
    words = [_words(recording.loaded, pair) for pair in pairs] * 2
    plain, sides = recording.log_probabilities(), (len(pairs), True)
    return metric_of(recording.loaded, recording.texts, words, plain, *sides, seed=0)


def _by_answers(recording: Recording, pairs: Sequence[TaskPair]) -> Metric:
    """Expected answer less actual one, as a run reads them."""
    examples, plain = examples_of(pairs), recording.log_probabilities()
    return make_metric(recording.loaded, recording.texts, examples, plain, len(pairs), True, seed=0)


def _words(loaded: LoadedModel, pair: TaskPair) -> Words:
    good, bad = (
        tuple(dict.fromkeys((token,) for token in map(loaded.word_token, words) if token is not None))
        for words in (pair.good, pair.bad)
    )
    return good, bad
