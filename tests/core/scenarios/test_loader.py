"""The bundled scenarios: complete, small, answered by their models, their truth measured again."""

import subprocess
import sys
from difflib import SequenceMatcher

import pytest
import torch

from core.errors import ConfigError
from core.examples.example_set import LABELS
from core.examples.reading import read_examples
from core.heads import HeadId, all_heads, forward_pairs
from core.model.loading import LoadedModel, load_model
from core.scenarios.build.make_examples import PAIRS, SEED, examples_of
from core.scenarios.build.make_planted import INDUCTION, PREVIOUS, build_model, true_edges
from core.scenarios.build.make_planted import build_tokenizer as planted_tokenizer
from core.scenarios.build.make_truth import EDGE_SHARE, HEAD_SHARE, hidden_heads
from core.scenarios.build.patching import PairPatching
from core.scenarios.build.tasks import PLANTED, TASKS, WORDS, pairs, vocabulary
from core.scenarios.build.train_tasks import build_tokenizer
from core.scenarios.loader import FOLDER, Effect, load_scenario, load_truth, parse_edge, scenario_names

GENERATED = (*TASKS, PLANTED)
CHANGED = {"indirect-object": 1, "greater-than": 1, "docstring": 4, "induction": 1, PLANTED: 1}
FRESH = 31_415


@pytest.fixture(scope="module")
def four_tasks() -> LoadedModel:
    return load_model(load_scenario("induction").model_folder, "cpu")


@pytest.fixture(scope="module")
def planted() -> LoadedModel:
    return load_model(load_scenario(PLANTED).model_folder, "cpu")


def model_of(name: str, request: pytest.FixtureRequest) -> LoadedModel:
    loaded: LoadedModel = request.getfixturevalue("planted" if name == PLANTED else "four_tasks")
    return loaded


def accuracy(loaded: LoadedModel, name: str, count: int) -> float:
    drawn = pairs(name, count, FRESH)
    ids = torch.tensor([loaded.encode(pair.anomalous) for pair in drawn])
    with torch.no_grad():
        best = loaded.model(input_ids=ids).logits[:, -1].argmax(-1).tolist()
    right = [loaded.tokenizer.decode([token]) in pair.good for token, pair in zip(best, drawn, strict=True)]
    return sum(right) / count


@pytest.mark.parametrize("name", GENERATED)
def test_texts_of_a_pair_differ_only_where_said(name: str) -> None:
    tokenizer = planted_tokenizer() if name == PLANTED else build_tokenizer()
    for pair in pairs(name, 50, seed=1):
        anomalous, normal = tokenizer.tokenize(pair.anomalous), tokenizer.tokenize(pair.normal)
        assert len(anomalous) == len(normal)
        assert sum(a != b for a, b in zip(anomalous, normal, strict=True)) == CHANGED[name]
        assert anomalous[-1] == normal[-1]
        assert "<unk>" not in anomalous + normal + tokenizer.tokenize(" ".join(pair.good + pair.bad))
        assert pair.expected in pair.good
        assert pair.actual in pair.bad
        assert not set(pair.good) & set(pair.bad)


@pytest.mark.parametrize("name", GENERATED)
def test_same_seed_same_pairs(name: str) -> None:
    assert pairs(name, 20, seed=3) == pairs(name, 20, seed=3)
    assert pairs(name, 20, seed=3) != pairs(name, 20, seed=4)
    assert len({pair.anomalous for pair in pairs(name, 100, seed=3)}) > 80


def test_the_answer_of_a_task_follows_from_its_text() -> None:
    for pair in pairs("indirect-object", 30, seed=2):
        words = build_tokenizer().tokenize(pair.anomalous)
        assert (words.count(pair.expected), words.count(pair.actual)) == (1, 2)
    for pair in pairs("greater-than", 30, seed=2):
        opening = int(pair.anomalous.split()[7])
        assert min(map(int, pair.good)) == opening + 1
        assert max(map(int, pair.bad)) == opening
    for pair in pairs("docstring", 30, seed=2):
        assert f"{pair.anomalous.split('param ')[2].split(':')[0]}, {pair.expected}," in pair.anomalous
        assert pair.expected not in build_tokenizer().tokenize(pair.normal)
    for pair in pairs("induction", 30, seed=2):
        words = pair.anomalous.split()
        assert words[words.index(words[-1]) + 1] == pair.expected
        assert pair.normal.split().count(words[-1]) == 1


def test_unknown_tasks_and_scenarios_name_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="induction"):
        pairs("inductoin", 3, seed=0)
    with pytest.raises(ConfigError, match="greater-than"):
        load_scenario("../models")


def test_vocabulary_has_no_word_twice() -> None:
    assert len(vocabulary()) == len(set(vocabulary()))
    assert len(WORDS) == 40


@pytest.mark.parametrize("name", GENERATED)
def test_scenario_is_complete_in_both_languages(name: str) -> None:
    assert name in scenario_names()
    scenario = load_scenario(name)
    for texts in (scenario.title, scenario.story):
        assert sorted(texts) == ["en", "ja"]
        assert all(text.strip() for text in texts.values())
        assert SequenceMatcher(None, texts["en"], texts["ja"]).ratio() < 0.5
    assert scenario.truth_file is not None
    files = {file.name for file in scenario.model_folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= files


@pytest.mark.parametrize("name", GENERATED)
def test_examples_are_the_generator_s(name: str) -> None:
    examples = read_examples(load_scenario(name).examples_file).check()
    assert [examples.count(label) for label in LABELS] == [8, 8]
    keys = ("label", "text", "pair", "expected", "actual")
    expected = [[getattr(e, key) for key in keys] for e in examples_of(pairs(name, PAIRS, SEED))]
    assert [[getattr(e, key) for key in keys] for e in examples.examples] == expected


def test_weights_are_small() -> None:
    sizes = {file: file.stat().st_size for file in (FOLDER / "models").rglob("*.safetensors")}
    assert sum(sizes.values()) <= 12_000_000
    assert (
        sum(size for file, size in sizes.items() if file.parent.name in ("four-tasks", "planted"))
        <= 7_000_000
    )


@pytest.mark.parametrize("name", GENERATED)
def test_model_solves_fresh_texts(name: str, request: pytest.FixtureRequest) -> None:
    assert accuracy(model_of(name, request), name, 300) >= 0.95


@pytest.mark.parametrize("name", GENERATED)
def test_model_is_right_on_every_example(name: str, request: pytest.FixtureRequest) -> None:
    loaded = model_of(name, request)
    for pair in pairs(name, PAIRS, SEED):
        with torch.no_grad():
            best = (
                loaded.model(input_ids=torch.tensor([loaded.encode(pair.anomalous)])).logits[0, -1].argmax()
            )
        assert loaded.tokenizer.decode([int(best)]) in pair.good


@pytest.mark.parametrize("name", GENERATED)
def test_truth_is_of_this_model_and_follows_its_rule(name: str, request: pytest.FixtureRequest) -> None:
    truth, loaded = load_truth(name), model_of(name, request)
    assert truth is not None
    assert truth.model_hash == loaded.weights_hash
    assert set(truth.head_effects) == set(all_heads(loaded.shape.n_layers, loaded.shape.n_heads))
    assert set(truth.edge_effects) == set(forward_pairs(loaded.heads))
    strong = {head for head, effect in truth.head_effects.items() if abs(effect.largest) >= HEAD_SHARE}
    assert strong <= truth.heads
    assert len(truth.heads) < len(truth.head_effects)
    edges = {edge for edge, effect in truth.edge_effects.items() if abs(effect.largest) >= EDGE_SHARE}
    assert edges == truth.edges


@pytest.mark.parametrize("name", GENERATED)
def test_truth_can_be_measured_again(name: str, request: pytest.FixtureRequest) -> None:
    truth, loaded = load_truth(name), model_of(name, request)
    assert truth is not None
    patching = PairPatching(loaded, pairs(name, 24, FRESH))
    ranked = sorted(truth.head_effects, key=lambda head: -abs(truth.head_effects[head].largest))
    heads = [ranked[0], ranked[1], ranked[-1]]
    for head, effect in zip(heads, patching.effects([(head,) for head in heads]), strict=True):
        assert effect.noising == pytest.approx(truth.head_effects[head].noising, abs=0.12)
        assert effect.denoising == pytest.approx(truth.head_effects[head].denoising, abs=0.12)
    edges = sorted(truth.edge_effects, key=lambda edge: -abs(truth.edge_effects[edge].largest))[:2]
    for edge, effect in zip(edges, patching.effects(edges), strict=True):
        assert effect.noising == pytest.approx(truth.edge_effects[edge].noising, abs=0.12)
        assert effect.denoising == pytest.approx(truth.edge_effects[edge].denoising, abs=0.12)


def test_patching_everything_closes_the_gap(planted: LoadedModel) -> None:
    every = tuple(all_heads(4, 6))
    patching = PairPatching(planted, pairs(PLANTED, 10, FRESH))
    true, (whole, none) = tuple(PREVIOUS + INDUCTION), patching.effects([every, (HeadId(1, 0),)])
    assert whole.noising == pytest.approx(patching.effects([true])[0].noising, abs=0.02)
    assert whole.noising > 0.95
    assert abs(none.largest) < 0.02


def test_planted_circuit_is_what_patching_measures(planted: LoadedModel) -> None:
    patching = PairPatching(planted, pairs(PLANTED, 24, FRESH))
    heads, edges = all_heads(4, 6), list(forward_pairs(all_heads(4, 6)))
    measured = patching.effects([(head,) for head in heads])
    strong = {head for head, effect in zip(heads, measured, strict=True) if abs(effect.largest) >= HEAD_SHARE}
    assert strong == {*PREVIOUS, *INDUCTION}
    measured = patching.effects(edges)
    assert {e for e, effect in zip(edges, measured, strict=True) if abs(effect.largest) >= EDGE_SHARE} == set(
        true_edges()
    )
    truth = load_truth(PLANTED)
    assert truth is not None
    assert (truth.heads, truth.edges) == ({*PREVIOUS, *INDUCTION}, set(true_edges()))


def test_planted_weights_are_those_of_the_script(planted: LoadedModel) -> None:
    for name, tensor in build_model().half().state_dict().items():
        torch.testing.assert_close(planted.model.state_dict()[name].half(), tensor, rtol=0, atol=0)


class Redundant:
    """Patching of three heads of one layer where H0 and H1 each do the whole work alone, and H2 nothing."""

    def effects(self, targets: list[tuple[HeadId, ...]]) -> list[Effect]:
        both = {HeadId(0, 0), HeadId(0, 1)}
        return [Effect(0.4 if both <= set(target) else 0.0, 0.0, 10) for target in targets]


def test_heads_that_hide_each_other_are_found() -> None:
    heads = [HeadId(0, head) for head in range(3)]
    single = dict(zip(heads, Redundant().effects([(head,) for head in heads]), strict=True))
    assert hidden_heads(Redundant(), single, set()) == {HeadId(0, 0), HeadId(0, 1)}  # type: ignore[arg-type]
    assert hidden_heads(Redundant(), single, {HeadId(0, 0)}) == set()  # type: ignore[arg-type]


def test_edge_names_round_trip() -> None:
    for edge in true_edges():
        assert parse_edge(str(edge)) == edge


def test_listing_scenarios_needs_no_torch() -> None:
    code = (
        "import sys; from core.scenarios.loader import *; import core.scenarios.loader as s;"
        "[s.load_truth(n) for n in s.scenario_names()];"
        "sys.exit(any(m in sys.modules for m in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=FOLDER.parent.parent, check=False).returncode == 0
