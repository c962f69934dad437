"""What the command line prints of a finished run: what it rests on, or why there is nothing to explain."""

from core.report.sentences.heads import selection_note
from core.report.sentences.mlps import mlp_sentence
from core.report.sentences.notes import notes, nothing_to_explain
from core.report.sentences.partners import in_one_line
from core.schema import Manifest, PartnersRecord

_NAMED = ("partners_", "partner_", "same_answer", "texts_like_other_side")
"""Beginnings of the notes that stand there too: what speaks against the texts, and which of them have no partner."""


def outcome(manifest: Manifest, partners: PartnersRecord | None, language: str) -> list[str]:
    """Lines below the first one, the most important first: each says what a reader must know."""
    named = tuple(note.key for note in manifest.notes if note.key.startswith(_NAMED))
    nothing = nothing_to_explain(manifest, language)
    if nothing:
        named = tuple(key for key in named if key != "partners_no_difference")  # says the same
    lines = [
        nothing,
        in_one_line(partners, language),
        *notes(manifest, language, named),
        "" if nothing else selection_note(manifest, language),
        "" if nothing else mlp_sentence(manifest, language),
    ]
    return [line for line in lines if line]
