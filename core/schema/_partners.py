"""partners.json: the made partners of a run, what each exchanges, and the texts that the run compared."""

from typing import Any

from pydantic import Field

from core.schema._stored import Note, Stored


class ExchangeRecord(Stored):
    """One exchanged token: its place in what the model reads, counted from 0, and both tokens as text."""

    position: int
    old: str
    new: str


class MadePartner(Stored):
    """One made partner. Numbers of texts count as in examples.csv, from 1.

    `closes` is the share of the distance to the other side's level of the metric that the exchange closes, `before` and
    `after` are the metric of the given text and of the made one. `likelihood` is by how much likelier, in nats a token,
    the model finds the exchanged tokens than those that stood there. `changes` says whether the model says another word
    first behind the made text.
    """

    text: int
    example: int
    exchanges: tuple[ExchangeRecord, ...] = ()
    closes: float | None = None
    before: float | None = None
    after: float | None = None
    likelihood: float | None = None
    changes: bool = True


class PartnersRecord(Stored):
    """The search for partners: its state, what was made, and for which texts nothing was found, and why.

    `examples` is the set that was compared: the user's texts with the names of their pairs, and the made ones.
    """

    state: str = ""
    made: tuple[MadePartner, ...] = ()
    without: tuple[Note, ...] = ()
    forward_passes: int = 0
    backward_passes: int = 0
    examples: dict[str, Any] = Field(default_factory=dict)
