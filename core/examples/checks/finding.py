"""What a check of the texts finds, as a record that pages turn into a sentence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal[
    "like_other_side",
    "breaks_promise",
    "same_behaviour",
    "framed_twice",
    "without_ending",
    "without_beginning",
    "without_system",
    "turns_differ",
    "near_duplicate",
    "other_script",
    "sides_scripts",
    "sides_length",
    "cue",
    "less_varied",
    "says_alone",
    "much_longer",
    "much_shorter",
    "space_at_end",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Worst first: what can turn a result round stands before what can blur it."""


@dataclass(frozen=True)
class Finding:
    """Something that a person should know of their texts before a run.

    `rows` are indices into the example set, empty where the finding is about the sides; `values` are what a sentence
    about it names.
    """

    kind: Kind
    rows: tuple[int, ...] = ()
    values: Mapping[str, str | int | float] = field(default_factory=dict)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Worst first; findings of one kind in the order of their rows."""
    return sorted(findings, key=lambda finding: (KINDS.index(finding.kind), finding.rows))


def flags(findings: Sequence[Finding]) -> dict[int, Kind]:
    """The worst kind of finding of each row that one names."""
    kinds: dict[int, Kind] = {}
    for finding in in_order(findings):
        for row in finding.rows:
            kinds.setdefault(row, finding.kind)
    return kinds
