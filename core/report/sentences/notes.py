"""What the engine noted of a run, how its texts were compared, and what the run leaves open."""

from core.examples.pairs_note import pairs_note
from core.report.sentences import circuit
from core.report.sentences.mlps import mlp_sentence
from core.runs.facts import Facts
from core.schema import AlignmentRecord, Manifest
from core.text import text

_OPEN = (
    "few_examples",
    "same_answer",
    "texts_like_other_side",
    "no_candidates",
    "left_out",
    "partner_not_asked",
    "smallest_p_too_few",
)
"""Notes of a run that say what it cannot tell; the others say how it was made."""
_NOTHING = ("evidence_no_difference", "evidence_chance", "no_candidates")
"""Notes of a run that say why there is nothing to explain, one of them in a run."""
_EVIDENCE = ("gradient_screen_", "ranking_", "evidence_", "smallest_p", "partner")
"""Beginnings of the notes on measuring and testing."""


def notes(manifest: Manifest, language: str, keys: tuple[str, ...] | None = None) -> list[str]:
    """What the engine noted of the run; all of it, or these keys."""
    return [
        text(language, f"note.{note.key}", **note.values)
        for note in manifest.notes
        if keys is None or note.key in keys
    ]


def evidence_notes(manifest: Manifest, language: str) -> list[str]:
    """How the behaviour was measured, how candidates were tested, and what so few texts can show."""
    keys = (note.key for note in manifest.notes)
    return notes(manifest, language, tuple(key for key in keys if key.startswith(_EVIDENCE)))


def nothing_to_explain(manifest: Manifest, language: str) -> str:
    """Why the run found nothing to explain, in one sentence; empty where it found something or was not asked to."""
    return " ".join(notes(manifest, language, _NOTHING)[:1])


def alignment(description: AlignmentRecord, language: str) -> str:
    """How the texts were compared, and why."""
    compared = text(language, f"note.positions_{description.mode}", **description.reason.values)
    if description.reason.key != "nothing_in_common":
        return compared
    return f"{compared} {text(language, 'note.nothing_in_common')}"


def pairs(description: AlignmentRecord, language: str) -> str:
    """How many pairs there are and where they come from."""
    note = pairs_note(description.pairs_source, description.sources, len(description.pairs))
    return text(language, f"note.{note.key}", **note.values)


def unknown(facts: Facts, language: str) -> list[str]:
    """What the run leaves open, the most important first."""
    keys = ["parts", "texts"]
    lines = []
    if facts.state == "tested":
        if not circuit.whole(facts, language):
            keys.insert(0, "together")
        lines.append(_unknown_of_edges(facts, language))
    elif facts.listed:
        keys = ["cause", "edges", *keys]
    mlps = mlp_sentence(facts.manifest, language) if facts.manifest.blocks else ""
    lines += [mlps if mlps and key == "parts" else text(language, f"unknown.{key}") for key in keys]
    return [*lines, *notes(facts.manifest, language, _OPEN)]


def _unknown_of_edges(facts: Facts, language: str) -> str:
    tested = facts.edges[facts.edges["verdict"] != "unchecked"]
    if tested.empty:
        return text(language, "unknown.edges")
    return text(
        language,
        "unknown.edges_tested",
        tested=len(tested),
        candidates=int(facts.edges["selected"].astype(bool).sum()),
        confirmed=int((tested["verdict"] == "confirmed").sum()),
    )
