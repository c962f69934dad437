"""The behaviour as one number a text: what the effects of heads and edges are shares of.

1. `logit_difference`: logit(expected) - logit(actual), where the examples name both answers and each is one token.
2. `answer_difference`: the same for answers of any length: log-probability of the expected answer less that of the
   actual one, both given the text, each the sum over its tokens (`core.causal.metric._rows`). Where both begin alike,
   the common beginning cancels; where one is the beginning of the other, the rest of the longer one alone is read.
   The two texts of a pair share the answers of the anomalous one (of the normal one, where it alone has two different
   ones). Without pairs, each text is read by its own answers, and one without two different ones by those of all
   texts: the mean over the different expected ones less the mean over the different actual ones.
3. `next_word_shift`, for pairs without answers: the weights are the probabilities after the anomalous text minus those
   after its partner. The difference between the two texts of a pair is then their symmetric Kullback-Leibler
   divergence, in nats.
4. `own_word`, for texts without answers and without pairs: how much likelier a text makes its own next word than those
   of the normal texts (`core.causal.metric._own_word`).

All are weighted sums of log-probabilities of next tokens. In all but 2 the weights sum to 0, so that logits do in
their place.

The gap is the mean on the anomalous texts minus the mean on the normal ones, and may be negative. The sides differ
where it is at least SMALLEST_GAP in size and no chance pattern: p is at most CHANCE (or the smallest that so few
examples can give), by sign flips over pairs, or by shuffled labels without pairs (for `own_word` the normal texts that
each is held against follow the labels). For `next_word_shift` size alone decides, since its sign is always positive.
"""

from core.causal.metric._making import make_metric as make_metric
from core.causal.metric._making import metric_of as metric_of
from core.causal.metric._making import metric_of_sides as metric_of_sides
from core.causal.metric._making import metric_on as metric_on
from core.causal.metric._metric import AnswerPart as AnswerPart
from core.causal.metric._metric import Metric as Metric
from core.causal.metric._metric import read_rows as read_rows
from core.causal.metric._places import answer_places as answer_places
from core.causal.metric._places import answer_tokens_of as answer_tokens_of
from core.causal.metric._rows import Row as Row
from core.causal.metric._rows import Words as Words
