"""Reading examples: every way in gives the same rows."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ExamplesError
from core.examples.example_set import Example, ExampleSet
from core.examples.pasted import read_sheet
from core.examples.reading import from_pasted, from_rows, parse_examples, read_examples, to_csv

GOOD = "label,text,pair,expected,actual\nanomalous,a b,1,x,y\nnormal,a c,1,z,\n"


def key_of(call) -> str:
    with pytest.raises(ExamplesError) as caught:
        call()
    return caught.value.key


def test_csv_with_every_column():
    examples = parse_examples(GOOD.encode(), "x.csv").examples.examples
    assert examples[0] == Example(label="anomalous", text="a b", pair="1", expected="x", actual="y", line=2)
    assert examples[1].line == 3


def test_csv_with_byte_order_mark_quotes_and_line_breaks():
    content = '\ufefflabel,text\r\nanomalous,"a, ""b""\nc"\r\n正常,d\r\n'
    examples = parse_examples(content.encode(), "x.csv").examples.examples
    assert [e.text for e in examples] == ['a, "b"\nc', "d"]
    assert [e.label for e in examples] == ["anomalous", "normal"]


def test_a_pasted_spreadsheet_with_tabs():
    assert parse_examples(b"label\ttext\nnormal\ta, b\n", "x.tsv").examples.examples[0].text == "a, b"


def test_jsonl_with_and_without_empty_lines():
    content = '{"label": "normal", "text": "a"}\n\n{"label": "anomalous", "text": "b", "pair": 0}\n'
    examples = parse_examples(content.encode(), "x.jsonl").examples.examples
    assert [(e.label, e.text, e.pair, e.line) for e in examples] == [
        ("normal", "a", "", 1),
        ("anomalous", "b", "0", 3),
    ]


def test_pasted_lines_count_the_empty_ones():
    pasted = from_pasted("a\n\n b \n", "c\n   \nd")
    assert [(e.label, e.text) for e in pasted.examples.examples] == [
        ("anomalous", "a"),
        ("anomalous", "b"),
        ("normal", "c"),
        ("normal", "d"),
    ]
    assert pasted.empty_lines == 2


@pytest.mark.parametrize(
    ("content", "name", "key"),
    [
        (b"text,kind\na,b\n", "x.csv", "labels_unclear"),
        (b"one,two\na,b\n", "x.csv", "columns_unclear"),
        (b"label,text\nodd,a\n", "x.csv", "labels_unclear"),
        (b"label,text\nnormal,\n", "x.csv", "empty_text"),
        (b"label,text\nnormal,a,b\n", "x.csv", "row_too_long"),
        (b"", "x.csv", "empty_file"),
        (b"[1, 2]\n", "x.jsonl", "bad_json_line"),
        (b"{oops\n", "x.jsonl", "bad_json_line"),
        (b'{"text": "a"}\n', "x.jsonl", "columns_unclear"),
        (b'{"label": "normal", "text": ["a", "b"]}', "x.jsonl", "no_text"),
        (b'{"label": "normal", "text": {"a": "b"}}', "x.jsonl", "columns_unclear"),
        (b"[" * 100_000, "x.jsonl", "bad_json_line"),
        (b'[["label", "normal"], ["text", "a"]]', "x.jsonl", "bad_json_line"),
        (b'{"label": "normal", "text": "a", "pair": ' + b"1" * 5000 + b"}", "x.jsonl", "bad_json_line"),
        (b"label,text", "x.docx", "unknown_examples_format"),
        (b"label,text", "x.xlsx", "bad_workbook"),
        (b"\xff\xfe\x00\x80\x81", "x.csv", "bad_byte"),
    ],
)
def test_bad_files(content, name, key):
    assert key_of(lambda: parse_examples(content, name)) == key


def test_a_file_that_is_not_there(tmp_path):
    assert key_of(lambda: read_examples(tmp_path / "none.csv")) == "examples_file_missing"


SPACED = ["a b", " a b", "a b ", "a b\t", "\u3000a b\u3000"]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("label,text,text\nnormal,a,b\n", "x.csv"),
        ("label\tText\ttext \nnormal\ta\tb\n", "x.tsv"),
        ('{"label": "normal", "text": "a", "Text": "b"}', "x.jsonl"),
    ],
)
def test_a_column_that_stands_twice_is_refused_by_its_name(content, name):
    with pytest.raises(ExamplesError, match=r"more than one of: text\.") as caught:
        parse_examples(content.encode(), name)
    assert caught.value.key == "doubled_columns"


def test_names_of_columns_are_read_alike_in_every_format():
    lines = {
        "x.csv": "Label, TEXT ,Pair\nnormal,a,1",
        "x.jsonl": '{"Label": "normal", " TEXT ": "a", "Pair": 1}',
    }
    read = {
        name: parse_examples(content.encode(), name).examples.examples[0] for name, content in lines.items()
    }
    assert {(row.label, row.text, row.pair) for row in read.values()} == {("normal", "a", "1")}


@pytest.mark.parametrize("column", ["label", "text", "pair", "expected", "actual"])
def test_half_a_character_is_named_with_its_line(column):
    row = {"label": "normal", "text": "a"}
    lines = [row, {**row, column: "b \ud83d"}]
    for read in (
        lambda: from_rows(lines),
        lambda: parse_examples("\n".join(map(json.dumps, lines)).encode(), "x.jsonl"),
    ):
        with pytest.raises(ExamplesError, match=r"Line 2: .*found \\ud83d.*“b \\ud83d”") as caught:
            read()
        assert caught.value.key == "half_character"


def test_half_a_character_in_a_name_of_a_column_can_be_written():
    with pytest.raises(ExamplesError) as caught:
        parse_examples(rb'{"label": "normal", "text": "a", "\ud83d": 1}', "x.jsonl")
    assert caught.value.key == "half_character"
    assert str(caught.value).encode()


def test_a_whole_character_in_two_escapes_is_read():
    content = rb'{"label": "normal", "text": "\ud83d\ude00"}'
    assert parse_examples(content, "x.jsonl").examples.examples[0].text == "\U0001f600"


@pytest.mark.parametrize("text", SPACED)
def test_outer_white_space_is_dropped_whichever_way_a_text_comes_in(text):
    rows = [{"label": "normal", "text": text, "pair": f" p{text[-1]}".replace("b", "")}]
    quoted = [f'"{cell}"' for cell in rows[0].values()]
    ways = [
        parse_examples(f"label,text,pair\n{','.join(quoted)}\n".encode(), "x.csv").examples,
        parse_examples(json.dumps(rows[0]).encode(), "x.jsonl").examples,
        read_sheet("label\ttext\tpair\n" + "\t".join(quoted), "normal").examples,
        from_pasted("", text).examples,
    ]
    assert {way.examples[0].text for way in ways} == {"a b"}
    assert {way.examples[0].pair for way in ways} == {"p", ""}


def test_a_pasted_text_is_parted_at_line_breaks_alone():
    examples = from_pasted("a\u2028b\r\nc\x0bd\re", "").examples
    assert [example.text for example in examples.examples] == ["a\u2028b", "c\x0bd", "e"]


@pytest.mark.parametrize("text", ["=1+1", "'=1+1", "''@a", "'quoted'", "-5", "＝1", "+x"])
def test_a_formula_is_guarded_in_the_file_and_read_back_as_it_was(text):
    content = to_csv(
        ExampleSet(examples=(Example(label="normal", text=text, pair=text, expected=text, actual=text),))
    )
    cells = content.decode("utf-8-sig").splitlines()[1].split(",")[1:]
    assert all(cell.startswith("'") for cell in cells)
    (read,) = parse_examples(content, "x.csv").examples.examples
    assert [read.text, read.pair, read.expected, read.actual] == [text] * 4


TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1)
TEXTS = st.lists(TEXT.map(str.strip).filter(bool), min_size=1, max_size=8)


@given(TEXTS)
def test_csv_round_trip_keeps_any_text(texts):
    content = to_csv(
        ExampleSet(examples=tuple(Example(label="normal", text=text, expected=text) for text in texts))
    )
    read = parse_examples(content, "x.csv").examples.examples
    kept = [text.replace("\r\n", "\n") for text in texts]
    assert [(row.text, row.expected) for row in read] == [(text, text) for text in kept]
