"""The page of examples: pasted spreadsheets, counts with advice, what is missing, many texts."""

import pytest

from core.examples.reading import from_rows, parse_examples
from core.jobs.backend import Answer
from core.jobs.local_backend import LocalBackend
from core.text import text
from pages.parts import i18n
from pages.parts.examples import fitness, token_view
from pages.parts.examples.inputs import table
from pages.parts.i18n import entries
from pages.parts.session import state
from tests.pages.conftest import OpenApp, run_until, shown
from tests.pages.examples.test_token_view import preview, word
from tests.pages.test_pages import with_examples

SHEET = "label\ttext\tpair\n" + "\n".join(
    f"{label}\t{colour} {number}\t{number}"
    for number in "123"
    for label, colour in (("異常", "red"), ("正常", "blue"))
)


@pytest.mark.parametrize(
    ("count", "note"),
    [
        (0, "none"),
        (1, "too_few"),
        (2, "too_few"),
        (3, "few"),
        (4, "few"),
        (5, "good"),
        (10, "good"),
        (11, "many"),
        (200, "many"),
        (201, "too_many"),
    ],
)
def test_advice_on_the_number_of_texts(count: int, note: str) -> None:
    assert fitness.advice(count) == note


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_pasted_spreadsheet_fills_both_boxes_and_is_told(open_app: OpenApp, language: str) -> None:
    app = open_app("examples", language)
    app.session_state["draft"] = state.Draft(source="/models/mine", source_kind="folder")
    app.run()
    app.text_area(key="paste_normal").set_value("green 1\nblue 2").run()
    app.text_area(key="paste_anomalous").set_value(SHEET).run()
    assert not app.exception
    assert app.text_area(key="paste_anomalous").value == "red 1\nred 2\nred 3"
    assert app.text_area(key="paste_normal").value == "blue 1\nblue 2\nblue 3\ngreen 1"
    note = entries(language)["examples.sheet_header"].format(anomalous=3, normal=3)
    assert app.success[0].value == note
    app.text_area(key="paste_normal").set_value("blue 1\nblue 2\nblue 3").run()
    assert not app.success
    assert [e.pair for e in app.session_state["draft"].examples.examples] == ["1", "2", "3"] * 2


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_characters_that_the_tokenizer_does_not_know_are_named(open_app: OpenApp, language: str) -> None:
    app = with_examples(open_app("model", language))
    app.switch_page("pages/examples.py").run()
    app.text_area(key="paste_normal").set_value("a b\nb ☃\nc d").run()
    run_until(app, lambda: any("☃" in point.value for point in app.markdown))
    (warning,) = [point.value for point in app.markdown if "☃" in point.value]
    values = {"characters": "“☃”", "count": 1, "total": 40}
    starts = [text(language, "note.unread_characters", lines=line, **values) for line in range(1, 20)]
    assert warning.endswith(tuple(starts))


def test_spreadsheet_with_a_wrong_row_loses_nothing(open_app: OpenApp) -> None:
    app = with_examples(open_app("model"))
    app.switch_page("pages/examples.py").run()
    wrong = "label\ttext\nnormal\tone\nanomalous\ttwo\nodd\tthree"
    app.text_area(key="paste_normal").set_value(wrong).run()
    assert "found “odd”" in app.error[0].value
    assert app.text_area(key="paste_normal").value == wrong
    assert len(app.session_state["draft"].examples.examples) == 10
    assert app.button(key="next_examples").disabled
    app.text_area(key="paste_normal").set_value("a\nb\nc").run()
    assert not app.error
    assert not app.button(key="next_examples").disabled


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_pasted_cells_that_csv_cannot_read_fail_with_a_message_or_are_kept(
    open_app: OpenApp, language: str
) -> None:
    app = with_examples(open_app("model", language))
    app.switch_page("pages/examples.py").run()
    app.text_area(key="paste_normal").set_value("label\ttext\rnormal\tx\rNG\ty\rodd\tz").run()
    assert not app.exception
    values = {"line": 4, "label": "odd"}
    assert app.error[0].value == entries(language)["error.unknown_label"].format(**values)
    app.text_area(key="paste_normal").set_value("a\tb\rc\t" + "x" * 140_000).run()
    assert not app.exception
    assert app.session_state["draft"].examples.texts("normal") == ["a\tb", "c\t" + "x" * 140_000]
    app.text_area(key="paste_normal").set_value('anomalous\t"x\nnormal\ty').run()
    assert not app.exception
    assert [e.text for e in app.session_state["draft"].examples.examples][:2] == ['"x', "y"]


@pytest.mark.parametrize("broken", [True, False])
def test_half_a_character_in_the_table_is_named_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    examples = from_rows([{"label": "normal", "text": "a"}])
    session = {
        "draft": state.Draft(examples=examples),
        "edit_examples": examples.examples,
        "edit_table": {
            "edited_rows": {"0": {"text": "b \ud83d" if broken else "b"}},
            "deleted_rows": [],
            "added_rows": [],
        },
        "edit_error": ("empty_text", {"line": 1}),
    }
    monkeypatch.setattr(table.st, "session_state", session)
    table._edited()
    assert session.get("edit_error", ("",))[0] == ("half_character" if broken else "")
    assert session["draft"].examples.texts("normal") == ["a" if broken else "b"]


def test_tabs_that_are_no_columns_are_kept_and_said(open_app: OpenApp) -> None:
    app = with_examples(open_app("model"))
    app.switch_page("pages/examples.py").run()
    app.text_area(key="paste_normal").set_value("a\tb\nc\nd").run()
    assert entries("en")["examples.tabs"] in shown(app)
    assert app.session_state["draft"].examples.examples[-3].text == "a\tb"


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_what_is_missing_stands_beside_the_closed_button(open_app: OpenApp, language: str) -> None:
    app = open_app("model", language)
    app.switch_page("pages/examples.py").run()
    app.text_area(key="paste_anomalous").set_value("a\nb").run()
    sides = {"en": "1 anomalous text, 3 normal texts", "ja": "異常例 1 件、正常例 3 件"}
    assert entries(language)["examples.missing"].format(what=sides[language]) in shown(app)
    app.text_area(key="paste_anomalous").set_value("a\nb\nc").run()
    app.text_area(key="paste_normal").set_value("d\ne\nf").run()
    assert entries(language)["examples.missing"].split("{")[0] not in shown(app)


def test_five_thousand_lines_are_counted_and_kept(open_app: OpenApp) -> None:
    app = open_app("model")
    app.switch_page("pages/examples.py").run()
    lines = "\n".join(f"text {number}" for number in range(5000))
    app.text_area(key="paste_anomalous").set_value(lines).run()
    assert not app.exception
    assert "at most 200 anomalous examples, found 5000" in app.error[0].value
    assert app.text_area(key="paste_anomalous").value == lines
    assert len(app.session_state["draft"].examples.examples) == 5000


def test_first_rows_of_many_texts_are_shown_and_all_on_demand(open_app: OpenApp, local: LocalBackend) -> None:
    app = open_app("model")
    rows = [
        {"label": label, "text": f"{label} {number}"}
        for label in ("anomalous", "normal")
        for number in range(15)
    ]
    app.session_state["draft"] = state.Draft(
        source="/models/mine", source_kind="folder", examples=from_rows(rows)
    )
    app.switch_page("pages/examples.py").run()
    run_until(app, lambda: any(toggle.key == "all_rows" for toggle in app.toggle))
    assert shown(app).count('<td class="next">') == 20
    assert app.toggle(key="all_rows").label == "Show all 30 texts, not only the first 20"
    app.toggle(key="all_rows").set_value(True).run()
    assert shown(app).count('<td class="next">') == 30


def test_long_texts_run_on_and_short_ones_stand_in_columns() -> None:
    columns = token_view.table(preview(["w"] * token_view.MOST_COLUMNS), word)
    running = token_view.table(preview(["w"] * (token_view.MOST_COLUMNS + 1)), word)
    assert 'class="running"' not in columns
    assert running.count('<td class="running" dir="auto">') == 2


def test_every_text_takes_its_own_direction() -> None:
    html = token_view.table(preview(["שלום", "b"]), word)
    assert html.count('dir="auto"') == 2 * 3


def test_page_without_a_model_shows_the_way(open_app: OpenApp) -> None:
    app = open_app("examples")
    assert entries("en")["shell.needs_model"] in [info.value for info in app.info]
    app.button(key="to_way").click().run()
    assert app.title[0].value == entries("en")["model.title"]


def test_texts_that_the_model_refuses_close_the_next_step(
    open_app: OpenApp, local: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = with_examples(open_app("model"))
    app.switch_page("pages/examples.py").run()
    assert not app.button(key="next_examples").disabled
    refused = Answer(False, None, "text_too_long", {"line": 1, "count": 300, "maximum": 160, "text": "x"})
    monkeypatch.setattr(local, "ask", lambda kind, *question, **options: refused)
    app.run()
    assert app.error
    assert app.button(key="next_examples").disabled


FILE = "label,text,pair,expected,actual\n" + "".join(
    f"{label},{colour} {number}{' ' if number == 1 else ''},{number},Billing,Legal\n"
    for number in (1, 2, 3)
    for label, colour in (("anomalous", "red"), ("normal", "blue"))
)
"""A space at the end of one row, as spreadsheets leave it."""


def test_typing_after_a_file_keeps_pairs_and_words(open_app: OpenApp) -> None:
    app = open_app("examples")
    loaded = parse_examples(FILE.encode(), "texts.csv").examples
    app.session_state["draft"] = state.Draft(source="/models/mine", source_kind="folder", examples=loaded)
    app.run()
    box = app.text_area(key="paste_anomalous")
    box.set_value(box.value + "\nx").run()
    columns = [
        (e.label, e.text, e.pair, e.expected, e.actual) for e in app.session_state["draft"].examples.examples
    ]
    for number in ("1", "2", "3"):
        for label, colour in (("anomalous", "red"), ("normal", "blue")):
            assert (label, f"{colour} {number}", number, "Billing", "Legal") in columns
    assert ("anomalous", "x", "", "", "") in columns
    box = app.text_area(key="paste_normal")
    box.set_value(box.value.replace("blue 2", "green 2")).run()
    edited = app.session_state["draft"].examples.of("normal")[1]
    assert (edited.text, edited.pair, edited.expected) == ("green 2", "2", "Billing")


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_fault_in_ones_own_words_reaches_the_settings_and_stays(open_app: OpenApp, language: str) -> None:
    app = with_examples(open_app("examples", language))
    (field,) = [box for box in app.text_input if box.label == entries(language)["examples.fault"]]
    field.set_value("Refunds go astray.").run()
    assert not app.exception
    assert app.session_state["draft"].config().fault == "Refunds go astray."
    app.run()
    assert [box.value for box in app.text_input if box.label == field.label] == ["Refunds go astray."]
