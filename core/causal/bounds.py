"""From what on a gap, an effect and a q-value count. Without torch, so that sentences can name the same numbers."""

from typing import Literal

Kind = Literal["logit_difference", "answer_difference", "own_word", "next_word_shift"]
SMALLEST_GAP: dict[Kind, float] = {
    "logit_difference": 0.1,
    "answer_difference": 0.1,
    "own_word": 0.1,
    "next_word_shift": 0.02,
}
"""Gaps below are no behaviour: logits for the first, nats for the others."""

CHANCE = 0.05
"""The p of the gap above which the sides do not differ."""

HEAD_BOUND, EDGE_BOUND = 0.05, 0.02
"""Effects, as shares of the gap, from which a head or an edge counts."""

WORTH_NAMING = 0.1
"""Share of the gap that passes through an MLP block, from which a sentence names it."""

CERTAIN, LIKELY = 0.05, 0.1
"""The q-values up to which a verdict is confirmed, or partly so."""

ALIKE = 0.9
"""Share of the texts on which a confirmed effect has its sign, where partners were made."""

COVERAGE = 0.95
"""Of the interval of an effect."""

RULE = {
    "head_bound": HEAD_BOUND,
    "edge_bound": EDGE_BOUND,
    "confirmed_q": CERTAIN,
    "partly_q": LIKELY,
    "interval": COVERAGE,
}
"""The numbers of the verdicts, as the manifest names them."""
