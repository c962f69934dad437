"""Groups of heads: numbers, signs and colours; and edges as one word."""

from pages.parts.circuit.groups import COLOURS, colour, edge_ends, edge_name, numbered, sign


def test_groups_are_numbered_by_name_and_have_signs() -> None:
    assert numbered(["b", "", "a", "b"]) == {"": 0, "a": 1, "b": 2}
    assert (sign(0), sign(1), sign(20), sign(21)) == ("", "①", "⑳", "(21)")
    assert colour(1) == colour(1 + len(COLOURS)) != colour(2)


def test_edge_is_one_word_and_back() -> None:
    assert edge_ends(edge_name("L1H2", "L3H4")) == ("L1H2", "L3H4")
    assert edge_ends("") == ("", "")
