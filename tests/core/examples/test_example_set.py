"""Reading examples, and every check on them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ExamplesError
from core.examples.example_set import (
    Example,
    ExampleSet,
    from_pasted,
    from_rows,
    parse_examples,
    read_examples,
    to_csv,
)

GOOD = "label,text,pair,expected,actual\nanomalous,a b,1,x,y\nnormal,a c,1,z,\n"


def key_of(call) -> str:
    with pytest.raises(ExamplesError) as caught:
        call()
    return caught.value.key


def test_csv_with_every_column():
    examples = parse_examples(GOOD.encode(), "x.csv").examples
    assert examples[0] == Example(label="anomalous", text="a b", pair="1", expected="x", actual="y", line=2)
    assert examples[1].line == 3


def test_csv_with_byte_order_mark_quotes_and_line_breaks():
    content = '\ufefflabel,text\r\nanomalous,"a, ""b""\nc"\r\n正常,d\r\n'
    examples = parse_examples(content.encode(), "x.csv").examples
    assert [e.text for e in examples] == ['a, "b"\nc', "d"]
    assert [e.label for e in examples] == ["anomalous", "normal"]


def test_a_pasted_spreadsheet_with_tabs():
    assert parse_examples(b"label\ttext\nnormal\ta, b\n", "x.tsv").examples[0].text == "a, b"


def test_jsonl_with_and_without_empty_lines():
    content = '{"label": "normal", "text": "a"}\n\n{"label": "anomalous", "text": "b", "pair": 0}\n'
    examples = parse_examples(content.encode(), "x.jsonl").examples
    assert [(e.label, e.text, e.pair, e.line) for e in examples] == [
        ("normal", "a", "", 1),
        ("anomalous", "b", "0", 3),
    ]


def test_pasted_lines_count_the_empty_ones():
    examples, empty = from_pasted("a\n\n b \n", "c\n   \nd")
    assert [(e.label, e.text) for e in examples.examples] == [
        ("anomalous", "a"),
        ("anomalous", "b"),
        ("normal", "c"),
        ("normal", "d"),
    ]
    assert empty == 2


@pytest.mark.parametrize(
    ("content", "name", "key"),
    [
        (b"text,kind\na,b\n", "x.csv", "missing_columns"),
        (b"label,text,score\nnormal,a,1\n", "x.csv", "unknown_columns"),
        (b"label,text\nodd,a\n", "x.csv", "unknown_label"),
        (b"label,text\nnormal,\n", "x.csv", "empty_text"),
        (b"label,text\nnormal,a,b\n", "x.csv", "bad_csv"),
        (b'label,text\nnormal,"a\n', "x.csv", "bad_csv"),
        (b"", "x.csv", "missing_columns"),
        (b"[1, 2]\n", "x.jsonl", "bad_json_line"),
        (b"{oops\n", "x.jsonl", "bad_json_line"),
        (b'{"text": "a"}\n', "x.jsonl", "missing_columns"),
        (b"label,text", "x.xlsx", "unknown_examples_format"),
        (b"\xff\xfe\x00\x80\x81", "x.csv", "not_text"),
    ],
)
def test_bad_files(content, name, key):
    assert key_of(lambda: parse_examples(content, name)) == key


def test_shift_jis_is_offered_and_then_read():
    content = "label,text\nnormal,請求書が届きません\n".encode("cp932")
    with pytest.raises(ExamplesError, match="Shift-JIS") as caught:
        parse_examples(content, "x.csv")
    assert caught.value.key == "not_utf8"
    assert parse_examples(content, "x.csv", "cp932").examples[0].text == "請求書が届きません"


def test_a_file_that_is_not_there(tmp_path):
    assert key_of(lambda: read_examples(tmp_path / "none.csv")) == "examples_file_missing"


def make(anomalous, normal, **values) -> ExampleSet:
    rows = [{"label": "anomalous", "text": t} | values for t in anomalous]
    return from_rows(rows + [{"label": "normal", "text": t} | values for t in normal])


def test_counts_are_checked():
    assert key_of(make(["a", "b", "c"], []).check) == "no_examples_of_kind"
    assert key_of(make(["a", "b"], ["c", "d", "e"]).check) == "too_few_examples"
    many = [f"t{i}" for i in range(201)]
    assert key_of(make(["a", "b", "c"], many).check) == "too_many_examples"
    assert make(["a", "b", "c"], many[:200]).check()


def test_the_same_text_twice():
    assert key_of(make(["a", "b", "c"], ["d", "e", "a"]).check) == "same_text_on_both_sides"
    assert key_of(make(["a", "b", "b"], ["d", "e", "f"]).check) == "duplicate_text"


def test_a_pair_has_one_of_each():
    assert key_of(make(["a", "b", "c"], ["d", "e", "f"], pair="p").check) == "pair_not_one_to_one"


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=8))
def test_csv_round_trip_keeps_any_text(texts):
    texts = [text.replace("\0", "").replace("\r", " ").strip() or "x" for text in texts]
    examples = [Example(label="normal", text=text) for text in texts]
    try:
        content = to_csv(examples)
    except UnicodeEncodeError:
        return
    assert [e.text for e in parse_examples(content, "x.csv").examples] == [e.text for e in examples]


@pytest.mark.parametrize(
    "examples",
    [
        parse_examples(b'label,text, pair\n"normal ", a b ,1 \n', "x.csv"),
        parse_examples(b"label\ttext\tpair\nnormal\ta b \t 1\n", "x.tsv"),
        parse_examples(b'{"label": "normal", "text": "a b\\n", "pair": " 1"}\n', "x.jsonl"),
        parse_examples("label,text,pair\nnormal,\u3000a b\u00a0,1\n".encode(), "x.csv"),
        from_rows([{"label": "normal", "text": "a b ", "pair": "1"}]),
    ],
)
def test_text_has_one_form_whatever_way_it_came_in(examples):
    """A space at the end of one row is a token more: the pairs would no longer have one length."""
    pasted, _ = from_pasted("", " a b ")
    assert [(e.label, e.text, e.pair) for e in examples.examples] == [("normal", "a b", "1")]
    assert [e.text for e in pasted.examples] == ["a b"]


def test_edited_texts_keep_what_belongs_to_their_lines():
    rows = [
        {"label": label, "text": f"{label} {n}", "pair": str(n), "expected": f"x{n}"}
        for label in ("anomalous", "normal")
        for n in (1, 2, 3)
    ]
    before = from_rows(rows)
    normal = "\n".join(before.texts("normal"))
    edited = from_pasted("anomalous 1\nanomalous 2!\nanomalous 3", normal)[0].keeping_columns_of(before)
    assert [(e.text, e.pair, e.expected) for e in edited.of("anomalous")] == [
        ("anomalous 1", "1", "x1"), ("anomalous 2!", "2", "x2"), ("anomalous 3", "3", "x3"),
    ]  # fmt: skip
    assert [e.pair for e in edited.of("normal")] == ["1", "2", "3"]
    fewer = from_pasted("anomalous 3", f"new\n{normal}")[0].keeping_columns_of(before)
    assert [(e.text, e.pair) for e in fewer.examples] == [
        ("anomalous 3", "3"), ("new", ""), ("normal 1", "1"), ("normal 2", "2"), ("normal 3", "3"),
    ]  # fmt: skip
