"""What verdicts are worth: against the truth and under shuffled labels."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from core.benchmark.methods.method import Analysed, analyse
from core.benchmark.metrics import verdicts
from core.benchmark.metrics.verdicts import (
    against_truth,
    false_confirmations,
    reordered,
    shuffled_orders,
    wrong_at_q,
)
from core.benchmark.tasks.task import Task
from core.causal.evidence import Evidence
from core.causal.verdicts import Findings
from core.config import PRESETS
from core.discovery.codes import centre
from core.discovery.scoring import head_scores, mirror_scores
from core.heads import EdgeId, HeadId


def findings(targets, verdicts, q=None) -> Findings:
    nothing = np.full(len(targets), np.nan)
    return Findings(
        targets,
        *[nothing] * 4,
        q=nothing if q is None else np.array(q),
        verdict=verdicts,
        direction=np.zeros(len(targets), dtype=int),
        per_example=np.zeros((1, len(targets), 2)),
    )


def test_verdicts_against_the_truth_by_hand(planted):
    a, b, c, d = HeadId(0, 1), HeadId(1, 0), HeadId(1, 2), HeadId(2, 0)
    task = Task("x", planted.loaded, frozenset({a, d}), frozenset({EdgeId(a, d), EdgeId(b, d)}))
    heads = findings([a, b, c, d], ["confirmed", "confirmed", "partly", "not confirmed"])
    edges = findings([EdgeId(a, d), EdgeId(a, b)], ["confirmed", None])
    result = against_truth(task, Evidence("computed", heads, edges))
    assert result == {"head": (0.5, 0.5), "edge": (1.0, 0.5)}
    nothing = against_truth(task, Evidence("no_difference"))
    assert math.isnan(nothing["head"][0])
    assert nothing["edge"][1] == 0.0


def test_wrong_discoveries_at_the_stated_q_by_hand(planted):
    a, b, c, d = HeadId(0, 1), HeadId(1, 0), HeadId(1, 2), HeadId(2, 0)
    task = Task("x", planted.loaded, frozenset({a, d}), frozenset({EdgeId(a, d)}))
    heads = findings([a, b, c, d], [None] * 4, q=[0.01, 0.1, 0.11, np.nan])
    edges = findings([EdgeId(a, d)], [None], q=[0.2])
    result = wrong_at_q(task, Evidence("computed", heads, edges))
    assert result["head"] == 0.5
    assert math.isnan(result["edge"])


def test_shuffles_within_pairs_keep_partners_and_never_give_the_true_sides():
    orders = list(shuffled_orders(3, 6, True, 60, seed=0))
    sides = {tuple(sorted(order[:3].tolist())) for order in orders}
    assert sides == {(0, 1, 5), (0, 2, 4), (1, 2, 3), (0, 4, 5), (1, 3, 5), (2, 3, 4)}
    for order in orders:
        assert sorted(order.tolist()) == list(range(6))
        assert ((order[:3] + 3) % 6).tolist() == order[3:].tolist()


def test_unpaired_shuffles_deal_the_labels_out_anew():
    orders = list(shuffled_orders(2, 5, False, 200, seed=0))
    sides = {frozenset(order[:2].tolist()) for order in orders}
    assert all(len(set(order.tolist())) == 5 for order in orders)
    assert frozenset({0, 1}) not in sides
    assert frozenset({2, 3}) not in sides, "no text of the true side is left"
    assert len(sides) == 6
    with pytest.raises(ValueError, match="fewer than two"):
        next(shuffled_orders(1, 4, True, 1, seed=0))


def test_the_exact_exchange_of_codes_is_the_mirror_score(planted):
    result = analyse(planted.loaded, planted.draw(4, 0), PRESETS["fast"], seed=0)
    assert result.forward_passes == 1
    exchanged = reordered(result, np.array([4, 5, 6, 7, 0, 1, 2, 3]))
    mirrored = mirror_scores(result.codes, 4).score
    torch.testing.assert_close(head_scores(exchanged.codes, 4).score, mirrored)
    assert exchanged.alignment.kept == (*result.alignment.kept[4:], *result.alignment.kept[:4])
    assert not torch.allclose(mirrored, head_scores(result.codes, 4).score)


@pytest.mark.parametrize("paired", [True, False])
def test_centring_does_not_read_the_sides(paired):
    """So the codes of shuffled labels are those of the true ones, in another order."""
    outputs = torch.randn(8, 2, 3, 5, generator=torch.Generator().manual_seed(0))
    for order in shuffled_orders(4, 8, paired, 3, seed=1):
        rows = order.tolist()
        torch.testing.assert_close(centre(outputs[rows], 4, paired), centre(outputs, 4, paired)[rows])


def test_false_confirmations_by_hand(planted, monkeypatch):
    """Of four shuffles two show a difference; in these one of four heads, and one of two edges, is confirmed."""
    differ = iter([True, False, False, True])

    class Sides:
        def __init__(self, *_arguments):
            self.differs = next(differ)

    heads = findings(
        [HeadId(0, i) for i in range(4)],
        ["confirmed", "partly", None, "not confirmed"],
        q=[0.01, 0.2, 0.3, 0.4],
    )
    edges = findings([EdgeId(HeadId(0, 0), HeadId(1, i)) for i in range(2)], ["confirmed", "partly"])
    checked = verdicts.Verified(pd.DataFrame(), Evidence("computed", heads, edges), 0.0)
    monkeypatch.setattr(verdicts, "make_metric", Sides)
    monkeypatch.setattr(verdicts, "verified", lambda *_arguments: checked)
    drawn = planted.draw(3, 0)
    result = analyse(planted.loaded, drawn, PRESETS["fast"], seed=0)
    assert false_confirmations(planted, drawn, result, 4, seed=0) == verdicts.FalseConfirmations(
        {"head": 0.125, "edge": 0.25}, {"head": 0.5, "edge": 0.0}, 4, 2
    )
    assert false_confirmations(planted, drawn, result, 0, seed=0).shuffles == 0


def test_candidates_of_a_shuffle_come_from_its_own_sides(planted, monkeypatch):
    """What is tested under shuffled labels are texts and codes in the shuffled order."""
    seen: list[Analysed] = []

    class Sides:
        def __init__(self, *_arguments):
            self.differs = True

    def keep(task, examples, result, seed):
        seen.append(result)
        return verdicts.Verified(pd.DataFrame(), Evidence(), 0.0)

    monkeypatch.setattr(verdicts, "make_metric", Sides)
    monkeypatch.setattr(verdicts, "verified", keep)
    drawn = planted.draw(3, 0)
    result = analyse(planted.loaded, drawn, PRESETS["fast"], seed=0)
    false_confirmations(planted, drawn, result, 3, seed=5)
    for shuffled, order in zip(seen, shuffled_orders(3, 6, True, 3, seed=5), strict=True):
        assert shuffled.alignment.kept == tuple(result.alignment.kept[i] for i in order)
        assert torch.equal(shuffled.codes.latent, result.codes.latent[:, order.tolist()])
