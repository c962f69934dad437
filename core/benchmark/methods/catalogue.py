"""The methods that are compared, by their names in benchmark.csv."""

from core.benchmark.methods.acdc import acdc
from core.benchmark.methods.correlational import (
    chance,
    k_means,
    mean_difference,
    paper_counting,
    paper_ensemble,
    probe,
    untrained,
)
from core.benchmark.methods.exact import exact_patching
from core.benchmark.methods.gradient import eap, eap_ig, hisp
from core.benchmark.methods.method import (
    Method,
    ours,
    pair_difference_norm,
    pair_difference_reach,
    paper,
    unpaired,
)
from core.benchmark.methods.screened import screened
from core.benchmark.methods.subnetwork_probing import subnetwork_probing
from core.benchmark.reading import GROUPS, SCREENED
from core.benchmark.tasks.task import FIRST_SEEDS, Task
from core.benchmark.tasks.unequal_lengths import unequal
from core.config import PRESETS, AutoencoderConfig
from core.examples.example_set import ExampleSet

OURS = tuple(name for name in GROUPS["ours"] if name != SCREENED)
"""Methods of ours that only look at what heads write, as every method of LOOKING does."""

LOOKING = (
    "untrained",
    "k-means",
    "pair-difference-norm",
    "mean-difference",
    "probe",
    "paper",
    "paper-250",
    "paper-ensemble",
)
INTERVENING = (
    "headlight-screened",
    "hisp",
    "eap",
    "eap-ig",
    "subnetwork-probing",
    "acdc-kl",
    "acdc-logit-difference",
    "exact-patching",
)
"""Methods that use gradients of the behaviour or change what heads write."""

PLAIN: dict[str, Method] = {
    "headlight-standard": ours(PRESETS["standard"]),
    "headlight-fast": ours(PRESETS["fast"]),
    "headlight-screened": screened,
    "headlight-last": ours(PRESETS["standard"], "last"),
    "headlight-mean": ours(PRESETS["standard"], "mean"),
    "headlight-no-reach": ours(PRESETS["standard"], with_flow=False),
    "pair-difference-reach": pair_difference_reach,
    "untrained": untrained(),
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

PAPER_COUNTED = 250
PAPER_SEED = 10_000
"""Texts a side that the published recipe counts on, and what is added to the draw to get those, which no draw has."""

PARTNERLESS = 5_000
"""Added to the draw for the normal texts of `headlight-unpaired` and `headlight-unequal`: nobody's partners."""

DOCSTRING_SPARSITY = 0.05
"""The published weight of the L1 term on this task; 0.02, the preset's, on all others."""


def method_named(name: str, task: Task, examples: int, draw: int) -> Method:
    """The method of this name for a draw of a task."""
    if name == "headlight-unpaired":
        return unpaired(PRESETS["standard"], partnerless(task, examples, draw))
    if name == "headlight-unequal":
        return unpaired(PRESETS["standard"], of_unequal_lengths(task, examples, draw))
    if name == "paper":
        return paper(paper_settings(task))
    if name == "paper-ensemble":
        return paper_ensemble(paper_settings(task))
    return paper_250(task, draw) if name == "paper-250" else PLAIN[name]


def partnerless(task: Task, examples: int, draw: int) -> ExampleSet:
    """The anomalous texts of a draw beside as many normal texts that belong to other pairs."""
    own, other = task.draw(examples, draw), task.draw(examples, PARTNERLESS + draw)
    chosen = [one for one in own.examples if one.label == "anomalous"]
    chosen += [one for one in other.examples if one.label == "normal"]
    return ExampleSet(examples=tuple(one.model_copy(update={"pair": ""}) for one in chosen))


def of_unequal_lengths(task: Task, examples: int, draw: int) -> ExampleSet:
    """The same texts with words in front, so that they differ in length. Raises ValueError where none can be put."""
    first = FIRST_SEEDS[task.role] + draw
    return unequal(task, task.pairs(examples, first), task.pairs(examples, PARTNERLESS + first), draw)


def paper_250(task: Task, draw: int) -> Method:
    """The published recipe as published: trained on 10 of 250 + 250 texts of the task, counted on all of them."""
    return paper_counting(lambda: task.draw(PAPER_COUNTED, PAPER_SEED + draw), paper_settings(task))


def paper_settings(task: Task) -> AutoencoderConfig:
    """The settings that were published for a task."""
    settings = PRESETS["paper"]
    if task.name == "docstring":
        settings = settings.model_copy(update={"sparsity": DOCSTRING_SPARSITY})
    return settings
