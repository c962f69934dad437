"""How far a head moves the actual answer ahead of the expected one, where these are whole answers."""

import pytest

from core.heads import HeadId
from core.inspection.head_view import changes_at, head_view, read_head
from tests.core.inspection.test_head_view import Pool, config
from tests.support.tiny_models import tiny

HEAD = HeadId(1, 3)


def between(loaded, **answers):
    view = head_view(config(**answers), Pool(loaded), layer=1, head=3, example=0, partner=1)
    return view["writes"]["between"], view["partner"]["between"]


def test_answers_that_begin_alike_are_compared_where_they_part():
    loaded = tiny("llama")
    sides = between(loaded, expected="w7 w8 w3", actual="w7 w8 w4 w5")
    for word, side in zip(("w40", "w50"), sides, strict=True):
        behind = loaded.encode(f"w1 w2 {word} w0 w7 w8")
        change = changes_at(loaded, read_head(loaded, behind, HEAD), len(behind) - 1)
        assert (side["behind"].split(), side["expected"], side["actual"]) == (["w7", "w8"], "w3", "w4")
        assert side["change"] == pytest.approx(float(change[8] - change[7]), rel=1e-3)


def test_answers_of_several_tokens_that_begin_otherwise_are_compared_at_their_first():
    loaded = tiny("llama")
    whole, words = (
        between(loaded, expected="w3 w9", actual="w4 w8"),
        between(loaded, expected="w3", actual="w4"),
    )
    assert whole == words
    assert whole[0]["behind"] == ""


def test_an_answer_that_begins_the_other_has_no_place_where_they_part():
    assert between(tiny("llama"), expected="w3", actual="w3 w4") == (None, None)


def test_a_beginning_that_the_context_does_not_hold_is_not_read():
    loaded = tiny("llama")
    shared = " ".join(["w7"] * 29)
    assert between(loaded, expected=f"{shared} w3", actual=f"{shared} w4") == (None, None)
