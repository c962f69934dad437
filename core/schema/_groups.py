"""Which anomalous texts share a mechanism, for the manifest."""

from typing import Literal

from pydantic import Field

from core.schema._stored import Stored


class TextGroup(Stored):
    """Texts on which the same heads carry the fault, counted from 0 in the user's order.

    `effects` are the mean effects on these texts of the heads that tell the groups apart, by `L3H5`; `heads` are those
    of them that work most in this group.
    """

    texts: tuple[int, ...]
    heads: tuple[str, ...] = ()
    effects: dict[str, float] = Field(default_factory=dict)


class TextGroups(Stored):
    """Whether the anomalous texts fall into groups, found in effects text by text.

    `heads` counts the tested heads that matter, on which it rests. `separation` is the mean silhouette of the best
    division, `distance` the cosine distance of its two nearest groups; they are given where the division was refused
    too. `wanted` is the separation that groups need, `fewest` the texts, or the heads, that it takes to ask.
    `agreement` is the adjusted Rand index with the groups that denoising alone gives. `unplaced` are texts on which no
    tested head does enough. `telling` are the heads that tell the groups apart, clearest first.
    """

    state: Literal["one", "several", "weak", "few_heads", "too_few"]
    groups: tuple[TextGroup, ...] = ()
    unplaced: tuple[int, ...] = ()
    telling: tuple[str, ...] = ()
    heads: int = 0
    separation: float | None = None
    distance: float | None = None
    agreement: float | None = None
    wanted: float | None = None
    fewest: int = 4
