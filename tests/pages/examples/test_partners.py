"""The panel of partners: made, told, edited, refused, and kept or dropped with their texts."""

import pytest

from core.examples.made_texts import without_made
from core.examples.reading import from_rows
from pages.parts import i18n
from pages.parts.examples import exchanges
from pages.parts.i18n import counted, entries, text
from pages.parts.session import state
from tests.pages.conftest import OpenApp, run_until, shown
from tests.pages.examples.test_token_view import word


def unpaired(open_app: OpenApp, language: str = "en"):
    """The examples page with three texts a side that nothing pairs."""
    rows = [{"label": "anomalous", "text": f"red {n} hot", "line": n} for n in (1, 2, 3)]
    rows += [{"label": "normal", "text": f"blue {n} cold", "line": n} for n in (1, 2, 3)]
    app = open_app("examples", language)
    draft = state.Draft(source="/models/mine", source_kind="folder", examples=from_rows(rows), pairing="off")
    app.session_state["draft"] = draft
    app.run()
    run_until(app, lambda: any(button.key == "make_partners" for button in app.button))
    return app


def examples_of(app):
    return app.session_state["draft"].examples


def made(open_app: OpenApp, language: str = "en"):
    """The same with partners made and read."""
    app = unpaired(open_app, language)
    app.button(key="make_partners").click().run()
    run_until(app, lambda: bool(examples_of(app).made) and 'class="exchange"' in shown(app))
    assert not app.exception
    return app


def refuse_buttons(app):
    return [button for button in app.button if str(button.key).startswith("refuse_partner_")]


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_partners_are_made_shown_and_in_the_draft(open_app: OpenApp, language: str) -> None:
    app = made(open_app, language)
    examples = examples_of(app)
    assert [e.text for e in examples.made[:2]] == ["calm 1 hot", "red 1 calm"]
    assert {e.source for e in examples.given} == {""}
    page = shown(app)
    old, new = (text(language, f"partners.{key}") for key in ("old", "new"))
    assert f'<del><span class="unseen">{old} </span>red</del>' in page
    assert f'<ins><span class="unseen">{new} </span>calm</ins>' in page
    assert text(language, "partners.closes", share="90\u00a0%") in page
    assert len(refuse_buttons(app)) == 3
    app.toggle(key="every_partner").set_value(True).run()
    assert len(refuse_buttons(app)) == 6


def test_a_refused_partner_gives_its_place_to_the_next_and_can_be_allowed_again(open_app: OpenApp) -> None:
    app = made(open_app)
    refuse_buttons(app)[0].click().run()
    examples = examples_of(app)
    assert examples.refused == ("calm 1 hot",)
    assert [e.text for e in examples.made if e.pair == examples.examples[0].pair] == ["red 1 calm"]
    run_until(app, lambda: len(refuse_buttons(app)) == 3)
    refuse_buttons(app)[0].click().run()
    run_until(app, lambda: len(examples_of(app).made) == 5)
    assert "red calm hot" in [e.text for e in examples_of(app).made]
    assert {"calm 1 hot", "red 1 calm"}.isdisjoint(e.text for e in examples_of(app).made)
    app.button(key="allow_0").click().run()
    assert examples_of(app).refused == ("red 1 calm",)


def edit(app, new: str):
    area = next(a for a in app.text_area if str(a.key).startswith("partner_text_"))
    area.set_value(new)
    key = str(area.key).removeprefix("partner_text_")
    app.button(key=f"check_partner_{key}").click().run()


def test_an_edited_partner_is_taken_where_it_keeps_the_tokens(open_app: OpenApp) -> None:
    app = made(open_app)
    edit(app, "red 1 mild")
    run_until(app, lambda: "red 1 mild" in [e.text for e in examples_of(app).made])
    first = examples_of(app).made[0]
    assert (first.text, first.source, first.pair) == ("red 1 mild", "made", examples_of(app).examples[0].pair)
    before = examples_of(app)
    edit(app, "red 1 very mild")
    values = {"count": 4, "needed": 3}
    run_until(app, lambda: text("en", "partners.other_tokens", **values) in [w.value for w in app.warning])
    assert examples_of(app) == before
    edit(app, "red 1 calm")
    run_until(app, lambda: text("en", "partners.not_own") in [w.value for w in app.warning])
    assert examples_of(app) == before


def test_changing_a_text_drops_its_partners_with_a_line(open_app: OpenApp) -> None:
    app = made(open_app)
    app.text_area(key="paste_anomalous").set_value("red 1 hot\nred 2 hot\ngreen and warm").run()
    dropped = counted("en", "partners.dropped", 2)
    run_until(app, lambda: any(dropped in point.value for point in app.markdown))
    assert {e.pair for e in examples_of(app).made} == {"made-1", "made-2"}
    assert examples_of(app).check()


def test_all_made_ones_can_be_removed(open_app: OpenApp) -> None:
    app = made(open_app)
    given = without_made(examples_of(app))
    app.button(key="remove_partners").click().run()
    assert examples_of(app).examples == given.examples


def test_what_would_set_the_fault_off_changes_nothing(open_app: OpenApp) -> None:
    app = unpaired(open_app)
    before = examples_of(app)
    app.button(key="look_setting_off").click().run()
    run_until(app, lambda: 'class="exchange"' in shown(app))
    assert "The fault comes when “blue” becomes “calm” (3 of 3 texts)." in shown(app)
    assert examples_of(app) == before


def test_without_the_button_the_run_makes_them_and_the_panel_says_so(open_app: OpenApp) -> None:
    app = unpaired(open_app)
    assert entries("en")["partners.run_auto"] in [caption.value for caption in app.caption]
    app.session_state["draft"].partners = "off"
    app.run()
    assert entries("en")["partners.run_off"] in [caption.value for caption in app.caption]


def test_an_answer_that_stays_is_named() -> None:
    row = {
        "next": [{"piece": " Legal", "probability": 0.99}],
        "actual": {"piece": " Legal", "probability": 0.9},
    }
    other = {
        "next": [{"piece": " Billing", "probability": 0.8}],
        "actual": {"piece": " Legal", "probability": 0.1},
    }
    stays, goes = (exchanges.effect(row, after, False, word, "en") for after in (row, other))
    assert "partners.still" in stays
    assert "partners.still" not in goes
    assert "“Legal” 90\u00a0% → 10\u00a0%" in goes
