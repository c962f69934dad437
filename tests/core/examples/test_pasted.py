"""Cells of a spreadsheet that were pasted: how their columns are told."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ExamplesError
from core.examples.pasted import read_sheet
from core.examples.reading.formats.cells import rows_of


def told(text: str, side: str = "anomalous") -> tuple[str, list[tuple[str, str, str]]]:
    sheet = read_sheet(text, side)  # type: ignore[arg-type]
    assert sheet is not None
    return sheet.how, [(e.label, e.text, e.pair) for e in sheet.examples.examples]


def test_header_names_the_columns_in_any_order():
    how, rows = told("text\tpair\tLabel\na b\t1\tanomalous\nc d\t1\tnormal\n")
    assert (how, rows) == ("header", [("anomalous", "a b", "1"), ("normal", "c d", "1")])


def test_header_without_labels_takes_the_side_of_its_box():
    sheet = read_sheet("テキスト\t実際\n請求書\tLegal\n明細書\tSales", "normal")
    assert sheet is not None
    assert [(e.label, e.text, e.actual) for e in sheet.examples.examples] == [
        ("normal", "請求書", "Legal"),
        ("normal", "明細書", "Sales"),
    ]


@pytest.mark.parametrize("names", ["Normal\tAnomalous", "正常例\t異常"])
def test_two_columns_under_the_labels_are_pairs_row_by_row(names):
    how, rows = told(f"{names}\nn1\ta1\nn2\t\n\t\nn3\ta3")
    assert how == "sides"
    assert rows == [
        ("normal", "n1", "1"),
        ("anomalous", "a1", "1"),
        ("normal", "n2", ""),
        ("normal", "n3", "4"),
        ("anomalous", "a3", "4"),
    ]


@pytest.mark.parametrize("text", ["異常\tx y\n正常\tz", "x y\tanomalous\nz\tnormal"])
def test_column_of_labels_is_found_without_a_header(text):
    assert told(text) == ("labels", [("anomalous", "x y", ""), ("normal", "z", "")])


def test_quoted_cell_keeps_its_tab_and_line_break():
    assert told('label\ttext\nnormal\t"a\tb\nc"')[1] == [("normal", "a\tb\nc", "")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('"x', "y"),
        ('"x', '"y'),
        ('"x" said he', '"y", she'),
        ('say "x', 'y"'),
        ('"', '""" y'),
        ("x" * 140_000, "y"),
    ],
)
def test_quotation_mark_that_does_not_enclose_a_cell_stays_in_its_text(first, second):
    how, rows = told(f'anomalous\t{first}\nnormal\t{second}\nnormal\t"a ""b""\nc"')
    assert how == "labels"
    assert rows == [("anomalous", first, ""), ("normal", second, ""), ("normal", 'a "b"\nc', "")]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_every_line_break_ends_a_row(end):
    assert told(f"anomalous\tx{end}normal\ty{end}")[1] == [("anomalous", "x", ""), ("normal", "y", "")]


@given(st.text(alphabet='ab"\t\n\r'))
def test_any_text_is_cells_or_an_error_of_ours(text):
    try:
        sheet = read_sheet(text, "normal")
    except ExamplesError as error:
        assert str(error)
    else:
        assert sheet is None or all(example.text.strip() for example in sheet.examples.examples)


@given(st.lists(st.lists(st.text(alphabet='ab"\t\n', min_size=1), min_size=2, max_size=2), min_size=1))
def test_cells_that_a_spreadsheet_put_in_quotes_are_read_as_csv_reads_them(rows):
    buffer = io.StringIO()
    csv.writer(buffer, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    assert [list(row.cells) for row in rows_of(buffer.getvalue(), "\t")] == rows


@pytest.mark.parametrize(
    "text", ["one\ntwo", "a\tb\nc\td", "normal\tanomalous x\nz\tw", "\t\n\t", "normal\tnormal"]
)
def test_anything_else_is_no_spreadsheet(text):
    assert read_sheet(text, "normal") is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("label\ttext\nstrange\ta", "labels_unclear"),
        ("label\ttext\nNG\ta\nOK\tb\nstrange\tc", "unknown_label"),
        ("label\ttext\nnormal\t\nnormal\tb", "empty_text"),
        ("テキスト\tText\na\tb", "columns_unclear"),
        ("text\tText\na\tb", "doubled_columns"),
    ],
)
def test_row_that_does_not_fit_its_header_is_told(text, key):
    with pytest.raises(ExamplesError) as caught:
        read_sheet(text, "normal")
    assert caught.value.key == key
