"""Heads found on a few texts, ablated on many unseen ones."""

import math

import pytest
import torch

from core.benchmark.methods.method import analyse
from core.benchmark.metrics.ablations import AblationRow, Reading, ablation_rows, shares, unseen_pairs
from core.benchmark.metrics.verdicts import verified
from core.causal.ablation_file import AblationFile, HeadValue, ablated
from core.config import PRESETS
from core.heads import HeadId


def test_words_before_and_after_by_hand():
    fault, fitting, good = [{9}, {9}, {8}, {8}], [{1}, {1, 2}, {2}, {2}], [{1}, {1}, {2}, {2}]
    before = [9, 9, 8, 1, 1, 2, 2, 8]
    after = [1, 9, 2, 8, 1, 3, 2, 2]
    assert shares(before, after, fault, fitting, good) == {
        "fault_before": 0.75,
        "fault_after": 0.5,
        "right_before": 0.75,
        "right_after": 0.75,
        "fault_gone": pytest.approx(2 / 3, abs=1e-4),
        "still_right": pytest.approx(2 / 3, abs=1e-4),
        "anomalous_right_after": 0.5,
        "fault_on_normal": 0.25,
    }
    assert math.isnan(shares(before, after, fault, fitting, None)["anomalous_right_after"])
    assert math.isnan(shares([1] * 8, after, fault, fitting, good)["fault_gone"])


def test_unseen_pairs_are_none_of_the_examples(tickets):
    texts = {pair.normal for pair in unseen_pairs(tickets, set(), 40, 0)[:10]}
    left = unseen_pairs(tickets, texts, 40, 0)
    assert len(left) == 40
    assert not texts & {text for pair in left for text in (pair.anomalous, pair.normal)}
    assert left[0] != unseen_pairs(tickets, texts, 40, 1)[0]


def test_texts_read_together_say_what_each_says_alone(tickets):
    """Texts of different lengths under an ablation whose last token has a value of its own."""
    pairs = unseen_pairs(tickets, set(), 6, 0)
    d_head = tickets.loaded.shape.d_head
    value = HeadValue((0.0,) * d_head, (3.0,) * d_head)
    heads = {HeadId(1, 2): value, HeadId(2, 0): value}
    ablation_file = AblationFile(tickets.loaded.name, tickets.loaded.weights_hash, "mean", heads)
    texts = [*(pair.anomalous for pair in pairs), *(pair.normal for pair in pairs)]
    alone = []
    for text in texts:
        with ablated(tickets.loaded, ablation_file), torch.no_grad():
            logits = tickets.loaded.model(torch.tensor([tickets.loaded.encode(text)])).logits
        alone.append(int(logits[0, -1].argmax()))
    assert len({len(tickets.loaded.encode(text)) for text in texts}) > 2
    assert Reading(tickets.loaded, pairs, is_fault=True).next_tokens(ablation_file) == alone


@pytest.mark.slow
def test_the_ticket_fault_goes_on_unseen_tickets_and_the_rest_stays_right(tickets):
    """The heads that the dashboard proposes, found on 8 + 8 tickets, on 60 pairs that they were not found on."""
    drawn = tickets.draw(8, 0)
    result = analyse(tickets.loaded, drawn, PRESETS["standard"], seed=0)
    checked = verified(tickets, drawn, result, 0)
    rows = list(ablation_rows(tickets, drawn, result, checked, draw=0, unseen=60))
    assert {(row.found_by, row.mode) for row in rows} == {
        (by, mode) for by in ("minimal_ablation_set", "minimal_circuit") for mode in ("mean", "zero")
    }
    (suggested,) = [row for row in rows if row.suggested]
    assert suggested.fault_before >= 0.9
    assert suggested.fault_gone >= 0.9
    assert suggested.still_right >= 0.95
    assert 0 < len(suggested.heads.split()) <= 12
    assert suggested.forward_passes > 0
    assert all(isinstance(row, AblationRow) for row in rows)
    columns = "task draw heads mode examples fault_before fault_after right_before right_after seconds forward_passes"
    assert list(AblationRow.__dataclass_fields__)[:11] == columns.split()
