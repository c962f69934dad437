"""Names of the methods in benchmark.csv, by what they need; light, so that pages can read them."""

from collections.abc import Mapping

OURS = "headlight-standard"
BY_CODES = "headlight-codes"
"""Ours by codes alone; the variants without attention flow, of single positions and without training are of this."""

SCREENED = "headlight-screened"
"""Codes with the gradient screen of former versions."""

UNTRAINED = "untrained"
"""Ours but for the training: no rival, it tells what the training adds."""

CEILING = "exact-patching"
"""The truth itself was measured in this way, so it is no rival either."""

CHANCE = "random"

SMALL_REAL, LARGE_REAL = ("stories260K", "slm4096"), ("SmolLM2-135M-Instruct",)
"""Real models, which nobody trained for this benchmark (`core.benchmark.tasks.real`)."""

FORMS = ("unpaired", "unequal", "unpaired-no-words", "unequal-no-words")
"""Forms of texts without partners (`core.benchmark.tasks.forms`): a method on one of them is named METHOD-FORM."""

IN_FORMS = tuple(f"headlight-{form}" for form in FORMS)
"""Ours on texts without partners."""

SIMPLE_IN_FORMS = tuple(
    f"{method}-{form}" for method in ("mean-difference", "untrained") for form in FORMS[:2]
)
"""The simple ways on the same texts: rivals of ours there, never of ours on pairs."""
PUBLISHED = ("paper", "paper-250", "paper-ensemble")

GROUPS: Mapping[str, tuple[str, ...]] = {
    "ours": (
        OURS,
        "headlight-fast",
        BY_CODES,
        SCREENED,
        *IN_FORMS,
        "headlight-last",
        "headlight-mean",
        "headlight-no-flow",
        "pair-difference-flow",
    ),
    "look": (
        UNTRAINED,
        "k-means",
        "pair-difference-norm",
        "mean-difference",
        "probe",
        *SIMPLE_IN_FORMS,
        *PUBLISHED,
        CHANCE,
    ),
    "change": (
        "hisp",
        "eap",
        "eap-ig",
        "subnetwork-probing",
        "acdc-kl",
        "acdc-logit-difference",
        CEILING,
    ),
}
"""The methods: ours, those that only look at what heads write, those that use gradients or change heads."""

LOOKING = tuple(name for name in GROUPS["look"] if name not in (CHANCE, *SIMPLE_IN_FORMS))
INTERVENING = (SCREENED, *GROUPS["change"])
"""Methods that use gradients of the behaviour or change what heads write."""

FORMER = {"headlight-no-reach": "headlight-no-flow", "pair-difference-reach": "pair-difference-flow"}
"""Names by those under which older results hold them."""


def group_of(method: str) -> str:
    """What a method needs: a key of GROUPS, or "other" for a name that is not known."""
    return next((group for group, methods in GROUPS.items() if method in methods), "other")
