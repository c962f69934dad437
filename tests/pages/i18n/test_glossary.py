"""The glossary: every term in both languages, marked where it stands, explained in the tables' headings."""

import json

import pytest

from core.runs.run_folder import runs_folder
from pages.parts import i18n
from pages.parts.i18n import entries, glossary
from tests.pages.conftest import OpenApp, shown
from tests.support.made_runs import make_run

pytestmark = pytest.mark.usefixtures("whole_app")


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
@pytest.mark.parametrize("term", glossary.TERMS)
def test_term_is_explained_in_one_line(language: str, term: str) -> None:
    explanation = entries(language)[f"term.{term}.text"]
    assert 10 < len(explanation) < 190
    assert "\n" not in explanation
    assert entries(language)[f"term.{term}.name"]


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_no_word_stands_for_two_terms(language: str) -> None:
    words = [
        word for term in glossary.TERMS for word in entries(language)[f"term.{term}.words"].lower().split("|")
    ]
    assert len(words) == len(set(words))


def test_every_term_of_the_tables_and_pages_is_in_the_glossary() -> None:
    used = {*glossary.COLUMNS.values(), *(term for page in glossary.PAGES.values() for term in page)}
    assert used <= set(glossary.TERMS)


def test_first_use_is_marked_and_nothing_else() -> None:
    html = glossary.marked("Two heads, one Head; a header <b>scores</b>", "en")
    assert html.count('class="term"') == 2
    assert '>heads<span class="tip"' in html
    assert "one Head;" in html
    assert "a header " in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


def test_longest_word_is_marked_in_japanese() -> None:
    html = glossary.marked("アテンションヘッドの符号", "ja")
    assert ">アテンションヘッド<" in html
    assert ">符号<" in html


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
@pytest.mark.parametrize("page", list(glossary.PAGES))
def test_page_ends_with_its_words(open_app: OpenApp, page: str, language: str) -> None:
    app = open_app(page, language)
    assert entries(language)["shell.words"] in [fold.label for fold in app.expander]
    assert entries(language)[f"term.{glossary.PAGES[page][0]}.text"] in shown(app)


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_headings_of_tables_explain_their_terms(open_app: OpenApp, language: str) -> None:
    app = open_app("circuit", language, run=make_run(runs_folder(), verdicts=True).run_id)
    columns = json.loads(app.dataframe[0].proto.columns)
    words = entries(language)
    assert columns["score"]["help"] == words["term.score.text"]
    assert columns["verdict"]["help"] == words["term.verdict.text"]
    assert columns["interval"]["help"] == words["column.interval_note"]
    assert columns["name"]["label"] == words["column.name"]


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_lead_of_the_model_page_speaks_of_no_term(language: str) -> None:
    lead = i18n.text(language, "model.lead")
    assert glossary.marked(lead, language) == lead
