"""The measures by hand, and the benchmark's rows on one small task."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from core.benchmark import measuring
from core.benchmark.measuring import measure_draw
from core.benchmark.methods.catalogue import INTERVENING, LOOKING, OURS, PLAIN, partnerless
from core.benchmark.methods.method import Analysed, analysed
from core.benchmark.metrics import verdicts
from core.benchmark.metrics.ranking import edge_selection, hits_among_best, precision_recall, ranking
from core.benchmark.metrics.switching_off import Reading, SwitchRow, measure_switch, shares, unseen_pairs
from core.benchmark.metrics.verdicts import (
    against_truth,
    false_confirmations,
    reordered,
    shuffled_orders,
    wrong_at_q,
)
from core.benchmark.plan import EXAMPLES, PLANS, Extras, Repeats, draws_of, planned
from core.benchmark.reading import GROUPS
from core.benchmark.run import draws_words
from core.benchmark.tables.rows import COLUMNS, Row
from core.benchmark.tasks.task import FIRST_SEEDS, Task, TaskName, bundled_names, load_task
from core.causal.ablation_file import AblationFile, HeadValue, ablated
from core.causal.evidence import Evidence, Findings
from core.config import PRESETS
from core.discovery.codes import centre
from core.discovery.scoring import head_scores, mirror_scores
from core.heads import EdgeId, HeadId
from core.model.loading import ModelPool
from core.scenarios import load_scenario, load_truth, scenario_names


@pytest.fixture(scope="module")
def planted() -> Task:
    return load_task(TaskName("planted-induction"), ModelPool(size=8))


@pytest.fixture(scope="module")
def tickets() -> Task:
    return load_task(TaskName("misrouted-tickets"), ModelPool(size=8))


def test_ranking_by_hand():
    truth = np.array([True, False, True, False])
    assert ranking(truth, np.array([4.0, 3.0, 2.0, 1.0]))[0] == pytest.approx(0.75)
    assert ranking(truth, np.array([4.0, 3.0, 2.0, 1.0]))[1] == pytest.approx((1 + 2 / 3) / 2)
    assert ranking(truth, np.ones(4))[0] == 0.5
    assert math.isnan(ranking(np.ones(3, dtype=bool), np.arange(3.0))[0])


def test_precision_and_recall_by_hand():
    truth = np.array([True, True, False, False])
    assert precision_recall(truth, np.array([True, False, True, False])) == (0.5, 0.5)
    precision, recall = precision_recall(truth, np.zeros(4, dtype=bool))
    assert math.isnan(precision)
    assert recall == 0.0


def test_hits_among_the_best_by_hand():
    truth = np.array([True, False, True, True])
    assert hits_among_best(truth, np.array([1.0, 5.0, 4.0, 3.0]), best=2) == 1
    assert hits_among_best(truth, np.array([1.0, 5.0, 4.0, 3.0])) == 3


def test_candidate_edges_run_between_candidate_heads():
    edges = np.array([[0, 5.0, 9.0], [0, 0, 1.0], [0, 0, 0]])
    chosen = edge_selection(edges, np.array([True, True, False]), "average")
    assert chosen.tolist() == [[False, True, False], [False] * 3, [False] * 3]


def test_every_scenario_with_a_truth_is_a_task():
    bundled = {name.name for name in bundled_names() if not name.folder}
    assert bundled == {name for name in scenario_names() if load_truth(name)}


def test_draws_are_fresh_and_repeatable(planted):
    first = planted.draw(4, 0)
    assert planted.draw(4, 0) == first
    assert planted.draw(4, 1) != first
    bundled = load_scenario(planted.name).examples_file.read_text(encoding="utf-8-sig")
    assert not any(example.text in bundled for example in first.examples)
    assert load_truth(planted.name).seed not in FIRST_SEEDS.values()
    tuning = load_task(TaskName(planted.name, role="tuning"), ModelPool(size=8))
    assert not {one.text for one in tuning.draw(20, 0).examples} & {
        one.text for one in planted.draw(20, 0).examples
    }


def test_truth_as_arrays(planted):
    truth = planted.head_truth()
    assert truth.sum() == len(planted.true_heads)
    n_heads = planted.loaded.shape.n_heads
    for source, target in planted.true_edges:
        assert planted.edge_truth()[
            source.layer * n_heads + source.head, target.layer * n_heads + target.head
        ]
    small = Task(
        "x", planted.loaded, frozenset({HeadId(0, 1)}), frozenset({EdgeId(HeadId(0, 1), HeadId(2, 0))})
    )
    assert np.argwhere(small.edge_truth()).tolist() == [[1, 2 * n_heads]]


def test_texts_without_partners_belong_to_other_pairs(planted):
    own, alone = planted.draw(5, 0), partnerless(planted, 5, 0)
    assert [one.text for one in alone.of("anomalous")] == [one.text for one in own.of("anomalous")]
    assert not {one.text for one in alone.of("normal")} & {one.text for one in own.of("normal")}
    assert len(alone.of("normal")) == 5
    assert not any(one.pair for one in alone.examples)


def test_rows_of_every_method_on_the_planted_circuit(planted, monkeypatch):
    monkeypatch.setitem(measuring.EXTRAS, "quick", Extras(shuffles=5))
    found = measure_draw(planted, 8, 0, "quick")
    assert not found.failed
    assert not found.switches
    rows = pd.DataFrame([vars(row) for row in found.rows])
    assert set(rows["method"]) == set(PLANS["quick"])
    assert set(rows["unit"]) == {"head", "edge"}
    columns = "task model method examples draw seed unit auc average_precision precision recall"
    assert " ".join(rows.columns[:14]) == f"{columns} seconds forward_passes peak_mb"
    ours = rows[rows["method"] == "headlight-standard"].set_index("unit")
    assert ours.loc["head", "auc"] == 1.0
    assert ours.loc["edge", "hits_in_ten_best"] == len(planted.true_edges)
    assert (rows.loc[rows["method"] != "random", "seconds"] > 0).all()
    assert (rows.loc[rows["method"].isin(["headlight-no-reach", "paper"]), "forward_passes"] == 1).all()
    assert (rows.loc[rows["method"] == "headlight-fast", "forward_passes"] == 1).all()
    assert set(rows["seed"]) == set(rows["draw"]) == {0}
    with_codes = {*OURS, "untrained"} - {"pair-difference-reach"}
    looking = rows["method"].isin(with_codes) & (rows["unit"] == "head")
    assert rows.loc[looking, "jaccard"].between(0, 1).all()
    assert rows.loc[~looking, "jaccard"].isna().all()
    assert ours["wrong_at_q"].tolist() == [0.0, 0.0]
    assert (ours["false_discoveries"] <= ours["shuffles_tested"] / 5).all()
    assert ours["confirmed_precision"].tolist() == ours["confirmed_recall"].tolist() == [1.0, 1.0]
    assert (ours["evidence_passes"] > 0).all()
    assert (ours["shuffles"] == 5).all()
    assert (ours["false_confirmations"] <= ours["shuffles_tested"] / 5).all()
    assert ours["false_confirmations_unpaired"].isna().all()
    others = rows[rows["method"] != "headlight-standard"]
    assert others[["confirmed_precision", "confirmed_recall", "false_confirmations"]].isna().all(axis=None)
    assert (others[["evidence_passes", "shuffles"]] == 0).all(axis=None)


def test_verdict_columns_stand_at_the_end_of_the_file():
    names = list(Row.__dataclass_fields__)
    assert tuple(names) == COLUMNS
    assert names[names.index("hits_in_ten_best") + 1 :] == [
        "confirmed_precision",
        "confirmed_recall",
        "false_confirmations",
        "shuffles",
        "shuffles_tested",
        "false_confirmations_unpaired",
        "shuffles_unpaired",
        "shuffles_unpaired_tested",
        "evidence_seconds",
        "evidence_passes",
        "jaccard",
        "false_discoveries",
        "false_discoveries_unpaired",
        "wrong_at_q",
        "role",
    ]


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
    found = against_truth(task, Evidence("computed", heads, edges))
    assert found == {"head": (0.5, 0.5), "edge": (1.0, 0.5)}
    nothing = against_truth(task, Evidence("no_difference"))
    assert math.isnan(nothing["head"][0])
    assert nothing["edge"][1] == 0.0


def test_wrong_discoveries_at_the_stated_q_by_hand(planted):
    a, b, c, d = HeadId(0, 1), HeadId(1, 0), HeadId(1, 2), HeadId(2, 0)
    task = Task("x", planted.loaded, frozenset({a, d}), frozenset({EdgeId(a, d)}))
    heads = findings([a, b, c, d], [None] * 4, q=[0.01, 0.1, 0.11, np.nan])
    edges = findings([EdgeId(a, d)], [None], q=[0.2])
    found = wrong_at_q(task, Evidence("computed", heads, edges))
    assert found["head"] == 0.5
    assert math.isnan(found["edge"])


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
    found, passes = analysed(planted.loaded, planted.draw(4, 0), PRESETS["fast"], seed=0)
    assert passes == 1
    exchanged = reordered(found, np.array([4, 5, 6, 7, 0, 1, 2, 3]))
    mirrored = mirror_scores(found.codes, 4).score
    torch.testing.assert_close(head_scores(exchanged.codes, 4).score, mirrored)
    assert exchanged.alignment.kept == (*found.alignment.kept[4:], *found.alignment.kept[:4])
    assert not torch.allclose(mirrored, head_scores(found.codes, 4).score)


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
    found, _ = analysed(planted.loaded, drawn, PRESETS["fast"], seed=0)
    assert false_confirmations(planted, drawn, found, 4, seed=0) == verdicts.FalseConfirmations(
        0.125, 0.25, 4, 2, head_discoveries=0.5, edge_discoveries=0.0
    )
    assert false_confirmations(planted, drawn, found, 0, seed=0).shuffles == 0


def test_candidates_of_a_shuffle_come_from_its_own_sides(planted, monkeypatch):
    """What is tested under shuffled labels are texts and codes in the shuffled order."""
    seen: list[Analysed] = []

    class Sides:
        def __init__(self, *_arguments):
            self.differs = True

    def keep(task, examples, found, seed):
        seen.append(found)
        return verdicts.Verified(pd.DataFrame(), Evidence(), 0.0)

    monkeypatch.setattr(verdicts, "make_metric", Sides)
    monkeypatch.setattr(verdicts, "verified", keep)
    drawn = planted.draw(3, 0)
    found, _ = analysed(planted.loaded, drawn, PRESETS["fast"], seed=0)
    false_confirmations(planted, drawn, found, 3, seed=5)
    for shuffled, order in zip(seen, shuffled_orders(3, 6, True, 3, seed=5), strict=True):
        assert shuffled.alignment.kept == tuple(found.alignment.kept[i] for i in order)
        assert torch.equal(shuffled.codes.latent, found.codes.latent[:, order.tolist()])


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
    """Texts of different lengths under a recipe whose last token has a value of its own."""
    task = tickets
    pairs = unseen_pairs(task, set(), 6, 0)
    d_head = task.loaded.shape.d_head
    value = HeadValue((0.0,) * d_head, (3.0,) * d_head)
    heads = {HeadId(1, 2): value, HeadId(2, 0): value}
    ablation_file = AblationFile(task.loaded.name, task.loaded.weights_hash, "mean", heads)
    texts = [*(pair.anomalous for pair in pairs), *(pair.normal for pair in pairs)]
    alone = []
    for text in texts:
        with ablated(task.loaded, ablation_file), torch.no_grad():
            logits = task.loaded.model(torch.tensor([task.loaded.encode(text)])).logits
        alone.append(int(logits[0, -1].argmax()))
    assert len({len(task.loaded.encode(text)) for text in texts}) > 2
    assert Reading(task.loaded, pairs, is_fault=True)._said(ablation_file) == alone


def test_the_ticket_fault_goes_on_unseen_tickets_and_the_rest_stays_right(tickets):
    """The heads that the dashboard proposes, found on 8 + 8 tickets, on 60 pairs that they were not found on."""
    task = tickets
    drawn = task.draw(8, 0)
    found, _ = analysed(task.loaded, drawn, PRESETS["standard"], seed=0)
    checked = verdicts.verified(task, drawn, found, 0)
    rows = list(measure_switch(task, drawn, found, checked, draw=0, unseen=60))
    assert {(row.found_by, row.mode) for row in rows} == {
        (by, mode) for by in ("smallest_switch", "smallest_circuit") for mode in ("mean", "zero")
    }
    (suggested,) = [row for row in rows if row.suggested]
    assert suggested.fault_before >= 0.9
    assert suggested.fault_gone >= 0.9
    assert suggested.still_right >= 0.95
    assert 0 < len(suggested.heads.split()) <= 12
    assert suggested.forward_passes > 0
    assert all(isinstance(row, SwitchRow) for row in rows)
    columns = "task draw heads mode examples fault_before fault_after right_before right_after seconds forward_passes"
    assert list(SwitchRow.__dataclass_fields__)[:11] == columns.split()


def test_the_full_run_covers_the_sizes_that_the_readme_names():
    assert EXAMPLES["full"] == (3, 5, 8, 10, 25)
    assert math.isnan(Row("t", "m", "x", 8, 0, 0, "head").auc)


def test_the_printed_draws_name_every_method_that_takes_part_with_its_number():
    assert draws_words("full").startswith("headlight-standard 10 × 3 seeds, ")
    assert "paper-ensemble 2, " in draws_words("full")
    assert "heads switched off 1; labels shuffled 2 times" in draws_words("quick")


def test_every_method_belongs_to_a_group_and_has_a_plan():
    grouped = {*OURS, *LOOKING, *INTERVENING, "random"}
    assert (
        grouped
        == set(PLANS["full"])
        == {*PLAIN, "headlight-unpaired", "headlight-unequal", "paper", "paper-250", "paper-ensemble"}
    )
    assert set(PLANS["quick"]) < grouped


def test_plan_by_hand():
    assert dict(planned("full", 8, 9))["headlight-standard"] == range(3)
    assert dict(planned("full", 5, 9))["headlight-standard"] == range(1)
    assert "acdc-kl" in dict(planned("full", 8, 0))
    assert "acdc-kl" not in dict(planned("full", 8, 1))
    assert "acdc-kl" not in dict(planned("full", 5, 0))
    assert (draws_of("full", 8), draws_of("full", 25), draws_of("quick", 8)) == (10, 10, 2)
    assert draws_of("quick", 5) == 0
    new = ("headlight-unequal", "headlight-last", "headlight-mean")
    assert all(PLANS["full"][name] == Repeats(10) and PLANS["quick"][name] == Repeats(1) for name in new)


@pytest.mark.parametrize("table", ["look", "change"])
def test_methods_of_ours_are_nobody_s_rivals(table):
    """Neither the goals nor the page count them among the others."""
    ours = {*OURS, "headlight-screened"}
    named = {name for name in PLANS["full"] if name.startswith("headlight-")}
    assert set(GROUPS["ours"]) == ours == {*named, "pair-difference-reach"}
    assert not ours & set(GROUPS[table])
    assert not {*OURS} & {*LOOKING, *INTERVENING}
