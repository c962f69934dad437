"""Templates, the matching normal text, and what the preview says of the examples' fitness."""

import pytest

from core.examples.reading import from_rows
from core.jobs.local_backend import LocalBackend
from core.schema import AlignmentRecord
from pages.parts import i18n
from pages.parts.examples import fitness
from pages.parts.examples.previewed_texts import NextWord, PreviewedText, PreviewedTexts
from pages.parts.examples.templates import templates
from pages.parts.i18n import entries
from pages.parts.session import state
from tests.pages.conftest import OpenApp, run_until
from tests.pages.test_pages import shown, with_examples


def row(label: str, text: str, following: dict[str, float]) -> PreviewedText:
    words: list[NextWord] = [{"piece": piece, "probability": p} for piece, p in following.items()]
    return {"label": label, "pieces": text.split(), "differs": [], "next": words, "behaves": None}


def test_languages_have_the_same_templates() -> None:
    names = [list(templates(language)) for language in i18n.LANGUAGES]
    assert names[0] == names[1]
    assert len(names[0]) == 5


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
@pytest.mark.parametrize("name", list(templates("en")))
def test_template_can_be_analysed_and_is_not_one_sided(language: str, name: str) -> None:
    examples = templates(language)[name].examples().check()
    assert examples.count("anomalous") == examples.count("normal") >= 5
    rows = [row(e.label, " ".join(e.text), {}) for e in examples.examples]
    assert not fitness.less_varied(rows)


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_template_fills_the_boxes(open_app: OpenApp, language: str) -> None:
    app = open_app("model", language)
    app.switch_page("pages/examples.py").run()
    app.button(key="template_names").click().run()
    assert not app.exception
    template = templates(language)["names"]
    assert app.text_area(key="paste_anomalous").value == "\n".join(template.anomalous)
    assert [e.pair for e in app.session_state["draft"].examples.examples] == ["1", "2", "3", "4", "5"] * 2
    assert entries(language)["help.replaces"] in shown(app)


def test_normal_text_is_written_from_an_anomalous_one(open_app: OpenApp) -> None:
    app = open_app("model")
    app.switch_page("pages/examples.py").run()
    app.text_area(key="paste_anomalous").set_value("red one\nred two").run()
    app.text_area(key="paste_normal").set_value("blue one").run()
    assert app.text_area(key="match_text").value == "red two"
    app.button(key="match_add").click().run()
    assert entries("en")["help.match_same"] in shown(app)
    app.text_area(key="match_text").set_value("blue two")
    app.button(key="match_add").click().run()
    assert not app.exception
    assert app.text_area(key="paste_normal").value == "blue one\nblue two"
    app.selectbox(key="match_from").set_value("red one").run()
    assert app.text_area(key="match_text").value == "red one"


def test_lines_of_a_text_stay_when_its_match_is_written(open_app: OpenApp) -> None:
    app = open_app("model")
    app.switch_page("pages/examples.py").run()
    tickets = [f"Hello,\nthe {word} is late" for word in ("invoice", "parcel", "order")]
    app.text_area(key="paste_anomalous").set_value("\n\n".join(tickets)).run()
    app.text_area(key="match_text").set_value("Hello,\nthe invoice is here ")
    app.button(key="match_add").click().run()
    assert app.session_state["draft"].examples.texts("normal") == ["Hello,\nthe invoice is here"]
    assert app.session_state["draft"].examples.texts("anomalous") == tickets
    assert app.text_area(key="paste_anomalous").value == "\n\n".join(tickets)


def test_variety_counts_distinct_tokens() -> None:
    rows = [row("anomalous", "a b c d e", {}), row("normal", "a b c", {}), row("normal", "a b", {})]
    assert fitness.variety(rows) == (5, 3)
    assert fitness.less_varied(rows)
    assert not fitness.less_varied([rows[0], row("normal", "a b c d", {})])


def test_difference_is_the_distance_of_the_next_words() -> None:
    rows = [
        row("anomalous", "a", {"x": 0.8, "y": 0.2}), row("normal", "a", {"x": 0.5, "z": 0.5}),
        row("anomalous", "b", {"y": 1.0}), row("normal", "b", {"y": 1.0}),
    ]  # fmt: skip
    # pairs: (|.8-.5| + .2 + .5) / 2 = .5 and 0; sides: means x .4 y .6 against x .25 y .5 z .25
    assert fitness.difference(PreviewedTexts(AlignmentRecord(pairs=((0, 1), (2, 3))), rows)) == pytest.approx(
        0.25
    )
    assert fitness.difference(PreviewedTexts(AlignmentRecord(), rows)) == pytest.approx(
        (0.15 + 0.1 + 0.25) / 2
    )


def test_same_behaviour_and_less_variety_are_warned_of(open_app: OpenApp, local: LocalBackend) -> None:
    app = open_app("model")
    rows = [
        {"label": label, "text": text}
        for label, side in (("anomalous", "p q r,s t u,v w x"), ("normal", "a b c,a b d,a b e"))
        for text in side.split(",")
    ]
    app.session_state["draft"] = state.Draft(
        source="/models/mine", source_kind="folder", examples=from_rows(rows)
    )
    app.switch_page("pages/examples.py").run()
    run_until(app, lambda: entries("en")["text_check.title"] in shown(app))
    assert "hold 5 distinct tokens, the anomalous ones 9" in shown(app)
    assert "differ by 0\u00a0%" in shown(app)


def test_texts_of_equal_variety_are_not_warned_of(open_app: OpenApp, local: LocalBackend) -> None:
    app = with_examples(open_app("model"))
    app.switch_page("pages/examples.py").run()
    run_until(app, lambda: any(button.key == "toggle_pairs" for button in app.button))
    assert "distinct tokens" not in shown(app)
