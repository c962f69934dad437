"""Where heads stand in the flow picture."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.parts.circuit.layout import Link, bow, curve, flow_layout


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
    assert crossings(flow_layout(layers, links).places, links) == 0


def test_layers_without_heads_take_no_column() -> None:
    places = flow_layout({"a": 2, "b": 30}, [Link("a", "b", 1.0)]).places
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
    places = flow_layout(layers, links).places
    assert set(places) == set(layers)
    for layer in set(layers.values()):
        heights = sorted(places[name][1] for name in names if layers[name] == layer)
        assert all(after - before > 0.999 for before, after in pairwise(heights))


def test_long_edge_keeps_its_distance_from_the_heads_that_it_passes() -> None:
    layers = {"a": 0, "m": 1, "b": 2}
    links = [Link("a", "b", 1.0), Link("a", "m", 1.0), Link("m", "b", 1.0)]
    layout = flow_layout(layers, links)
    route = layout.routes["a", "b"]
    (passing,) = [y for x, y in route if x == 1.0]
    assert abs(passing - layout.places["m"][1]) > 0.5
    assert route[0] == layout.places["a"]
    assert route[-1] == layout.places["b"]
    assert [x for x, _ in route] == sorted(x for x, _ in route)


def test_edge_enters_and_leaves_its_heads_horizontally() -> None:
    route = flow_layout({"a": 0, "b": 1, "c": 1}, [Link("a", "b", 1.0), Link("a", "c", 1.0)]).routes["a", "c"]
    assert route[0][1] == route[1][1]
    assert route[-1][1] == route[-2][1]


def test_curve_runs_from_head_to_head_upwards() -> None:
    line = curve((0.0, 1.0), (2.0, 3.0))
    assert line[0] == pytest.approx((0.0, 1.0))
    assert line[-1] == pytest.approx((2.0, 3.0))
    heights = [y for _, y in line]
    assert heights == sorted(heights)


def test_edge_that_does_not_run_forward_bows_around_and_enters_from_the_left() -> None:
    links = [Link("a", "b", 1.0), Link("b", "a", 1.0), Link("b", "c", 1.0)]
    layout = flow_layout({"a": 0, "b": 1, "c": 1}, links)
    assert layout.bows == {("b", "a"), ("b", "c")}
    route = layout.routes["b", "a"]
    assert (route[0], route[-1]) == (layout.places["b"], layout.places["a"])
    assert route[1][0] > route[0][0]
    assert route[-2][0] < route[-1][0]
    ends = [layout.places[name][1] for name in ("a", "b")]
    heights = [y for _, y in route]
    assert max(heights) > max(ends) + 0.05 or min(heights) < min(ends) - 0.05


def test_bow_within_a_column_leaves_the_column() -> None:
    line = bow((0.0, 0.0), (0.0, 2.0))
    assert min(x for x, _ in line) < -0.1
    assert max(x for x, _ in line) > 0.1


def test_same_layout_is_not_computed_twice() -> None:
    links = [Link("a", "b", 1.0)]
    assert flow_layout({"a": 0, "b": 1}, links) is flow_layout({"a": 0, "b": 1}, list(links))
