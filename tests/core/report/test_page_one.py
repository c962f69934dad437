"""Page one of the report: the fault in a sentence, the marked pair, what is recommended and what is not."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from core.report.html import report
from core.report.page_one import fault, page_one
from core.runs.facts import facts
from core.schema import CircuitRecord
from core.text import LANGUAGES
from tests.support.made_facts import STATES
from tests.support.made_result import evidence_result, with_changes

COLUMNS = {"tokens": 3, "next_word": "", "next_probability": 0.5}


def texts(expected: str = "Billing") -> pd.DataFrame:
    rows = [
        ("anomalous", "The tax on the invoice is late", expected, "Legal", "fault"),
        ("normal", "The tax on the bill is late", "Billing", "Legal", "right"),
        ("anomalous", "A refund is late", "Billing", "Legal", "fault"),
    ]
    table = pd.DataFrame(rows, columns=["label", "text", "expected", "actual", "verdict"])
    return table.assign(example=[1, 2, 3], **COLUMNS)


def known(own: str = "", after: int = 0, right_after: int = 4):
    """A run whose check switched off L0H1, which no single test confirmed; L1H0 alone is confirmed."""
    result = evidence_result(0.5)
    side = {"texts": 4, "judged": 4}
    counts = {
        "anomalous": {**side, "fault_before": 4, "fault_after": after},
        "normal": {**side, "right_before": 4, "right_after": right_after},
    }
    trial = {"heads": ["L0H1"], "mode": "mean", "counts": counts}
    circuit = CircuitRecord.model_validate({"state": "computed", "before_after": trial})
    settings = {**result.manifest.settings.model_dump(), "fault": own}
    manifest = with_changes(result.manifest, settings=settings)
    return facts(manifest, result.heads, result.edges, circuit=circuit)


def test_fault_is_the_users_sentence_else_made_from_the_answers():
    assert fault(known("Tickets go astray."), texts(), "en") == "Tickets go astray."
    made = "Texts that should be answered “Billing” are answered “Legal”."
    assert fault(known(), texts(), "en") == made
    assert fault(known(), texts("Shipping"), "en") == "These texts are wrongly answered “Legal”."
    same = texts().assign(verdict="other")
    assert fault(known(), same, "en") == "The model treats 1 texts differently from 1 similar ones."


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            (" Legal", " Billing", " Legal"),
            "The model says “Legal” on 2 of 2 texts, and on 0 of 1 similar ones.",
        ),
        ((" Legal", " Legal", " Legal"), "The model treats 2 texts differently from 1 similar ones."),
        ((",", "b", ","), "The model treats 2 texts differently from 1 similar ones."),
        (("a", "b", "c"), "The model says “a” on 1 of 2 texts, and on 0 of 1 similar ones."),
        ((None, "b", float("nan")), "The model treats 2 texts differently from 1 similar ones."),
    ],
)
def test_fault_without_answers_is_what_the_model_says(said: tuple[str, ...], sentence: str) -> None:
    spoken = texts().assign(verdict="", expected="", actual="", next_word=said)
    manifest = with_changes(known().manifest, counts={"anomalous": 2, "normal": 1})
    partner = spoken.iloc[1:2].assign(text="A bill is late", next_word=" Billing", pair_source="made")
    for table in (spoken, pd.concat([spoken, partner])):
        assert fault(replace(known(), manifest=manifest), table, "en") == sentence


def test_only_the_heads_that_were_switched_off_are_recommended():
    page = page_one(known(), texts(), "en")
    assert "L0H1" in page.recommendation
    assert "L1H0" not in page.recommendation
    assert "L0H1" in page_one(known(), texts(), "ja").recommendation
    without = page_one(replace(known(), circuit=None), texts(), "en")
    assert "L" not in without.recommendation.split()[0]
    assert "H0" not in without.recommendation
    assert without.remedy is None


@pytest.mark.parametrize(("after", "word"), [(0, "remedy"), (1, "in part"), (4, "Do not")])
def test_recommendation_follows_what_the_switching_off_did(after, word):
    assert word in page_one(known(after=after), texts(), "en").recommendation


def test_price_names_normal_texts_that_are_lost():
    assert page_one(known(right_after=3), texts(), "en").price == "Normal texts still right: 4 → 3 of 4."


def test_words_that_differ_are_marked_on_both_sides():
    bad, good = page_one(known(), texts(), "en").pair
    assert bad.shown == "The tax on the <mark>invoice</mark> is late"
    assert good.shown == "The tax on the <mark>bill</mark> is late"
    assert (bad.answer, good.answer) == ("“Legal”", "“Billing”")


def test_title_of_the_page_is_the_fault_in_words_and_its_bar_says_before_and_after():
    result = evidence_result()
    page = report(known("Tickets go <astray>."), result.examples)
    assert "<title>Tickets go &lt;astray&gt;.</title>" in page
    assert "At fault: 4 → 0 of 4 anomalous texts, with L0H1 switched off." in page
    assert 'style="width:100%"' in page
    assert 'style="width:0%"' in page


def test_one_head_is_not_said_to_be_together():
    assert "together" not in page_one(known(), texts(), "en").recommendation
    assert "まとめて" not in page_one(known(), texts(), "ja").recommendation


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sentence_of_page_one_links_to_the_topic_that_holds_its_numbers(language: str) -> None:
    page = report(known("Fault."), texts(), language=language)
    first = page[page.index('<section class="first">') : page.index("</section>")]
    parts = re.findall(
        '<p class="verdict">.*?</p>|<table.*?</table>|</div>\n<p>.*?</p>|<dd>.*?</dd>', first, re.DOTALL
    )
    told = [re.findall('href="#([^"]+)"', part) for part in parts]
    expected = ["heads", "texts", "circuit", "trust", "circuit", "circuit"]
    assert told == [[f"numbers-{topic}"] for topic in expected]
    assert {f"numbers-{topic}" for topic in expected} <= set(re.findall('<section id="([^"]+)"', page))


RECOMMENDED = {
    "none": "None: these texts show no cause.",
    "no_difference": "None: these texts show no cause.",
    "untested": "None yet: no head was tested.",
    "tested": "None yet: what helps was not tried.",
}
REASON = {
    "none": "no head stands out",
    "no_difference": "both kinds of text get much the same answers",
    "untested": "nothing was switched off to test it",
    "tested": "this analysis did not measure it",
}


@pytest.mark.parametrize("state", RECOMMENDED)
def test_a_run_says_what_is_missing_and_not_that_it_is_old_or_shows_no_cause(state: str) -> None:
    told = STATES[state]
    assert told.state == state
    page = page_one(told, texts(), "en")
    assert page.recommendation.startswith(RECOMMENDED[state])
    assert (page.trust.level, page.trust.reason) == ("unknown", REASON[state])
    assert (page.bar, page.remedy) == ("", None)
    assert page.price == "Not known: nothing was switched off."
    japanese = page_one(told, texts(), "ja")
    said = [japanese.recommendation, japanese.trust.reason, japanese.price, japanese.headline]
    assert not any(re.search("[A-Za-z]{3}", re.sub("「.*?」|[A-Z0-9]+H[0-9]+", "", line)) for line in said)


def test_nothing_is_recommended_where_no_text_was_at_fault_before() -> None:
    side = {"texts": 4, "judged": 4, "same": 1}
    trial = {"heads": ["L0H1"], "mode": "mean", "counts": {"anomalous": side, "normal": side}}
    circuit = CircuitRecord.model_validate({"state": "computed", "before_after": trial})
    page = page_one(replace(known(), circuit=circuit), texts(), "en")
    assert page.remedy is None
    assert page.recommendation.startswith("Read what the model says with L0H1 switched off")
    assert page.price == "Normal texts that go on differently: 3 of 4."
