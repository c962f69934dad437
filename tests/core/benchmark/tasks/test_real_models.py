"""Behaviours of real models: how pairs are drawn, when a truth holds, and what is told where a model is missing."""

import json
import os
from pathlib import Path

import pytest

from core.benchmark.names import LARGE_REAL, SMALL_REAL
from core.benchmark.tasks.forms import of_unequal_lengths, partnerless
from core.benchmark.tasks.real import drawing, make_truths, models
from core.benchmark.tasks.real.drawing import Drawing
from core.benchmark.tasks.real.models import MODELS, VARIABLE, RealModel, load_real, real_names, with_truth
from core.benchmark.tasks.task import NotRun, Task, TaskName
from core.heads import HeadId
from core.model.loading import LoadedModel, ModelPool, load_model
from core.scenarios.build import make_truth
from core.scenarios.build.make_truth import HEAD_SHARE, SEED
from core.scenarios.build.patching import PairPatching
from core.scenarios.build.tasks import TaskPair
from tests.support.paths import SHARED
from tests.support.smollm2 import FOLDER as SMOLLM2
from tests.support.tiny_models import WORDS, save_tiny, tiny

EVERY = [
    (model, behaviour)
    for model in MODELS
    for behaviour in model.generators
    if model.truth_file(behaviour).is_file()
]


def made(random) -> TaskPair:
    """Three to five words, then a cue; of the normal text the words are one more in half of the pairs."""
    front = random.sample(WORDS[:20], random.randint(3, 5))
    more = ["w21"] * random.randint(0, 1)
    texts = " ".join([*front, "w20"]), " ".join([*front, *more, "w22"])
    return TaskPair("made", *texts, "w30", "w31", ("w30",), ("w31",), ("w31",))


def one(random) -> TaskPair:
    return TaskPair("made", "w1 w2", "w1 w3", "w30", "w31", ("w30",), ("w31",), ("w31",))


TINY = RealModel("tiny", "test", {"made": made}, pairs=6)


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return tiny("llama", seed=3)


@pytest.fixture
def file(loaded, tmp_path, monkeypatch) -> Path:
    """The truth of the tiny model, measured."""
    monkeypatch.setattr(models, "TRUTHS", tmp_path)
    monkeypatch.setattr(make_truths, "SHOWN", 0.0)
    make_truths.write_truth(loaded, TINY, "made")
    return TINY.truth_file("made")


def test_pairs_have_as_many_tokens_on_both_sides_and_are_different(loaded):
    drawn = Drawing(loaded, made)
    pairs = drawn.natural("made", 30, 1)
    lengths = [len(loaded.encode(pair.anomalous)) for pair in pairs]
    assert lengths == [len(loaded.encode(pair.normal)) for pair in pairs]
    assert len({(pair.anomalous, pair.normal) for pair in pairs}) == 30
    assert len(set(lengths)) == 3
    assert pairs == drawn.natural("made", 30, 1) != drawn.natural("made", 30, 2)
    assert len({len(loaded.encode(pair.anomalous)) for pair in drawn.alike("made", 12, 1)}) == 1


def test_a_behaviour_with_too_few_pairs_is_refused(loaded, monkeypatch):
    monkeypatch.setattr(drawing, "TRIES", 20)
    assert len(Drawing(loaded, one).natural("made", 1, 0)) == 1
    with pytest.raises(ValueError, match="fewer than 2 different pairs of made"):
        Drawing(loaded, one).natural("made", 2, 0)


def test_true_heads_are_those_with_an_effect_of_the_share(loaded, file):
    content = json.loads(file.read_text(encoding="utf-8"))
    pairs = Drawing(loaded, made).natural("made", TINY.pairs, SEED)
    heads = [HeadId.parse(head) for head in content["head_effects"]]
    effects = PairPatching(loaded, pairs, whole_answers=True).effects([(head,) for head in heads])
    largest = {head: effect.largest for head, effect in zip(heads, effects, strict=True)}
    strong = sorted(str(head) for head, effect in largest.items() if abs(effect) >= HEAD_SHARE)
    assert content["heads"] == strong
    assert 0 < len(strong) < len(heads)
    task = with_truth(loaded, TINY, "made", file)
    assert isinstance(task, Task)
    assert {str(head) for head in task.true_heads} == set(strong)
    assert task.head_effects == largest
    assert task.model == "tiny"


def test_heads_far_below_the_mark_are_measured_on_few_pairs(loaded, tmp_path, monkeypatch):
    monkeypatch.setattr(models, "TRUTHS", tmp_path)
    monkeypatch.setattr(make_truths, "SHOWN", 0.0)
    mark = 0.3  # of a random model every head has some effect
    monkeypatch.setattr(make_truth, "HEAD_SHARE", mark)
    screened = RealModel("tiny", "test", {"made": made}, pairs=6, edges=False, screened_on=2)
    make_truths.write_truth(loaded, screened, "made")
    content = json.loads(screened.truth_file("made").read_text(encoding="utf-8"))
    rows = content["head_effects"].values()
    assert {row[2] for row in rows} == {2, 6}
    assert all(max(map(abs, row[:2])) < mark / 2 for row in rows if row[2] == 2)
    assert all(content["head_effects"][head][2] == 6 for head in content["heads"])
    assert all(abs(max(content["head_effects"][head][:2], key=abs)) >= mark for head in content["heads"])
    assert content["edges"] == []
    assert "on 2 pairs are not measured on all" in content["rule"]


def test_whole_answers_and_single_words_are_one_metric_where_answers_are_single_tokens(loaded):
    pairs = Drawing(loaded, made).natural("made", 4, 0)
    first, again = (PairPatching(loaded, pairs, whole_answers=whole) for whole in (True, False))
    assert first.anomalous == pytest.approx(again.anomalous, abs=1e-4)
    assert first.normal == pytest.approx(again.normal, abs=1e-4)


def test_a_behaviour_that_is_not_shown_is_refused(loaded, tmp_path, monkeypatch):
    monkeypatch.setattr(models, "TRUTHS", tmp_path)
    with pytest.raises(SystemExit, match="does not show"):
        make_truths.write_truth(loaded, TINY, "made")
    assert not list(tmp_path.iterdir())


def test_a_truth_of_other_weights_is_not_used(file):
    told = with_truth(tiny("llama", seed=4), TINY, "made", file)
    assert isinstance(told, NotRun)
    assert "are not those of made.json" in told.reason


def test_what_is_told_where_a_model_is_missing(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(models, "MODELS", (TINY,))
    monkeypatch.setattr(models, "TRUTHS", tmp_path / "truths")
    assert real_names() == [NotRun("made", "tiny", f"tiny is in no folder that {VARIABLE} names")]
    assert real_names("tuning") == []
    save_tiny(tmp_path / "second" / "tiny", "llama")
    monkeypatch.setenv(VARIABLE, os.pathsep.join(str(tmp_path / place) for place in ("first", "second")))
    assert real_names() == [NotRun("made", "tiny", "its true heads have not been measured")]
    (tmp_path / "truths" / "tiny").mkdir(parents=True)
    (tmp_path / "truths" / "tiny" / "made.json").write_text("{}", encoding="utf-8")
    (name,) = real_names()
    assert name == TaskName("made", str(tmp_path / "second" / "tiny"), "test", real="tiny")
    (tmp_path / "second" / "tiny" / "model.safetensors").unlink()
    told = load_real(name, ModelPool())
    assert isinstance(told, NotRun)
    assert told.reason


def test_forms_of_a_behaviour_with_several_lengths(loaded, file):
    task = with_truth(loaded, TINY, "made", file)
    assert isinstance(task, Task)
    pairs, alone, unequal = task.draw(6, 0), partnerless(task, 6, 0), of_unequal_lengths(task, 6, 0)
    lengths = [
        {len(loaded.encode(text.text)) for text in texts.examples} for texts in (pairs, alone, unequal)
    ]
    assert [len(of_form) > 1 for of_form in lengths] == [True, False, True]
    assert all(text.pair for text in pairs.examples)
    assert not any(text.pair for texts in (alone, unequal) for text in texts.examples)
    assert [one.text for one in unequal.of("anomalous")] == [one.text for one in pairs.of("anomalous")]


def test_texts_without_words(planted):
    bare = partnerless(planted, 4, 0, words=False)
    assert [one.text for one in bare.examples] == [one.text for one in partnerless(planted, 4, 0).examples]
    assert not any(one.expected or one.actual for one in bare.examples)


def test_words_cannot_be_left_out_where_they_alone_tell_the_sides_apart(loaded, file, monkeypatch):
    task = with_truth(loaded, RealModel("tiny", "test", {"made": made}, ("made",)), "made", file)
    assert isinstance(task, Task)
    assert partnerless(task, 4, 0).examples
    with pytest.raises(ValueError, match="only the words given"):
        partnerless(task, 4, 0, words=False)


def test_models_are_those_that_the_tables_know():
    small, large = (tuple(one.name for one in MODELS if one.edges is edges) for edges in (True, False))
    assert (small, large) == (SMALL_REAL, LARGE_REAL)
    assert [one.name for one in MODELS if one.role == "tuning"] == ["stories260K"]


@pytest.mark.parametrize(("model", "behaviour"), EVERY, ids=lambda value: getattr(value, "name", value))
def test_truths_hold_what_the_rule_says(model, behaviour):
    content = json.loads(model.truth_file(behaviour).read_text(encoding="utf-8"))
    largest = {head: max(row[:2], key=abs) for head, row in content["head_effects"].items()}
    assert set(content["heads"]) == {head for head, effect in largest.items() if abs(effect) >= HEAD_SHARE}
    assert min(content["shown"].values()) >= make_truths.SHOWN
    assert any(abs(effect) >= 0.1 for effect in largest.values())
    assert content["pairs"] == model.pairs
    assert bool(content["edge_effects"]) == model.edges


@pytest.mark.slow
@pytest.mark.parametrize(("model", "behaviour"), EVERY, ids=lambda value: getattr(value, "name", value))
def test_the_strongest_heads_of_a_truth_are_found_again(model, behaviour):
    """On a few pairs, by patching anew; the weights are those of the truth."""
    folder = SMOLLM2 if model.name in LARGE_REAL else SHARED / "models" / model.name
    if not (folder / "config.json").is_file():
        pytest.skip(f"{folder} is missing")
    task = with_truth(load_model(folder, "cpu"), model, behaviour, model.truth_file(behaviour))
    assert isinstance(task, Task)
    strongest = max(task.head_effects, key=lambda head: abs(task.head_effects[head]))
    patching = PairPatching(task.loaded, task.pairs(24 if model.edges else 8, 3), whole_answers=True)
    assert min(patching.shown().values()) >= make_truths.SHOWN
    again = patching.effects([(strongest,)])[0].largest / task.head_effects[strongest]
    assert 2 / 3 < again < 3 / 2
