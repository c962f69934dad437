"""Kinds of files that spreadsheets, programs and log platforms write, each with what it must give."""

import io
import json
from collections.abc import Sequence

import openpyxl
import pandas as pd
import pytest

from core.errors import ExamplesError
from core.examples.reading import Mapping, Reading, parse_examples, sentence
from core.text import LANGUAGES

ROWS = [
    ("NG", "The invoice, late", "0"),
    ("NG", "The bill", "1"),
    ("OK", "The contract", "0"),
    ("OK", "The deed", "1"),
]
TEXTS = [text for _, text, _ in ROWS]


def read(content: str | bytes, name: str = "x.csv", **asked) -> Reading:
    content = content.encode() if isinstance(content, str) else content
    reading = parse_examples(content, name, **asked)
    for note in reading.notes:
        assert all(sentence(note, language) for language in LANGUAGES)
    return reading


def texts(reading: Reading) -> list[str]:
    return [example.text for example in reading.examples.examples]


def labels(reading: Reading) -> str:
    return "".join(example.label[0] for example in reading.examples.examples)


def keys(reading: Reading) -> list[str]:
    return [note.key for note in reading.notes]


def refusal(content: str | bytes, name: str = "x.csv", **asked) -> ExamplesError:
    with pytest.raises(ExamplesError) as caught:
        read(content, name, **asked)
    return caught.value


def lines(separator: str, rows: Sequence[Sequence[str]] = ROWS) -> str:
    quoted = [[f'"{cell}"' if separator in cell else cell for cell in row] for row in rows]
    return "".join(separator.join(row) + "\r\n" for row in [("label", "text", "pair"), *quoted])


def workbook(*sheets: tuple[str, Sequence[Sequence[object]], int]) -> bytes:
    """A workbook whose sheets (name, rows, empty rows and columns in front) hold these cells."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows, offset in sheets:
        sheet = book.create_sheet(name)
        for place, row in enumerate(rows, start=1):
            for column, cell in enumerate(row, start=1):
                sheet.cell(place + offset, column + offset, cell)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.txt", "x"])
def test_separator_is_told_whatever_the_name_says(separator, name):
    reading = read(lines(separator), name)
    assert (texts(reading), labels(reading), reading.separator) == (TEXTS, "aann", separator)


@pytest.mark.parametrize("mark", ["sep=;\r\n", '"sep=;"\n', "SEP=;\n"])
def test_line_that_names_the_separator_is_counted_and_left_out(mark):
    reading = read(mark + lines(";"))
    assert (texts(reading), keys(reading)) == (TEXTS, [])
    assert reading.examples.examples[0].line == 3


def test_rows_and_columns_that_are_empty_are_left_out_and_counted():
    reading = read("label,text,,\n\nNG,a,,\n,,,\nOK,b,,\n , ,,\n")
    assert [(e.text, e.line) for e in reading.examples.examples] == [("a", 3), ("b", 5)]
    (note,) = reading.notes
    assert (note.key, note.values) == ("empty_rows", {"count": 3, "lines": "2, 4, 6"})


def test_row_with_too_many_cells_is_refused_where_it_begins():
    error = refusal('label,text\nNG,"a\nb"\nOK,"c\nd",e\n')
    assert (error.key, error.values) == ("row_too_long", {"line": 4, "count": 3, "expected": 2})


def test_row_with_too_few_cells_is_named():
    reading = read("label,text,pair\nNG,a,1\nOK,b\n")
    assert [(note.key, note.values["lines"]) for note in reading.notes] == [("short_rows", "3")]


def test_quotation_mark_too_many_swallows_no_row():
    reading = read('label,text,pair\nNG,"a,1\nOK,"b, c",1\n')
    assert texts(reading) == ['"a', "b, c"]
    assert keys(reading) == ["quotes_kept"]
    error = refusal('label,text,pair\nNG,"a,1\nNG,b,2\nOK,c",2\n')
    assert (error.key, error.values["line"], error.values["inner"]) == ("row_within_cell", 2, 3)


def test_blanks_around_quotes_are_no_part_of_the_cell():
    reading = read('label, text, pair\nNG, "a, ""b""" , 1\nOK, c, 1\nOK, "d" e, 1\n')
    assert texts(reading) == ['a, "b"', "c", '"d" e']
    assert (reading.notes[0].key, reading.notes[0].values["lines"]) == ("quotes_kept", "4")


def test_line_breaks_in_cells_are_part_of_the_text():
    reading = read('label,text\r\nNG,"a\r\n b"\r\nOK,"c\n\nd"\r\n')
    assert texts(reading) == ["a\n b", "c\n\nd"]
    assert [e.line for e in reading.examples.examples] == [2, 4]
    assert keys(reading) == ["breaks_changed"]
    old_mac = read('label,text\rNG,"a\rb"\rOK,c\r')
    assert texts(old_mac) == ["a\nb", "c"]


def test_title_above_the_headings_is_left_out_and_named():
    reading = read("Report of May,,\n\nlabel,text,pair\nNG,a,1\nOK,b,1\n")
    assert texts(reading) == ["a", "b"]
    assert {"rows_above_headings", "empty_rows"} == set(keys(reading))


def test_file_without_headings_is_told_by_its_labels():
    reading = read("anomalous,a b\nnormal,c d\n")
    assert (texts(reading), keys(reading)) == (["a b", "c d"], ["no_headings"])
    assert [e.line for e in reading.examples.examples] == [1, 2]


def test_row_numbers_of_pandas_are_left_out_and_other_unnamed_columns_are_kept():
    table = pd.DataFrame({"label": ["NG", "OK"], "text": ["a", "b"]})
    assert keys(read(table.to_csv())) == ["index_column"]
    other = read(table.set_axis([7, 9]).to_csv())
    assert other.examples.examples[0].carried == {"column 1": "7"}


def test_further_columns_are_carried_whatever_they_are_called():
    reading = read("id,label,text,id,tokens\n1,NG,a,2,9\n3,OK,b,4,\n")
    assert [e.carried for e in reading.examples.examples] == [
        {"id": "1", "id (2)": "2", "tokens": "9"},
        {"id": "3", "id (2)": "4", "tokens": ""},
    ]
    assert keys(reading) == ["carried_columns"]


@pytest.mark.parametrize("offset", [0, 2])
def test_workbook_gives_the_sheet_that_has_our_headings(offset):
    rows = [("label", "text", "pair"), *((label, text, float(pair)) for label, text, pair in ROWS)]
    reading = read(workbook(("About", [("These are examples",)], 0), ("Data", rows, offset)), "x.xlsx")
    assert (texts(reading), [e.pair for e in reading.examples.examples]) == (TEXTS, ["0", "1", "0", "1"])
    assert reading.examples.examples[0].line == 2 + offset
    assert ("sheet_read" in keys(reading)) and ("empty_columns" in keys(reading)) == bool(offset)
    assert "Data" in sentence(reading.notes[0], "en")


@pytest.mark.parametrize(("wrong", "right"), [(True, False), (1, 0), ("異常", "正常")])
def test_cells_of_a_workbook_are_text_as_they_are_shown(wrong, right):
    rows = [
        ("ラベル", "テキスト", "id"),
        (wrong, "a\nb", 7),
        (right, "c", 7.5),
    ]
    reading = read(workbook(("S", rows, 0)), "x.xlsx")
    assert (texts(reading), labels(reading)) == (["a\nb", "c"], "an")
    assert [e.carried["id"] for e in reading.examples.examples] == ["7", "7.5"]


def test_damaged_workbook_and_one_under_another_name_are_refused():
    book = workbook(("S", [("label", "text")], 0))
    assert refusal(book[:200], "x.xlsx").key == "bad_workbook"
    assert refusal(book, "x.csv").key == "not_a_text_file"
    assert refusal(book, "x.xlsx").key == "no_rows"


def test_parquet_holds_texts_and_conversations():
    turns = [[{"role": "user", "content": text}] for text in TEXTS]
    table = pd.DataFrame({"label": [1, 1, 0, 0], "messages": turns, "score": [0.5, None, 1.0, 2.0]})
    reading = read(table.to_parquet(), "x.parquet")
    assert (texts(reading), labels(reading), reading.examples.form) == (TEXTS, "aann", "chat")
    assert [e.carried["score"] for e in reading.examples.examples] == ["0.5", "", "1", "2"]


def test_nested_values_of_parquet_have_names_with_dots():
    inputs = [{"messages": [{"role": "user", "content": text}], "model": "m"} for text in TEXTS]
    reading = read(
        pd.DataFrame({"label": ["NG", "NG", "OK", "OK"], "inputs": inputs}).to_parquet(), "x.parquet"
    )
    assert (texts(reading), reading.examples.form) == (TEXTS, "chat")
    assert reading.examples.examples[0].carried == {"inputs.model": "m"}


def test_parquet_without_an_engine_says_what_is_missing(monkeypatch):
    def missing(*_args, **_options):
        raise ImportError("no engine")

    monkeypatch.setattr(pd, "read_parquet", missing)
    assert "pyarrow" in str(refusal(b"PAR1", "x.parquet"))


RECORDS = [{"label": label, "text": text, "pair": int(pair)} for label, text, pair in ROWS]


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(map(json.dumps, RECORDS)),
        "\ufeff" + "\n\n".join(map(json.dumps, RECORDS)) + "\n",
        ",\n".join(map(json.dumps, RECORDS)) + ",\n",
        json.dumps(RECORDS),
        json.dumps(RECORDS, indent=2),
        json.dumps({"examples": RECORDS}),
        json.dumps({"version": 2, "data": RECORDS, "tags": ["x"]}, indent=1),
        json.dumps({"columns": ["label", "text", "pair"], "data": ROWS}),
        *(
            pd.DataFrame(RECORDS).to_json(orient=orient)
            for orient in ("columns", "index", "split", "records")
        ),
        pd.DataFrame(RECORDS).to_json(orient="records", lines=True),
        json.dumps(pd.DataFrame(RECORDS).to_dict("list")),
    ],
)
@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.ndjson", "x.txt"])
def test_records_of_json_however_they_are_wrapped(content, name):
    reading = read(content, name)
    assert (texts(reading), labels(reading)) == (TEXTS, "aann")
    assert [e.pair for e in reading.examples.examples] == ["0", "1", "0", "1"]


def test_lists_named_by_the_sides():
    reading = read(
        json.dumps({"anomalous": TEXTS[:2], "正常": [{"text": text} for text in TEXTS[2:]]}), "x.json"
    )
    assert (texts(reading), labels(reading)) == (TEXTS, "aann")


def test_lines_of_json_are_those_of_the_file():
    reading = read(json.dumps(RECORDS, indent=2), "x.json")
    assert [e.line for e in reading.examples.examples] == [2, 7, 12, 17]
    assert (
        refusal('{"label": "NG", "text": "a"}\n\n{"label": "OK", "text": "b\n', "x.jsonl").values["line"] == 3
    )


@pytest.mark.parametrize(
    "content", [json.dumps(RECORDS)[:-1], json.dumps(RECORDS) + "x", json.dumps(RECORDS) * 2]
)
def test_array_that_does_not_end_as_it_should_is_refused(content):
    assert refusal(content, "x.json").key == "json_array_open"


@pytest.mark.parametrize("text", ["a\u2028b", "a\x85b", "a\x0bb", "\u201cQuoted\u201d", "'single'"])
def test_characters_within_a_text_stay(text):
    for content, name in (
        (f"label,text\nNG,{text}\nOK,b\n", "x.csv"),
        (json.dumps([{"label": "NG", "text": text}]), "x.json"),
    ):
        assert texts(read(content, name))[0] == text


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ('"NaN"', None),
        ("NaN", "no_text"),
        ("true", "no_text"),
        ("null", "empty_text"),
        ("[1]", "no_text"),
        ('""', "empty_text"),
    ],
)
def test_text_that_is_none_is_refused(content, key):
    content = f'{{"label": "NG", "text": {content}}}\n{{"label": "OK", "text": "b"}}'
    if key is None:
        assert keys(read(content, "x.jsonl")) == ["missing_words"]
    else:
        error = refusal(content, "x.jsonl")
        assert (error.key, error.values["line"]) == (key, 1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("anomalous", "normal"), "an"),
        ((" Anomalous ", "NORMAL"), "an"),
        (("ＮＧ", "ＯＫ"), "an"),
        (("bad", "good"), "an"),
        (("fail", "pass"), "an"),
        (("wrong", "correct"), "an"),
        (("anomaly", "ok"), "an"),
        (("異常", "正常"), "an"),
        (("不合格", "合格"), "an"),
        (("×", "○"), "an"),
        (("1", "0"), "an"),
        (("1.0", "0.0"), "an"),
        (("TRUE", "False"), "an"),
    ],
)
def test_labels_as_people_write_them(words, told):
    assert labels(read(f"label,text\n{words[0]},a\n{words[1]},b\n")) == told


@pytest.mark.parametrize(
    ("heading", "told"),
    [
        ("label", "an"),
        ("is_anomaly", "an"),
        ("Is correct", "na"),
        ("passed", "na"),
        ("正解", "na"),
        ("エラー", "an"),
    ],
)
def test_heading_says_what_true_and_false_affirm(heading, told):
    reading = read(json.dumps([{heading: True, "text": "a"}, {heading: False, "text": "b"}]), "x.json")
    assert labels(reading) == told
    assert [note.key.rpartition("_")[0] for note in reading.notes] == ["label_affirms"]


@pytest.mark.parametrize(
    "words", [("pos", "neg"), ("A", "B"), ("yes", "no"), ("-1", "1"), ("open", "closed")]
)
def test_words_that_do_not_tell_are_asked_for_and_answered(words):
    content = f"label,text\n{words[0]},a\n{words[1]},b\n"
    error = refusal(content)
    assert (error.key, error.values["counts"]) == ("labels_unclear", dict.fromkeys(words, 1))
    chosen = Mapping(labels={words[0].upper(): "anomalous", words[1]: "normal"})
    assert labels(read(content, mapping=chosen)) == "an"


def test_stray_word_between_both_sides_is_refused_with_its_line():
    error = refusal("label,text\nNG,a\nOK,b\nOKK,c\n")
    assert (error.key, error.values) == ("unknown_label", {"line": 4, "label": "OKK"})


def test_columns_that_are_not_known_are_asked_for_and_answered():
    content = "kind of,body,extra\nA,some text,1\nB,another,2\n"
    error = refusal(content)
    assert error.key == "columns_unclear"
    assert error.values["samples"]["body"] == ["some text", "another"]
    chosen = Mapping(
        {"BODY": "text", "kind of": "label", "extra": "ignored"}, {"A": "normal", "B": "anomalous"}
    )
    reading = read(content, mapping=chosen)
    assert (texts(reading), labels(reading)) == (["some text", "another"], "na")
    assert reading.examples.examples[0].carried == {}
    assert reading.columns == {"kind of": "label", "body": "text", "extra": "ignored"}


@pytest.mark.parametrize(
    ("mapping", "key"),
    [
        (Mapping({"nothing": "text"}), "no_such_column"),
        (Mapping({"body": "words"}), "no_such_role"),  # type: ignore[dict-item]
        (Mapping({"body": "text", "kind": "text"}), "doubled_columns"),
    ],
)
def test_answer_that_does_not_fit_the_file_is_refused(mapping, key):
    assert refusal("kind,body\nNG,a\n", mapping=mapping).key == key


def test_two_headings_that_fit_equally_well_are_asked_for():
    error = refusal("instruction,input,label\na,b,NG\nc,d,OK\n")
    assert (error.key, error.values["missing"]) == ("columns_unclear", "text")
    assert texts(read("prompt,text,label\na,b,NG\nc,d,OK\n")) == ["b", "d"]


@pytest.mark.parametrize(
    "heading",
    ["Text", " TEXT ", "text\u00a0", "\ufefftext", "ＴＥＸＴ", "Prompt", "テキスト", "入力", "question"],
)
def test_headings_in_both_languages_and_however_written(heading):
    assert texts(read(f"ラベル,{heading}\n異常,a\n正常,b\n")) == ["a", "b"]


def test_texts_side_by_side_are_pairs():
    reading = read("OK,NG,note\nn1,a1,x\nn2,,y\nn3,a3,z\n")
    assert [(e.label[0], e.text, e.pair, e.carried["note"]) for e in reading.examples.examples] == [
        ("n", "n1", "1", "x"),
        ("a", "a1", "1", "x"),
        ("n", "n2", "", "y"),
        ("n", "n3", "3", "z"),
        ("a", "a3", "3", "z"),
    ]


def test_columns_that_the_chosen_ones_leave_unused_are_carried():
    content = "label,text,wrong,right\nNG,a,b,c\n"
    sides = read(content, mapping=Mapping({"wrong": "anomalous", "right": "normal"}))
    assert texts(sides) == ["b", "c"]
    assert sides.examples.examples[0].carried == {"label": "NG", "text": "a"}
    one = read(content, mapping=Mapping({"wrong": "anomalous"}))
    assert (texts(one), one.examples.examples[0].carried) == (["a"], {"wrong": "b", "right": "c"})


def test_output_of_a_log_is_right_on_normal_texts_and_wrong_on_anomalous_ones():
    reading = read("label,prompt,output\nNG,a,Legal\nOK,b,Billing\n")
    assert [(e.expected, e.actual) for e in reading.examples.examples] == [("", "Legal"), ("Billing", "")]
    beside = read("label,prompt,output,expected\nNG,a,Legal,Billing\nOK,b,Billing,Billing\n")
    assert [(e.expected, e.actual) for e in beside.examples.examples] == [
        ("Billing", "Legal"),
        ("Billing", "Billing"),
    ]


def test_outer_white_space_is_named_or_kept():
    content = 'label,text\nNG," a\n "\nOK,b\n'
    assert (texts(read(content)), keys(read(content))) == (["a", "b"], ["outer_space_removed"])
    kept = read(content, keep_space=True)
    assert (texts(kept), keys(kept)) == ([" a\n ", "b"], [])


def test_headings_whose_words_capitals_part_are_known():
    content = "Label,userInput,expectedOutput,pairId\nNG,a,Billing,1\nOK,b,Billing,1\n"
    examples = read(content).examples.examples
    assert [(e.text, e.expected, e.pair) for e in examples] == [("a", "Billing", "1"), ("b", "Billing", "1")]
