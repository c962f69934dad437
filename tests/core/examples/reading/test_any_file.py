"""Whatever a file holds, reading it gives examples or an error that says what to do, never anything else."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ExamplesError
from core.examples.reading import ENDINGS, parse_examples, sentence
from tests.core.examples.reading.test_files_as_people_have_them import RECORDS, lines, workbook

WORKBOOK = workbook(("S", [("label", "text"), ("NG", "a"), ("OK", "b")], 0))
FILES = [
    lines(";").encode("cp1252"),
    lines("\t").encode("utf-16"),
    lines(",").encode("utf-8-sig"),
    json.dumps(RECORDS).encode(),
    "\n".join(map(json.dumps, RECORDS)).encode(),
    json.dumps([{"label": "NG", "messages": [{"role": "user", "content": "a"}]}]).encode(),
    WORKBOOK,
]


def is_read_or_refused(content: bytes, name: str) -> bool:
    """Whether a file gives texts and notes in words, or a refusal in words; anything else raises."""
    try:
        reading = parse_examples(content, name)
    except ExamplesError as error:
        return bool(str(error))
    texts = all(example.text.strip() for example in reading.examples.examples)
    return texts and all(sentence(note, "ja") for note in reading.notes)


@given(st.binary(max_size=120), st.sampled_from(ENDINGS))
@settings(deadline=None)
def test_any_bytes(content, ending):
    assert is_read_or_refused(content, f"x{ending}")


@given(
    st.text("label,text;\t|\n\r\"'[]{}:NGOK01=sep\ufeff\u00a0異常", max_size=80), st.sampled_from(ENDINGS[:8])
)
@settings(max_examples=300, deadline=None)
def test_any_text(content, ending):
    assert is_read_or_refused(content.encode(), f"x{ending}")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["label", "text", "messages", "role", "content", "data", "columns", "NG", "OK"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
@settings(max_examples=300, deadline=None)
def test_any_json(value):
    assert is_read_or_refused(json.dumps(value).encode(), "x.json")


def test_workbook_whose_list_of_parts_is_damaged():
    place = WORKBOOK.index(b"PK\x01\x02")
    with pytest.raises(ExamplesError) as refusal:
        parse_examples(WORKBOOK[:place] + b"\x00" + WORKBOOK[place + 1 :], "x.xlsx")
    assert refusal.value.key == "bad_workbook"


@pytest.mark.parametrize("content", FILES)
@given(damage=st.data())
@settings(max_examples=40, deadline=None)
def test_damaged_files(content, damage):
    place = damage.draw(st.integers(0, len(content) - 1))
    length = damage.draw(st.integers(0, 6))
    put = damage.draw(st.binary(max_size=4))
    for ending in (".csv", ".json", ".xlsx"):
        assert is_read_or_refused(content[:place] + put + content[place + length :], f"x{ending}")
