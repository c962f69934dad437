"""mechanisms.json: what each head or MLP block that matters does, and the way through each single text."""

from typing import Literal

from pydantic import Field

from core.schema._details import SideCounts
from core.schema._stored import FORMAT, Stored

Unit = Literal["head", "mlp"]


WordKind = Literal["word", "sign", "space", "special", "first"]
"""A word or number, a punctuation mark, white space written as a sign, a token that no text spells, or whatever stands
at the very beginning of a text, where heads rest that have nothing to do.
"""


class SeenWord(Stored):
    """A word that a head looks at: its mean share of the attention over the anomalous texts that hold it.

    `texts` are their numbers as in examples.csv, from 1. `overall` is its mean share over all anomalous texts.
    """

    word: str
    share: float
    texts: tuple[int, ...] = ()
    kind: WordKind = "word"
    overall: float = 0.0


class WrittenWord(Stored):
    """A word that a unit makes likelier, or unlikelier where `change` is below 0: mean change of its logit."""

    word: str
    change: float


class RoleScore(Stored):
    """One test of a standard role: `score` on the user's texts or on random repeated tokens.

    From `least` on the head counts as having the role; a score of None could not be measured there.
    """

    role: str
    measured_on: Literal["texts", "random"]
    score: float | None
    least: float


class Mechanism(Stored):
    """One head or MLP block on the anomalous texts.

    `place` is the word at which it is read, where what it writes matters most; several are set apart by commas.
    `at_end` says that this is the end of the text, where the answer is read. `looks_at` is empty for MLP blocks.
    `likelier` and `unlikelier` are what it writes there itself, more than in the normal texts (`through` is `direct`);
    for a unit that is read earlier, what the last logits lose without it (`later`, through later layers). `given` and
    `wanted` are the same of each text's own answers, the actual and the expected one, as means. `without`
    counts texts by side with this unit alone switched off. `role` is the standard role that was found, empty for none.
    """

    unit: Unit = "head"
    layer: int
    head: int | None = None
    place: str = ""
    at_end: bool = True
    through: Literal["direct", "later"] = "direct"
    given: float | None = None
    wanted: float | None = None
    looks_at: tuple[SeenWord, ...] = ()
    likelier: tuple[WrittenWord, ...] = ()
    unlikelier: tuple[WrittenWord, ...] = ()
    without: dict[str, SideCounts] = Field(default_factory=dict)
    roles: tuple[RoleScore, ...] = ()
    role: str = ""


class Look(Stored):
    """One token that a head looks at in one text: its place among the pieces, and its share of the attention."""

    token: int
    share: float


class TextPath(Stored):
    """One text: its tokens as pieces, those that its partner has otherwise, and what each unit does in it.

    `looks` holds the most attended tokens by head; `effects` the effect on this text by unit, as a share of the gap.
    """

    example: int
    label: str
    pieces: tuple[str, ...]
    differing: tuple[int, ...] = ()
    looks: dict[str, tuple[Look, ...]] = Field(default_factory=dict)
    effects: dict[str, float] = Field(default_factory=dict)


class Answer(Stored):
    """An answer of the behaviour: `up` where the fault makes it likelier, `down` where it is what should come.

    `pushes` holds by unit the mean change of the answer's first token's logit that the unit writes directly.
    """

    word: str
    direction: Literal["up", "down"]
    texts: tuple[int, ...] = ()
    pushes: dict[str, float] = Field(default_factory=dict)


class MechanismsRecord(Stored):
    """mechanisms.json: units by name (`L1H2`, `MLP0`), texts in the user's order, answers with the strongest first."""

    format: int = FORMAT
    units: dict[str, Mechanism] = Field(default_factory=dict)
    texts: tuple[TextPath, ...] = ()
    answers: tuple[Answer, ...] = ()
