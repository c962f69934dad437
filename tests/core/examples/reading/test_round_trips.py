"""What is written comes back: our own files, and files as spreadsheets and programs write them."""

import csv
import io
import json

import openpyxl
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ExamplesError
from core.examples.conversation import Message, transcript
from core.examples.example_set import Example, ExampleSet
from core.examples.reading import Mapping, parse_examples, to_csv
from core.text.csv_safe import unguarded

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r")
WORDS = st.text(CHARACTERS, min_size=1).filter(str.strip).filter(lambda text: text.lstrip()[:1] not in "[{")
TRIMMED = WORDS.map(str.strip).filter(bool)
SIDES = st.sampled_from(["anomalous", "normal"])
HEADINGS = st.sampled_from(["id", "output", "Text", "tokens", "carried.id", "=sum", "注記"])
PLAIN = st.builds(
    Example,
    label=SIDES,
    text=WORDS,
    pair=st.sampled_from(["", "1", "p 2"]),
    expected=st.one_of(st.just(""), WORDS),
    actual=st.one_of(st.just(""), WORDS),
    carried=st.dictionaries(HEADINGS, TRIMMED, max_size=3),
)


@st.composite
def conversations(draw: st.DrawFn) -> Example:
    """An example with turns, perhaps with a system message in front and the beginning of the answer at the end."""
    turns = [Message(role="user", content=draw(WORDS))]
    if draw(st.booleans()):
        turns.insert(0, Message(role="system", content=draw(WORDS)))
    if draw(st.booleans()):
        turns += [Message(role="assistant", content=draw(WORDS)), Message(role="user", content=draw(WORDS))]
    if draw(st.booleans()):
        turns.append(Message(role="assistant", content=draw(WORDS)))
    return Example(label=draw(SIDES), text=transcript(turns), messages=tuple(turns), expected=draw(WORDS))


def sides_known(examples: list[Example]) -> list[Example]:
    """The examples behind one of each side, so that the labels are told."""
    return [Example(label="anomalous", text="x"), Example(label="normal", text="y"), *examples]


@given(st.lists(st.one_of(PLAIN, conversations()), max_size=4))
@settings(max_examples=150, deadline=None)
def test_own_file_gives_back_every_example(examples):
    examples = sides_known(examples)
    form = "chat" if any(example.messages for example in examples) else "plain"
    reading = parse_examples(
        to_csv(ExampleSet(examples=tuple(examples), form=form)), "x.csv", keep_space=True
    )
    names = {name for example in examples for name in example.carried}
    read = [example.model_copy(update={"line": 0}) for example in reading.examples.examples]
    assert read == [
        example.model_copy(update={"carried": {name: example.carried.get(name, "") for name in names}})
        for example in examples
    ]


def is_no_guard(text: str) -> bool:
    """An apostrophe in front of what looks like a formula is taken for ours, and named."""
    return unguarded(text) == text


LETTERS = "ab ,;|\t\"\n'.é漢\U0001f600€"


@given(
    texts=st.lists(
        st.text(LETTERS, min_size=1).map(str.strip).filter(bool).filter(is_no_guard), min_size=2, max_size=6
    ),
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    end=st.sampled_from(["\r\n", "\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    words=st.sampled_from(
        [("anomalous", "normal"), ("NG", "OK"), ("1", "0"), ("異常", "正常"), (" Bad", "GOOD ")]
    ),
    headings=st.sampled_from(
        [("label", "text", "pair"), ("判定", "例文", "ペア"), ("Class", "PROMPT", "group")]
    ),
)
@settings(max_examples=200, deadline=None)
def test_file_of_a_spreadsheet_is_read_whatever_its_habits(
    texts, separator, encoding, end, quoting, words, headings
):
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=separator, lineterminator=end, quoting=quoting)
    rows = [(words[place % 2], text, str(place // 2)) for place, text in enumerate(texts)]
    writer.writerows([headings, *rows])
    reading = parse_examples(buffer.getvalue().encode(encoding), "x.csv")
    assert [example.text for example in reading.examples.examples] == texts
    assert [example.label for example in reading.examples.examples] == [
        ("anomalous", "normal")[place % 2] for place in range(len(texts))
    ]
    assert [example.pair for example in reading.examples.examples] == [pair for _, _, pair in rows]


@given(st.lists(st.text("ab \n漢é\"'", min_size=1).map(str.strip).filter(bool), min_size=1, max_size=5))
@settings(max_examples=25, deadline=None)
def test_workbook_gives_back_its_cells(texts):
    book = openpyxl.Workbook()
    for row in [("label", "text", "n"), *(("NG", text, place) for place, text in enumerate(texts))]:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    reading = parse_examples(buffer.getvalue(), "x.xlsx")
    assert [example.text for example in reading.examples.examples] == texts
    assert [example.carried["n"] for example in reading.examples.examples] == [
        str(i) for i in range(len(texts))
    ]


@given(
    st.lists(st.tuples(st.text(), st.text(), st.one_of(st.none(), st.floats(), st.booleans())), max_size=5)
)
@settings(max_examples=100, deadline=None)
def test_any_records_are_examples_or_an_error_of_ours(rows):
    records = [{"kind": kind, "body": body, "extra": extra} for kind, body, extra in rows]
    words = {kind: "normal" for kind, _, _ in rows if kind.strip()}
    mapping = Mapping({"kind": "label", "body": "text"}, words)  # type: ignore[arg-type]
    try:
        reading = parse_examples("\n".join(map(json.dumps, records)).encode(), "x.jsonl", mapping=mapping)
    except ExamplesError as error:
        assert str(error)
    else:
        filled = [row for row in rows if row[0].strip() or row[1].strip() or row[2] is not None]
        assert len(reading.examples.examples) == len(filled)
