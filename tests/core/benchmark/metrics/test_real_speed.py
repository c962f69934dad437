"""Whole runs of a real model in the speed table: which are measured, and on which texts. No test asserts a time."""

from random import Random

import pytest

from core.benchmark.metrics import real_speed
from core.benchmark.metrics.real_speed import SIDES, examples_of, real_speed_rows, texts_of
from core.benchmark.tasks.real.long_texts import GENERATORS
from core.model.loading import ModelPool
from core.model.tokens.tokenising import tokenise
from core.scenarios.build.tasks import TaskPair


def test_every_row_is_measured_in_a_process_of_its_own(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(real_speed, "alone", lambda measure, *about: asked.append((measure.__name__, *about)))
    monkeypatch.setattr(real_speed, "model_folder", lambda name: tmp_path / name)
    list(real_speed_rows())
    folder = str(tmp_path / "SmolLM2-135M-Instruct")
    runs = [("whole_run", folder, kind) for kind in ("short", "late", "early")]
    assert asked == [*runs, ("every_head", folder)]


def test_without_the_model_nothing_is_measured(monkeypatch):
    monkeypatch.delenv("HEADLIGHT_REAL_MODELS", raising=False)
    assert list(real_speed_rows()) == []


def test_pairs_have_the_words_that_tell_their_sides_apart():
    pair = TaskPair("any", "Anna and", "Tom and", "Tom", "Anna", ("Tom",), ("Anna",), ("Tom", "Anna"))
    both = examples_of([pair]).examples
    assert [(one.label, one.text, one.pair) for one in both] == [
        ("anomalous", "Anna and", "pair 1"),
        ("normal", "Tom and", "pair 1"),
    ]
    assert {(one.expected, one.actual) for one in both} == {(" Tom", " Anna")}


@pytest.mark.parametrize("kind", list(GENERATORS))
def test_the_same_seed_gives_the_same_long_texts(kind):
    first, again, other = (GENERATORS[kind](Random(seed)) for seed in (3, 3, 4))
    assert first == again
    assert first.anomalous != other.anomalous


@pytest.mark.slow
def test_long_texts_differ_where_it_is_said(smollm2):
    loaded = ModelPool(size=1).get(str(smollm2), "cpu")
    for kind, first, last in (("late", 200, 300), ("early", 200, 300)):
        ids = tokenise(loaded, texts_of(loaded, kind))
        assert len(ids) == 2 * SIDES[kind]
        for anomalous, normal in zip(ids[: SIDES[kind]], ids[SIDES[kind] :], strict=True):
            assert first <= len(anomalous) == len(normal) <= last
            places = [
                place for place, pair in enumerate(zip(anomalous, normal, strict=True)) if pair[0] != pair[1]
            ]
            assert places == [len(anomalous) - 5] if kind == "late" else len(places) == 1 and places[0] < 60
