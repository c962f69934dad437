"""The metric of whole answers and effects by it, against one run of the whole model a token, with plain hooks."""

from functools import cache

import numpy as np
import pytest
import torch

from core.causal import patching as patching_module
from core.causal.attribution import attribution
from core.causal.edge_attribution import adds_up_by_head, attributed
from core.causal.metric import answer_places, answer_tokens_of, make_metric
from core.causal.metric._answers import MOST_ANSWERS
from core.causal.paired_runs import PairedRuns
from core.errors import ExamplesError
from core.examples.alignment import align
from core.examples.example_set import ExampleSet
from core.generators import result_of
from core.heads import EdgeId, HeadId, all_heads
from tests.support.answers import FIVE, Changed, answered, difference, measured, receiver_z, tokens_of, z_of
from tests.support.tiny_models import recording_of, tiny

HEADS = [HeadId(0, 1), HeadId(1, 3), HeadId(2, 0)]
SETS = [[head] for head in HEADS] + [HEADS, all_heads(3, 4)]
EDGE = EdgeId(HeadId(0, 1), HeadId(2, 2))


@pytest.fixture(params=FIVE, scope="module")
def loaded(request):
    return tiny(request.param, seed=2)


def ids_of(loaded, examples):
    return [loaded.encode(example.text) for example in examples]


def test_metric_equals_a_token_by_token_computation(loaded):
    examples = answered()
    _, metric = measured(loaded, examples)
    assert metric.kind == "answer_difference"
    plain = [difference(loaded, ids, e) for ids, e in zip(ids_of(loaded, examples), examples, strict=True)]
    assert metric.values == pytest.approx(plain, abs=2e-4)
    assert np.abs(plain).min() > 0.1
    assert [sum(row.text == text for row in metric.rows) for text in range(4)] == [2, 1, 1, 1]
    assert [note.key for note in metric.notes] == ["answer_begins_other"]
    assert metric.notes[0].values == {"count": 2}


def test_parts_of_the_tokens_add_up_to_the_metric(loaded):
    examples = answered()
    _, metric = measured(loaded, examples)
    for text, (ids, example) in enumerate(zip(ids_of(loaded, examples), examples, strict=True)):
        parts = [part for part in metric.parts if part.text == text]
        assert sum(part.part for part in parts) == pytest.approx(metric.values[text], abs=1e-4)
        answers = dict(zip(("expected", "actual"), tokens_of(loaded, example), strict=True))
        for part in parts:
            assert part.token == answers[part.side][part.place]
            with torch.no_grad():
                row = torch.tensor([[*ids, *answers[part.side][: part.place]]])
                after = loaded.model(row).logits[0, -1].log_softmax(-1)
            sign = 1 if part.side == "expected" else -1
            assert part.part == pytest.approx(sign * float(after[part.token]), abs=1e-4)


def test_places_of_the_answers_share_the_gap_among_them(loaded):
    """Each place by hand: its mean part on the anomalous texts less that on the normal ones."""
    examples = answered()
    _, metric = measured(loaded, examples)
    places = answer_places(metric, loaded)
    assert sum(place.share for place in places) == pytest.approx(1, abs=1e-4)
    assert [abs(place.share) for place in places] == sorted((abs(p.share) for p in places), reverse=True)
    by_place = {(place.side, place.place): place for place in places}
    # one text in four has a fourth actual token: "w40 w53 w54 w55" against "w40 w43", of which the first is shared
    sign_and_side = {text: (1 if text < 4 else -1) for text in (1, 5)}
    total = 0.0
    for text, sign in sign_and_side.items():
        ids = [*loaded.encode(examples[text].text), *loaded.encode("w40 w53 w54")]
        with torch.no_grad():
            after = loaded.model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
        total -= sign * float(after[loaded.encode("w55")[0]]) / 4
    fourth = by_place["actual", 3]
    assert fourth.share == pytest.approx(total / metric.gap, abs=1e-3)
    assert (fourth.pieces, fourth.different) == (("w55",), 1)
    assert by_place["expected", 0].different == 2, (
        "w40 of the first pair and w44 of the third; the others are shared"
    )
    tokens = answer_tokens_of(metric, loaded, [10 + text for text in range(8)])
    assert {token.example for token in tokens} == set(range(10, 18))
    assert sum(token.part for token in tokens if token.example == 12) == pytest.approx(
        metric.values[2], abs=1e-3
    )


@cache
def plain_z(loaded, ids, head):
    """What a head writes in a plain run of these tokens; sets of heads share it."""
    return z_of(loaded, list(ids), head)


def values_of(loaded, texts, text, begun, head, kind, other):
    """What a head writes in a text with begun answer tokens behind it (position, d_head)."""
    length = len(texts[text]) + len(begun)
    if kind == "zero":
        return torch.zeros(length, loaded.shape.d_head)
    if kind == "resample":
        z, missing = plain_z(loaded, (*texts[other], *begun), head), length - len(texts[other]) - len(begun)
        return torch.cat([z[:1].repeat(max(0, missing), 1), z[max(0, -missing) :]])
    normal = [plain_z(loaded, tuple(ids), head) for ids in texts[4:]]
    everywhere, last = torch.cat(normal).mean(0), torch.stack([z[-1] for z in normal]).mean(0)
    value = everywhere.repeat(length, 1)
    value[len(texts[text]) - 1] = last  # where the answer begins; what is written behind it is like any token
    return value


def without(loaded, texts, text, heads, kind, other):
    """The context in which a text with begun answer tokens behind it is read with these heads out."""

    def change(begun):
        # heads are taken out together, each with what it writes in a plain run
        return Changed(loaded, {h: values_of(loaded, texts, text, begun, h, kind, other) for h in heads})

    return change


@pytest.mark.parametrize("kind", ["zero", "mean", "resample"])
def test_heads_and_sets_taken_out_equal_plain_surgery(loaded, kind):
    examples = answered()
    patching, metric = measured(loaded, examples)
    result = result_of(patching.measure(SETS, range(8), metric, kind))
    texts = ids_of(loaded, examples)
    for number, heads in enumerate(SETS):
        for text, ids in enumerate(texts):
            change = without(loaded, texts, text, heads, kind, (text + 4) % 8)
            plain = difference(loaded, ids, examples[text], change)
            assert result[number, text] == pytest.approx(plain, abs=1e-3)
    assert np.abs(result - metric.values).max() > 0.05


def test_effects_of_an_edge_equal_plain_surgery(loaded):
    examples = answered()
    patching, metric = measured(loaded, examples)
    assert patching.method == "resample"
    effects = result_of(patching.effects([EDGE], metric))[:, 0]
    texts = ids_of(loaded, examples)
    for text, (ids, example) in enumerate(zip(texts, examples, strict=True)):

        def change(begun, ids=ids, text=text):
            value = z_of(loaded, [*texts[(text + 4) % 8], *begun], EDGE.source)
            return Changed(loaded, {EDGE.target: receiver_z(loaded, [*ids, *begun], EDGE, value)})

        lost = (metric.values[text] - difference(loaded, ids, example, change)) / metric.gap
        assert effects[text // 4, text % 4] == pytest.approx(lost if text < 4 else -lost, abs=2e-3)
    assert np.abs(effects).max() > 0.01


@pytest.mark.parametrize("kind", ["zero", "mean", "resample"])
def test_batched_equals_one_by_one(loaded, kind, monkeypatch):
    together, metric = measured(loaded, answered())
    at_once = result_of(together.measure(SETS, range(8), metric, kind))
    monkeypatch.setattr(patching_module, "BATCH_ROWS", 1)
    single, again = measured(loaded, answered())
    assert result_of(single.measure(SETS, range(8), again, kind)) == pytest.approx(at_once, abs=5e-4)
    assert single.forward_passes == len(SETS) * len(metric.rows)


def test_each_text_and_each_row_is_read_plainly_once(loaded):
    examples = answered()
    patching, metric = measured(loaded, examples)
    assert metric.plain_passes == 1
    result_of(patching.effects(HEADS, metric))
    # what lies in front of the first difference of each pair is read once more, and tried once
    assert metric.plain_passes == 3
    result_of(patching.measure(SETS, range(8), metric, "resample"))
    assert metric.plain_passes == 3


@pytest.mark.parametrize("method", ["resample", "mean"])
def test_attribution_equals_finite_differences(loaded, method):
    double = tiny(loaded.shape.architecture, seed=2)
    double.model.double()
    examples, small = answered(), 1e-3
    recording = recording_of(double, examples)
    patching, metric = measured(double, examples)
    patching.method = method
    values = result_of(attribution(recording, patching, metric)).values
    texts, noise = ids_of(double, examples), 0.02 * np.abs(values).max()
    kind = "mean" if method == "mean" else "resample"
    for head in HEADS:
        for text in range(4):

            def moved(share, text=text, head=head):
                def change(begun):
                    own = z_of(double, [*texts[text], *begun], head)
                    other = values_of(double, texts, text, begun, head, kind, text + 4)
                    return Changed(double, {head: own + share * (other - own)})

                return difference(double, texts[text], examples[text], change)

            slope = (moved(-small) - moved(small)) / (2 * small) / metric.gap
            assert values[double.flat(head), text] == pytest.approx(slope, rel=0.03, abs=noise)


def test_edge_attribution_equals_finite_differences(loaded):
    double = tiny(loaded.shape.architecture, seed=2)
    if not adds_up_by_head(double):
        pytest.skip("a norm stands behind the attention: there is no edge attribution")
    double.model.double()
    rows = [e.model_copy(update={"pair": f"p{i % 4}"}) for i, e in enumerate(answered())]
    runs = PairedRuns(double, ExampleSet(examples=tuple(rows)), 0)
    result = result_of(attributed(runs, 1))
    texts, small = ids_of(double, rows), 1e-3
    total = 0.0
    for text in range(4):

        def moved(share, text=text):
            def change(begun):
                own, other = (
                    z_of(double, [*ids, *begun], EDGE.source) for ids in (texts[text], texts[text + 4])
                )
                row = [*texts[text], *begun]
                return Changed(
                    double, {EDGE.target: receiver_z(double, row, EDGE, own + share * (other - own))}
                )

            return difference(double, texts[text], rows[text], change)

        total += (moved(-small) - moved(small)) / (2 * small) / runs.metric.gap / 4
    noise = 0.02 * np.abs(result.edges).max()
    assert result.edges[1, 10] == pytest.approx(total, rel=0.03, abs=noise)
    heads = result_of(attribution(recording_of(double, rows), *measured(double, rows))).mean
    assert result.heads == pytest.approx(heads.ravel(), rel=1e-2, abs=1e-4)


def test_unpaired_texts_get_the_other_text_with_their_own_answer_behind(loaded):
    examples = answered(paired=False)
    patching, metric = measured(loaded, examples, paired=False)
    texts = ids_of(loaded, examples)
    result = result_of(patching.measure([HEADS], range(8), metric, "resample"))[0]
    for text, ids in enumerate(texts):
        other = patching.replacements._donor_of[text]
        change = without(loaded, texts, text, HEADS, "resample", other)
        assert result[text] == pytest.approx(difference(loaded, ids, examples[text], change), abs=1e-3)


def test_a_text_without_answers_is_read_by_the_means_of_all(loaded):
    examples = answered(paired=False)
    examples = [
        e.model_copy(update={"expected": "", "actual": ""}) if i in (0, 7) else e
        for i, e in enumerate(examples)
    ]
    _, metric = measured(loaded, examples, paired=False)
    named = [e for e in examples if e.expected]
    for text in (0, 7):
        ids = loaded.encode(examples[text].text)
        means = []
        for side in ("expected", "actual"):
            answers = dict.fromkeys(getattr(e, side) for e in named)
            each = [
                difference(loaded, ids, examples[text].model_copy(update={"expected": a, "actual": ""}))
                for a in answers
            ]
            means.append(np.mean(each))
        assert metric.values[text] == pytest.approx(means[0] - means[1], abs=1e-3)


def test_answers_that_are_not_used_are_named():
    loaded = tiny("gpt2", seed=2)
    rows = [e.model_copy(update={"line": 10 + i}) for i, e in enumerate(answered())]
    # nobody's word stands for both answers of a pair: the tokenizer knows neither
    unknown = {"expected": "nobody", "actual": "wrote"}
    some = [e.model_copy(update=unknown) if i in (1, 5) else e for i, e in enumerate(rows)]
    _, metric = measured(loaded, some)
    notes = {note.key: note.values for note in metric.notes}
    assert metric.kind == "next_word_shift"
    assert notes == {
        "answers_unusable": {"count": 2, "lines": "11, 15"},
        "answers_incomplete": {"named": 3, "pairs": 4},
    }
    same = [e.model_copy(update={"actual": e.expected}) if i >= 4 else e for i, e in enumerate(rows)]
    _, metric = measured(loaded, same)
    assert [note.key for note in metric.notes] == ["answer_begins_other"], (
        "the pair's words are the anomalous ones"
    )
    loose = [e.model_copy(update=unknown) if i == 1 else e for i, e in enumerate(rows)]
    notes = {note.key: note.values for note in measured(loaded, loose, paired=False)[1].notes}
    assert notes["answers_unusable"] == {"count": 1, "lines": "11"}
    assert notes["answers_of_all"] == {"texts": 1, "answers": 8}
    bare = [e.model_copy(update={"expected": "", "actual": ""}) for e in rows]
    assert measured(loaded, bare)[1].notes == measured(loaded, bare, paired=False)[1].notes == ()


def test_answers_of_all_are_cut_alike_whatever_the_labels(loaded):
    """Else shuffling labels would be no fair test of the gap."""
    examples = [
        e.model_copy(update={"text": f"w1 w{20 + i} w2", "expected": f"w{i} w9", "actual": f"w{30 + i} w9"})
        for i, e in enumerate([*answered(), *answered(), *answered()])
    ]
    examples = [e.model_copy(update={"actual": ""}) if i in (0, 13) else e for i, e in enumerate(examples)]
    places = [13, *range(1, 13), 0, *range(14, 24)]
    recording = recording_of(loaded, examples)
    plain = recording.log_probabilities()
    first = make_metric(loaded, recording.texts, examples, plain, 12, False, 0)
    mixed = [examples[i] for i in places]
    again = make_metric(loaded, ids_of(loaded, mixed), mixed, plain[places], 12, False, 0)
    assert again.values == pytest.approx(first.values[places], abs=1e-4)
    assert first.notes[0].key == "answers_cut"
    assert first.notes[0].values == {"texts": 2, "kept": MOST_ANSWERS, "answers": 44}


def test_a_text_that_is_too_long_with_its_answer_is_named():
    loaded = tiny("gpt2", seed=2)
    long = " ".join(f"w{i}" for i in range(31))
    examples = answered()
    examples[0] = examples[0].model_copy(update={"text": long, "line": 7, "expected": "w1 w2 w3"})
    with pytest.raises(ExamplesError, match="Line 7: the text with its answer of 3 tokens has 33 tokens"):
        measured(loaded, examples)
    examples[0] = examples[0].model_copy(update={"text": long.rsplit(" ", 1)[0]})
    assert measured(loaded, examples)[1].kind == "answer_difference"


def test_gap_of_pairs_goes_through_the_alignment():
    loaded = tiny("llama", seed=2)
    rows = [e.model_copy(update={"pair": f"p{i % 4}"}) for i, e in enumerate(answered())]
    alignment = align(ExampleSet(examples=tuple(rows)), ids_of(loaded, rows))
    assert alignment.pairs == [(i, i + 4) for i in range(4)]
    _, metric = measured(loaded, rows)
    for row in range(len(metric.rows)):
        own, other = metric.rows[row], metric.rows[metric.partner(row)]
        assert abs(own.text - other.text) == 4
        assert own.answer == other.answer
