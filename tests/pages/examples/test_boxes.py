"""The boxes to paste into: how they are cut, the other ways, and what stays with a text."""

import pytest

from core.examples.reading import from_rows
from pages.parts import i18n
from pages.parts.i18n import entries
from pages.parts.session import state
from tests.pages.conftest import OpenApp, shown

TICKETS = [
    "Hello,\nthe invoice {} is late.\nDepartment:",
    "Dear team,\nwhere is {}?\nDepartment:",
    "Hi,\n{}\nYours",
]


def box(word: str, between: str = "\n\n") -> str:
    return between.join(ticket.format(word) for ticket in TICKETS)


def page(open_app: OpenApp, language: str = "en", **draft):
    app = open_app("examples", language)
    app.session_state["draft"] = state.Draft(source="/models/mine", source_kind="folder", **draft)
    return app.run()


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_texts_of_several_lines_are_cut_at_empty_lines_and_it_is_told(
    open_app: OpenApp, language: str
) -> None:
    app = page(open_app, language)
    app.text_area(key="paste_anomalous").set_value(box("A1")).run()
    app.text_area(key="paste_normal").set_value(box("B2")).run()
    assert not app.exception
    examples = app.session_state["draft"].examples
    assert examples.texts("normal") == [ticket.format("B2") for ticket in TICKETS]
    assert [e.line for e in examples.of("normal")] == [1, 5, 9]
    how = entries(language)["cutting.blank_lines"]
    assert entries(language)["cutting.texts.other"].format(count=6, how=how) in shown(app)
    other = app.button(key="cut_otherwise")
    assert other.label == entries(language)["cutting.to_lines.other"].format(count=18)
    other.click().run()
    assert len(app.session_state["draft"].examples.examples) == 18
    assert app.text_area(key="paste_normal").value == box("B2")
    app.button(key="cut_otherwise").click().run()
    assert app.session_state["draft"].examples.texts("normal") == [ticket.format("B2") for ticket in TICKETS]


def test_own_separator_parts_texts_with_empty_lines(open_app: OpenApp) -> None:
    app = page(open_app)
    app.text_area(key="paste_anomalous").set_value("a\n\nb<END>c<END>d").run()
    app.radio(key="cutting_cut").set_value("separator").run()
    app.text_input(key="cutting_separator").set_value("<END>").run()
    assert app.session_state["draft"].examples.texts("anomalous") == ["a\n\nb", "c", "d"]
    assert "“<END>”" in shown(app).replace("\\", "")


def test_ends_are_kept_by_a_switch(open_app: OpenApp) -> None:
    app = page(open_app)
    app.text_area(key="paste_anomalous").set_value("a: \nb:\nc:").run()
    assert app.session_state["draft"].examples.texts("anomalous") == ["a:", "b:", "c:"]
    assert "White space around 1" in shown(app)
    app.toggle(key="cutting_keep_ends").set_value(True).run()
    assert app.session_state["draft"].examples.texts("anomalous") == ["a: ", "b:", "c:"]
    assert "White space around" not in shown(app)


def test_texts_of_several_lines_are_shown_in_the_boxes_and_editing_keeps_their_columns(
    open_app: OpenApp,
) -> None:
    rows = [
        {"label": label, "text": f"{label}\n\nsecond {number}", "pair": str(number), "actual": "Legal desk"}
        for label in ("anomalous", "normal")
        for number in (1, 2, 3)
    ]
    app = page(open_app, examples=from_rows(rows))
    shown_box = app.text_area(key="paste_anomalous")
    assert shown_box.value.split("\n---\n") == [f"anomalous\n\nsecond {number}" for number in (1, 2, 3)]
    shown_box.set_value(shown_box.value.replace("second 2", "2nd line")).run()
    edited = app.session_state["draft"].examples.of("anomalous")
    assert [(e.text, e.pair, e.actual) for e in edited] == [
        ("anomalous\n\nsecond 1", "1", "Legal desk"),
        ("anomalous\n\n2nd line", "2", "Legal desk"),
        ("anomalous\n\nsecond 3", "3", "Legal desk"),
    ]  # fmt: skip


def test_chosen_way_is_forgotten_with_the_last_text(open_app: OpenApp) -> None:
    app = page(open_app)
    app.text_area(key="paste_anomalous").set_value(box("A1")).run()
    app.button(key="cut_otherwise").click().run()
    assert app.session_state["draft"].cut == "lines"
    app.text_area(key="paste_anomalous").set_value("").run()
    assert app.session_state["draft"].cut == "auto"
