"""The own-word metric: how much likelier a text makes its own next word than those of the normal texts.

For texts without answers and without partners. With own_j the likeliest next token of text j:

    m_i = log p_i(own_i) - mean over the normal texts j other than i of log p_i(own_j)

Texts that all say the same word have 0, and so have two sides that are alike, on average, since a normal text is not
held against itself. The gap is tested by shuffled labels, and which texts count as normal follows the labels.
"""

import numpy as np
import torch
from torch import Tensor

from core.causal.metric._rows import Directions


def own_words(log_probabilities: Tensor) -> Tensor:
    """The likeliest next token of each text (text,), from log-probabilities (text, vocabulary)."""
    return log_probabilities.argmax(dim=-1)


def own_word_directions(words: Tensor, n_anomalous: int) -> Directions:
    """A direction a text: its own word against those of the normal texts other than itself."""
    texts, tokens, weights = len(words), [], []
    for text in range(texts):
        others = [other for other in range(n_anomalous, texts) if other != text]
        # a normal text has one fewer to be held against: its own word fills the place, with weight 0
        filled = [*others, *[text] * (texts - n_anomalous - len(others))]
        tokens.append(words[[text, *filled]])
        weights.append([1.0, *[-1 / len(others)] * len(others), *[0.0] * (len(filled) - len(others))])
    return Directions(torch.tensor(weights), torch.stack(tokens))


def own_word_gaps(log_probabilities: Tensor, words: Tensor, weights: np.ndarray) -> np.ndarray:
    """The gap under every labelling (labelling,); `weights` (labelling, text) are positive for anomalous texts.

    In matrix form: with G_ij = log p_i(own_j), a and n the indicators of the sides and A and N their sizes, the gap is
    w·diag(G) - a'Gn / (A N) + (n'Gn - n·diag(G)) / (N (N - 1)).
    """
    likelihoods = log_probabilities[:, words].double().numpy()
    own = np.diag(likelihoods)
    anomalous, normal = (weights > 0).astype(float), (weights < 0).astype(float)
    sizes = anomalous.sum(axis=1), normal.sum(axis=1)
    of_normal = normal @ likelihoods.T
    across = (anomalous * of_normal).sum(axis=1) / (sizes[0] * sizes[1])
    within = ((normal * of_normal).sum(axis=1) - normal @ own) / (sizes[1] * (sizes[1] - 1))
    gaps: np.ndarray = weights @ own - across + within
    return gaps
