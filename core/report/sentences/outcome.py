"""What the command line prints of a finished run: what it rests on, or why there is nothing to explain."""

from core.report.sentences.heads import selection_note
from core.report.sentences.notes import notes, nothing_to_explain
from core.report.sentences.partners import in_one_line
from core.schema import Manifest, PartnersRecord


def outcome(manifest: Manifest, partners: PartnersRecord | None, language: str) -> list[str]:
    """Lines below the first one, the most important first: each says what a reader must know."""
    without = tuple(note.key for note in manifest.notes if note.key.startswith(("partners_", "partner_")))
    lines = [
        nothing_to_explain(manifest, language),
        in_one_line(partners, language),
        *notes(manifest, language, without),
        selection_note(manifest, language),
    ]
    return [line for line in lines if line]
