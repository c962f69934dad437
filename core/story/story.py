"""From the words to the answer: what a picture, a sentence or a report tells of a run.

Words that matter → heads and MLP blocks that were shown to matter → answers. Every number is one of the run's files.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Word:
    """A word of the texts: one that partners have otherwise (`trigger`), or that a confirmed head looks at.

    `texts` are the numbers of the anomalous texts that hold it, from 1.
    """

    text: str
    trigger: bool
    texts: tuple[int, ...]


@dataclass(frozen=True)
class Node:
    """A head or MLP block: its measured effect as a share of the gap, with the interval, and its verdict.

    `title` stands beside it: the user's own name, else what it does in few words of the reader's language. `proven`
    is so for confirmed and partly confirmed units.
    """

    name: str
    unit: Literal["head", "mlp"]
    layer: int
    title: str
    verdict: str
    effect: float | None
    low: float | None = None
    high: float | None = None
    works_against: bool = False

    @property
    def proven(self) -> bool:
        """Whether interventions show that it matters."""
        return self.verdict in ("confirmed", "partly")


@dataclass(frozen=True)
class Said:
    """An answer at the end: `up` where the fault makes it likelier, `down` for what should come."""

    word: str
    direction: Literal["up", "down"]


@dataclass(frozen=True)
class Line:
    """From a word to the head that looks at it, from head to head, or from a unit to an answer.

    `source` and `target` are the texts of words, the names of nodes, or the words of answers, as `kind` tells.
    `weight` is the share of attention (`reads`), the edge's effect (`feeds`), or the change of the answer's logit
    (`pushes`). `verdict` is that of an edge; a refuted edge is never `proven`. `said` is the share that is told of a
    line from a word, over the texts that hold the word, as on the head's card; the width counts all texts.
    """

    source: str
    target: str
    kind: Literal["reads", "feeds", "pushes"]
    weight: float
    proven: bool
    verdict: str = ""
    said: float | None = None


@dataclass(frozen=True)
class StoryText:
    """One anomalous text as pieces, with the places of its trigger words, what was said, and what without the heads."""

    example: int
    pieces: tuple[str, ...]
    differing: tuple[int, ...]
    before: str
    after: str
    expected: str


@dataclass(frozen=True)
class Story:
    """All of it. `texts` are the anomalous ones, in the user's order."""

    words: tuple[Word, ...]
    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]
    answers: tuple[Said, ...]
    texts: tuple[StoryText, ...] = ()
