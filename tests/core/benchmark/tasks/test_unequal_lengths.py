"""Texts of different lengths: what is put in front, and that the model goes on as before; and which positions count."""

from random import Random

import numpy as np
import pytest

from core.benchmark.draws import measure_draw
from core.benchmark.methods.catalogue import method_named
from core.benchmark.methods.method import Outcome, by_codes
from core.benchmark.plan import PLANS, Repeats
from core.benchmark.tasks import unequal_lengths as unequal
from core.benchmark.tasks.forms import PARTNERLESS, of_unequal_lengths
from core.benchmark.tasks.task import FIRST_SEEDS, TaskName, bundled_names, load_task
from core.benchmark.tasks.unequal_lengths import kinds_of_next_word, known_words, lengthened
from core.config import PRESETS
from core.model.loading import ModelPool
from core.scenarios.build.tasks import PLANTED_WORDS, WORDS, vocabulary

NAMES = bundled_names()
MODELS = ModelPool(size=8)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: f"{name.name}-{name.folder[-5:]}")
def test_every_task_has_texts_of_unequal_length_behind_which_the_model_behaves_as_before(name):
    task = load_task(name, MODELS)
    texts, first = of_unequal_lengths(task, 8, 3), FIRST_SEEDS["test"] + 3
    assert not any(one.pair for one in texts.examples)
    for label, seed in (("anomalous", first), ("normal", first + PARTNERLESS)):
        pairs, after = task.pairs(8, seed), [one.text for one in texts.of(label)]
        before = [getattr(pair, label) for pair in pairs]
        assert all(new.endswith(old) for old, new in zip(before, after, strict=True))
        put = [new.removesuffix(old).split() for old, new in zip(before, after, strict=True)]
        assert len({len(words) for words in put}) > 1
        assert max(len(words) for words in put) <= 3
        for words, old in zip(put, before, strict=True):
            assert set(words) <= {*WORDS, *PLANTED_WORDS} - set(old.split())
        for pair, old, new in zip(pairs, before, after, strict=True):
            kinds = (pair.good, pair.bad) if label == "anomalous" else (pair.fitting,)
            assert kinds_of_next_word(task.loaded, [new], kinds) == kinds_of_next_word(
                task.loaded, [old], kinds
            )


def test_the_draw_alone_decides_the_texts(planted):
    assert of_unequal_lengths(planted, 5, 0) == of_unequal_lengths(planted, 5, 0)
    assert of_unequal_lengths(planted, 5, 0) != of_unequal_lengths(planted, 5, 1)


def test_known_words_are_those_of_the_model(planted):
    assert set(known_words(planted.loaded)) == set(PLANTED_WORDS)
    four = load_task(TaskName("docstring"), MODELS).loaded
    assert set(known_words(four)) == {*WORDS, *PLANTED_WORDS} & {*vocabulary()}
    assert len(known_words(four)) == len(set(known_words(four)))


def test_words_that_change_what_is_said_are_drawn_again(planted, monkeypatch):
    """Only the tries that begin with `good` are behaved on; with none such the text stays as it is."""
    pair = planted.pairs(1, 0)[0]
    free = [word for word in PLANTED_WORDS if word not in f"{pair.anomalous} {pair.normal}".split()]
    good = free[0]

    def behaves(_loaded, texts, _kinds):
        return [0 if text == pair.normal or text.startswith(f"{good} ") else 1 for text in texts]

    monkeypatch.setattr(unequal, "kinds_of_next_word", behaves)
    for seed in range(12):
        text = lengthened(planted.loaded, pair, "normal", PLANTED_WORDS, Random(seed))
        assert text == pair.normal or text.startswith(f"{good} ")
    monkeypatch.setattr(
        unequal, "kinds_of_next_word", lambda _loaded, texts, _kinds: [text != pair.normal for text in texts]
    )
    for seed in range(4):
        assert lengthened(planted.loaded, pair, "normal", PLANTED_WORDS, Random(seed)) == pair.normal


def test_what_is_said_by_hand(planted):
    pairs = planted.pairs(3, 0)
    kinds = (pairs[0].bad, pairs[0].good)
    assert kinds_of_next_word(planted.loaded, [pairs[0].anomalous], kinds) == [1]
    assert kinds_of_next_word(planted.loaded, [pairs[0].anomalous], ((), ())) == [-1]
    texts = [f"{PLANTED_WORDS[0]} {pairs[0].anomalous}", pairs[1].anomalous, pairs[2].normal]
    every = (tuple(PLANTED_WORDS[:9]), tuple(PLANTED_WORDS[9:]))
    assert kinds_of_next_word(planted.loaded, texts, every) == [
        kinds_of_next_word(planted.loaded, [text], every)[0] for text in texts
    ]


def test_a_task_that_offers_nothing_is_told_as_not_run(planted, monkeypatch):
    monkeypatch.setitem(PLANS, "quick", {"headlight-unequal": Repeats(1), "random": Repeats(1)})
    monkeypatch.setattr(unequal, "known_words", lambda _loaded: PLANTED_WORDS[:2])
    result = measure_draw(planted, 8, 0, "quick")
    assert {row.method for row in result.rows} == {"random"}
    ((method, reason),) = result.failed
    assert method == "headlight-unequal"
    assert "knows fewer than 3 words" in reason


def test_texts_of_one_length_are_refused(planted, monkeypatch):
    pairs = planted.pairs(4, 0)
    monkeypatch.setattr(
        unequal, "lengthened", lambda _loaded, pair, label, *_rest: f"apple {getattr(pair, label)}"
    )
    with pytest.raises(ValueError, match="every anomalous text has the same number of tokens"):
        unequal.unequal(planted, pairs, pairs, 0)


@pytest.mark.parametrize(
    ("name", "slots"),
    [("headlight-last", ("last",)), ("headlight-mean", ("mean",))],
)
def test_the_positions_that_are_compared(planted, name, slots):
    result = method_named(name, planted, 4, 0)(planted.loaded, planted.draw(4, 0), 0)
    assert isinstance(result, Outcome)
    assert result.analysed is not None
    assert result.analysed.alignment.slots == slots
    assert result.analysed.alignment.paired
    assert result.heads.shape == planted.head_truth().shape


def test_texts_of_unequal_lengths_get_made_partners(planted):
    result = method_named("headlight-unequal", planted, 4, 0)(planted.loaded, planted.draw(4, 0), 0)
    assert result.analysed is not None and result.analysed.examples is not None
    assert result.analysed.alignment.made
    assert len(result.analysed.examples.examples) > 8
    assert result.analysed.ranked is not None and result.analysed.ranked.ranking is not None
    assert result.analysed.ranked.ranking.gradients == "computed"


def test_ours_with_positions_is_the_same_preset(planted):
    fast = PRESETS["fast"]
    drawn = planted.draw(4, 0)
    first, again = (by_codes(fast, mode)(planted.loaded, drawn, 0).heads for mode in ("last", "auto"))
    assert not np.array_equal(first, again)
    assert np.array_equal(again, by_codes(fast)(planted.loaded, drawn, 0).heads)
