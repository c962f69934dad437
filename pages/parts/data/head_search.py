"""Finding a head by what a person types: `L3H5`, `3.5`, or its own name."""

import re
import unicodedata
from collections.abc import Mapping

_PLACE = re.compile(r"l?\s*(\d{1,5})\s*(?:[.,:/ -]|h)\s*h?\s*(\d{1,5})", re.ASCII)


def find_head(typed: str, names: set[str], own_names: Mapping[str, str]) -> str:
    """The head that is meant, or nothing.

    Tried in turn: layer and head in any common spelling (full-width letters too), an own name, the beginning of
    one, a part of one; own names in the order of the mapping, letters of either case.
    """
    wanted = plain(typed)
    if not wanted:
        return ""
    if place := _PLACE.fullmatch(wanted):
        name = f"L{int(place[1])}H{int(place[2])}"
        if name in names:
            return name
    spoken = {name: plain(own) for name, own in own_names.items() if name in names}
    for fits in (str.__eq__, str.startswith, str.__contains__):
        for name, own in spoken.items():
            if fits(own, wanted):
                return name
    return ""


def plain(text: str) -> str:
    """The text in one form of its letters (NFKC), without case and outer spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
