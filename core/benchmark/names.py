"""Names of the methods in benchmark.csv, by what they need; light, so that pages can read them."""

from collections.abc import Mapping

OURS = "headlight-standard"
SCREENED = "headlight-screened"
"""Ours with the gradient screen, the only one of ours that uses gradients."""

UNTRAINED = "untrained"
"""Ours but for the training: no rival, it tells what the training adds."""

CEILING = "exact-patching"
"""The truth itself was measured in this way, so it is no rival either."""

CHANCE = "random"
PUBLISHED = ("paper", "paper-250", "paper-ensemble")

GROUPS: Mapping[str, tuple[str, ...]] = {
    "ours": (
        OURS,
        "headlight-fast",
        SCREENED,
        "headlight-unpaired",
        "headlight-unequal",
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

LOOKING = tuple(name for name in GROUPS["look"] if name != CHANCE)
INTERVENING = (SCREENED, *GROUPS["change"])
"""Methods that use gradients of the behaviour or change what heads write."""

FORMER = {"headlight-no-reach": "headlight-no-flow", "pair-difference-reach": "pair-difference-flow"}
"""Names by those under which older results hold them."""


def group_of(method: str) -> str:
    """What a method needs: a key of GROUPS, or "other" for a name that is not known."""
    return next((group for group, methods in GROUPS.items() if method in methods), "other")
