"""Three sentences of what was found, true in every state and in both languages; and the cost."""

import pytest

from core.report.sentences import advice, heads, notes, overview
from core.text import LANGUAGES
from tests.support.made_facts import STATES, made_facts, with_effects


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_three_sentences_are_three_and_each_is_one(state: str, language: str) -> None:
    lines = overview.three_sentences(STATES[state], language)
    end = "。" if language == "ja" else "."
    assert len(lines) == 3
    for sentence in lines:
        assert sentence.endswith(end)
        assert sentence.count(end if language == "ja" else ". ") == (1 if language == "ja" else 0)
        assert "nan" not in sentence


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_every_other_sentence_can_be_said_in_every_state(state: str, language: str) -> None:
    facts = STATES[state]
    lines = [
        overview.asked(facts, language),
        heads.order_note(facts, language),
        *notes.unknown(facts, language),
        overview.cost(facts, language),
        overview.exhaustive(facts, language),
        *advice.next_steps(facts, language),
        *advice.meeting(facts, language),
    ]
    assert len(set(lines)) == len(lines)
    assert all(line and "nan" not in line and "{" not in line for line in lines)


@pytest.mark.parametrize(
    ("state", "part"),
    [
        ("none", "None of the 6 heads stands out between the 8 anomalous and the 7 normal texts."),
        ("one", "Of 6 heads, one stands out"),
        ("untested", "Of 6 heads, 3 stand out"),
        ("no_difference", "These texts leave nothing to explain"),
    ],
)
def test_first_sentence_counts_the_heads(state: str, part: str) -> None:
    assert overview.three_sentences(STATES[state], "en")[0].startswith(part)


def test_cost_is_held_against_an_exhaustive_search() -> None:
    # 6 heads; 3 pairs of layers with 4 pairs of heads each
    untested = overview.exhaustive(made_facts(), "en")
    assert "6 heads and each of the 12 forward pairs of heads once: 18 interventions" in untested
    assert "none of them" in untested
    done = overview.exhaustive(with_effects(), "en")
    assert "made 3 of them (heads: 3, edges: 0), 6 times fewer, in 12 forward passes" in done
