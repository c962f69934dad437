"""Made partners in the report: marked words, what the exchange does, and runs that have none."""

import math
from dataclasses import replace

import pandas as pd

from core.report.exchanges import firsts, marked, marked_partners, table
from core.report.html import report
from core.schema import PartnersRecord
from tests.support.made_facts import made_facts

RECORD = PartnersRecord.model_validate(
    {
        "state": "computed",
        "made": [
            {"text": 2, "example": 4, "exchanges": [{"position": 1, "old": "b", "new": "c"}], "closes": 0.5},
            {
                "text": 1,
                "example": 3,
                "exchanges": [{"position": 1, "old": "x", "new": "<y>"}],
                "closes": 0.97,
            },
            {"text": 1, "example": 5, "exchanges": [{"position": 0, "old": "a", "new": "z"}], "closes": 0.7},
        ],
    }
)
EXAMPLES = pd.DataFrame(
    {
        "example": [1, 2, 3, 4, 5],
        "label": ["anomalous", "anomalous", "normal", "normal", "normal"],
        "text": ["a x", "a b", "a <y>", "a c", "z x"],
        "actual": ["Legal", "", "Legal", "", "Legal"],
        "next_word": [" Legal", " no", " Billing", " yes", " Sales"],
        "next_probability": ["0.9", "0.5", "0.8", "0.5", "0.5"],
        "actual_log_probability": [str(math.log(0.92)), "", str(math.log(0.03)), "", str(math.log(0.2))],
    }
)


def test_words_are_marked_for_eyes_and_ears_and_escaped():
    assert str(marked("a x", "a <y>", "was:", "is:")) == (
        '<span class="exchange" dir="auto" title="a &lt;y&gt;">a '
        '<del><span class="unseen">was: </span>x</del>'
        '<ins><span class="unseen">is: </span>&lt;y&gt;</ins></span>'
    )


def test_long_texts_keep_what_stands_around_the_words():
    text = f"{'begin ' * 60}old {'end ' * 60}"
    shown = str(marked(text, text.replace("old", "new"), "was:", "is:"))
    assert shown.count(" … ") == 2
    assert "begin <del>" in shown


def test_partners_stand_in_the_order_of_their_texts_with_what_they_do():
    partners = marked_partners(RECORD, EXAMPLES)
    assert [(one.of, one.partner) for one in partners] == [(1, "a <y>"), (1, "z x"), (2, "a c")]
    assert [(one.of, one.partner) for one in firsts(partners)] == [(1, "a <y>"), (2, "a c")]
    rows = table(firsts(partners), "en").rows
    assert rows[0][2:4] == ["“Legal” 92\u00a0%\u00a0→\u00a03\u00a0%", "“Billing”"]
    assert rows[1][2:4] == ["–", "“no” → “yes”"]
    assert [row[4] for row in rows] == ["97\u00a0%", "50\u00a0%"]


def test_the_report_marks_them_in_both_languages():
    known = made_facts()
    whole = replace(
        known,
        heads=known.heads.assign(score_low=0.1, score_high=0.2),
        edges=known.edges.head(0),
    )
    page = report(replace(whole, partners=RECORD), EXAMPLES)
    assert page.count("<del>") == 2
    assert "The texts and their made partners" in page
    assert "<y>" not in page
    assert "<del>" not in report(whole, EXAMPLES)


def test_what_is_said_is_the_answer_the_long_continuation_or_the_next_token():
    about = {"expected": ["Billing", "b", ""], "continuation": [" Legal Legal Legal", " b and", " on and on"]}
    pieces = ['[" Legal"]', '[" a"]', '[" on", " and", " on"]']
    table = EXAMPLES.head(3).assign(verdict=["other", "right", "other"], actual_pieces=pieces, **about)
    made = [{"text": 1, "example": 2, "closes": 1.0}, {"text": 1, "example": 3, "closes": 1.0}]
    partners = marked_partners(PartnersRecord.model_validate({"made": made}), table)
    assert [one.says for one in partners] == [(" Legal", "b"), (" Legal", "on and on")]
