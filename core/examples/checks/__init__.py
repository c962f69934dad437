"""Checks of the texts before a run: those of the texts alone, and those of what the model does on them."""

from core.examples.checks.behaviour import Behaviour, behaviour_findings
from core.examples.checks.cues import cue_findings
from core.examples.checks.duplicates import duplicate_findings
from core.examples.checks.finding import KINDS, Finding, Kind, flags, in_order
from core.examples.checks.frames import frame_findings
from core.examples.checks.lengths import length_findings
from core.examples.checks.remedies import dropped, moved, parted
from core.examples.checks.scripts import script_findings
from core.examples.example_set import ExampleSet

__all__ = [
    "KINDS",
    "Behaviour",
    "Finding",
    "Kind",
    "behaviour_findings",
    "dropped",
    "flags",
    "in_order",
    "length_findings",
    "moved",
    "parted",
    "text_findings",
]


def text_findings(examples: ExampleSet) -> list[Finding]:
    """Every check that needs the texts alone, worst first."""
    return in_order(
        [
            *frame_findings(examples),
            *duplicate_findings(examples),
            *script_findings(examples),
            *cue_findings(examples),
        ]
    )
