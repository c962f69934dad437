"""What interventions on single heads showed."""

import pytest

from core.report.sentences.effects import effect_of_heads
from tests.support.made_facts import STATES


def spaced(line: str) -> str:
    return line.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("state", "part"),
    [
        ("none", "nothing to test"),
        ("untested", "was not tested"),
        ("no_difference", "measured difference −0.012"),
        (
            "tested",
            "Swapping what L2H1 · trigger alone writes between the two kinds of text moves the behaviour by 62 % of "
            "the difference between them (95 % interval 41 % to 80 %); 2 of 3 tested heads confirmed, 1 partly.",
        ),
        ("mean", "Switching off L2H1 · trigger alone takes away 62 % of the difference"),
        (
            "against",
            "L1H0 alone moves the behaviour by 70 % of the difference, the other way (95 % interval 50 % to 90 %)",
        ),
        (
            "partly",
            "None of the 2 tested heads is confirmed (1 partly): the largest effect is that of L1H0, −70 %",
        ),
    ],
)
def test_second_sentence_tells_the_largest_effect(state: str, part: str) -> None:
    assert part in spaced(effect_of_heads(STATES[state], "en"))
