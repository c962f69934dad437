"""One fault or several: which anomalous texts share a mechanism, in sentences."""

from collections.abc import Sequence

from core.report.sentences.heads import title
from core.runs.facts import Facts
from core.schema import TextGroup, TextGroups
from core.text import number, text

AGREE = 0.8
"""Adjusted Rand index from which the groups of both directions count as the same."""


def groups(facts: Facts, language: str) -> list[str]:
    """Whether there is one way or several, which texts and heads belong to each, and how clear that is.

    Empty for runs without effects, and for those of earlier versions.
    """
    found = facts.manifest.groups
    if found is None:
        return []
    if found.state != "several":
        return [text(language, f"groups.{found.state}", heads=found.heads, least=found.fewest)]
    own = dict(zip(facts.heads["name"], facts.heads["own_name"], strict=True))
    ways = text(language, "groups.and").join(_way(group, own, language) for group in found.groups)
    lines = [
        text(language, "groups.several", count=len(found.groups), groups=ways),
        text(
            language,
            "groups.sure",
            heads=found.heads,
            separation=number(found.separation),
            wanted=number(found.wanted),
        ),
    ]
    return [*lines, *_agreement(found, language), *_unplaced(found, language)]


def _way(group: TextGroup, own: dict[str, str], language: str) -> str:
    """The texts of a group and the heads that carry the fault on them more than on the others."""
    comma = text(language, "summary.comma")
    heads = comma.join(title(head, own.get(head, "")) for head in group.heads)
    key = "way" if heads else "way_without"
    return text(language, f"groups.{key}", texts=numbers(group.texts, language), heads=heads)


def _agreement(found: TextGroups, language: str) -> list[str]:
    if found.agreement is None:
        return []
    if found.agreement >= AGREE:
        return [text(language, "groups.agree")]
    return [text(language, "groups.disagree", agreement=number(found.agreement))]


def _unplaced(found: TextGroups, language: str) -> list[str]:
    if not found.unplaced:
        return []
    return [text(language, "groups.unplaced", texts=numbers(found.unplaced, language))]


def numbers(texts: Sequence[int], language: str) -> str:
    """Numbers of texts as examples.csv counts them."""
    return text(language, "summary.comma").join(str(place + 1) for place in texts)
