"""Which heads the page proposes to switch off."""

from core.schema import CircuitRecord
from pages.parts.evidence import what_if


def test_suggestion_comes_from_the_check(content: CircuitRecord) -> None:
    assert what_if.suggested(content) == (["L0H1", "L2H3"], "mean")
    assert what_if.suggested(None) == ([], "mean")
