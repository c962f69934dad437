"""How the texts that are typed beside an analysis are told apart."""

import pytest

from pages.parts.evidence.typed_texts import told

TICKETS = ["Ticket one\nDepartment:", "Ticket two\nDepartment:"]


@pytest.mark.parametrize(
    ("box", "texts", "how"),
    [
        ("a b\nc d", ["one", "two"], "lines"),
        ("a b\nc d", TICKETS, "blank_lines"),
        ("\n\n".join(TICKETS), TICKETS, "blank_lines"),
        ("a\n---\nb\nc", ["one"], "separator"),
        ("\n\n".join([*TICKETS, TICKETS[0]]), ["one"], "blank_lines"),
    ],
)
def test_a_box_is_cut_as_it_tells_or_as_the_texts_of_the_analysis_are(box, texts, how):
    assert told(box, texts) == how
