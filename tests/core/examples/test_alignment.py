"""Pairing and aligning: answers worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ExamplesError
from core.examples.alignment import Pairs, align, describe, differing, find_pairs
from core.examples.example_set import Example, ExampleSet
from core.examples.reading import from_rows
from core.examples.slots import MEAN
from core.examples.token_alignment import ABSENT, first_difference


def examples(labels: str, pairs: str = ""):
    names = {"a": "anomalous", "n": "normal"}
    rows = [{"label": names[label], "text": f"text {i}"} for i, label in enumerate(labels)]
    for row, pair in zip(rows, pairs, strict=False):
        row["pair"] = pair.strip()
    return from_rows(rows)


def test_differences():
    assert differing([1, 2, 3], [1, 5, 3]) == 1
    assert differing([1, 2, 3], [1, 2]) == 3
    assert first_difference([[1, 2, 3], [1, 2, 4], [1, 2, 3]]) == 2
    assert first_difference([[1, 2], [1, 2, 3]]) == 2


def test_same_length_drops_what_all_share():
    ids = [[1, 2, 3, 9], [1, 2, 4, 9], [1, 2, 5, 9], [1, 2, 6, 9]]
    alignment = align(examples("aann"), ids, pairing="off")
    assert (alignment.mode, alignment.slots, alignment.kept) == ("aligned", ("2", "3"), (0, 1, 2, 3))
    assert alignment.positions.tolist() == [[2, 3]] * 4
    assert alignment.pairs == []


def test_given_pairs_put_partners_in_the_same_order():
    ids = [[1, 2, 3], [1, 9, 3], [4, 2, 3], [4, 7, 3]]
    alignment = align(examples("anna", "pqp "[:3] + "q"), [ids[0], ids[3], ids[1], ids[2]])
    assert alignment.pairs_source == "given"
    assert alignment.pairs == [(0, 2), (3, 1)]
    assert alignment.kept == (0, 3, 2, 1)


def test_with_pairs_positions_before_every_difference_are_dropped():
    ids = [[1, 2, 3, 4], [8, 2, 5, 4], [1, 2, 6, 4], [8, 2, 7, 4]]
    alignment = align(examples("aann", "pqpq"), ids)
    assert alignment.slots == ("2", "3")


def test_pairs_that_differ_at_different_places_are_also_counted_from_there():
    ids = [[1, 2, 3, 4], [8, 2, 3, 5], [1, 9, 3, 4], [8, 2, 7, 5]]
    alignment = align(examples("aann", "pqpq"), ids)
    assert alignment.slots == ("+0", "+1", "1", "2", "3")
    assert alignment.positions.tolist() == [[1, 2, 1, 2, 3], [2, 3, 1, 2, 3]] * 2


def test_automatic_pairs_take_the_fewest_differences():
    ids = [
        [1, 2, 3, 4, 5, 6],
        [1, 2, 3, 9, 5, 7],
        [1, 2, 3, 9, 5, 6],
        [1, 2, 3, 4, 5, 7],
        [1, 2, 3, 4, 5, 8],
    ]
    matched = find_pairs(examples("aannn").examples, ids, "auto")
    pairs = list(matched.pairs)
    assert matched.source == "automatic" and set(matched.sources) == {"matched"}
    assert pairs in ([(0, 2), (1, 3)], [(0, 4), (1, 3)], [(0, 3), (1, 2)], [(0, 4), (1, 2)])
    assert sum(differing(ids[a], ids[n]) for a, n in pairs) == 2
    assert align(examples("aannn"), ids).left_out


def test_texts_of_no_common_template_are_not_paired():
    ids = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]
    assert find_pairs(examples("aann").examples, ids, "auto") == Pairs()


def test_pairing_can_be_undone_and_limited():
    ids = [[1, 2, 3, 4], [1, 2, 3, 5], [1, 2, 3, 6], [1, 2, 3, 7]]
    assert find_pairs(examples("aann", "p p ").examples, ids, "off") == Pairs()
    assert find_pairs(examples("aann", "p p ").examples, ids, "given") == Pairs(((0, 2),), ("given",))
    assert find_pairs(examples("aann", "p p ").examples, ids, "auto") == Pairs(
        ((0, 2), (1, 3)), ("given", "matched")
    )
    assert find_pairs(examples("aann").examples, ids, "given") == Pairs()


def test_pairs_of_different_lengths_count_from_the_difference_and_from_the_end():
    ids = [[1, 9, 3, 4, 5, 6, 7], [8, 8, 9, 3, 4], [1, 2, 3, 4, 5, 6, 7], [8, 8, 2, 3, 4]]
    alignment = align(examples("aann", "pqpq"), ids)
    assert alignment.mode == "pairs"
    assert alignment.slots == ("+0", "+1", "+2", "-3", "-2", "-1")
    assert alignment.positions.tolist() == [[1, 2, 3, 4, 5, 6], [2, 3, 4, 2, 3, 4]] * 2


def test_texts_of_different_lengths_are_compared_where_their_tokens_match():
    """ "the 5 went to 8" with words in front, inside, and one that lacks "to"."""
    ids = [[1, 5, 2, 3, 8], [9, 1, 6, 2, 3, 4], [1, 7, 7, 2, 3, 8], [1, 5, 2, 4]]
    alignment = align(examples("aann"), ids)
    assert (alignment.mode, alignment.reason) == ("matched", "lengths_differ")
    assert alignment.values == {"shortest": 4, "longest": 6, "slots": 4}
    # "to" is not among the slots: of the two normal texts one lacks it.
    assert alignment.slots == ("1:", "2:", "3:", "last")
    assert alignment.positions.tolist() == [[0, 1, 2, 4], [1, 2, 3, 5], [0, 2, 3, 5], [0, 1, 2, 3]]


def test_a_text_that_lacks_a_token_is_left_out_of_its_slot():
    """Three of four texts are enough; what a pair's text lacks is left out for both."""
    ids = [[1, 5, 2, 3, 8], [1, 6, 2, 3, 4], [1, 7, 2, 3, 8], [1, 5, 2, 4]]
    sides = "aaaannnn"
    alignment = align(examples(sides), ids * 2, pairing="off")
    lacking = [[False] * 4, [False] * 4, [False] * 4, [False, False, True, False]] * 2
    assert ((alignment.positions == ABSENT) == lacking).all()
    assert describe(alignment).positions[3] == (1, 2, None, 3)
    normal = [[1, 9, *text[2:]] for text in ids[:3]] + [[1, 9, 2, 3, 4]]
    paired = align(examples(sides, "pqrspqrs"), ids + normal)
    assert ((paired.positions == ABSENT) == lacking).all()


def test_matched_positions_can_be_asked_for():
    alike = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 9, 3, 2], [1, 7, 7, 7]]
    assert align(examples("aann"), alike, "matched").mode == "matched"
    free = [[1, 2, 3], [4, 5], [6, 7, 8, 9], [10, 11]]
    assert align(examples("aann"), free, "matched").mode == "matched"


def test_texts_that_have_nothing_in_common_take_the_last_token_and_the_mean():
    ids = [[1, 2, 3], [4, 5], [6, 7, 8, 9], [10, 11]]
    alignment = align(examples("aann"), ids)
    assert (alignment.mode, alignment.reason) == ("last_mean", "nothing_in_common")
    assert alignment.slots == ("mean", "last")
    assert alignment.positions.tolist() == [[MEAN, 2], [MEAN, 1], [MEAN, 3], [MEAN, 1]]
    assert align(examples("aann"), ids, "last").positions.tolist() == [[2], [1], [3], [1]]
    assert align(examples("aann"), ids, "mean").slots == ("mean",)


def test_aligned_that_cannot_be_had_is_an_error():
    with pytest.raises(ExamplesError, match="2 to 4 tokens") as caught:
        align(examples("aann"), [[1, 2], [3, 4], [5, 6, 7, 8], [9, 9]], "aligned")
    assert caught.value.key == "not_alignable"


def test_texts_that_become_the_same_tokens_cannot_be_compared():
    with pytest.raises(ExamplesError) as caught:
        align(examples("aann"), [[1, 2]] * 4, "aligned", "off")
    assert caught.value.key == "nothing_varies"


@pytest.mark.parametrize("mode", ["auto", "aligned", "last", "mean"])
@pytest.mark.parametrize("other", [[4, 6], [4, 6, 7]], ids=["one length", "another length"])
def test_a_pair_of_the_same_tokens_is_named_with_its_texts(mode, other):
    pairs = examples("anan", ["p", "p", "q", "q"])
    with pytest.raises(ExamplesError, match="Pair “p”") as caught:
        align(pairs, [[1, 2, 3], [1, 2, 3], [4, 5, *other[2:]], other], mode)
    assert caught.value.key == "pair_of_same_tokens"
    assert caught.value.values["first"] == pairs.examples[0].text


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), min_size=2, max_size=5), st.data())
def test_every_position_lies_inside_its_text(anomalous, data):
    normal = [[data.draw(st.integers(0, 3)) for _ in text] for text in anomalous]
    labels = "a" * len(anomalous) + "n" * len(normal)
    ids = anomalous + normal
    try:
        alignment = align(examples(labels, "pqrst"[: len(anomalous)] * 2), ids)
    except ExamplesError as error:
        assert error.key in ("nothing_varies", "pair_of_same_tokens")
        return
    for row, index in enumerate(alignment.kept):
        assert np.all((alignment.positions[row] >= MEAN) | (alignment.positions[row] == ABSENT))
        assert np.all(alignment.positions[row] < len(ids[index]))
    assert alignment.positions.shape == (len(alignment.kept), len(alignment.slots))


@given(st.lists(st.integers(2, 6), min_size=4, max_size=8), st.sampled_from(["auto", "last"]))
def test_the_last_slot_is_the_last_token_of_every_text(lengths, mode):
    half = len(lengths) // 2
    ids = [[10 * row + place for place in range(length)] for row, length in enumerate(lengths[: 2 * half])]
    alignment = align(examples("a" * half + "n" * half), ids, mode)
    assert alignment.positions[:, -1].tolist() == [len(ids[i]) - 1 for i in alignment.kept]


def test_texts_share_a_template_by_their_own_tokens_however_long_the_system_message():
    system = [7] * 30
    ids = [system + text for text in ([1, 2, 3], [4, 5, 6], [1, 2, 9], [4, 8, 6])]
    assert find_pairs(examples("aann").examples, ids, "auto", [3] * 4).pairs == ((0, 2), (1, 3))
    other = [system + text for text in ([1, 2, 3], [4, 5, 6], [1, 8, 9], [3, 8, 7])]
    assert find_pairs(examples("aann").examples, other, "auto").source == "automatic", (
        "one in ten tokens differs"
    )
    assert find_pairs(examples("aann").examples, other, "auto", [3] * 4) == Pairs()


def test_conversations_are_averaged_behind_what_all_begin_with():
    ids = [[7, 7, 7, 1], [7, 7, 7, 2, 3], [7, 7, 7, 4], [7, 7, 7, 5]]
    plain = examples("aann")
    chat = plain.model_copy(update={"form": "chat"})
    assert align(plain, ids, pairing="off").positions.tolist() == [[MEAN, 3], [MEAN, 4], [MEAN, 3], [MEAN, 3]]
    mean = MEAN - 3
    assert align(chat, ids, pairing="off").positions.tolist() == [[mean, 3], [mean, 4], [mean, 3], [mean, 3]]
    assert align(chat, ids, "mean", "off").positions.tolist() == [[mean]] * 4
    begun = [[1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 5]]
    assert align(chat, begun, "mean", "off").positions.tolist() == [[MEAN - 1]] * 4, "no text without a token"


def test_each_token_that_all_conversations_end_with_is_compared():
    ids = [[7, 1, 8, 8, 9], [7, 2, 3, 8, 8, 9], [7, 4, 8, 8, 9], [7, 5, 8, 8, 9]]
    plain = examples("aann")
    chat = plain.model_copy(update={"form": "chat"})
    assert align(plain, ids, pairing="off").slots == ("mean", "last")
    compared = align(chat, ids, pairing="off")
    assert (compared.mode, compared.slots) == ("last_mean", ("mean", "-3", "-2", "last"))
    assert compared.positions.tolist() == [[MEAN - 1, *range(n - 3, n)] for n in (5, 6, 5, 5)]
    assert align(chat, ids, "last", "off").slots == ("last",)


def test_what_conversations_end_with_is_compared_in_pairs_too():
    ids = [[7, 7, 1, 8, 9], [7, 7, 2, 8, 9], [7, 7, 3, 8, 9], [7, 7, 4, 8, 9]]
    chat = examples("aann", "pqpq").model_copy(update={"form": "chat"})
    assert align(chat, ids).slots == ("2", "3", "4")
    longer = [ids[0], [7, 7, 2, 2, 8, 9], ids[2], [7, 7, 4, 4, 8, 9]]
    assert align(chat, longer).slots == ("+0", "+1", "+2", "-3", "-2", "-1")
    assert align(chat, longer).positions[:, -3:].tolist() == [[2, 3, 4], [3, 4, 5]] * 2


def made_set():
    """Two anomalous and two normal texts; the first anomalous has two made partners, the first normal has one."""
    plain = examples("aann", "p q ").examples
    made = [("normal", "p"), ("normal", "p"), ("anomalous", "q")]
    further = (
        Example(label=label, text=f"made {number}", pair=pair, source="made")
        for number, (label, pair) in enumerate(made)
    )
    return ExampleSet(examples=(*plain, *further))


def test_the_first_made_partner_is_compared_and_the_others_are_further_pairs():
    ids = [[1, 2, 3], [4, 5, 6], [7, 2, 3], [9, 9, 9], [1, 8, 3], [1, 2, 8], [1, 5, 3]]
    alignment = align(made_set(), ids)
    assert (alignment.pairs, alignment.sources, alignment.pairs_source) == ([(0, 4)], ("made",), "made")
    assert alignment.further == ((0, 5), (6, 2)) and alignment.made
    assert alignment.left_out == (1, 2, 3), "given texts alone are named as left out"
    assert alignment.source_of == {0: "made", 4: "made", 5: "made", 6: "made", 2: "made"}
    second = alignment.rounds()[1]
    assert (second.kept, second.n_anomalous, second.positions.shape) == ((0, 5), 1, (2, 0))
    assert len(describe(alignment).positions) == len(ids)


def test_a_given_partner_of_the_same_length_counts_before_a_made_one():
    ids = [[1, 2], [3, 4], [1, 5], [3, 6], [1, 7]]
    plain = examples("aann", "p p ").examples
    made = Example(label="normal", text="made", pair="p", source="made")
    texts = ExampleSet(examples=(*plain, made))
    assert align(texts, ids, pairing="given").pairs == [(0, 2)]
    assert align(texts, ids, pairing="given").further == ((0, 4),)
    assert align(texts, ids, pairing="off").pairs == [(0, 4)]
    longer = [[1, 2], [3, 4], [1, 5, 5], [3, 6], [1, 7]]
    assert align(texts, longer, pairing="given").pairs == [(0, 4)], (
        "a given partner of another length counts last"
    )
