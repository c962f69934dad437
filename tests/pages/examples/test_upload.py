"""A file with examples: read, asked about where unclear, read otherwise; what is refused changes nothing."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.examples.reading import from_rows
from pages.parts import i18n
from pages.parts.i18n import entries
from pages.parts.session import state
from tests.pages.conftest import OpenApp, shown

BEFORE = from_rows([{"label": "normal", "text": "was here before"}])


def rows(*cells: str) -> str:
    return "\n".join(cells) + "\n"


UNKNOWN = rows("alpha,beta,gamma", *(f"{'x' if n % 2 else 'y'},text {n},n{n}" for n in range(6)))
LABELS = rows("label,text", *(f"{'pos' if n % 2 else 'neg'},text {n}" for n in range(6)))
LOG = rows("label,prompt,completion", *(f"{'bad' if n % 2 else 'good'},text {n},says {n}" for n in range(6)))


def page(open_app: OpenApp, content: str | bytes, name: str, language: str = "en", **draft: Any) -> AppTest:
    app = open_app("examples", language)
    app.session_state["draft"] = state.Draft(
        source="/models/mine", source_kind="folder", examples=BEFORE, **draft
    )
    app.run()
    content = content.encode() if isinstance(content, str) else content
    app.file_uploader(key="upload").set_value((name, content, "text/csv")).run()
    assert not app.exception
    return app


def read(app: AppTest) -> list[tuple[str, str]]:
    return [(e.label, e.text) for e in app.session_state["draft"].examples.examples]


def submit(app: AppTest) -> AppTest:
    (button,) = [button for button in app.button if "use_columns" in str(button.key)]
    return button.click().run()


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_unknown_columns_are_asked_for_and_read_as_said(open_app: OpenApp, language: str) -> None:
    app = page(open_app, UNKNOWN, "log.csv", language)
    assert entries(language)["mapper.unclear"].format(name="log.csv") in [w.value for w in app.warning]
    assert read(app) == [("normal", "was here before")]
    assert "text 0 · text 1 · text 2" in shown(app)
    app.selectbox(key="read_role_0_alpha").set_value("label")
    app.selectbox(key="read_role_1_beta").set_value("text")
    app.selectbox(key="read_role_2_gamma").set_value("carried")
    submit(app)
    assert read(app) == [("normal", "was here before")]
    assert app.button(key="use_labels").disabled
    app.pills(key="read_words_alpha").set_value(["x"]).run()
    app.button(key="use_labels").click().run()
    assert not app.exception
    assert read(app)[:2] == [("normal", "text 0"), ("anomalous", "text 1")]
    assert app.session_state["draft"].examples.examples[0].carried == {"gamma": "n0"}


def test_two_columns_of_one_role_are_refused_and_can_be_mended(open_app: OpenApp) -> None:
    app = page(open_app, UNKNOWN, "log.csv")
    for key in ("read_role_1_beta", "read_role_2_gamma"):
        app.selectbox(key=key).set_value("text")
    app.selectbox(key="read_role_0_alpha").set_value("label")
    submit(app)
    refusal = i18n.error("en", "doubled_columns", {"found": "text"})
    assert refusal in [error.value for error in app.error]
    assert read(app) == [("normal", "was here before")]
    app.selectbox(key="read_role_2_gamma").set_value("ignored")
    submit(app)
    assert app.button(key="use_labels").disabled
    assert refusal not in [error.value for error in app.error]


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_words_that_name_no_side_are_asked_for(open_app: OpenApp, language: str) -> None:
    app = page(open_app, LABELS, "log.csv", language)
    assert entries(language)["mapper.labels"].format(column="label") in [w.value for w in app.warning]
    assert app.pills(key="read_words_label").options == [
        {"en": f"{word} (3)", "ja": f"{word}（3）"}[language] for word in ("neg", "pos")
    ]
    app.pills(key="read_words_label").set_value(["neg"]).run()
    app.button(key="use_labels").click().run()
    assert read(app)[:2] == [("anomalous", "text 0"), ("normal", "text 1")]


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_answer_behind_a_text_is_named_and_can_be_its_beginning(open_app: OpenApp, language: str) -> None:
    app = page(open_app, LOG, "log.csv", language)
    first, second = app.session_state["draft"].examples.examples[:2]
    assert (first.expected, second.actual) == ("says 0", "says 1")
    app.segmented_control(key="read_final_turn").set_value("beginning").run()
    assert not app.exception
    first = app.session_state["draft"].examples.examples[0]
    assert first.expected == ""
    assert [turn.role for turn in first.messages] == ["user", "assistant"]
    assert app.session_state["draft"].examples.form == "chat"


def test_encoding_is_told_and_can_be_chosen(open_app: OpenApp) -> None:
    content = rows("label,text", *(f"{'bad' if n % 2 else 'good'},é {n} für Jérôme" for n in range(6)))
    app = page(open_app, content.encode("cp1252"), "texts.csv")
    assert read(app)[0] == ("normal", "é 0 für Jérôme")
    assert "Windows-1252" in shown(app)
    app.selectbox(key="read_encoding").set_value("cp1251").run()
    assert not app.exception
    assert read(app)[0][1].startswith("й 0")
    app.selectbox(key="read_encoding").set_value("utf-8").run()
    assert app.error
    assert read(app)[0][1].startswith("й 0")
    app.selectbox(key="read_encoding").set_value("").run()
    assert read(app)[0] == ("normal", "é 0 für Jérôme")


def test_refused_file_leaves_the_texts(open_app: OpenApp) -> None:
    app = page(open_app, "", "empty.csv")
    assert app.error
    assert read(app) == [("normal", "was here before")]
    assert app.text_area(key="paste_normal").value == "was here before"


def test_column_of_texts_is_no_column_of_labels(open_app: OpenApp) -> None:
    content = rows(
        "label,text,verdict?", *(f"words {n},text {n},{'pos' if n % 2 else 'neg'}" for n in range(30))
    )
    app = page(open_app, content, "log.csv")
    note = entries("en")["mapper.no_labels"].format(column="label", count=30)
    assert note in [warning.value for warning in app.warning]
    app.selectbox(key="read_role_0_label").set_value("carried")
    app.selectbox(key="read_role_2_verdict?").set_value("label")
    submit(app)
    app.pills(key="read_words_verdict?").set_value(["pos"]).run()
    app.button(key="use_labels").click().run()
    assert read(app)[0] == ("normal", "text 0")


def test_conversations_of_a_file_are_read_as_such(open_app: OpenApp) -> None:
    lines = [
        {
            "label": "bad" if number % 2 else "good",
            "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": f"t {number}"}],
            "beginning": "To",
        }
        for number in range(6)
    ]
    content = "\n".join(json.dumps(line) for line in lines)
    app = page(open_app, content, "chat.jsonl")
    examples = app.session_state["draft"].examples
    assert examples.form == "chat"
    assert (examples.system, examples.beginning) == ("s", "To")
    assert [(turn.role, turn.content) for turn in examples.examples[0].messages] == [("user", "t 0")]
    assert app.segmented_control(key="form_choice").value == "chat"
    assert app.session_state["draft"].form_chosen


def test_frame_of_a_file_comes_with_its_texts(open_app: OpenApp) -> None:
    rows = [f"{label},{label} {number},T: {{text}} D:" for label in ("bad", "good") for number in range(3)]
    app = page(open_app, "\n".join(["label,text,frame", *rows]), "framed.csv")
    assert app.session_state["draft"].examples.frame == "T: {text} D:"
    assert app.session_state["draft"].examples.texts("normal") == ["good 0", "good 1", "good 2"]
