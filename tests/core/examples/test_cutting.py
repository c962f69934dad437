"""How boxes of text are cut into texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.examples.reading import from_pasted
from core.examples.reading.cutting import Cutting, pieces, recognised, with_line_feeds, written

TICKETS = (
    "Hello,\nthe invoice is late.\nDepartment:\n\n"
    "Dear team,\nthe parcel is lost.\nDepartment:\n  \n\n"
    "Hi,\nno.\nYes:"
)


def texts(box: str, *how: str) -> list[str]:
    return [piece.text for piece in pieces(box, Cutting(*how))[0]]


def test_tickets_of_three_lines_are_told_from_their_empty_lines():
    cutting = recognised([TICKETS, ""])
    assert cutting == Cutting("blank_lines")
    pasted = from_pasted(TICKETS, "")
    assert [(e.text.count("\n"), e.line) for e in pasted.examples.examples] == [(2, 1), (2, 5), (2, 10)]
    assert (pasted.cut, pasted.empty_lines) == ("blank_lines", 0)
    assert pasted.counts == {"lines": (9, 0), "blank_lines": (3, 0)}


@pytest.mark.parametrize(
    ("boxes", "how"),
    [
        (["a\nb\nc\nd", ""], "lines"),
        (["a\nb\n\nc", "d\ne\nf"], "lines"),  # one empty line among single ones
        (["a\n\nb\n\nc", ""], "lines"),  # every text a line, with an empty one between
        (["a\nb\nc\nd\n\ne\nf\ng\nh", ""], "lines"),  # two groups are not enough texts for a side
        (["a\nb\n\nc\nd\n\ne", "f\ng"], "blank_lines"),
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
    assert pieces("a\n\nb\n \n", Cutting("lines"))[1] == 2
    assert pieces("a\n---\n\n---\nb", Cutting("separator", "---"))[1] == 1
    assert pieces("\n\na\n\n\n\nb\n\n", Cutting("blank_lines"))[1] == 0


def test_separator_stands_on_lines_of_its_own_or_else_anywhere():
    assert texts("a --- b\n---\nc", "separator", "---") == ["a --- b", "c"]
    assert texts("a<END>b <END> c", "separator", "<END>") == ["a", "b ", " c"]
    assert texts("a\nb", "separator", "") == ["a\nb"]


def test_ends_are_kept_where_asked_for_and_else_named():
    box = " a \n\nb:\n\n c\n"
    kept = from_pasted(box, "", cut="blank_lines", keep_space=True)
    assert kept.examples.texts("anomalous") == [" a ", "b:", " c"]
    assert kept.notes == ()
    bare = from_pasted(box, "", cut="blank_lines")
    assert bare.examples.texts("anomalous") == ["a", "b:", "c"]
    assert [(note.key, note.values["lines"]) for note in bare.notes] == [("outer_space_removed", "1, 5")]
    assert texts("a:\n\n---\nb: ", "separator", "---") == ["a:\n", "b: "]


@given(
    st.lists(st.text(alphabet=st.sampled_from("ab -=\n\r\t#*_.、")).filter(str.strip), max_size=5), st.data()
)
def test_texts_that_are_written_into_a_box_come_out_again(several, data):
    split = data.draw(st.integers(0, len(several)))
    box, cutting = written(several[:split], several[split:])
    assert [piece.text for piece in pieces(box, cutting)[0]] == [
        with_line_feeds(text) for text in several[:split]
    ]
