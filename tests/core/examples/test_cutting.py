"""How boxes of text are cut into texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.examples.cutting import Cutting, cut, from_boxes, recognised, written
from core.examples.reading import with_line_feeds

TICKETS = (
    "Hello,\nthe invoice is late.\nDepartment:\n\n"
    "Dear team,\nthe parcel is lost.\nDepartment:\n  \n\n"
    "Hi,\nno.\nYes:"
)


def texts(box: str, *how, **more) -> list[str]:
    return [piece.text for piece in cut(box, Cutting(*how, **more))[0]]


def test_tickets_of_three_lines_are_told_from_their_empty_lines():
    cutting = recognised([TICKETS, ""])
    assert cutting == Cutting("empty_lines")
    pieces, left_out = cut(TICKETS, cutting)
    assert [(piece.text.count("\n"), piece.line) for piece in pieces] == [(2, 1), (2, 5), (2, 10)]
    assert left_out == 0


@pytest.mark.parametrize(
    ("boxes", "how"),
    [
        (["a\nb\nc\nd", ""], "lines"),
        (["a\nb\n\nc", "d\ne\nf"], "lines"),  # one empty line among single ones
        (["a\n\nb\n\nc", ""], "lines"),  # every text a line, with an empty one between
        (["a\nb\nc\nd\n\ne\nf\ng\nh", ""], "lines"),  # two groups are not enough texts for a side
        (["a\nb\n\nc\nd\n\ne", "f\ng"], "empty_lines"),
        (["a\nb\n\nc\nd\n\ne\nf", "g\n\nh\n\ni"], "lines"),  # the boxes contradict each other
        (["a\n---\nb", ""], "separator"),
        (["", "a\nb\n=====\nc"], "separator"),
        (["### Question\na\n\nb", ""], "lines"),
        (["", ""], "lines"),
    ],
)
def test_how_boxes_are_meant(boxes, how):
    assert recognised(boxes).how == how


def test_empty_texts_are_counted_where_one_was_due():
    assert cut("a\n\nb\n \n", Cutting("lines")) == (cut("a\n\nb", Cutting("lines"))[0], 2)
    assert cut("a\n---\n\n---\nb", Cutting("separator", "---"))[1] == 1
    assert cut("\n\na\n\n\n\nb\n\n", Cutting("empty_lines"))[1] == 0


def test_separator_stands_on_lines_of_its_own_or_else_anywhere():
    assert texts("a --- b\n---\nc", "separator", "---") == ["a --- b", "c"]
    assert texts("a<END>b <END> c", "separator", "<END>") == ["a", "b", "c"]
    assert texts("a\nb", "separator", "") == ["a\nb"]


def test_ends_are_kept_where_asked_for():
    box = " a \n\nb:\n\n c\n"
    assert texts(box, "empty_lines") == ["a", "b:", "c"]
    assert texts(box, "empty_lines", keep_ends=True) == [" a ", "b:", " c"]
    assert texts("a:\n\n---\nb: ", "separator", "---", keep_ends=True) == ["a:\n", "b: "]
    examples, _ = from_boxes("x \ny", " z", Cutting(keep_ends=True))
    assert [(e.label, e.text, e.line) for e in examples.examples] == [
        ("anomalous", "x ", 1), ("anomalous", "y", 2), ("normal", " z", 1),
    ]  # fmt: skip


@given(
    st.lists(st.text(alphabet=st.sampled_from("ab -=\n\r\t#*_.、")).filter(str.strip), max_size=5), st.data()
)
def test_texts_that_are_written_into_a_box_come_out_again(several, data):
    split = data.draw(st.integers(0, len(several)))
    box, cutting = written(several[:split], several[split:])
    assert [piece.text for piece in cut(box, cutting)[0]] == [
        with_line_feeds(text) for text in several[:split]
    ]
