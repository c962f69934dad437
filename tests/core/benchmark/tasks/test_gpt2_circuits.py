"""The circuits published for GPT-2 small, their texts, and where the weights come from."""

import dataclasses
import itertools
from collections import Counter

import pytest
import torch
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

from core.benchmark import draws, processes
from core.benchmark.metrics.speed import gpt2_tokenizer
from core.benchmark.tasks import gpt2_circuits as published
from core.benchmark.tasks import gpt2_texts
from core.benchmark.tasks.gpt2_circuits import (
    CIRCUITS,
    NotRun,
    YearContinuing,
    gpt2_folder,
    load_published,
    published_names,
)
from core.benchmark.tasks.gpt2_texts import NAMES, OBJECTS, PLACES, SPANS, pairs
from core.causal.metric import make_metric
from core.errors import ConfigError
from core.examples.alignment import align
from core.heads import EdgeId, HeadId, all_heads, forward_pairs
from core.model.loading import ModelPool
from core.model.recording import Recording
from core.model.tokens.tokenising import tokenise
from tests.support.paths import SHARED
from tests.support.tiny_models import save_tiny

TASKS = tuple(CIRCUITS)
NARROW = {"n_embd": 96}
"""GPT-2 small but for the width of its residual stream, so that it is made in a moment."""


@pytest.fixture(scope="module")
def source() -> str:
    folder = SHARED / "models" / "gpt2-tokenizer"
    source = str(folder) if folder.is_dir() else gpt2_tokenizer()
    if source is None:
        pytest.skip("the GPT-2 tokenizer is neither in a folder nor in the hub's cache")
    return source


@pytest.fixture(scope="module")
def tokenizer(source):
    return AutoTokenizer.from_pretrained(source, local_files_only=True)


@pytest.fixture(scope="module")
def folder(source, tokenizer, tmp_path_factory):
    """Random weights in GPT-2 small's geometry, with its tokenizer."""
    model_folder = tmp_path_factory.mktemp("gpt2")
    torch.manual_seed(0)
    GPT2LMHeadModel(GPT2Config(**NARROW)).save_pretrained(model_folder)
    tokenizer.save_pretrained(model_folder)
    return model_folder


@pytest.fixture
def nowhere(monkeypatch):
    """A machine without GPT-2's weights."""
    monkeypatch.delenv(published.VARIABLE, raising=False)
    monkeypatch.setattr(published, "try_to_load_from_cache", lambda *_where: None)


def test_indirect_object_has_26_heads_in_seven_classes_and_88_edges():
    circuit = CIRCUITS["indirect-object"]
    assert {name: len(heads) for name, heads in circuit.classes.items()} == {
        "previous token": 2,
        "duplicate token": 3,
        "induction": 4,
        "S-inhibition": 4,
        "name mover": 3,
        "backup name mover": 8,
        "negative name mover": 2,
    }
    assert len(circuit.heads) == 26, "no head stands in two classes"
    assert len(circuit.edges) == 2 * 4 + 4 * 4 + 3 * 4 + 4 * (3 + 8 + 2) == 88
    assert EdgeId(HeadId(8, 10), HeadId(9, 9)) in circuit.edges
    assert EdgeId(HeadId(2, 2), HeadId(7, 3)) not in circuit.edges
    assert {(flow.target, flow.reads) for flow in circuit.flows if flow.source == "S-inhibition"} == {
        (name, "q") for name in circuit.classes if name.endswith("name mover")
    }


def test_greater_than_has_9_heads_and_18_edges():
    circuit = CIRCUITS["greater-than"]
    names = sorted(f"{head.layer}.{head.head}" for head in circuit.heads)
    assert " ".join(names) == "0.1 0.3 0.5 5.5 6.1 6.9 7.10 8.11 9.1"
    assert len(circuit.edges) == 3 * 6 == 18
    assert all(edge.source.layer == 0 for edge in circuit.edges)


@pytest.mark.parametrize("task", TASKS)
def test_every_edge_is_a_forward_pair_of_true_heads_of_the_model(task):
    circuit = CIRCUITS[task]
    assert circuit.edges <= set(forward_pairs(all_heads(12, 12)))
    assert {head for edge in circuit.edges for head in edge} == circuit.heads


def test_an_edge_never_runs_back():
    both = published.Circuit(
        {"a": (HeadId(1, 0), HeadId(3, 0)), "b": (HeadId(2, 0),)}, (published.Flow("a", "b", "kv"),)
    )
    assert both.edges == {EdgeId(HeadId(1, 0), HeadId(2, 0))}


def test_every_word_is_one_token(tokenizer):
    for word in (*NAMES, *PLACES, *OBJECTS, *SPANS):
        assert len(tokenizer(f" {word}")["input_ids"]) == 1, word
    assert all(len(set(words)) == len(words) for words in (NAMES, PLACES, OBJECTS, SPANS))


@pytest.mark.parametrize("task", TASKS)
def test_texts_of_a_pair_differ_in_one_token_and_all_have_the_same_length(tokenizer, task):
    lengths = set()
    for pair in pairs(task, 300, 5):
        anomalous, normal = (tokenizer(text)["input_ids"] for text in (pair.anomalous, pair.normal))
        lengths |= {len(anomalous), len(normal)}
        assert sum(a != b for a, b in zip(anomalous, normal, strict=True)) == 1
        assert pair.task == task
        assert pair.expected in pair.good
        assert pair.actual in pair.bad
        assert not set(pair.good) & set(pair.bad)
    assert len(lengths) == 1


def test_a_year_is_two_tokens_of_which_the_second_is_the_word_that_follows(tokenizer):
    for century, year in itertools.product(gpt2_texts.CENTURIES, range(1, 100)):
        pieces = tokenizer.convert_ids_to_tokens(tokenizer(f" {century}{year:02d}")["input_ids"])
        assert pieces == [f"Ġ{century}", f"{year:02d}"]


def test_the_other_name_follows_and_both_orders_come_alike():
    drawn = pairs("indirect-object", 400, 0)
    first_again = 0
    for pair in drawn:
        again, third = (
            set(text.replace(",", "").split()) & set(NAMES) for text in (pair.anomalous, pair.normal)
        )
        assert again == {pair.expected, pair.actual} == set(pair.fitting)
        assert len(third - again) == 1
        assert Counter(pair.anomalous.replace(",", "").split())[pair.actual] == 2
        first_again += pair.anomalous.index(pair.actual) < pair.anomalous.index(f" {pair.expected} ")
    assert 150 < first_again < 250
    assert len({pair.anomalous.split()[0] for pair in drawn}) == len(gpt2_texts.TEMPLATES)


def test_the_closing_year_must_be_greater():
    for pair in pairs("greater-than", 200, 0):
        century, year = pair.anomalous.split()[-1], pair.anomalous.split()[6][2:]
        assert pair.normal == pair.anomalous.replace(century + year, century + "01")
        assert set(pair.good) == {f"{later:02d}" for later in range(int(year) + 1, 100)}
        assert set(pair.bad) | set(pair.good) == set(pair.fitting) == {f"{one:02d}" for one in range(2, 100)}


@pytest.mark.parametrize("task", TASKS)
def test_pairs_are_different_repeatable_and_fresh(task):
    drawn = pairs(task, 250, 1)
    assert len({pair.anomalous for pair in drawn}) == 250
    assert pairs(task, 250, 1) == drawn
    assert not {pair.anomalous for pair in pairs(task, 8, 2)} & {pair.anomalous for pair in drawn[:8]}
    with pytest.raises(ConfigError, match="greater-than"):
        pairs("docstring", 1, 0)


def test_nothing_runs_without_weights(nowhere):
    result = published_names()
    assert [(one.task, one.model) for one in result] == [(task, "gpt2-small") for task in TASKS]
    assert all(isinstance(one, NotRun) and "HEADLIGHT_GPT2" in one.reason for one in result)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result[0].reason = ""


def test_a_named_folder_without_a_model_is_not_run_and_nothing_else_is_tried(nowhere, monkeypatch, tmp_path):
    monkeypatch.setenv(published.VARIABLE, str(tmp_path / "gone"))
    for one in published_names():
        assert isinstance(one, NotRun)
        assert str(tmp_path / "gone") in one.reason


def test_a_name_leads_another_process_to_the_same_task(folder, monkeypatch):
    monkeypatch.setenv(published.VARIABLE, str(folder))
    monkeypatch.setattr(draws, "planned", lambda *_what: [("pair-difference-norm", range(1))])
    for name, task in zip(published_names(), TASKS, strict=True):
        assert (name.name, name.folder, name.published, name.role) == (task, str(folder), True, "test")
        result = processes.do(processes.Job(name, 4, 0, "quick"))
        assert {(row.task, row.model) for row in result.rows} == {(task, "gpt2-small")}


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_another_model_is_not_run(tmp_path, kind):
    result = load_published("greater-than", save_tiny(tmp_path / kind, kind), ModelPool())
    assert isinstance(result, NotRun)
    assert "expected gpt2 with 12 layers of 12 heads" in result.reason
    assert f"found {kind} with 3 layers of 4 heads" in result.reason


def test_another_tokenizer_is_not_run(tmp_path):
    model_folder = save_tiny(tmp_path / "model")
    GPT2LMHeadModel(GPT2Config(vocab_size=64, n_embd=24)).save_pretrained(model_folder)
    result = load_published("indirect-object", model_folder, ModelPool())
    assert isinstance(result, NotRun)
    assert "not GPT-2's" in result.reason


def test_weights_are_looked_for_in_the_variable_then_in_the_cache_and_nowhere_beside_the_project(
    nowhere, monkeypatch, tmp_path
):
    cached = tmp_path / "cache" / "model.safetensors"
    monkeypatch.setattr(
        published,
        "try_to_load_from_cache",
        lambda name, _file: str(cached) if name == "openai-community/gpt2" else None,
    )
    assert gpt2_folder() == cached.parent
    monkeypatch.setenv(published.VARIABLE, str(tmp_path / "named"))
    assert gpt2_folder() == tmp_path / "named"


@pytest.fixture
def tasks(folder):
    models = ModelPool()
    return {name: load_published(name, folder, models) for name in TASKS}


def test_texts_line_up_and_the_behaviour_is_read_at_the_word_that_follows(tasks):
    for task in tasks.values():
        drawn = task.draw(4, 0)
        ids = tokenise(task.loaded, drawn)
        alignment = align(drawn, ids)
        assert (alignment.mode, alignment.paired, alignment.n_anomalous) == ("aligned", True, 4)
        kept = [drawn.examples[i] for i in alignment.kept]
        recording = Recording(task.loaded, ids).of(alignment.kept)
        logits = recording.log_probabilities()
        measured = make_metric(task.loaded, recording.texts, kept, logits, 4, True, 0)
        assert measured.kind == "logit_difference"
        space = "" if task.name == "greater-than" else "Ġ"
        for text, example in enumerate(kept):
            read = task.loaded.tokenizer.convert_ids_to_tokens(
                [part.token for part in measured.parts if part.text == text]
            )
            assert read == [space + example.expected, space + example.actual]
    assert isinstance(tasks["greater-than"].loaded, YearContinuing)
    assert tasks["greater-than"].loaded.model is tasks["indirect-object"].loaded.model


def test_rows_of_a_method_name_task_and_model(tasks, monkeypatch):
    monkeypatch.setattr(draws, "planned", lambda *_what: [("pair-difference-norm", range(1))])
    for name, task in tasks.items():
        assert (task.head_truth().sum(), task.edge_truth().sum()) == (
            (26, 88) if name == "indirect-object" else (9, 18)
        )
        result = draws.measure_draw(task, 4, 0, "quick")
        assert result.failed == []
        assert [(row.task, row.model, row.method, row.unit) for row in result.rows] == [
            (name, "gpt2-small", "pair-difference-norm", unit) for unit in ("head", "edge")
        ]
        assert all(0 < row.auc < 1 for row in result.rows)
