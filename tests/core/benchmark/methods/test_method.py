"""Our method and the published recipe as methods of the benchmark."""

import pytest

from core.benchmark.methods.method import paper
from core.config import PRESETS


@pytest.mark.slow
def test_paper_with_many_examples_reads_those_and_not_the_draw(planted):
    many = planted.draw(12, 77)
    method = paper(PRESETS["paper"], many)
    first, second = (method(planted.loaded, planted.draw(3, draw), 5) for draw in (0, 1))
    assert (first.heads == second.heads).all()
    assert (first.heads == paper(PRESETS["paper"])(planted.loaded, many, 5).heads).all()
    assert first.heads.max() > 3
