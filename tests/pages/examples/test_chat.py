"""Plain text or conversation: who decides, what stands around the texts, and what is refused."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.examples.example_set import ExampleSet
from core.examples.reading import from_rows
from core.jobs.local_backend import LocalBackend
from pages.parts import i18n
from pages.parts.i18n import entries
from pages.parts.session import state
from tests.pages.conftest import OpenApp, run_until, shown

TURNS = "user: a{0}\nassistant: b\nuser: c"
CHAT = "/models/chat"


def texts(pattern: str = "{0} text") -> ExampleSet:
    rows = [
        {"label": label, "text": pattern.format(f"{label} {number}")}
        for label in ("anomalous", "normal")
        for number in (1, 2, 3)
    ]
    return from_rows(rows)


def page(open_app: OpenApp, source: str = CHAT, language: str = "en", **draft: Any) -> AppTest:
    """The examples page with a model that has been looked at."""
    app = open_app("examples", language)
    app.session_state["draft"] = state.Draft(source=source, source_kind="folder", **draft)
    app.session_state["asked_source"] = source
    state.backend().ask("inspect", source)
    app.run()
    return run_until(app, lambda: not state.backend().ask("inspect", source).pending).run()


def examples_of(app: AppTest) -> ExampleSet:
    return app.session_state["draft"].examples


@pytest.mark.parametrize(("source", "form"), [(CHAT, "chat"), ("/models/mine", "plain")])
def test_model_decides_how_texts_are_read_until_somebody_chooses(
    open_app: OpenApp, local: LocalBackend, source: str, form: str
) -> None:
    app = page(open_app, source, examples=texts(TURNS))
    assert app.segmented_control(key="form_choice").value == form
    assert examples_of(app).form == form
    assert bool(examples_of(app).examples[0].messages) is (form == "chat")
    other = {"chat": "plain", "plain": "chat"}[form]
    app.segmented_control(key="form_choice").set_value(other).run()
    app.run()
    assert examples_of(app).form == other
    assert bool(examples_of(app).examples[0].messages) is (other == "chat")
    assert examples_of(app).examples[0].text == TURNS.format("anomalous 1")


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_conversations_for_a_model_without_template_are_warned_of(
    open_app: OpenApp, local: LocalBackend, language: str
) -> None:
    app = page(open_app, "/models/mine", language, examples=texts().in_form("chat"), form_chosen=True)
    assert entries(language)["chat.no_template_for_chat"] in [warning.value for warning in app.warning]
    assert app.button(key="next_examples").disabled
    app.segmented_control(key="form_choice").set_value("plain").run()
    assert not app.button(key="next_examples").disabled
    assert entries(language)["chat.no_template_for_chat"] not in [warning.value for warning in app.warning]


def test_what_stands_around_conversations_belongs_to_the_run(open_app: OpenApp, local: LocalBackend) -> None:
    app = page(open_app, examples=texts())
    app.text_area(key="draft_examples_system").set_value("Sort the tickets.").run()
    app.text_input(key="draft_examples_beginning").set_value("Department:").run()
    app.segmented_control(key="form_switch_enable_thinking").set_value("false").run()
    app.segmented_control(key="form_switch_effort").set_value("high").run()
    examples = app.session_state["draft"].config().examples
    assert (examples.form, examples.system, examples.beginning) == (
        "chat",
        "Sort the tickets.",
        "Department:",
    )
    assert examples.switches == {"enable_thinking": False, "effort": "high"}
    assert (
        app.expander[0].label == "System message: “Sort the tickets.” · the answer begins with: “Department:”"
    )
    app.segmented_control(key="form_switch_enable_thinking").set_value("").run()
    assert examples_of(app).switches == {"effort": "high"}
    app.text_area(key="paste_normal").set_value("x\ny\nz").run()
    assert (examples_of(app).system, examples_of(app).switches) == ("Sort the tickets.", {"effort": "high"})
    assert not app.exception


def test_system_message_that_the_template_leaves_out_is_named(open_app: OpenApp, local: LocalBackend) -> None:
    app = page(open_app, "/models/chat-silent", examples=texts())
    assert entries("en")["chat.no_system"] not in shown(app)
    app.text_area(key="draft_examples_system").set_value("Sort.").run()
    assert entries("en")["chat.no_system"] in shown(app)


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
@pytest.mark.parametrize("given", [texts(), ExampleSet()], ids=["texts", "none yet"])
def test_frame_needs_a_place_for_the_text(
    open_app: OpenApp, local: LocalBackend, language: str, given: ExampleSet
) -> None:
    app = page(open_app, "/models/mine", language, examples=given)
    app.text_area(key="draft_examples_frame").set_value("Ticket: Department:").run()
    refusal = i18n.error(language, "frame_without_text", {"frame": "Ticket: Department:", "place": "{text}"})
    assert refusal in [error.value for error in app.error]
    assert app.button(key="next_examples").disabled
    app.text_area(key="draft_examples_frame").set_value("Ticket: {text} Department:").run()
    assert not app.error
    assert app.session_state["draft"].examples.frame == "Ticket: {text} Department:"


def test_turns_in_a_box_become_messages(open_app: OpenApp, local: LocalBackend) -> None:
    app = page(open_app, examples=texts())
    app.text_area(key="paste_normal").set_value(
        "user: x\nassistant: y\n\nuser: z\nassistant: w\n\nuser: u\nassistant: v"
    ).run()
    (first, *_) = examples_of(app).of("normal")
    assert [(turn.role, turn.content) for turn in first.messages] == [("user", "x"), ("assistant", "y")]
    assert len(examples_of(app).of("normal")) == 3
