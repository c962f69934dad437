"""One fault or several, in sentences."""

import pytest

from core.report.sentences.groups import groups
from core.schema import TextGroup, TextGroups
from core.text import LANGUAGES
from tests.support.made_facts import with_effects

GROUPS = (TextGroup(texts=(0, 2, 3), heads=("L2H1", "L0H1")), TextGroup(texts=(1, 4)))


def said(language: str = "en", **record: object) -> list[str]:
    found = TextGroups.model_validate({"heads": 3, "wanted": 0.7, **record})
    return groups(_with(found), language)


def _with(found: TextGroups | None):
    facts = with_effects()
    manifest = facts.manifest.model_copy(update={"groups": found})
    return type(facts)(manifest, facts.heads, facts.edges, facts.circuit)


def test_texts_are_counted_from_one_and_heads_have_their_own_names():
    lines = said(state="several", groups=GROUPS, separation=0.852)
    assert lines[0] == (
        "The fault comes about in 2 ways: texts 1, 3, 4 through L2H1 · trigger, L0H1; "
        "texts 2, 5, on which no head does more than on the others."
    )
    assert "0.85" in lines[1] and "0.7" in lines[1]
    assert len(lines) == 2


@pytest.mark.parametrize(("agreement", "part"), [(1.0, "the same groups"), (0.25, "agreement 0.25")])
def test_what_the_other_direction_says_is_told(agreement: float, part: str) -> None:
    assert part in said(state="several", groups=GROUPS, separation=0.9, agreement=agreement)[2]


def test_texts_without_a_group_are_named():
    assert "texts 6, 8" in said(state="several", groups=GROUPS, separation=0.9, unplaced=(5, 7))[-1]


def test_one_mechanism_and_too_few_texts():
    assert said(state="one")[0].startswith("One mechanism, as far as the 3 tested heads that matter show")
    assert "at least 4 anomalous texts" in said(state="too_few")[0]
    assert "at least 8 tested heads that matter (2 here)" in said(state="few_heads", heads=2, fewest=8)[0]
    assert "do next to nothing" in said(state="weak")[0]


def test_runs_that_did_not_ask_say_nothing():
    assert groups(_with(None), "en") == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_languages_say_everything(language: str) -> None:
    lines = said(language, state="several", groups=GROUPS, separation=0.9, agreement=0.1, unplaced=(5,))
    assert len(lines) == 4
    assert not any("{" in line for line in lines)
