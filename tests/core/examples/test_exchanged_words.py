"""Marking what one version of a text exchanges for another."""

from hypothesis import given
from hypothesis import strategies as st

from core.examples.exchanged_words import exchanged


def test_words_are_marked_whole():
    assert exchanged("I wrote on Monday. Thanks", "I wrote on Friday. Thanks") == [
        ("same", "I wrote on "), ("old", "Monday"), ("new", "Friday"), ("same", ". Thanks"),
    ]  # fmt: skip
    assert exchanged("月曜に送る", "金曜に送る") == [("old", "月"), ("new", "金"), ("same", "曜に送る")]
    assert exchanged("a b", "a b c") == [("same", "a b"), ("new", " c")]
    assert exchanged("", "") == []


@given(st.text(max_size=30), st.text(max_size=30))
def test_both_texts_can_be_read_from_the_parts(old, new):
    parts = exchanged(old, new)
    assert "".join(part.text for part in parts if part.kind != "new") == old
    assert "".join(part.text for part in parts if part.kind != "old") == new
