"""How far the bar of a running analysis is."""

import pytest

from core.runs.progress import Record
from pages.parts.analysis.progress import share_done

STEPS = (("load", 1, 1), ("train", 1, 4), ("train", 3, 4), ("train", 2, 4), ("score", 0, 0), ("report", 1, 1))


def records(count: int) -> list[Record]:
    return [Record(float(second), *step, {}) for second, step in enumerate(STEPS[:count])]


@pytest.mark.parametrize("measured", [None, {}, {"load": 2.0, "train": 6.0, "report": 2.0}])
def test_bar_never_runs_backwards(measured: dict[str, float] | None) -> None:
    shares = [share_done(records(count), measured) for count in range(len(STEPS) + 1)]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] == 0.99


def test_stages_weigh_what_they_took_before() -> None:
    measured = {"load": 2.0, "train": 6.0, "report": 2.0}
    assert share_done(records(1), measured) == pytest.approx(0.2)
    assert share_done(records(3), measured) == pytest.approx(0.2 + 0.6 * 3 / 4)
