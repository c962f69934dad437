"""How many pairs a run compares and where their partners come from, as a note for the catalogues."""

from collections import Counter
from collections.abc import Sequence

from core.schema import Note


def pairs_note(pairs_source: str, sources: Sequence[str], count: int) -> Note:
    """`pairs_mixed` where partners come from several places, else the note of the one place.

    Runs of earlier versions know `pairs_source` alone.
    """
    kinds = Counter(sources)
    if len(kinds) < 2:
        return Note(key=f"pairs_{pairs_source}", values={"count": count})
    parts = {name: kinds[name] for name in ("given", "matched", "made")}
    return Note(key="pairs_mixed", values={"count": count, **parts})
