"""The benchmark's models of other architectures: small, right on their tasks, with truths that are theirs."""

import json
from pathlib import Path
from random import Random

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

from core.benchmark.tasks.task import MODELS, bundled_names, load_task, names_in
from core.benchmark.tasks.train_models import SHAPES, build_model, texts_for
from core.heads import all_heads
from core.model.loading import ModelPool
from core.scenarios.build.make_truth import RULE, SEED
from core.scenarios.build.output_norms import OutputNorms
from core.scenarios.build.tasks import NAMES, TASKS, pairs, vocabulary
from core.scenarios.build.train_tasks import accuracies, build_tokenizer
from core.scenarios.build.training_texts import TOKEN, batch_of, earlier_name, spread_names, texts_of_step

BUNDLED = names_in(MODELS, "test")


@pytest.fixture(scope="module")
def pool() -> ModelPool:
    return ModelPool(size=4)


def test_three_architectures_beside_gpt2_have_all_four_tasks():
    folders = {Path(name.folder).name for name in BUNDLED}
    assert folders == set(SHAPES) == {"llama", "gpt_neox", "qwen3"}
    assert len(BUNDLED) == len(TASKS) * len(folders)
    assert set(BUNDLED) <= set(bundled_names())


@pytest.mark.parametrize("name", BUNDLED, ids=lambda name: f"{Path(name.folder).name}-{name.name}")
def test_a_bundled_model_does_its_task_and_the_truth_is_its_own(name, pool):
    task = load_task(name, pool)
    assert task.model == Path(name.folder).name
    right = 0
    for pair in task.pairs(50, 91_000):
        logits = task.loaded.model(input_ids=torch.tensor([task.loaded.encode(pair.anomalous)])).logits
        right += int(logits[0, -1].argmax()) in map(task.loaded.word_token, pair.good)
    assert right >= 48
    truth = json.loads((Path(name.folder) / f"{name.name}.json").read_text(encoding="utf-8"))
    assert truth["model_hash"] == task.loaded.weights_hash
    assert (truth["rule"], truth["seed"]) == (RULE, SEED)
    assert 3 <= len(task.true_heads) <= 16
    assert task.true_edges
    assert set(truth["head_effects"]) == {str(head) for head in all_heads(4, 8)}
    assert truth["gap"][0] > 2 > abs(truth["gap"][1])


@pytest.mark.parametrize("architecture", sorted(SHAPES))
def test_weights_are_safetensors_alone_small_and_loaded_as_float32(architecture, pool):
    folder = MODELS / architecture
    assert (folder / "model.safetensors").stat().st_size <= 1_500_000
    assert not [file for file in folder.iterdir() if file.suffix not in (".json", ".safetensors")]
    loaded = pool.get(str(folder), "cpu")
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}
    assert (loaded.shape.n_layers, loaded.shape.n_heads) == (4, 8)
    assert loaded.tokenizer.get_vocab() == build_tokenizer().get_vocab()


def test_a_file_of_half_floats_gives_float32_outputs(tmp_path):
    for file in (MODELS / "llama").glob("*.json"):
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    halves = {key: value.half() for key, value in load_file(MODELS / "llama" / "model.safetensors").items()}
    save_file(halves, tmp_path / "model.safetensors", {"format": "pt"})
    model = ModelPool().get(str(tmp_path), "cpu").model
    assert model(input_ids=torch.tensor([[5, 6, 7]])).logits.dtype == torch.float32


@pytest.mark.parametrize("architecture", sorted(SHAPES))
def test_the_start_looks_one_token_back_and_finds_what_came_before(architecture):
    """Nothing is trained yet: L0H0 and L0H2 look back by one, L1H0 and L1H2 behind the earlier occurrence."""
    model = build_model(architecture, torch.Generator().manual_seed(0), seed=0)
    model.set_attn_implementation("eager")
    tokenizer = build_tokenizer()
    back, result = [], []
    for pair in pairs("induction", 20, seed=5):
        ids = tokenizer(pair.anomalous)["input_ids"]
        with torch.no_grad():
            looks = model(input_ids=torch.tensor([ids]), output_attentions=True).attentions
        back.append(torch.diagonal(looks[0][0], offset=-1, dim1=1, dim2=2)[:, 1:].mean(1))
        result.append(looks[1][0, :, -1, ids.index(ids[-1]) + 1])
    back, result = torch.stack(back).mean(0), torch.stack(result).mean(0)
    assert (back[[0, 2]] > 0.6).all()
    assert (back[[1, 3, 4, 5, 6, 7]] < 0.3).all()
    assert (result[[0, 2]] > 2 * result[[1, 3, 4, 5, 6, 7]].max()).all()


@pytest.mark.parametrize("architecture", ["gpt2", *sorted(SHAPES)])
def test_lengths_of_head_outputs_are_those_that_the_projection_adds_up(architecture):
    """With all heads but one silenced, the length of that one is that of what the attention writes."""
    torch.manual_seed(0)
    shape = SHAPES.get(architecture) or {
        "vocab_size": len(vocabulary()),
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 8,
    }
    model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[architecture](**shape))
    batch = batch_of(texts_of_step(0, 1, 0), build_tokenizer().get_vocab(), torch.Generator().manual_seed(0))
    written = []
    with OutputNorms(model) as norms:
        norms.start(batch.mask)
        projection, head = norms.projections[0], 3
        linear = isinstance(projection, torch.nn.Linear)
        with torch.no_grad():
            weight = projection.weight.T if linear else projection.weight
            rows = weight.unflatten(0, (8, -1))
            rows[[other for other in range(8) if other != head]] = 0
            if projection.bias is not None:
                projection.bias.zero_()
        projection.register_forward_hook(lambda module, args, output: written.append(output))
        model(input_ids=batch.ids)
    lengths = [float(length) for length in norms.heads[0].detach()]
    expected = (written[0].detach().square().sum(-1) + 1e-6).sqrt()[batch.mask.bool()].mean()
    assert lengths[head] == pytest.approx(float(expected), rel=1e-4)
    assert lengths[head] > 2e-3 > max(lengths[:head])


def test_words_put_in_leave_the_names_and_the_answer():
    random = Random(3)
    lengths = set()
    for _ in range(60):
        text = spread_names(random)
        ((place, answers),) = text.answers.items()
        names = [word for word in text.words if word in NAMES]
        assert place == len(text.words) - 1
        assert len(names) == 3
        once = {name for name in names[:2] if names.count(name) == 1}
        assert set(answers) == (once if len(once) == 1 else set(names[:2]))
        lengths.add(len(text.words))
    plain = {len(TOKEN.findall(pair.anomalous)) for pair in pairs("indirect-object", 40, seed=1)}
    assert max(lengths) == max(plain) + 6
    assert min(lengths) == min(plain)


def test_a_sentence_before_names_one_of_the_two():
    random = Random(4)
    counted = set()
    for _ in range(60):
        text = earlier_name(random)
        ((place, answers),) = text.answers.items()
        names = [word for word in text.words if word in NAMES]
        assert place == len(text.words) - 1 < 31
        assert text.words.index(".") == 5
        assert len(names) == 4
        assert names[0] in names[1:3]
        assert set(answers) == set(names[1:3]) - {names[3]}
        counted.add(names[0] in answers)
    assert counted == {True, False}
    last = [texts_for(architecture, 0, 2, 1)[-1].words for architecture in ("llama", "gpt_neox")]
    assert ["." in words for words in last] == [False, True]


def test_accuracy_counts_fresh_anomalous_texts(pool):
    loaded = pool.get(str(MODELS / "llama"), "cpu")
    ids = loaded.tokenizer.get_vocab()
    assert min(accuracies(loaded.model, ids, count=50, seed=4).values()) >= 0.95
    with torch.no_grad():
        untrained = build_model("llama", torch.Generator().manual_seed(0), seed=0)
        assert accuracies(untrained, ids, count=50, seed=4)["indirect-object"] < 0.5
