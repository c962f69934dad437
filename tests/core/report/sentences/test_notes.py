"""What a run leaves open."""

from core.report.sentences import notes
from tests.support.made_facts import made_facts, with_effects


def test_unknown_holds_what_the_run_noted_as_open() -> None:
    noted = made_facts(
        notes=[{"key": "few_examples", "values": {"count": 3}}, {"key": "pairs_none", "values": {}}]
    )
    assert len(notes.unknown(noted, "en")) == 1 + len(notes.unknown(made_facts(), "en"))
    assert "no intervention has tested" in notes.unknown(made_facts(), "en")[0]
    assert not any("no intervention has tested" in line for line in notes.unknown(with_effects(), "en"))
