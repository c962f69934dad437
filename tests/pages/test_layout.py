"""Where heads stand in the flow picture."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.parts.layout import Link, curve, flow_positions


def crossings(places: dict[str, tuple[float, float]], links: list[Link]) -> int:
    """Pairs of edges between the same two columns that change order."""
    count = 0
    for index, first in enumerate(links):
        for second in links[index + 1 :]:
            left = places[first.source][1] - places[second.source][1]
            right = places[first.target][1] - places[second.target][1]
            same = places[first.source][0] == places[second.source][0]
            count += same and places[first.target][0] == places[second.target][0] and left * right < 0
    return count


def test_crossed_order_is_untangled() -> None:
    layers = {"a": 0, "b": 0, "c": 0, "x": 1, "y": 1, "z": 1}
    links = [Link("a", "z", 1.0), Link("b", "y", 1.0), Link("c", "x", 1.0)]
    assert crossings(flow_positions(layers, links), links) == 0


def test_layers_without_heads_take_no_column() -> None:
    places = flow_positions({"a": 2, "b": 30}, [Link("a", "b", 1.0)])
    assert places == {"a": (0.0, 0.0), "b": (1.0, 0.0)}


@given(
    st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), st.integers(0, 5), min_size=1, max_size=20),
    st.randoms(use_true_random=False),
)
def test_heads_of_a_layer_keep_their_distance(layers: dict[str, int], numbers: object) -> None:
    names = list(layers)
    links = [
        Link(a, b, 1.0) for a in names for b in names if layers[a] < layers[b] and numbers.random() < 0.4
    ]  # type: ignore[attr-defined]
    places = flow_positions(layers, links)
    assert set(places) == set(layers)
    for layer in set(layers.values()):
        heights = sorted(places[name][1] for name in names if layers[name] == layer)
        assert all(after - before > 0.999 for before, after in pairwise(heights))


@pytest.mark.parametrize("vertical", [False, True])
def test_curve_runs_from_head_to_head(vertical: bool) -> None:
    line = curve((0.0, 1.0), (2.0, 3.0), vertical=vertical)
    assert line[0] == pytest.approx((0.0, 1.0))
    assert line[-1] == pytest.approx((2.0, 3.0))
    along = [point[1 if vertical else 0] for point in line]
    assert along == sorted(along)
