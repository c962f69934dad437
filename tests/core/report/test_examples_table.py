"""The table of the texts in the report: whole answers, long texts folded, runs from before."""

import math

import pandas as pd

from core.report.tables import examples, examples_note

FRAME = "You sort the tickets of a shop.\nName one department.\n\nTicket: {}\nDepartment:"


def table_of(**columns: object) -> pd.DataFrame:
    table = pd.DataFrame({"label": ["anomalous", "normal", "normal"], "text": ["a", "b", "c"]})
    return table.assign(next_word=[" Le", "B", "S"], next_probability=["0.5", "0.25", "0.125"], **columns)


def test_what_the_model_says_is_the_answer_that_it_is_with_the_whole_answer_s_probability():
    table = table_of(
        expected=["Billing desk", "Billing", "Billing"],
        actual=["Legal desk", "", ""],
        continuation=[" Legal desk, I think", " Billing", " Sales\nand"],
        verdict=["fault", "right", "other"],
        expected_log_probability=["-5", str(math.log(0.25)), "-3"],
        actual_log_probability=[str(math.log(0.4)), "", ""],
    )
    rows = examples(table, "en").rows
    assert [row[2] for row in rows] == ["Legal desk", "Billing", "Sales\nand"]
    assert [row[3] for row in rows] == ["40\u00a0%", "25\u00a0%", "–"]


def test_a_run_from_before_shows_its_next_words():
    assert [row[2:] for row in examples(table_of(), "en").rows] == [
        [" Le", "50\u00a0%"],
        ["B", "25\u00a0%"],
        ["S", "12\u00a0%"],
    ]


def test_what_all_long_texts_begin_with_stands_once_below_the_table():
    table = table_of().assign(text=[FRAME.format(own) for own in ("late", "early", "lost")])
    assert [row[1] for row in examples(table, "en").rows][:2] == [
        "… late\nDepartment:",
        "… early\nDepartment:",
    ]
    for language in ("en", "ja"):
        note = examples_note(table, language)
        assert "You sort the tickets of a shop. ⏎ Name one department. ⏎ Ticket:" in note
    assert examples_note(table_of(), "en") == ""


def test_a_made_partner_is_named_as_made():
    table = table_of(example=["1", "2", "3"])
    assert [row[0] for row in examples(table, "en", made=[3]).rows] == ["anomalous", "normal", "normal, made"]
    assert examples(table, "ja", made=[3]).rows[2][0] == "正常例（自動作成）"
    assert [row[0] for row in examples(table, "en").rows] == ["anomalous", "normal", "normal"]
