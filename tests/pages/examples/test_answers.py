"""Answers: filled in from the model, compared as chosen, and their tokens."""

from typing import Any

import pytest

from core.examples.example_set import ExampleSet
from core.examples.reading import from_rows
from core.inspection.answers import Suggestion
from core.jobs.local_backend import LocalBackend
from pages.parts import i18n
from pages.parts.examples import answer_tokens, answers
from pages.parts.examples.previewed_texts import PreviewedText
from pages.parts.i18n import entries
from pages.parts.session import state
from tests.pages.conftest import OpenApp, run_until, shown


def texts(**more: Any) -> ExampleSet:
    rows = [
        {"label": label, "text": f"{label} text {number}", **more}
        for label in ("anomalous", "normal")
        for number in (1, 2, 3)
    ]
    return from_rows(rows)


def suggestion(label: str, expected: str, actual: str) -> Suggestion:
    return {"label": label, "says": f"{actual} more", "ended": True, "expected": expected, "actual": actual}  # type: ignore[typeddict-item]


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_what_the_model_says_is_shown_before_it_is_filled_in(
    open_app: OpenApp, local: LocalBackend, language: str
) -> None:
    app = open_app("examples", language)
    app.session_state["draft"] = state.Draft(source="/models/mine", source_kind="folder", examples=texts())
    app.run()
    run_until(app, lambda: any(button.key == "fill_answers" for button in app.button))
    titles = [expander.label for expander in app.expander]
    assert entries(language)["answers.none"] in titles
    app.button(key="fill_answers").click().run()
    run_until(app, lambda: any(button.key == "accept_answers" for button in app.button))
    assert "Legal department …</span>" in shown(app)
    assert [e.actual for e in app.session_state["draft"].examples.examples] == [""] * 6
    app.button(key="accept_answers").click().run()
    run_until(app, lambda: any(button.key == "fill_answers" for button in app.button))
    examples = app.session_state["draft"].examples
    assert [e.actual for e in examples.examples] == ["Legal"] * 3 + ["Billing"] * 3
    assert [e.expected for e in examples.examples] == ["Billing"] * 6
    title = entries(language)["answers.given"].format(expected=6, actual=6, total=6)
    assert title in [expander.label for expander in app.expander]
    assert not any(button.key == "accept_answers" for button in app.button)


def test_how_answers_are_compared_belongs_to_the_run(open_app: OpenApp, local: LocalBackend) -> None:
    app = open_app("examples")
    app.session_state["draft"] = state.Draft(source="/models/mine", source_kind="folder", examples=texts())
    app.run()
    run_until(app, lambda: any(button.key == "fill_answers" for button in app.button))
    assert app.segmented_control(key="draft_match").value == "begins"
    app.segmented_control(key="draft_match").set_value("contains").run()
    assert app.session_state["draft"].config().match == "contains"


def test_prompt_of_the_first_text_is_shown_where_something_stands_around_it(
    open_app: OpenApp, local: LocalBackend
) -> None:
    app = open_app("examples")
    framed = texts().model_copy(update={"frame": "Ticket: {text} Department:"})
    app.session_state["draft"] = state.Draft(source="/models/mine", source_kind="folder", examples=framed)
    app.run()
    run_until(app, lambda: bool(app.code))
    assert app.code[0].value == "Ticket: anomalous text 1 Department:"


def test_answers_that_are_there_stay() -> None:
    examples = texts(expected="Mine")
    suggestions = [suggestion(e.label, "Billing", "Legal") for e in examples.examples]
    filled = answers.filled_in(examples, suggestions)
    assert [(e.expected, e.actual) for e in filled.examples] == [("Mine", "Legal")] * 6


def test_chosen_answer_is_expected_of_the_anomalous_texts_that_say_another() -> None:
    examples = texts()
    suggestions = [suggestion("anomalous", "", "Legal")] * 2 + [suggestion("anomalous", "", "Billing")]
    suggestions += [suggestion("normal", says, says) for says in ("Billing", "Sales", "IT")]
    filled = answers.filled_in(examples, suggestions, "Billing")
    assert [(e.expected, e.actual) for e in filled.examples] == [
        ("Billing", "Legal"), ("Billing", "Legal"), ("", ""), ("Billing", "Billing"), ("Sales", "Sales"), ("IT", "IT"),
    ]  # fmt: skip


def test_token_that_carries_the_difference_is_marked_in_both_answers() -> None:
    row: PreviewedText = {
        "label": "anomalous", "pieces": ["a"], "differs": [False], "next": [], "behaves": None,
        "expected": {"piece": "the <b>desk", "probability": 0.25, "pieces": [{"piece": " the"}, {"piece": " <b>desk"}]},
        "actual": {"piece": "the court", "probability": 0.5, "pieces": [{"piece": " the"}, {"piece": " court\n"}]},
        "difference": {"value": -0.693, "shared": 1, "carried_by": 1},
    }  # fmt: skip
    html = answer_tokens.table([("a <text>", row)], lambda key, **values: key)
    assert html.count('<span class="tok" dir="auto">the</span>') == 2
    assert '<span class="tok carries" dir="auto">&lt;b&gt;desk</span>' in html
    assert '<span class="tok carries" dir="auto">court⏎</span>' in html
    assert "25\u00a0%" in html and "50\u00a0%" in html and "−0.69" in html
    assert "a &lt;text&gt;" in html
    assert answer_tokens.any_answers([row])


def test_answers_of_one_token_need_no_mark_and_rare_ones_no_row_of_zeros() -> None:
    row: PreviewedText = {
        "label": "normal", "pieces": ["a"], "differs": [False], "next": [], "behaves": None,
        "expected": {"piece": "x", "probability": 1e-30, "pieces": [{"piece": " x"}]},
        "actual": {"piece": "y", "probability": 0.5, "pieces": [{"piece": " y"}]},
        "difference": {"value": -68.4, "shared": 0, "carried_by": 0},
    }  # fmt: skip
    html = answer_tokens.table([("a", row)], lambda key, **values: key)
    assert "carries" not in html
    assert "≈0\u00a0%" in html
