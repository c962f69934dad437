"""How far to trust a run that was made before confidence was measured."""

import pytest

from core.report.sentences.confidence import confidence
from tests.support.made_facts import STATES


@pytest.mark.parametrize(
    ("state", "part", "other"),
    [
        ("untested", "2 of 3 heads are chosen by at least half of the 4 autoencoders", "verdict"),
        ("untested", "it is a correlation", "published recipe"),
        ("paper", "published recipe", "autoencoders of"),
        ("few", "fewer than 5 texts a side", "verdict"),
        ("unpaired", "2 of 3 heads have p below 0.05", "verdict"),
        ("unpaired", "chance alone would give about 0.3 among 6", "verdict"),
        ("tested", "no p can be below 0.0078;", "nothing can be confirmed"),
        ("too_few", "with 3 tested texts no p can be below 0.25, so nothing can be confirmed", "correlation"),
        ("none", "weak difference", "autoencoders"),
    ],
)
def test_third_sentence_tells_how_far_to_trust_it(state: str, part: str, other: str) -> None:
    line = confidence(STATES[state], "en")
    assert part in line
    assert other not in line
