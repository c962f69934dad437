"""Examples to start from, in each language; they are meant to be replaced by the user's own."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.examples.example_set import LABELS, ExampleSet
from core.examples.reading import from_rows


@dataclass(frozen=True)
class Template:
    """A kind of fault with texts that may show it and texts that do not, in the same order."""

    title: str
    hint: str
    anomalous: Sequence[str]
    normal: Sequence[str]

    def examples(self) -> ExampleSet:
        """The texts as examples, the n-th of both sides as a pair."""
        sides = zip(LABELS, (self.anomalous, self.normal), strict=True)
        return from_rows(
            {"label": label, "text": text, "pair": str(number)}
            for label, side in sides
            for number, text in enumerate(side, start=1)
        )


@cache
def templates(language: str) -> dict[str, Template]:
    """Every template of a language by its name."""
    content = tomllib.loads((Path(__file__).parent / f"{language}.toml").read_text(encoding="utf-8"))
    return {name: Template(**texts) for name, texts in content.items()}
