"""Names of heads and edges."""

import pytest

from core.errors import ConfigError
from core.heads import EdgeId, HeadId, MlpId, all_heads, forward_pairs, parse_unit


def test_names_of_heads_and_edges_read_back():
    assert str(HeadId(3, 5)) == "L3H5"
    assert HeadId.parse(" l3h5 ") == HeadId.parse("3.5") == HeadId(3, 5)
    assert str(EdgeId(HeadId(0, 1), HeadId(2, 3))) == "L0H1→L2H3"
    with pytest.raises(ConfigError, match="L3H5.*“banana”"):
        HeadId.parse("banana")


def test_names_of_units_read_back():
    assert str(MlpId(3)) == "MLP3"
    assert parse_unit(" mlp3 ") == MlpId(3)
    assert parse_unit("L3H5") == HeadId(3, 5)
    assert {HeadId(3, 5), MlpId(3)} == {parse_unit("3.5"), parse_unit("MLP 3")}
    with pytest.raises(ConfigError, match="banana"):
        parse_unit("banana")


def test_forward_pairs_of_a_known_grid():
    pairs = list(forward_pairs(all_heads(3, 2)))
    assert len(all_heads(3, 2)) == 6
    assert len(pairs) == 3 * 2 * 2
    assert all(source.layer < target.layer for source, target in pairs)
    assert len(list(forward_pairs(all_heads(12, 12)))) == 9504
