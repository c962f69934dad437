"""Which heads matter most, and what their score means."""

from core.report.sentences import heads
from core.schema import Manifest
from core.text import LANGUAGES, text
from tests.support.made_facts import made_facts, with_effects


def test_heads_that_matter_are_confirmed_first_then_by_size_of_effect() -> None:
    assert list(heads.most_important(with_effects())["name"]) == ["L2H1", "L0H1", "L1H0"]
    assert list(heads.most_important(made_facts(selected=6))["name"]) == [
        "L0H1",
        "L1H0",
        "L2H1",
        "L0H0",
        "L1H1",
    ]
    assert list(heads.most_important(made_facts(selected=6))["own_name"]) == ["", "", "trigger", "", ""]


def test_score_meaning_follows_the_selection_and_the_attention_flow() -> None:
    for language in LANGUAGES:
        strength, flow, count, screened, ensemble = (
            text(language, f"score.{key}", maximum=8)
            for key in ("strength", "attention_flow", "count", "screened", "ensemble")
        )
        with_flow = heads.score_meaning(selected_by(attention_flow="computed"), language)
        assert with_flow.startswith(strength) and with_flow.endswith(flow)
        assert heads.score_meaning(selected_by(attention_flow="no_weights"), language) == strength
        assert heads.score_note(selected_by(statistic="count"), language) == count
        by_screen = heads.score_note(selected_by(candidates="screened"), language)
        assert by_screen.startswith(screened) and by_screen.endswith(ensemble)


def selected_by(**selection: str) -> Manifest:
    return made_facts(selection=selection).manifest
