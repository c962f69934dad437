"""Long texts: what all have in common is folded, and nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st

from core.text.folding import beginning, columns, folded, one_line, snippets, within

FRAME = "You are the desk of a shop that sorts tickets into departments.\nTicket: {}\nName the department in one word."


def test_what_all_long_texts_share_is_folded_at_words():
    texts = [FRAME.format(own) for own in ("I booked on Monday\nand wait.", "I booked on Friday\nand wait.")]
    parts = folded(texts)
    assert [part.own for part in parts] == ["Monday", "Friday"]
    assert parts[0].before.endswith("Ticket: I booked on ")
    assert parts[0].behind == "\nand wait.\nName the department in one word."
    assert parts[0].shown == "… Monday …"


def test_short_texts_and_a_single_one_stay_as_they_are():
    assert [part.own for part in folded(["The cat sat", "The dog sat"])] == ["The cat sat", "The dog sat"]
    assert folded([FRAME * 3])[0].own == FRAME * 3


def test_a_text_that_is_a_part_of_another_keeps_its_own_words():
    parts = folded([FRAME.format("late"), FRAME.format("late and late again")])
    assert all(part.own for part in parts)


@given(st.lists(st.text(alphabet="ab \n.。法", max_size=40), min_size=1, max_size=5), st.text(max_size=200))
def test_the_parts_of_a_text_are_the_text(texts, frame):
    whole = [frame + text + frame for text in texts]
    assert ["".join(part) for part in folded(whole)] == whole


def test_a_line_holds_a_sign_for_every_break():
    assert one_line(" first\n  second\n\nthird ") == "first ⏎ second ⏎ third"
    assert beginning("first\nsecond", 9) == "first ⏎…"
    assert beginning("first", 5) == "first"


def test_snippets_begin_where_texts_differ_and_count_full_width_letters_twice() -> None:
    shared = "All of these tickets begin alike: "
    assert snippets([shared + "late again", shared + "early"], 10) == ["… late ag…", "… early"]
    assert snippets(["a\nb"], 10) == ["a ⏎ b"]
    assert snippets(["請求書が届きません", "返金"], 9) == ["請求書が…", "返金"]
    assert columns("請求a") == 5 and within("請求a", 5) == "請求a"
