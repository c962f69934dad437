"""Evidence: effects against a plain re-implementation, p-values by hand, verdicts on models with a known circuit."""

import numpy as np
import pytest
import torch
from torch import Tensor

from core.analysis.pipeline import analyse
from core.causal import patching as effects_module
from core.causal.ablation import Ablator
from core.causal.ablation_comparison import disagree, effects_when_out
from core.causal.evidence import (
    EDGE_BOUND,
    HEAD_BOUND,
    MOST_EDGES,
    Findings,
    gather,
    judge,
    method_for,
    verdict,
)
from core.causal.interventions import patch_edges, record, resample_values
from core.causal.metric import Metric, make_metric
from core.causal.patching import Patching
from core.causal.qkv_effects import carried_by, part_effects
from core.causal.statistics import (
    bootstrap_interval,
    label_weights,
    sign_flip_p,
    sign_patterns,
    smallest_sign_flip_p,
)
from core.config import make_config
from core.errors import ModelError
from core.examples.alignment import align
from core.examples.example_set import Example, ExampleSet
from core.examples.reading import from_rows, read_examples
from core.heads import EdgeId, HeadId, all_heads, forward_pairs
from core.model.loading import LoadedModel, ModelPool
from core.model.recording import Recording
from core.model.tokenising import tokenise
from core.scenarios import load_scenario, load_truth
from core.schema import Progress
from core.text import LANGUAGES, text
from tests.core.causal.test_interventions import Surgery
from tests.support.tiny_models import recording_of, save_tiny, tiny

TARGETS = [
    HeadId(0, 1),
    HeadId(1, 3),
    HeadId(2, 0),
    EdgeId(HeadId(0, 1), HeadId(1, 3)),
    EdgeId(HeadId(0, 2), HeadId(2, 1)),
    EdgeId(HeadId(1, 0), HeadId(2, 2)),
]


@pytest.fixture(params=["gpt2", "llama", "gpt_neox"], scope="module")
def loaded(request):
    return tiny(request.param, seed=2)


@pytest.fixture(scope="module")
def models():
    return ModelPool()


def pairs(count=4, longer=True, words=True) -> list[Example]:
    """Pairs of one length each, of different lengths between them."""
    rows = []
    for i in range(count):
        tail = " w9" * (i if longer else 0)
        named = {"expected": f"w{40 + i}", "actual": f"w{50 + i}"} if words else {}
        rows.append({"label": "anomalous", "text": f"w1 w{10 + i} w2 w{10 + i} w3{tail}", **named})
        rows.append({"label": "normal", "text": f"w1 w{10 + i} w2 w{30 + i} w3{tail}", **named})
    found = from_rows(rows).examples
    return [*found[::2], *found[1::2]]


def patched(loaded: LoadedModel, examples: list[Example], method, count=4) -> tuple[Patching, Metric]:
    patching = Patching(recording_of(loaded, examples), count, method)
    log_probabilities = patching.plain(all_heads(3, 4))
    found = make_metric(loaded, examples, log_probabilities, count, method == "resample", seed=0)
    return patching, found


def effects_of(patching: Patching, targets, found: Metric) -> np.ndarray:
    running = patching.effects(targets, found)
    while True:
        try:
            next(running)
        except StopIteration as end:
            return end.value


def plain_z(surgery: Surgery, ids: Tensor, head: HeadId) -> Tensor:
    """z (position, d_head) of a head, walking the blocks one by one."""
    kept = {}
    original = surgery.attend

    def attend(layer: int, z: Tensor) -> Tensor:
        kept[layer] = z.clone()
        return original(layer, z)

    surgery.attend = attend
    surgery.run(ids)
    surgery.attend = original
    return kept[head.layer][0, :, head.head]


def plain_run(loaded: LoadedModel, text: list[int], target, value: Tensor | None) -> Tensor:
    """Logits at the last position of one text with the target's z replaced, without this package's hooks."""
    surgery, ids = Surgery(loaded), torch.tensor([text])
    with torch.no_grad():
        if isinstance(target, EdgeId):
            return surgery.run(ids, target, value)[0, -1]
        original = surgery.attend

        def attend(layer: int, z: Tensor) -> Tensor:
            if target is not None and layer == target.layer:
                z = z.clone()
                z[0, :, target.head] = value
            return original(layer, z)

        surgery.attend = attend
        return surgery.run(ids)[0, -1]


def plain_difference(loaded: LoadedModel, logits: Tensor, example: Example) -> float:
    return float(logits[loaded.word_token(example.expected)] - logits[loaded.word_token(example.actual)])


def test_effects_equal_a_plain_re_implementation(loaded):
    examples = pairs()
    patching, found = patched(loaded, examples, "resample")
    effects = np.concatenate(
        [effects_of(patching, part, found) for part in (TARGETS[:3], TARGETS[3:])], axis=1
    )
    texts = [loaded.encode(e.text) for e in examples]
    plain = [
        plain_difference(loaded, plain_run(loaded, t, None, None), e)
        for t, e in zip(texts, examples, strict=True)
    ]
    gap = np.mean(plain[:4]) - np.mean(plain[4:])
    assert found.gap == pytest.approx(gap, abs=1e-4)
    for index, target in enumerate(TARGETS):
        sender = target.source if isinstance(target, EdgeId) else target
        for pair in range(4):
            with torch.no_grad():
                values = [
                    plain_z(Surgery(loaded), torch.tensor([texts[i]]), sender) for i in (pair, pair + 4)
                ]
            noise, denoise = (
                plain_difference(loaded, plain_run(loaded, texts[i], target, value), examples[i])
                for i, value in ((pair, values[1]), (pair + 4, values[0]))
            )
            assert effects[0, index, pair] == pytest.approx((plain[pair] - noise) / gap, abs=2e-3)
            assert effects[1, index, pair] == pytest.approx((denoise - plain[pair + 4]) / gap, abs=2e-3)
    assert np.abs(effects).max() > 0.05


def test_mean_ablation_equals_a_plain_re_implementation(loaded):
    examples = pairs()
    examples[4:] = from_rows([{"label": "normal", "text": f"w2 w{i} w7 w8"} for i in range(20, 25)]).examples
    patching, found = patched(loaded, examples, "mean")
    effects = effects_of(patching, TARGETS[:3], found)
    assert effects.shape == (1, 3, 4)
    texts = [loaded.encode(e.text) for e in examples]
    for index, head in enumerate(TARGETS[:3]):
        with torch.no_grad():
            normal = [plain_z(Surgery(loaded), torch.tensor([text]), head) for text in texts[4:]]
        everywhere, last = torch.cat(normal).mean(0), torch.stack([z[-1] for z in normal]).mean(0)
        for i in range(4):
            value = everywhere.repeat(len(texts[i]), 1)
            value[-1] = last
            before, after = (
                plain_difference(loaded, plain_run(loaded, texts[i], *change), examples[i])
                for change in ((None, None), (head, value))
            )
            assert effects[0, index, i] == pytest.approx((before - after) / found.gap, abs=2e-3)


@pytest.mark.parametrize("method", ["resample", "mean"])
@pytest.mark.parametrize("targets", [TARGETS[:3], TARGETS[3:]], ids=["heads", "edges"])
def test_batched_equals_one_by_one(loaded, method, targets, monkeypatch):
    together, found = patched(loaded, pairs(), method)
    effects = effects_of(together, targets, found)
    monkeypatch.setattr(effects_module, "BATCH_ROWS", 1)
    single, _ = patched(loaded, pairs(), method)
    np.testing.assert_allclose(effects_of(single, targets, found), effects, atol=2e-4)
    sides = 2 if method == "resample" else 1
    assert single.forward_passes == sides * 4 * len(targets)
    assert together.forward_passes == 1


def test_the_shift_without_words_is_the_symmetric_divergence(loaded):
    examples = pairs(words=False)
    _, found = patched(loaded, examples, "resample")
    assert found.kind == "next_word_shift"
    gaps = []
    for anomalous, normal in zip(examples[:4], examples[4:], strict=True):
        p, q = (
            plain_run(loaded, loaded.encode(e.text), None, None).log_softmax(-1).double()
            for e in (anomalous, normal)
        )
        gaps.append(float((p.exp() * (p - q)).sum() + (q.exp() * (q - p)).sum()))
    assert found.gap == pytest.approx(np.mean(gaps), rel=1e-3)
    assert found.divergence == pytest.approx(np.mean(gaps), rel=1e-3)


def test_a_pair_shares_the_words_of_its_anomalous_text(loaded):
    examples = pairs()
    right_only = [e.model_copy(update={"actual": e.expected}) if e.label == "normal" else e for e in examples]
    _, both = patched(loaded, examples, "resample")
    _, one = patched(loaded, right_only, "resample")
    assert one.kind == "logit_difference"
    np.testing.assert_allclose(one.values, both.values, atol=1e-6)
    others = [e.model_copy(update={"actual": "w5"}) if e.label == "normal" else e for e in examples]
    np.testing.assert_allclose(patched(loaded, others, "resample")[1].values, both.values, atol=1e-6)
    without = [e.model_copy(update={"actual": ""}) if i in (0, 4) else e for i, e in enumerate(examples)]
    assert patched(loaded, without, "resample")[1].kind == "next_word_shift"


@pytest.mark.parametrize(
    ("values", "p"),
    [
        ([3, 1, 1], 2 / 8),
        ([-3, -1, -1], 2 / 8),
        ([2, 2, -1], 4 / 8),
        ([1, 1, -1], 1.0),
        ([0, 0, 0], 1.0),
        ([1, 2, 3, 4, 5], 2 / 32),
        ([7], 1.0),
    ],
)
def test_sign_flip_p_worked_by_hand(values, p):
    assert sign_flip_p(np.array([[values]], dtype=float), seed=0)[0] == pytest.approx(p)


def test_the_choice_of_the_direction_is_paid_for():
    noise, denoise = [2.0, 2.0, -1.0], [0.0, 3.0, 0.0]
    # means of the signs +++, ++-, +-+, -++ (and their mirrors): noise 3 5 1 1, denoise 3 3 3 3 (in thirds)
    assert sign_flip_p(np.array([[noise], [denoise]]), seed=0)[0] == pytest.approx(1.0)
    assert sign_flip_p(np.array([[noise]]), seed=0)[0] == pytest.approx(0.5)


@pytest.mark.parametrize("count", [8, 20])
def test_sign_flip_p_is_uniform_under_random_signs(count):
    numbers = np.random.default_rng(1)
    size = np.abs(numbers.normal(size=(2, 3000, count))) + 0.1
    sign = numbers.choice([-1.0, 1.0], size=(1, 3000, count))
    p = sign_flip_p(size * sign, seed=3)
    for level in (0.05, 0.1, 0.25, 0.5, 0.9):
        spread = 4 * np.sqrt(level * (1 - level) / 3000)
        assert (p <= level).mean() == pytest.approx(level, abs=spread + 2 / 2**8)


def test_the_smallest_p_is_what_one_sided_signs_give():
    for count in (1, 3, 5, 8, 12, 13, 40):
        all_positive = sign_flip_p(np.arange(1.0, count + 1)[None, None], seed=0)[0]
        assert all_positive == pytest.approx(smallest_sign_flip_p(count), abs=4e-4)
    assert len(sign_patterns(12, 0)) == 4096
    assert len(sign_patterns(13, 0)) == 10_001


def test_label_weights_are_differences_of_means_with_the_true_one_first():
    weights = label_weights(6, 3, seed=0)
    assert len(weights) == len({tuple(row) for row in weights}) == 20
    values = np.array([5.0, 6, 7, 1, 2, 3])
    assert weights[0] @ values == pytest.approx(4.0)
    np.testing.assert_allclose(weights.sum(axis=1), 0, atol=1e-12)


def test_the_interval_covers_the_mean_and_needs_two_examples():
    low, high = bootstrap_interval(np.array([[1.0, 2, 3, 4], [2, 2, 2, 2]]), seed=0)
    assert 1 <= low[0] < 2.5 < high[0] <= 4
    assert low[1] == high[1] == 2
    assert np.isnan(bootstrap_interval(np.ones((3, 1)), seed=0)).all()


@pytest.mark.parametrize(
    ("effect", "low", "high", "q", "said"),
    [
        (0.3, 0.2, 0.4, 0.01, "confirmed"),
        (-0.3, -0.4, -0.2, 0.01, "confirmed"),
        (0.3, 0.2, 0.4, 0.25, "partly"),
        (0.3, -0.1, 0.7, 0.01, "not confirmed"),
        (0.03, 0.02, 0.04, 0.01, "partly"),
        (0.03, 0.02, 0.04, 0.2, "not confirmed"),
        (0.02, 0.01, 0.03, 0.01, "not confirmed"),
        (0.02, 0.01, 0.03, np.nan, "not confirmed"),
        (0.3, np.nan, np.nan, 1.0, "not confirmed"),
    ],
)
def test_the_rule_of_the_verdict(effect, low, high, q, said):
    assert verdict(effect, low, high, q, bound=0.05) == said


def test_the_larger_direction_counts_with_its_sign_and_negligible_targets_do_not_dilute_q():
    count = 8
    noise = np.full((31, count), 1e-4) * np.random.default_rng(0).choice([-1, 1], size=(31, count))
    noise[0], denoise = 0.1, noise.copy()
    denoise[0] = -0.4
    found = judge(all_heads(1, 31), np.stack([noise, denoise]), 0.05, seed=0)
    assert (found.effect[0], found.low[0], found.high[0]) == pytest.approx((-0.4, -0.4, -0.4))
    assert found.q[0] == pytest.approx(2 / 2**count)
    assert found.verdict[0] == "confirmed"
    assert np.isnan(found.q[1:]).all()
    assert set(found.verdict[1:]) == {"not confirmed"}


def test_an_effect_that_is_no_number_gets_no_p_and_no_verdict():
    effects = np.full((2, 2, 8), 0.2)
    effects[1, 0, 3] = np.nan
    found = judge(all_heads(1, 2), effects, 0.05, seed=0)
    assert found.verdict == [None, "confirmed"]
    assert np.isnan(found.p[0])


def test_random_signs_are_rarely_confirmed():
    """Under the null a family has any confirmation in at most 5 % of draws, here up to chance."""
    numbers = np.random.default_rng(4)
    draws = 300
    wrong = 0
    for draw in range(draws):
        size = np.abs(numbers.normal(0.3, 0.1, size=(2, 12, 8)))
        effects = size * numbers.choice([-1.0, 1.0], size=(1, 12, 8))
        wrong += "confirmed" in judge(all_heads(1, 12), effects, 0.05, seed=draw).verdict
    assert wrong / draws <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)


def gathered(loaded, examples: ExampleSet, heads, edges, pairing="auto"):
    ids = tokenise(loaded, examples)
    recording, alignment = Recording(loaded, ids, streams=True), align(examples, ids, pairing=pairing)
    running = gather(recording, examples, alignment, list(heads), list(edges), 0)
    steps: list[Progress] = []
    while True:
        try:
            steps.append(next(running))
        except StopIteration as end:
            for note in end.value.notes:
                assert all(text(language, f"note.{note['key']}", **note["values"]) for language in LANGUAGES)
            return end.value, steps


def scenario(name, models) -> tuple[LoadedModel, ExampleSet]:
    found = load_scenario(name)
    return models.get(str(found.model_folder), "cpu"), read_examples(found.examples_file)


def confirmed(findings: Findings) -> set:
    return {t for t, said in zip(findings.targets, findings.verdict, strict=True) if said == "confirmed"}


def test_exactly_the_true_heads_and_edges_of_the_planted_circuit_are_confirmed(models):
    loaded, examples = scenario("planted-induction", models)
    truth = load_truth("planted-induction")
    heads = all_heads(4, 6)
    others = [edge for edge in forward_pairs(4, 6) if edge not in truth.edges]
    edges = [*sorted(truth.edges), *others[:: len(others) // 36][:36]]
    evidence, steps = gathered(loaded, examples, heads, edges)
    assert evidence.state == "computed"
    assert confirmed(evidence.heads) == truth.heads
    assert confirmed(evidence.edges) == truth.edges
    assert "partly" not in {*evidence.heads.verdict, *evidence.edges.verdict}
    assert evidence.forward_passes < len(heads) + len(edges)
    assert {(s.stage, s.total) for s in steps} == {("evidence", steps[-1].total)}
    assert [s.step for s in steps] == sorted(s.step for s in steps)
    assert steps[0].step > 0
    assert steps[-1].step == steps[-1].total


def test_the_true_edges_of_the_planted_circuit_are_carried_by_the_keys(models):
    """By construction the induction heads match the slot `before`, which the senders write, in their keys alone."""
    loaded, examples = scenario("planted-induction", models)
    truth = load_truth("planted-induction")
    others = [edge for edge in forward_pairs(4, 6) if edge not in truth.edges]
    evidence, _ = gathered(loaded, examples, sorted(truth.heads), [*sorted(truth.edges), *others[::12]])
    by_edge = dict(zip(evidence.edges.targets, evidence.edges.carried_by, strict=True))
    assert {edge for edge, said in by_edge.items() if said} == truth.edges
    assert {by_edge[edge] for edge in truth.edges} == {"k"}
    tested = [edge in truth.edges for edge in evidence.edges.targets]
    parts = evidence.edges.parts
    np.testing.assert_allclose(parts[tested, 1], evidence.edges.effect[tested], rtol=0.02)
    assert np.abs(parts[tested][:, [0, 2]]).max() < EDGE_BOUND / 2
    assert np.isnan(parts[~np.array(tested)]).all()


@pytest.mark.parametrize(
    ("effect", "parts", "said"),
    [
        (0.4, (0.0, 0.4, 0.0), "k"),
        (0.4, (0.2, 0.0, 0.1), "q+v"),
        (0.4, (0.2, 0.0, 0.09), "q"),
        (0.4, (0.1, 0.1, 0.1), "q+k+v"),
        (-0.4, (-0.3, 0.3, -0.2), "q+v"),
        (0.4, (0.001, 0.002, -0.3), ""),
        (0.4, (0.4, np.nan, 0.0), ""),
    ],
)
def test_the_parts_that_carry_an_edge_worked_by_hand(effect, parts, said):
    assert carried_by(effect, parts, bound=0.02) == said


@pytest.mark.parametrize("part", ["q", "k", "v"])
def test_the_effect_through_one_part_is_that_of_path_patching_with_it_alone(loaded, part):
    examples = pairs(longer=False)
    patching, found = patched(loaded, examples, "resample")
    edges = TARGETS[3:]
    running = part_effects(patching, edges, [0, 1, 0], found)
    while True:
        try:
            next(running)
        except StopIteration as end:
            effects = end.value
            break
    assert effects.shape == (3, 3)
    ids = torch.tensor([loaded.encode(e.text) for e in examples])
    for row, (edge, direction) in enumerate(zip(edges, [0, 1, 0], strict=True)):
        with torch.no_grad():
            with record(loaded) as recording:
                loaded.model(ids)
            donors = resample_values(recording.z, [4, 5, 6, 7, 0, 1, 2, 3])
            with patch_edges(loaded, [[edge]] * 8, donors, reads=part):
                logits = loaded.model(ids).logits[:, -1]
        changed = found.of(logits, range(8))
        side = slice(4 * direction, 4 * direction + 4)
        share = (found.values[side] - changed[side]).mean() / found.gap * (1 - 2 * direction)
        assert effects[row, "qkv".index(part)] == pytest.approx(share, abs=2e-4)


def test_models_whose_query_key_and_value_cannot_be_told_apart_say_so():
    loaded = tiny("phi3", seed=2)
    rows = from_rows([e.model_dump() | {"pair": f"p{i % 4}"} for i, e in enumerate(pairs(words=False))])
    evidence, _ = gathered(loaded, rows, TARGETS[:3], TARGETS[3:])
    assert evidence.edges.parts is None
    assert "edge_parts_unknown" in {note["key"] for note in evidence.notes}
    assert "carried_by" not in next(iter(evidence.edges.records().values()))


def test_mean_ablation_side_by_side_is_what_the_verdicts_would_rest_on(loaded):
    examples = pairs()
    patching, found = patched(loaded, examples, "mean")
    ablator = Ablator(recording_of(loaded, examples), 4, paired=False)
    ablator.plain()
    running = effects_when_out(ablator, TARGETS[:3], found, ["mean", "zero"])
    steps = []
    while True:
        try:
            steps.append(next(running))
        except StopIteration as end:
            beside = end.value
            break
    assert steps[-1] == 2 * 3 * 4
    np.testing.assert_allclose(beside["mean"], effects_of(patching, TARGETS[:3], found)[0], atol=2e-4)
    assert not np.allclose(beside["zero"], beside["mean"], atol=1e-3)


def test_every_ablation_stands_beside_the_others_with_its_interval(models):
    loaded, examples = scenario("misrouted-tickets", models)
    heads = [HeadId(1, 2), HeadId(3, 3)]
    for pairing, method in (("auto", "resample"), ("off", "mean")):
        evidence, _ = gathered(loaded, examples, heads, [], pairing=pairing)
        assert evidence.about["method"] == method
        said = evidence.side_by_side["L1H2"]["ablations"]
        assert set(said) == {"resample", "mean", "zero"}
        assert all(one["low"] <= one["effect"] <= one["high"] for one in said.values())
        assert said[method]["effect"] == pytest.approx(evidence.heads.per_example[0, 0].mean(), abs=1e-6)
        assert said["zero"]["effect"] > 0.3
        assert {kind: values.shape for kind, values in evidence.others.items()} == {
            kind: (2, 8) for kind in said if kind != method
        }


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        ([(0.3, 0.2, 0.4), (-0.3, -0.4, -0.2)], True),
        ([(0.3, 0.2, 0.4), (-0.3, -0.4, 0.1)], False),
        ([(0.3, 0.2, 0.4), (-0.02, -0.03, -0.01)], False),
        ([(0.3, 0.2, 0.4), (0.1, 0.05, 0.2)], False),
        ([(0.3, 0.2, 0.4), (None, None, None)], False),
    ],
)
def test_when_ablations_disagree_in_sign(effects, said):
    found = [dict(zip(("effect", "low", "high"), numbers, strict=True)) for numbers in effects]
    assert disagree(found, HEAD_BOUND) is said


def test_texts_too_long_for_the_memory_are_not_compared_and_the_run_says_so(loaded, monkeypatch):
    monkeypatch.setattr("core.causal.ablation_comparison.MOST_BYTES", 1)
    rows = from_rows([e.model_dump() | {"pair": f"p{i % 4}"} for i, e in enumerate(pairs(words=False))])
    evidence, _ = gathered(loaded, rows, TARGETS[:3], [])
    assert evidence.others == {}
    assert set(evidence.side_by_side["L0H1"]["ablations"]) == {"resample"}
    assert "ablations_skipped" in {note["key"] for note in evidence.notes}


def test_too_little_memory_for_gradients_leaves_the_attribution_out_alone(loaded, monkeypatch):
    def full(*_arguments):
        raise ModelError("out_of_memory", device="cpu")

    monkeypatch.setattr("core.causal.attribution._with_gradient", full)
    rows = from_rows([e.model_dump() | {"pair": f"p{i % 4}"} for i, e in enumerate(pairs(words=False))])
    evidence, _ = gathered(loaded, rows, TARGETS[:3], [])
    assert evidence.attribution is None
    assert evidence.heads.verdict[0] is not None
    assert "attribution_skipped" in {note["key"] for note in evidence.notes}


def test_a_head_that_works_against_the_behaviour_is_told():
    effects = np.stack([[[-0.3, -0.2, -0.3, -0.2], [0.3, 0.2, 0.3, 0.2], [-0.9, 0.8, 0.1, -0.2]]])
    assert judge(all_heads(1, 3), effects, 0.05, seed=0).works_against.tolist() == [True, False, False]


def test_at_most_the_strongest_edges_are_tested_and_the_run_says_so(models):
    loaded, examples = scenario("planted-induction", models)
    edges = list(forward_pairs(4, 6))
    evidence, _ = gathered(loaded, examples, [HeadId(0, 1)], edges)
    assert evidence.edges.targets == edges[:MOST_EDGES]
    note = next(note for note in evidence.notes if note["key"] == "evidence_strongest_edges")
    assert note["values"] == {"tested": MOST_EDGES, "candidates": len(edges)}


def test_a_negative_gap_turns_no_effect_around(models):
    loaded, examples = scenario("misrouted-tickets", models)
    head = HeadId(1, 2)
    evidence, _ = gathered(loaded, examples, [head, HeadId(3, 3)], [])
    assert evidence.about["gap"] < 0
    assert confirmed(evidence.heads) == {head}
    assert evidence.heads.effect[0] > 0.5
    swapped = [e.model_copy(update={"expected": e.actual, "actual": e.expected}) for e in examples.examples]
    other, _ = gathered(loaded, ExampleSet(examples=tuple(swapped)), [head, HeadId(3, 3)], [])
    assert other.about["gap"] == pytest.approx(-evidence.about["gap"])
    np.testing.assert_allclose(other.heads.effect, evidence.heads.effect, atol=1e-9)


def test_sides_that_do_not_differ_get_no_verdict(models):
    """Labels swapped in every second pair: the same texts and behaviours stand on both sides."""
    found = load_scenario("planted-induction")
    rows = [e.model_dump() for e in read_examples(found.examples_file).examples]
    for row in rows:
        if int(row["pair"]) % 2:
            row["label"] = "normal" if row["label"] == "anomalous" else "anomalous"
    config = make_config(model=str(found.model_folder), examples=from_rows(rows), preset="fast", device="cpu")
    result = list(analyse(config, models))[-1]
    assert result.heads["selected"].any()
    assert result.manifest.evidence == "no_difference"
    assert result.manifest.evidence_about.gap_p_value > 0.05
    assert "evidence_chance" in {note.key for note in result.manifest.notes}
    for column in ("p_value", "q_value", "effect", "effect_low", "effect_high", "verdict"):
        assert result.heads[column].isna().all()
        assert result.edges[column].isna().all()


def test_a_gap_that_is_tiny_is_no_make_metric(loaded):
    rows = pairs()
    alike = torch.zeros(8, 64).log_softmax(-1)
    found = make_metric(loaded, rows, alike, 4, True, seed=0)
    assert (found.gap, found.differs) == (0, False)
    bare = [e.model_copy(update={"expected": "", "actual": ""}) for e in rows]
    assert not make_metric(loaded, bare, alike, 4, True, seed=0).differs
    assert not make_metric(loaded, bare, alike, 4, False, seed=0).differs


def test_without_pairs_the_gap_is_tested_by_shuffled_labels(loaded):
    numbers = torch.Generator().manual_seed(0)
    bare = pairs(8, longer=False, words=False)
    noise = torch.randn(16, 64, generator=numbers).log_softmax(-1)
    assert make_metric(loaded, bare, noise, 8, False, seed=0).gap_p > 0.05
    shifted = noise.clone()
    shifted[:8, :5] += 3
    apart = make_metric(loaded, bare, shifted.log_softmax(-1), 8, False, seed=0)
    assert apart.gap_p < 0.01
    assert apart.differs


def test_with_three_pairs_nothing_is_confirmed_and_the_run_says_why(models):
    loaded, examples = scenario("planted-induction", models)
    three = ExampleSet(examples=tuple(e for e in examples.examples if int(e.pair) <= 3))
    evidence, _ = gathered(loaded, three, all_heads(4, 6), [])
    assert evidence.state == "computed"
    assert confirmed(evidence.heads) == set()
    assert "partly" in evidence.heads.verdict
    assert np.nanmin(evidence.heads.p) == pytest.approx(0.25)
    note = next(note for note in evidence.notes if note["key"] == "smallest_p_too_few")
    assert note["values"] == {"examples": 3, "p": "0.25"}


def test_unpaired_texts_get_the_mean_and_one_direction(models):
    loaded, examples = scenario("misrouted-tickets", models)
    evidence, _ = gathered(loaded, examples, [HeadId(1, 2)], [], pairing="off")
    assert evidence.about["method"] == "mean"
    assert evidence.about["directions"] == ["noising"]
    assert confirmed(evidence.heads) == {HeadId(1, 2)}
    assert "evidence_mean" in {note["key"] for note in evidence.notes}


def test_pairs_of_unequal_length_are_not_resampled(loaded):
    rows = [e.model_dump() | {"pair": f"p{i % 4}"} for i, e in enumerate(pairs(longer=False))]
    rows[0]["text"] += " w9"
    examples = from_rows(rows)
    ids = tokenise(loaded, examples)
    alignment = align(examples, ids)
    assert alignment.paired
    assert method_for([ids[i] for i in alignment.kept], alignment) == "mean"
    evidence, _ = gathered(loaded, examples, TARGETS[:3], TARGETS[3:])
    assert evidence.about["method"] == "mean"


def test_no_candidate_runs_nothing(loaded):
    evidence, steps = gathered(loaded, from_rows([e.model_dump() for e in pairs()]), [], [])
    assert (evidence.state, evidence.forward_passes, steps) == ("not_computed", 0, [])


def test_the_sample_incident_confirms_its_main_head(models):
    found = load_scenario("misrouted-tickets")
    config = make_config(
        model=str(found.model_folder),
        examples=read_examples(found.examples_file),
        preset="fast",
        device="cpu",
    )
    result = list(analyse(config, models))[-1]
    row = result.heads[(result.heads["layer"] == 1) & (result.heads["head"] == 2)].iloc[0]
    assert row["verdict"] == "confirmed"
    assert row["effect_low"] <= row["effect"] <= row["effect_high"]
    assert result.manifest.evidence_about.smallest_p == pytest.approx(2 / 2**8, abs=1e-6)


def test_a_difference_that_could_be_chance_is_not_called_none():
    loaded = tiny("gpt2", seed=2)
    rows = [
        {"label": label, "text": f"w{i} w{i + 20} w{word}"}
        for label, word in (("anomalous", 1), ("normal", 2))
        for i in range(3)
    ]
    examples = from_rows(rows)
    ids = tokenise(loaded, examples)
    alignment = align(examples, ids, "last", "off")
    running = gather(Recording(loaded, ids), examples, alignment, [HeadId(0, 0)], [], 0)
    while True:
        try:
            next(running)
        except StopIteration as end:
            found = end.value
            break
    assert found.state == "no_difference"
    (note,) = [note for note in found.notes if note["key"].startswith("evidence_")]
    assert note["key"] == "evidence_chance"
    assert float(note["values"]["p"]) > 0.05
    for language in LANGUAGES:
        assert note["values"]["p"] in text(language, f"note.{note['key']}", **note["values"])


def test_measure_of_unpaired_texts_does_not_depend_on_their_labels():
    """Else shuffling labels would be no fair test of the gap."""
    loaded = tiny("gpt2", seed=2)
    examples = pairs(4)
    mixed = [*examples[:2], *examples[6:], *examples[2:6]]
    places = [0, 1, 6, 7, 2, 3, 4, 5]
    log_probabilities = Patching(recording_of(loaded, examples), 4, "mean").plain([])
    first = make_metric(loaded, examples, log_probabilities, 4, False, 0)
    second = make_metric(loaded, mixed, log_probabilities[places], 4, False, 0)
    assert second.values == pytest.approx(first.values[places])
    nameless = [
        e.model_copy(update={"expected": "", "actual": ""}) if i in (1, 6) else e
        for i, e in enumerate(examples)
    ]
    first = make_metric(loaded, nameless, log_probabilities, 4, False, 0)
    second = make_metric(loaded, [nameless[i] for i in places], log_probabilities[places], 4, False, 0)
    assert first.kind == "logit_difference"
    assert second.values == pytest.approx(first.values[places])


POST_NORM = {
    "opt": {"do_layer_norm_before": False, "word_embed_proj_dim": 16},
    "bloom": {"apply_residual_connection_post_layernorm": True},
}


@pytest.mark.parametrize("candidates", ["codes", "screened"])
@pytest.mark.parametrize("kind", POST_NORM)
def test_models_that_normalise_the_stream_get_verdicts_of_heads_and_say_why_none_of_edges(
    kind, candidates, tmp_path, monkeypatch
):
    monkeypatch.setattr("core.causal.metric.SMALLEST_GAP", {"logit_difference": 1e-9})
    monkeypatch.setattr("core.causal.metric.CHANCE", 1.0)
    examples = from_rows(
        [e.model_dump() | {"pair": f"p{i % 6}"} for i, e in enumerate(pairs(6, longer=False))]
    )
    model = str(save_tiny(tmp_path, kind, seed=2, **POST_NORM[kind]))
    config = make_config(model=model, examples=examples, preset="fast", device="cpu", candidates=candidates)
    result = list(analyse(config))[-1]
    assert result.edges["selected"].any()
    assert result.edges[["verdict", "effect", "p_value"]].isna().all(axis=None)
    assert result.heads.loc[result.heads["selected"], "verdict"].notna().all()
    assert "evidence_no_edges" in {note.key for note in result.manifest.notes}
    if candidates == "screened":
        assert result.manifest.gradient_screen.state == "norm"
        assert result.manifest.selection.candidates == "codes"
