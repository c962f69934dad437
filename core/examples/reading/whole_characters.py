"""Characters that no text may hold: halves of one, and the zero that ends a text in many programs."""

import re
from collections.abc import Iterable

from core.errors import ExamplesError
from core.examples.example_set import shortened
from core.examples.reading.notes import readable

_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character that UTF-16 writes in two; an escape in JSON can hold one alone, no encoding can write it."""


def check_characters(cells: Iterable[str], line: int) -> None:
    """Raise ExamplesError for half a character or a zero in a cell."""
    for cell in cells:
        if broken := _SURROGATE.search(cell):
            raise ExamplesError(
                "half_character", line=line, found=readable(broken[0]), text=readable(shortened(cell))
            )
        if "\x00" in cell:
            raise ExamplesError("nul_character", line=line, text=shortened(cell.replace("\x00", "␀")))
