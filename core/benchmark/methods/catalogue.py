"""The methods that are compared, by their names in benchmark.csv."""

from collections.abc import Callable
from functools import partial

from core.benchmark.methods.acdc import acdc
from core.benchmark.methods.correlational import (
    chance,
    k_means,
    mean_difference,
    pair_difference_flow,
    pair_difference_norm,
    paper_ensemble,
    probe,
)
from core.benchmark.methods.exact import exact_patching
from core.benchmark.methods.gradient import eap, eap_ig, hisp, screened
from core.benchmark.methods.method import Method, by_codes, ours, paper
from core.benchmark.methods.subnetwork_probing import subnetwork_probing
from core.benchmark.names import FORMS, IN_FORMS, SIMPLE_IN_FORMS, UNTRAINED
from core.benchmark.tasks.forms import of_unequal_lengths, partnerless
from core.benchmark.tasks.task import Task
from core.config import PRESETS, AutoencoderConfig
from core.examples.example_set import ExampleSet

STANDARD = PRESETS["standard"]

PLAIN: dict[str, Method] = {
    "headlight-standard": ours(STANDARD),
    "headlight-fast": ours(PRESETS["fast"]),
    "headlight-codes": by_codes(STANDARD),
    "headlight-screened": screened,
    "headlight-last": by_codes(STANDARD, "last"),
    "headlight-mean": by_codes(STANDARD, "mean"),
    "headlight-no-flow": by_codes(STANDARD, with_flow=False),
    "pair-difference-flow": pair_difference_flow,
    "untrained": by_codes(STANDARD.model_copy(update={"epochs": 0})),
    "k-means": k_means,
    "pair-difference-norm": pair_difference_norm,
    "mean-difference": mean_difference,
    "probe": probe,
    "random": chance,
    "hisp": hisp,
    "eap": eap,
    "eap-ig": eap_ig,
    "subnetwork-probing": subnetwork_probing,
    "acdc-kl": acdc("kl"),
    "acdc-logit-difference": acdc("logit_difference"),
    "exact-patching": exact_patching,
}
"""Methods that need nothing but the examples of the draw."""

_MAKERS: dict[str, Callable[[Task, int, int], ExampleSet]] = {
    "unpaired": partnerless,
    "unequal": of_unequal_lengths,
    "unpaired-no-words": partial(partnerless, words=False),
    "unequal-no-words": partial(of_unequal_lengths, words=False),
}

PAPER_COUNTED = 250
PAPER_SEED = 10_000
"""Texts a side that the published method counts on, and what is added to the draw to get those, which no draw has."""

DOCSTRING_SPARSITY = 0.05
"""The published weight of the L1 term on this task; 0.02, the preset's, on all others."""


def method_named(name: str, task: Task, examples: int, draw: int) -> Method:
    """The method of this name for a draw of a task."""
    match name:
        case _ if name in (*IN_FORMS, *SIMPLE_IN_FORMS):
            texts = texts_of(name, task, examples, draw)
            return _in_form(name, texts)
        case "paper":
            return paper(paper_settings(task))
        case "paper-ensemble":
            return paper_ensemble(paper_settings(task))
        case "paper-250":
            return paper(paper_settings(task), task.draw(PAPER_COUNTED, PAPER_SEED + draw))
        case _:
            return PLAIN[name]


def texts_of(name: str, task: Task, examples: int, draw: int) -> ExampleSet:
    """The texts of a draw that the method of this name reads, but for those of `paper-250`.

    Raises ValueError where the task has no texts in the form that the method needs.
    """
    form = next((form for form in FORMS if name.endswith(f"-{form}")), None)
    return _MAKERS[form](task, examples, draw) if form else task.draw(examples, draw)


def _in_form(name: str, texts: ExampleSet) -> Method:
    """A method on texts without partners, whatever texts it is given."""
    if name in IN_FORMS:
        return ours(STANDARD, unpaired=texts)
    if name.startswith(UNTRAINED):
        return by_codes(STANDARD.model_copy(update={"epochs": 0}), unpaired=texts)
    return lambda loaded, _examples, seed: mean_difference(loaded, texts, seed, pairing="off")


def paper_settings(task: Task) -> AutoencoderConfig:
    """The settings that were published for a task."""
    settings = PRESETS["paper"]
    if task.name == "docstring":
        settings = settings.model_copy(update={"sparsity": DOCSTRING_SPARSITY})
    return settings
