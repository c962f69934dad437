"""Effects of heads, sets of heads and edges on the pairs of a task, by resampling between the two texts of a pair.

The metric is the mean logit of all words that fit minus that of all that do not, at the last position; effects are
those of `core.causal.patching`, their mean over the pairs.
"""

from collections.abc import Sequence

from core.causal.metric import Words, metric_of
from core.causal.patching import AnyTarget, Patching
from core.generators import result_of
from core.model.loaded_model import LoadedModel
from core.model.recording import Recording
from core.scenarios.build.tasks import TaskPair
from core.scenarios.loader import Effect


class PairPatching:
    """Patching between the two texts of every pair; `anomalous` and `normal` are the means of the metric."""

    def __init__(self, loaded: LoadedModel, pairs: Sequence[TaskPair]) -> None:
        texts = [pair.anomalous for pair in pairs] + [pair.normal for pair in pairs]
        recording = Recording(loaded, [loaded.encode(text) for text in texts], streams=True)
        words = [_words(loaded, pair) for pair in pairs]
        plain, sides = recording.log_probabilities(), (len(pairs), True)
        self._metric = metric_of(loaded, recording.texts, words * 2, plain, *sides, seed=0)
        self._patching = Patching(recording, len(pairs), paired=True)
        self.anomalous, self.normal = self._metric.anomalous, self._metric.normal

    def effects(self, targets: Sequence[AnyTarget]) -> list[Effect]:
        """The effect of every target; either all are edges or none is."""
        effects = result_of(self._patching.effects(targets, self._metric)).mean(axis=-1)
        count = self._patching.n_anomalous
        return [Effect(round(lost, 4), round(won, 4), count) for lost, won in effects.T.tolist()]


def _words(loaded: LoadedModel, pair: TaskPair) -> Words:
    good, bad = (
        tuple(dict.fromkeys((token,) for token in map(loaded.word_token, words) if token is not None))
        for words in (pair.good, pair.bad)
    )
    return good, bad
