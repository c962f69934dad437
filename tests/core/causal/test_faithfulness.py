"""Sets of heads taken out, circuits beside random ones, and the searches for small sets, against plain surgery."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.causal import ablation as ablation_module
from core.causal.ablation import KINDS, Ablator, from_the_end
from core.causal.circuit_search import GOAL, minimal_ablation_set, minimal_circuit
from core.causal.faithfulness import _interval, areas, check_circuit, curve_sizes, random_circuits
from core.causal.metric import SMALLEST_GAP, Metric, make_metric
from core.examples.alignment import align
from core.examples.example_set import Example
from core.examples.reading import read_examples
from core.heads import HeadId, all_heads
from core.model.loading import load_model
from core.model.tokenising import tokenise
from core.scenarios import load_scenario, load_truth
from tests.core.causal.test_evidence import pairs
from tests.core.causal.test_interventions import Surgery
from tests.support.tiny_models import recording_of, tiny

SHAPE = (3, 4)
CIRCUIT = (HeadId(0, 1), HeadId(1, 3), HeadId(2, 0))


@pytest.fixture(params=["gpt2", "llama", "gpt_neox"], scope="module")
def loaded(request):
    return tiny(request.param, seed=2)


def finished(running):
    """What a generator returns at its end."""
    while True:
        try:
            next(running)
        except StopIteration as end:
            return end.value


def begun(loaded, examples: list[Example], paired: bool = True) -> tuple[Ablator, Metric]:
    count = sum(example.label == "anomalous" for example in examples)
    ablator = Ablator(recording_of(loaded, examples), count, paired)
    return ablator, make_metric(loaded, examples, ablator.plain(), count, paired, seed=0)


def by_surgery(loaded, texts: list[list[int]], text: int, heads, kind: str, donor: int) -> torch.Tensor:
    """Logits at the last position with the heads taken out, block by block, without this package's hooks."""

    def every_z(ids: list[int]) -> dict[int, torch.Tensor]:
        surgery, kept = Surgery(loaded), {}
        plain = surgery.attend

        def attend(layer, z):
            kept[layer] = z[0].clone()
            return plain(layer, z)

        surgery.attend = attend
        surgery.run(torch.tensor([ids]))
        return kept

    normal = [every_z(ids) for ids in texts[len(texts) // 2 :]]
    other = every_z(texts[donor])
    surgery = Surgery(loaded)
    plain = surgery.attend

    def attend(layer, z):
        z = z.clone()
        for head in heads:
            if head.layer != layer:
                continue
            if kind == "zero":
                z[0, :, head.head] = 0
            elif kind == "resample":
                z[0, :, head.head] = other[layer][:, head.head]
            else:
                z[0, :, head.head] = torch.cat([run[layer] for run in normal])[:, head.head].mean(0)
                z[0, -1, head.head] = torch.stack([run[layer][-1] for run in normal])[:, head.head].mean(0)
        return plain(layer, z)

    surgery.attend = attend
    with torch.no_grad():
        return surgery.run(torch.tensor([texts[text]]))[0, -1]


@pytest.mark.parametrize("kind", KINDS)
def test_sets_taken_out_in_one_batch_equal_surgery_one_by_one(loaded, kind):
    examples = pairs()
    ablator, found = begun(loaded, examples)
    texts = [loaded.encode(example.text) for example in examples]
    sets = [(), (HeadId(0, 1),), CIRCUIT, tuple(all_heads(*SHAPE))]
    measured = finished(ablator.measures(sets, range(8), found, kind))
    for row, heads in enumerate(sets):
        for text in range(8):
            with torch.no_grad():
                logits = by_surgery(loaded, texts, text, heads, kind, (text + 4) % 8)
            assert measured[row, text] == pytest.approx(float(found.of(logits[None], [text])[0]), abs=2e-4)
    assert measured[0] == pytest.approx(found.values, abs=1e-4)


def test_order_and_size_of_batches_change_nothing(monkeypatch):
    loaded = tiny("gpt2", seed=2)
    ablator, found = begun(loaded, pairs())
    sets = [CIRCUIT, (HeadId(2, 1),), tuple(all_heads(*SHAPE))]
    at_once = finished(ablator.measures(sets, range(4), found, "resample"))
    monkeypatch.setattr(ablation_module, "BATCH_ROWS", 1)
    passes = ablator.forward_passes
    assert finished(ablator.measures(sets, range(4), found, "resample")) == pytest.approx(at_once, abs=1e-5)
    assert ablator.forward_passes == passes + 12


def test_hooks_are_gone_after_an_exception():
    loaded = tiny("gpt2", seed=2)
    ablator, found = begun(loaded, pairs())
    with pytest.raises(RuntimeError), ablator.taken_out([list(CIRCUIT)], [0], "zero"):
        raise RuntimeError
    assert finished(ablator.measures([()], range(8), found, "zero"))[0] == pytest.approx(
        found.values, abs=1e-4
    )


@given(st.integers(1, 9), st.integers(1, 9))
def test_donor_is_counted_from_the_end(length, donor):
    places = from_the_end(length, donor).tolist()
    assert places == [max(0, position + donor - length) for position in range(length)]


def test_texts_without_partners_get_a_drawn_text_of_the_other_side():
    loaded = tiny("gpt2", seed=2)
    examples = pairs(count=4, longer=True)
    ablator, found = begun(loaded, [*examples[:4], *examples[5:]], paired=False)
    assert {ablator._donor_of[text] for text in range(4)} <= {4, 5, 6}
    assert {ablator._donor_of[text] for text in range(4, 7)} <= {0, 1, 2, 3}
    assert np.isfinite(finished(ablator.measures([CIRCUIT], range(7), found, "resample"))).all()


def test_shares_follow_from_the_measures_by_hand(monkeypatch):
    monkeypatch.setitem(SMALLEST_GAP, "logit_difference", 1e-6)
    loaded = tiny("gpt2", seed=2)
    ablator, found = begun(loaded, pairs())
    every = frozenset(all_heads(*SHAPE))
    ranking = [*CIRCUIT, *(head for head in all_heads(*SHAPE) if head not in CIRCUIT)]
    (result,) = finished(check_circuit(ablator, found, CIRCUIT, ranking, SHAPE, 0, ("mean",), n_random=5))

    def mean_without(heads) -> float:
        return float(finished(ablator.measures([heads], range(4), found, "mean")).mean())

    full, nothing = mean_without(()), mean_without(every)
    share = lambda heads: (mean_without(every - frozenset(heads)) - nothing) / (full - nothing)  # noqa: E731
    assert result.full == pytest.approx(full, abs=1e-4)
    assert result.faithfulness == pytest.approx(share(CIRCUIT), abs=1e-3)
    assert result.completeness == pytest.approx(share(every - frozenset(CIRCUIT)), abs=1e-3)
    for head, loss in result.minimality:
        assert loss == pytest.approx(share(CIRCUIT) - share(set(CIRCUIT) - {head}), abs=1e-3)
    assert [size for size, _ in result.curve] == list(range(1, 13))
    assert dict(result.curve)[12] == pytest.approx(1, abs=1e-3)
    assert dict(result.curve)[3] == pytest.approx(result.faithfulness, abs=1e-3)
    above = sum(value >= result.faithfulness for value in result.random_faithfulness)
    assert result.rank == pytest.approx((1 + above) / 6)


def test_heads_without_a_part_in_the_behaviour_give_no_share(monkeypatch):
    loaded = tiny("gpt2", seed=2)
    ablator, found = begun(loaded, pairs())

    def same(sets, texts, *_):
        yield 1
        return np.zeros((len(sets), len(texts)))

    monkeypatch.setattr(ablator, "measures", same)
    (result,) = finished(check_circuit(ablator, found, CIRCUIT, all_heads(*SHAPE), SHAPE, 0, ("zero",)))
    assert not result.defined
    plain = result.as_json()
    assert plain["faithfulness"] is plain["cpr"] is plain["rank"] is None
    assert plain["curve"][0]["faithfulness"] is None
    assert finished(minimal_circuit(ablator, found, all_heads(*SHAPE), SHAPE)) is None


def test_a_measure_that_is_no_number_gives_no_share(monkeypatch):
    loaded = tiny("gpt2", seed=2)
    ablator, found = begun(loaded, pairs())

    def broken(sets, texts, *_):
        yield 1
        values = np.arange(len(sets) * len(texts), dtype=float).reshape(len(sets), len(texts))
        values[3, 0] = nan
        return values

    monkeypatch.setattr(ablator, "measures", broken)
    (result,) = finished(check_circuit(ablator, found, CIRCUIT, all_heads(*SHAPE), SHAPE, 0, ("zero",)))
    assert not result.defined and not result.finite


def test_circuit_of_all_heads_and_of_none():
    loaded = tiny("gpt2", seed=2)
    ablator, found = begun(loaded, pairs())
    every = all_heads(*SHAPE)
    (result,) = finished(check_circuit(ablator, found, every, every, SHAPE, 0, ("resample",)))
    assert result.faithfulness == pytest.approx(1)
    assert result.completeness == pytest.approx(0, abs=1e-3)
    assert result.random_faithfulness == ()
    assert result.rank == 1
    with pytest.raises(ValueError, match="empty circuit"):
        finished(check_circuit(ablator, found, [], every, SHAPE, 0))
    assert finished(minimal_ablation_set(ablator, found, [])) is None


@given(st.sets(st.sampled_from(all_heads(3, 6)), min_size=1), st.integers(0, 9))
def test_random_circuits_have_as_many_heads_in_each_layer(circuit, seed):
    drawn = random_circuits(frozenset(circuit), (3, 6), 10, seed)
    counts = lambda heads: [sum(head.layer == layer for head in heads) for layer in range(3)]  # noqa: E731
    assert all(counts(other) == counts(circuit) for other in drawn)
    assert len(set(drawn)) == len(drawn)
    assert frozenset(circuit) not in drawn


@given(st.integers(1, 400), st.data())
def test_curve_sizes_hold_the_ends_and_the_circuit(heads, data):
    circuit = data.draw(st.integers(1, heads))
    sizes = curve_sizes(heads, circuit)
    assert sizes == sorted(set(sizes)) and sizes[0] == 1 and sizes[-1] == heads and circuit in sizes
    assert len(sizes) <= max(25, min(heads, 24))


def test_areas_by_hand():
    assert areas([1, 2], [1.0, 1.0], 2) == pytest.approx((0.75, 0.25))
    assert areas([2], [2.0], 2) == pytest.approx((1.0, 1.0))


@pytest.fixture(scope="module")
def planted():
    scenario = load_scenario("planted-induction")
    loaded = load_model(str(scenario.model_folder), "cpu")
    examples = read_examples(scenario.examples_in("en"))
    ids = tokenise(loaded, examples)
    alignment = align(examples, ids, "auto", "auto")
    ordered = [examples.examples[i] for i in alignment.kept]
    ablator, found = begun(loaded, ordered, alignment.paired)
    return loaded, ablator, found


def test_planted_circuit_alone_does_the_work_and_no_random_one_does(planted):
    loaded, ablator, found = planted
    truth = load_truth("planted-induction").heads
    circuit = [HeadId.parse(str(head)) for head in truth]
    shape = (loaded.shape.n_layers, loaded.shape.n_heads)
    ranking = [*circuit, *(head for head in all_heads(*shape) if head not in circuit)]
    (result,) = finished(check_circuit(ablator, found, circuit, ranking, shape, 0, ("resample",)))
    assert result.faithfulness > 0.95
    assert abs(result.completeness) < 0.05
    assert all(loss > 0.2 for _, loss in result.minimality)
    assert result.rank == pytest.approx(1 / 101)
    smallest = finished(minimal_circuit(ablator, found, ranking, shape))
    assert set(smallest.heads) == set(circuit)
    assert smallest.complete and smallest.reached >= GOAL
    backwards = finished(minimal_circuit(ablator, found, ranking[::-1], shape))
    assert set(backwards.heads) == set(circuit)


def test_planted_behaviour_is_switched_off_by_few_heads(planted):
    loaded, ablator, found = planted
    candidates = all_heads(loaded.shape.n_layers, loaded.shape.n_heads)
    switch = finished(minimal_ablation_set(ablator, found, candidates))
    assert set(switch.heads) <= {HeadId.parse(str(head)) for head in load_truth("planted-induction").heads}
    assert switch.reached >= GOAL
    assert switch.harm < 0.1


def made_measures(values):
    """Takes the place of an ablator's measures: `values(heads, text)` says what each run gives."""

    def measures(sets, texts, *_):
        yield 1
        return np.array([[values(frozenset(heads), text) for text in texts] for heads in sets])

    return measures


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_model_that_breaks_is_no_success(monkeypatch, sign):
    loaded = tiny("gpt2", seed=2)
    ablator, found = begun(loaded, pairs())
    found = replace(found, values=sign * np.array([1.0, 1, 1, 1, 0, 0, 0, 0]))
    broken = made_measures(lambda heads, text: nan if heads else float(found.values[text]))
    monkeypatch.setattr(ablator, "measures", broken)
    switch = finished(minimal_ablation_set(ablator, found, list(CIRCUIT)))
    assert switch.heads == () and not switch.complete
    assert finished(minimal_circuit(ablator, found, all_heads(*SHAPE), SHAPE)) is None


def test_harm_on_one_text_is_not_made_good_by_another(monkeypatch):
    loaded = tiny("gpt2", seed=2)
    ablator, found = begun(loaded, pairs())
    found = replace(found, values=np.array([1.0, 1, 1, 1, 0, 0, 0, 0]))

    def values(heads, text):
        if text < 4:
            return 0.0 if heads else 1.0
        return (0.5 if text % 2 else -0.5) if CIRCUIT[0] in heads else 0.0

    monkeypatch.setattr(ablator, "measures", made_measures(values))
    switch = finished(minimal_ablation_set(ablator, found, list(CIRCUIT)))
    assert CIRCUIT[0] not in switch.heads
    assert switch.harm == 0
    alone = finished(minimal_ablation_set(ablator, found, [CIRCUIT[0]]))
    assert alone.harm == pytest.approx(0.5)


def test_interval_is_left_out_where_draws_leave_nothing_to_take_shares_of():
    full, nothing = np.array([1.0, -1.0, 1.0, -1.0]), np.zeros(4)
    assert np.isnan(_interval(full, full, nothing, 0)).all()
    low, high = _interval(np.array([1.0, 1.0]), np.array([2.0, 2.0]), np.zeros(2), 0)
    assert (low, high) == pytest.approx((0.5, 0.5))
