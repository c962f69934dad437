"""report.html: its order, its words, and texts of users that stay texts."""

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.report.html import Additions, report
from core.report.save import html_report
from core.runs.cost_sheet import Entries
from core.runs.facts import facts
from core.runs.head_notes import HeadLabel
from core.runs.review import Comment, Review, SignOff
from core.schema import HEAD_COLUMNS
from core.text import LANGUAGES, catalogue
from tests.support.made_result import evidence_result, made_result, with_changes

HOSTILE = st.lists(
    st.sampled_from(
        ["<script>x</script>", "</main>", "'", '"', "&amp;", "{{ 7 * 7 }}", "{% raw %}", "=1+1", "<!--", "語"]
    ),
    min_size=1,
    max_size=4,
).map("".join)


class Parsed(HTMLParser):
    """The elements of a page in order, and its text; of the picture, whose places follow from its texts, the names of
    elements and attributes alone.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.in_picture = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_picture = self.in_picture or tag == "svg"
        self.tags.append(tag + str([name for name, _ in attrs] if self.in_picture else attrs))

    def handle_endtag(self, tag: str) -> None:
        self.in_picture = self.in_picture and tag != "svg"

    def handle_comment(self, data: str) -> None:
        self.tags.append("comment")

    def handle_data(self, data: str) -> None:
        self.text += "" if self.in_picture else data


def page_with(word: str) -> str:
    """The report of a small result in which every place that a user fills holds this word."""
    result = evidence_result()
    model = {**result.manifest.model.model_dump(), "name": "<m>", "architecture": word}
    manifest = with_changes(result.manifest, scenario=word, model=model)
    examples = result.examples.assign(text=word, next_word=word)
    review = Review(
        comments=(Comment(author=word, text=word, written="2026-01-01T00:00"),),
        sign_offs=(SignOff(name=word, decision="accepted", date="2026-01-02"),),
    )
    added = Additions(
        {"L1H0": HeadLabel(word, word, word)},
        review,
        Entries(incidents=1, hours_now=2, hours_then=1, cost=3, preparation=4, currency=word),
    )
    return report(facts(manifest, result.heads, result.edges, {"L1H0": word}), examples, added)


@settings(max_examples=25, deadline=None)
@given(word=HOSTILE)
def test_what_users_write_is_text_and_never_markup(word):
    marked = f"qqq{word}qqq"
    plain, page = Parsed(page_with("qqqqqq")), Parsed(page_with(marked))
    assert page.tags == plain.tags
    assert page.text.count(marked) == plain.text.count("qqqqqq") > 10
    assert "<m>" in page.text


def test_the_report_shows_texts_as_text_in_both_languages():
    for language, unchecked in (("en", "not yet computed"), ("ja", "未計算")):
        page = html_report(made_result(), language)
        assert "&lt;b&gt;請求書&lt;/b&gt;" in page
        assert "<b>請求書" not in page
        assert f'<html lang="{language}">' in page
        assert "L1H0" in page
        assert "L0H1→L1H0" in page
        assert unchecked in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_one_stands_first_and_each_of_its_links_leads_into_the_appendix(language):
    page = html_report(evidence_result(), language)
    titles = catalogue(language)["page_one"]
    keys = [
        "trust",
        "recommendation",
        "price_title",
        "texts",
        "heads",
        "circuit",
        "trust_open",
        "cost",
        "method",
    ]
    places = [page.index(f">{titles[key]}</") for key in keys]
    assert places == sorted(places)
    links = re.findall('href="#([^"]+)"', page)
    assert len(links) >= 4
    assert set(links) <= set(re.findall('<section id="([^"]+)"', page))


def test_the_report_speaks_one_language_alone():
    english = html_report(evidence_result(), "en").replace("請求書", "")
    assert re.findall("[぀-ヿ㐀-鿿]", english) == []
    japanese = unescape(html_report(evidence_result(), "ja"))
    assert [line for line in catalogue("en")["term"].values() if line in japanese] == []


def test_the_report_says_what_was_confirmed():
    untested, page = html_report(made_result()), html_report(evidence_result())
    assert "L1H0 alone moves the behaviour by 50\u00a0%" in page
    assert "the other way (95 % interval 25\u00a0% to 75\u00a0%)" in page
    assert "1 of 1 tested heads confirmed" in page
    assert "of 1 candidate edges 1 were tested and 0 confirmed" in page
    assert "−50\u00a0% (−75\u00a0% … −25\u00a0%)" in page
    assert "was not tested" in untested
    assert "was not tested" not in page
    result = made_result()
    same = replace(result, manifest=with_changes(result.manifest, evidence="no_difference"))
    assert "does not behave clearly differently" in html_report(same)


def test_mlp_blocks_stand_in_a_table_of_their_own_where_they_were_measured():
    result = evidence_result()
    for language in LANGUAGES:
        heading = f"<h3>{catalogue(language)['report']['mlps_table']}</h3>"
        assert heading not in html_report(result, language)
    row = {
        "layer": 2,
        "effect": 0.29,
        "effect_low": 0.1,
        "effect_high": 0.4,
        "verdict": "partly",
        "unit": "mlp",
    }
    blocks = pd.DataFrame([row]).reindex(columns=list(HEAD_COLUMNS))
    for language in LANGUAGES:
        page = html_report(replace(result, mlps=blocks), language).replace("\u00a0", " ")
        assert page.count(">MLP2</td>") == 1
        assert re.search("29 ?%", page)
        assert f"<h3>{catalogue(language)['report']['mlps_table']}</h3>" in page


def test_the_report_explains_its_words_and_refers_to_nothing_outside():
    for language in LANGUAGES:
        page = html_report(evidence_result(), language)
        assert all(line in unescape(page) for line in catalogue(language)["term"].values())
    assert re.findall(r"""(?:src|url|@import)\s*[=(]|href="[^#]""", page) == []
    assert "http" not in page
    assert "//" not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_picture_from_words_to_answers_stands_in_it_as_one_image(language):
    result = evidence_result(0.5)
    page = html_report(result, language)
    (drawn,) = re.findall("<svg.*?</svg>", page, re.DOTALL)
    assert 'role="img"' in drawn and "tabindex" not in page and "http" not in page
    assert set(re.findall('data-name="([^"]*)" data-kind="unit"', drawn)) == {"L1H0"}
    assert catalogue(language)["story"]["answers"] in drawn
    nothing = replace(result, heads=result.heads.assign(selected=False))
    assert "<svg" not in html_report(nothing, language)
