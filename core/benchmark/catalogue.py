"""The methods that are compared, by their names in benchmark.csv, and how many draws each of them gets.

All see the same draws. A method that takes long gets the first few, and only those with COSTLY_EXAMPLES texts a side.
"""

from collections.abc import Iterator
from typing import Literal

from core.benchmark.correlational import (
    chance,
    k_means,
    mean_difference,
    paper_counting,
    paper_ensemble,
    probe,
    untrained,
)
from core.benchmark.exact import exact_patching
from core.benchmark.gradient_methods import eap, eap_ig, hisp
from core.benchmark.methods import METHODS, Method
from core.benchmark.pruning import acdc
from core.benchmark.subnetwork import subnetwork_probing
from core.benchmark.tasks import Task
from core.config import PRESETS

Size = Literal["quick", "full"]

CHEAP: dict[str, Method] = {
    "k-means": k_means,
    "mean-difference": mean_difference,
    "probe": probe,
    "untrained": untrained(),
    "random": chance,
    "hisp": hisp,
    "eap": eap,
    "eap-ig": eap_ig,
}
CHEAP_DRAWS: dict[Size, int] = {"quick": 2, "full": 10}

COSTLY: dict[str, Method] = {
    "paper-ensemble": paper_ensemble,
    "subnetwork-probing": subnetwork_probing,
    "acdc-kl": acdc("kl"),
    "acdc-logit-difference": acdc("logit_difference"),
    "exact-patching": exact_patching,
}
COSTLY_DRAWS: dict[str, int] = {
    "paper-ensemble": 5,
    "paper-250": 10,
    "subnetwork-probing": 3,
    "acdc-kl": 2,
    "acdc-logit-difference": 2,
    "exact-patching": 3,
}
"""Draws in the full run; in the quick one none, but for QUICK_COSTLY_DRAWS."""

QUICK_COSTLY_DRAWS: dict[str, int] = {"paper-250": 2}
COSTLY_EXAMPLES = 8

PAPER_COUNTED = 250
PAPER_SEED = 10_000
"""Texts a side that the published recipe counts on, and what is added to the draw to get those, which no draw has."""

DOCSTRING_SPARSITY = 0.05
"""The published weight of the L1 term on this task; 0.02, the preset's, on all others."""


def compared(task: Task, size: Size, examples: int, draw: int) -> Iterator[tuple[str, Method]]:
    """The methods that take part in a draw of a task."""
    yield from METHODS.items()
    others = {**CHEAP, "paper-250": paper_250(task), **COSTLY}
    for name, draws in draws_of_others(size).items():
        if draw < draws and (name in CHEAP or examples == COSTLY_EXAMPLES):
            yield name, others[name]


def draws_of_others(size: Size) -> dict[str, int]:
    """Draws of every method that takes part beside METHODS."""
    costly = COSTLY_DRAWS if size == "full" else QUICK_COSTLY_DRAWS
    return {**dict.fromkeys(CHEAP, CHEAP_DRAWS[size]), **costly}


def paper_250(task: Task) -> Method:
    """The published recipe as published: trained on 10 of 250 + 250 texts of the task, counted on all of them."""
    settings = PRESETS["paper"]
    if task.name == "docstring":
        settings = settings.model_copy(update={"sparsity": DOCSTRING_SPARSITY})
    return paper_counting(lambda seed: task.draw(PAPER_COUNTED, PAPER_SEED + seed), settings)
