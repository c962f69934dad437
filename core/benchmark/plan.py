"""How often every method is measured: draws of texts, seeds on each draw, and numbers of texts a side.

A seed is only given more than once to methods that throw dice. The quick plan gives an impression within 3 minutes on
two cores: every method that is cheap enough once in every case. The full one is sized for 90 minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Size = Literal["quick", "full"]

MAIN = 8
"""Texts a side at which everything is measured."""

EXAMPLES: dict[Size, tuple[int, ...]] = {"quick": (MAIN,), "full": (3, 5, MAIN, 10, 25)}


@dataclass(frozen=True)
class Repeats:
    """Draws and seeds at MAIN texts a side, and draws with one seed at the other numbers."""

    draws: int
    seeds: int = 1
    elsewhere: int = 0


_REPEATS: dict[str, tuple[int, Repeats]] = {
    "headlight-standard": (2, Repeats(10, seeds=3, elsewhere=10)),
    "headlight-fast": (2, Repeats(10, seeds=3, elsewhere=10)),
    "headlight-codes": (2, Repeats(10, seeds=3, elsewhere=10)),
    "headlight-screened": (1, Repeats(10, elsewhere=10)),
    "headlight-unpaired": (1, Repeats(10, elsewhere=3)),
    "headlight-unequal": (1, Repeats(10)),
    "headlight-unpaired-no-words": (0, Repeats(10)),
    "headlight-unequal-no-words": (0, Repeats(10)),
    "headlight-last": (1, Repeats(10)),
    "headlight-mean": (1, Repeats(10)),
    "headlight-no-flow": (1, Repeats(10)),
    "pair-difference-flow": (1, Repeats(10, elsewhere=10)),
    "paper": (1, Repeats(10, elsewhere=10)),
    "pair-difference-norm": (2, Repeats(10, elsewhere=10)),
    "untrained": (2, Repeats(10, seeds=3, elsewhere=10)),
    "k-means": (1, Repeats(10, elsewhere=3)),
    "mean-difference": (2, Repeats(10, elsewhere=10)),
    "mean-difference-unpaired": (1, Repeats(10)),
    "mean-difference-unequal": (1, Repeats(10)),
    "untrained-unpaired": (0, Repeats(10)),
    "untrained-unequal": (0, Repeats(10)),
    "probe": (1, Repeats(10, elsewhere=3)),
    "random": (2, Repeats(10, elsewhere=3)),
    "hisp": (2, Repeats(10, elsewhere=10)),
    "eap": (2, Repeats(10, elsewhere=10)),
    "eap-ig": (2, Repeats(10, elsewhere=10)),
    "paper-250": (1, Repeats(5)),
    "paper-ensemble": (0, Repeats(2)),
    "subnetwork-probing": (0, Repeats(2)),
    "acdc-kl": (0, Repeats(1)),
    "acdc-logit-difference": (0, Repeats(1)),
    "exact-patching": (0, Repeats(3)),
}
"""Draws of every method in the quick plan, and its repeats in the full one."""

PLANS: dict[Size, dict[str, Repeats]] = {
    "quick": {name: Repeats(draws) for name, (draws, _) in _REPEATS.items() if draws},
    "full": {name: repeats for name, (_, repeats) in _REPEATS.items()},
}


@dataclass(frozen=True)
class Extras:
    """What is measured beside the methods, at MAIN texts a side: draws whose labels are shuffled over all texts, draws
    on which heads to switch off are searched, draws of the sweep over settings, draws of whole runs whose level of
    trust is judged; and shuffles of the labels a draw.
    """

    unpaired_draws: int = 0
    switch_draws: int = 0
    sweep_draws: int = 0
    trust_draws: int = 0
    shuffles: int = 5
    unpaired_shuffles: int = 10


EXTRAS: dict[Size, Extras] = {
    "quick": Extras(unpaired_draws=1, switch_draws=1, shuffles=2, unpaired_shuffles=3),
    "full": Extras(unpaired_draws=5, switch_draws=3, sweep_draws=1, trust_draws=2),
}


REAL_DRAWS: dict[Size, dict[bool, int]] = {"quick": {False: 0, True: 0}, "full": {False: 10, True: 2}}
"""Most draws of behaviours of real models, those of a small one (False) and of a large one (True)."""


def draws_of(size: Size, examples: int) -> int:
    """How many draws there are with this many texts a side."""
    return max(_draws(repeats, examples) for repeats in PLANS[size].values())


def planned(size: Size, examples: int, draw: int) -> Iterator[tuple[str, range]]:
    """The methods that are measured on a draw, with their seeds."""
    for name, repeats in PLANS[size].items():
        if draw < _draws(repeats, examples):
            yield name, range(repeats.seeds if examples == MAIN else 1)


def _draws(repeats: Repeats, examples: int) -> int:
    return repeats.draws if examples == MAIN else repeats.elsewhere
