"""A run that found nothing to explain: its reason, the texts concerned, and the way back to them."""

import pandas as pd
import pytest

from core.runs.run_folder import RunFolder, runs_folder
from pages.parts import i18n
from pages.parts.i18n import entries
from tests.pages.conftest import OpenApp, run_until, shown
from tests.support.made_runs import make_run

REASON = {"key": "evidence_no_difference", "values": {"gap": "0.01"}}


def made(
    answers: str = "", reason: dict[str, object] | None = REASON, column: str = "continuation"
) -> RunFolder:
    """A finished run with this reason; `answers` are what the model says on its six pairs, A or B for each text.

    Runs of earlier versions hold the next word alone.
    """
    run = make_run(runs_folder())
    manifest = run.read_json("manifest.json")
    notes = [*manifest["notes"], *([reason] if reason else [])]
    run.write_json(
        "manifest.json",
        {**manifest, "evidence": "no_difference" if reason else "not_computed", "notes": notes},
    )
    if answers:
        table = pd.read_csv(run.path / "examples.csv", encoding="utf-8-sig")
        table[column] = [f" {letter}" for letter in answers]
        table = table if column == "continuation" else table.drop(columns="continuation")
        run.write_bytes("examples.csv", table.to_csv(index=False).encode("utf-8-sig"))
    return run


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
@pytest.mark.parametrize("page", ["circuit", "evidence", "report"])
def test_reason_leads_back_to_the_texts(open_app: OpenApp, page: str, language: str) -> None:
    app = open_app(page, language, made("AA" * 6, column="next_word").run_id)
    words = {"answer": "A", "anomalous": 6, "of_anomalous": 6, "normal": 6, "of_normal": 6}
    same = entries(language)["after_run.same_answer"].format(**words)
    (sentence,) = [point.value for point in app.markdown if same in point.value]
    assert "0.01" in sentence
    app.button(key="back_to_texts").click().run()
    assert app.title[0].value == entries(language)["examples.title"]


@pytest.mark.parametrize("column", ["continuation", "next_word"])
def test_texts_concerned_are_named_there_and_here(open_app: OpenApp, column: str) -> None:
    # the two of each pair stand together, anomalous first: the fourth anomalous text says B, as the normal ones do
    app = open_app("evidence", run=made("ABABABBBABAB", column=column).run_id)
    assert "1 text behaves like the other side: line 7 (anomalous)." in shown(app)
    app.switch_page("pages/examples.py").run()
    run_until(app, lambda: entries("en")["text_check.title"] in shown(app))
    assert "The last analysis found nothing to explain in these texts." in shown(app)


def test_reminder_goes_with_the_texts_of_the_run(open_app: OpenApp) -> None:
    app = open_app("examples", run=made().run_id)
    run_until(app, lambda: entries("en")["text_check.title"] in shown(app))
    assert "The last analysis found nothing" in shown(app)
    examples = app.session_state["draft"].examples
    app.session_state["draft"].examples = examples.with_examples(examples.examples[:-2])
    app.run()
    run_until(app, lambda: entries("en")["text_check.title"] in shown(app))
    assert "The last analysis found nothing" not in shown(app)


@pytest.mark.parametrize("page", ["circuit", "evidence", "report", "examples"])
def test_run_that_found_something_shows_no_reason(open_app: OpenApp, page: str) -> None:
    app = open_app(page, run=made(reason=None).run_id)
    assert not [button for button in app.button if button.key == "back_to_texts"]
    assert "found nothing to explain" not in shown(app)


def test_made_partners_are_none_of_the_texts_concerned(open_app: OpenApp) -> None:
    run = made("ABABABBBABAB")
    table = pd.read_csv(run.path / "examples.csv", encoding="utf-8-sig")
    partners = table.tail(2).assign(label="normal", example=[13, 14], continuation=" A")
    whole = pd.concat([table, partners], ignore_index=True)
    run.write_bytes("examples.csv", whole.to_csv(index=False).encode("utf-8-sig"))
    app = open_app("evidence", run=run.run_id)
    assert "1 text behaves like the other side: line 7 (anomalous)." in shown(app)


@pytest.mark.parametrize(
    ("language", "words"), [("en", "leave nothing to explain"), ("ja", "説明すべきものがないため")]
)
@pytest.mark.parametrize("page", ["circuit", "report"])
def test_nothing_is_drawn_or_counted_where_there_is_nothing_to_explain(
    open_app: OpenApp, page: str, language: str, words: str
) -> None:
    """Also in a run of before, whose heads.csv names candidates by their codes."""
    app = open_app(page, language, made().run_id)
    assert not app.exception
    assert words in shown(app)
    assert not app.get("vega_lite_chart") and not app.get("arrow_vega_lite_chart")
