"""The behaviour as one number a text: what the effects of heads and edges are shares of.

Every metric is a weighted sum of next-word logits whose weights sum to 0, so it does not saturate.

1. `logit_difference`: logit(expected) - logit(actual), where the examples name both words. The two texts of a pair
   share the words of the anomalous one (of the normal one, where it alone has two different words). Without
   pairs, each text is read by its own words, and one without two different words by those of all texts.
2. `next_word_shift`, otherwise: the weights are the probabilities after the anomalous text minus those after its
   partner (without pairs, the mean of one side minus that of the other). The difference between the two texts of a
   pair is then their symmetric Kullback-Leibler divergence, in nats.

The gap is the mean on the anomalous texts minus the mean on the normal ones, and may be negative. The sides differ
where it is at least SMALLEST_GAP in size and no chance pattern: p is at most CHANCE (or the smallest that so few
examples can give), by sign flips over pairs, or by shuffled labels without pairs (for `next_word_shift` p of the
distance between the sides' mean probabilities). For `next_word_shift` with pairs size alone decides, since its sign
is always positive.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.causal.bounds import CHANCE, SMALLEST_GAP, Kind
from core.causal.statistics import label_weights, share_reaching, sign_flip_p, smallest_sign_flip_p
from core.examples.alignment import Alignment
from core.examples.example_set import Example, ExampleSet
from core.model.loaded_model import LoadedModel
from core.model.recording import Recording

Words = tuple[tuple[int, ...], tuple[int, ...]]
"""Tokens of expected and of actual next words."""


@dataclass(frozen=True)
class Metric:
    """The metric of one run. `directions` (direction, vocabulary); text i is read along `direction_of[i]`.

    `values` (text,) holds it for the plain texts, anomalous first. `divergence` is the mean symmetric divergence, in
    nats, of the next word after an anomalous text from that after its partner or, without pairs, from the mean over
    the normal texts.
    """

    kind: Kind
    directions: Tensor
    direction_of: tuple[int, ...]
    values: np.ndarray
    n_anomalous: int
    gap_p: float | None
    smallest_p: float
    divergence: float

    @property
    def anomalous(self) -> float:
        """Mean on the anomalous texts."""
        return float(self.values[: self.n_anomalous].mean())

    @property
    def normal(self) -> float:
        """Mean on the normal texts."""
        return float(self.values[self.n_anomalous :].mean())

    @property
    def gap(self) -> float:
        """What effects are shares of."""
        return self.anomalous - self.normal

    @property
    def too_small(self) -> bool:
        """Whether the gap is too small to be a behaviour."""
        return abs(self.gap) < SMALLEST_GAP[self.kind]

    @property
    def differs(self) -> bool:
        """Whether the model behaves differently on the two sides; without that there is nothing to explain."""
        chance = self.gap_p is not None and self.gap_p > max(CHANCE, self.smallest_p * (1 + 1e-9))
        return not self.too_small and not chance

    def of(self, logits: Tensor, texts: Sequence[int]) -> np.ndarray:
        """The metric (row,) of logits (row, vocabulary) that stand for these texts."""
        return self.read(logits, texts).double().cpu().numpy()

    def read(self, logits: Tensor, texts: Sequence[int]) -> Tensor:
        """The same as a tensor through which gradients pass."""
        rows = self.directions[[self.direction_of[text] for text in texts]]
        return (logits.float() * rows.to(logits.device)).sum(dim=-1)


def make_metric(
    loaded: LoadedModel,
    examples: Sequence[Example],
    log_probabilities: Tensor,
    n_anomalous: int,
    paired: bool,
    seed: int,
) -> Metric:
    """Choose the metric for examples, anomalous first and in the order of their pairs, and measure the gap.

    `log_probabilities` is (example, vocabulary).
    """
    words = _words(loaded, examples, n_anomalous, paired)
    return metric_of(words, log_probabilities, n_anomalous, paired, seed)


def metric_on(recording: Recording, examples: ExampleSet, alignment: Alignment, seed: int) -> Metric:
    """The same of the examples that are compared; `recording` is of these alone, in the order of the alignment."""
    compared = [examples.examples[i] for i in alignment.kept]
    plain = recording.log_probabilities()
    return make_metric(recording.loaded, compared, plain, alignment.n_anomalous, alignment.paired, seed)


def metric_of(
    words: Sequence[Words] | None, log_probabilities: Tensor, n_anomalous: int, paired: bool, seed: int
) -> Metric:
    """The logit difference between the words of each text, or the shift of the next word where there are none."""
    probabilities = log_probabilities.exp()
    if words is None:
        directions, direction_of = _shifts(probabilities, n_anomalous, paired)
    else:
        directions, direction_of = _differences(words, log_probabilities.shape[1])
    values = (log_probabilities * directions[direction_of]).sum(dim=-1).double().numpy()
    if paired:
        differences = values[:n_anomalous] - values[n_anomalous:]
        gap_p = None if words is None else float(sign_flip_p(differences[None, None], seed)[0])
        smallest = smallest_sign_flip_p(n_anomalous)
    else:
        weights = label_weights(len(values), n_anomalous, seed)
        # inner products (text, text), from which the distance of the sides' means follows for every labelling
        doubles = probabilities.double()
        gap_p = _label_p(values if words else (doubles @ doubles.T).numpy(), weights)
        smallest = 2 / len(weights)
    return Metric(
        kind="next_word_shift" if words is None else "logit_difference",
        directions=directions,
        direction_of=tuple(direction_of),
        values=values,
        n_anomalous=n_anomalous,
        gap_p=gap_p,
        smallest_p=smallest,
        divergence=_divergence(log_probabilities, n_anomalous, paired),
    )


def _words(
    loaded: LoadedModel, examples: Sequence[Example], n_anomalous: int, paired: bool
) -> list[Words] | None:
    """The words that each example is read by, or None where one has no two different words."""
    own = [_tokens(loaded, example) for example in examples]
    if paired:
        sides = zip(own[:n_anomalous], own[n_anomalous:], strict=True)
        words = [anomalous or normal for anomalous, normal in sides] * 2
    else:
        # the same for every text whatever its label, so that shuffling labels is a fair test
        named = [words for words in own if words]
        every = tuple(tuple(sorted({token for words in named for token in words[i]})) for i in (0, 1))
        words = [words or ((every[0], every[1]) if named else None) for words in own]
    complete = [of_text for of_text in words if of_text is not None]
    return complete if len(complete) == len(words) else None


def _tokens(loaded: LoadedModel, example: Example) -> Words | None:
    if not example.expected.strip() or not example.actual.strip():
        return None
    expected, actual = loaded.word_token(example.expected), loaded.word_token(example.actual)
    return None if expected is None or actual is None or expected == actual else ((expected,), (actual,))


def _differences(words: Sequence[Words], vocabulary: int) -> tuple[Tensor, list[int]]:
    """One direction for each different pair of words: mean of the expected minus mean of the actual."""
    keys = list(dict.fromkeys(words))
    directions = torch.zeros(len(keys), vocabulary)
    for row, (expected, actual) in enumerate(keys):
        directions[row, list(expected)] += 1 / len(expected)
        directions[row, list(actual)] -= 1 / len(actual)
    return directions, [keys.index(of_text) for of_text in words]


def _shifts(probabilities: Tensor, n_anomalous: int, paired: bool) -> tuple[Tensor, list[int]]:
    anomalous, normal = probabilities[:n_anomalous], probabilities[n_anomalous:]
    if paired:
        return anomalous - normal, list(range(n_anomalous)) * 2
    return (anomalous.mean(0) - normal.mean(0))[None], [0] * len(probabilities)


def _label_p(values: np.ndarray, weights: np.ndarray) -> float:
    """p of the gap under labellings (labelling, text), the true one first.

    `values` (text,) are fixed; (text, text) products let the direction follow the shuffled labels.
    """
    if values.ndim == 1:
        gaps = np.abs(weights @ values)
    else:
        gaps = np.einsum("li,ij,lj->l", weights, values, weights, optimize=True)
    return float(share_reaching(gaps[None], gaps[:1])[0])


def _divergence(log_probabilities: Tensor, n_anomalous: int, paired: bool) -> float:
    anomalous, normal = log_probabilities[:n_anomalous], log_probabilities[n_anomalous:]
    other = normal if paired else normal.exp().mean(0, keepdim=True).log()
    shift = (anomalous.exp() - other.exp()) * (anomalous - other)
    return float(shift.nan_to_num().sum(dim=-1).mean())
