"""The methods by their names: which there are, and what those that depend on a draw read."""

import numpy as np
import pytest

from core.benchmark.methods import catalogue
from core.benchmark.methods.catalogue import PLAIN, method_named, paper_settings, texts_of
from core.benchmark.names import (
    FORMER,
    GROUPS,
    IN_FORMS,
    INTERVENING,
    LOOKING,
    SCREENED,
    SIMPLE_IN_FORMS,
)
from core.benchmark.plan import PLANS
from core.benchmark.tasks.forms import partnerless
from core.config import PRESETS
from core.discovery import autoencoder


def test_untrained_makes_no_step(planted, monkeypatch):
    def refuse(*_args: object, **_named: object) -> None:
        raise AssertionError("a step of training")

    monkeypatch.setattr(autoencoder._Trainer, "step", refuse)
    outcome = PLAIN["untrained"](planted.loaded, planted.draw(3, 0), 0)
    assert np.ptp(outcome.heads) > 0
    assert outcome.forward_passes == 1


def test_the_published_setting_has_its_own_sparsity_and_counts_on_250_texts(planted, docstring, monkeypatch):
    monkeypatch.setattr(catalogue, "paper", lambda settings, texts=None: (settings, texts))
    settings, _ = method_named("paper-250", docstring, 8, 0)
    assert settings.sparsity == paper_settings(docstring).sparsity == 0.05
    (settings, many), (_, again), (_, other) = (
        method_named("paper-250", planted, 8, draw) for draw in (0, 0, 1)
    )
    assert settings == PRESETS["paper"]
    assert many.count("normal") == 250
    assert not {e.text for e in many.examples} & {e.text for e in planted.draw(8, 0).examples}
    assert many == again != other, "other texts for other draws"


def test_texts_without_partners_belong_to_other_pairs(planted):
    own, alone = planted.draw(5, 0), partnerless(planted, 5, 0)
    assert [one.text for one in alone.of("anomalous")] == [one.text for one in own.of("anomalous")]
    assert not {one.text for one in alone.of("normal")} & {one.text for one in own.of("normal")}
    assert len(alone.of("normal")) == 5
    assert not any(one.pair for one in alone.examples)


def test_every_method_belongs_to_a_group_and_has_a_plan():
    grouped = {name for methods in GROUPS.values() for name in methods}
    on_draws = {*IN_FORMS, *SIMPLE_IN_FORMS, "paper", "paper-250", "paper-ensemble"}
    assert grouped == set(PLANS["full"]) == {*PLAIN} | on_draws
    assert set(PLANS["quick"]) < grouped
    assert set(FORMER.values()) < grouped and not set(FORMER) & grouped


@pytest.mark.parametrize("table", ["look", "change"])
def test_methods_of_ours_are_rivals_of_none(table):
    """Neither the goals nor the page count them among the others."""
    named = {name for name in PLANS["full"] if name.startswith("headlight-")}
    assert set(GROUPS["ours"]) == {*named, "pair-difference-flow"}
    assert not {*GROUPS["ours"]} & {*GROUPS[table]}
    assert not ({*GROUPS["ours"]} - {SCREENED}) & {*LOOKING, *INTERVENING}


@pytest.mark.parametrize("name", [*IN_FORMS, *SIMPLE_IN_FORMS])
def test_methods_on_texts_without_partners_read_these_whatever_they_are_given(planted, name):
    texts, one, other = texts_of(name, planted, 4, 0), planted.draw(4, 0), planted.draw(4, 1)
    assert not any(text.pair for text in texts.examples)
    assert all(bool(text.expected) != name.endswith("no-words") for text in texts.examples)
    method = method_named(name, planted, 4, 0)
    heads = method(planted.loaded, one, 0).heads
    assert np.array_equal(heads, method(planted.loaded, other, 0).heads)


def test_texts_of_other_methods_are_those_of_the_draw(planted):
    assert texts_of("eap-ig", planted, 4, 1) == planted.draw(4, 1)
