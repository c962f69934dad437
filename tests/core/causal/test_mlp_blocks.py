"""Effects of MLP blocks against plain surgery: the block's own module gives what it gave on another text."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.causal import patching as patching_module
from core.causal.mlp_blocks import mlps_of
from core.causal.mlp_blocks import outputs as outputs_module
from core.generators import result_of
from core.heads import HeadId, MlpId
from core.model.loaded_model import LoadedModel
from tests.support import every_type
from tests.support.pairs import pairs, patched
from tests.support.surgery import hook_count, plain_difference
from tests.support.tiny_models import tiny, word_tokenizer

MODULES = {
    "gpt2": "mlp",
    "llama": "mlp",
    "gpt_neox": "mlp",
    "gemma2": "post_feedforward_layernorm",
    "mixtral": "mlp",
}
"""What adds to the stream beside attention; a norm stands behind the MLP in Gemma 2, and Mixtral chooses experts."""


def model_of(kind: str) -> LoadedModel:
    if kind == "mixtral":
        return LoadedModel(every_type.tiny(kind), word_tokenizer(), kind)
    return tiny(kind, seed=2)


@pytest.fixture(params=MODULES, scope="module")
def loaded(request):
    return model_of(request.param)


@contextmanager
def hooked(loaded: LoadedModel, layer: int, change):
    module = getattr(loaded.layers[layer], MODULES[loaded.shape.architecture])
    with module.register_forward_hook(lambda _module, _args, output: change(output)):
        yield


def by_surgery(loaded, texts, examples, text: int, donor: int | None, layers) -> float:
    """The metric of a text whose MLP blocks in these layers give what they gave on the donor, or nothing."""
    given = {}
    for layer in layers:
        with hooked(loaded, layer, lambda output, layer=layer: given.update({layer: output.clone()})):
            if donor is not None:
                logits(loaded, texts[donor])
    handles = []
    for layer in layers:
        module = getattr(loaded.layers[layer], MODULES[loaded.shape.architecture])
        value = given.get(layer)
        handles.append(
            module.register_forward_hook(
                lambda _m, _a, output, value=value: torch.zeros_like(output) if value is None else value
            )
        )
    try:
        return plain_difference(loaded, logits(loaded, texts[text]), examples[text])
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def logits(loaded, ids):
    return loaded.model(input_ids=torch.tensor([ids])).logits[0, -1]


def effects_by_surgery(loaded, examples, targets) -> np.ndarray:
    texts = [loaded.encode(example.text) for example in examples]
    plain = [by_surgery(loaded, texts, examples, text, None, ()) for text in range(8)]
    gap = np.mean(plain[:4]) - np.mean(plain[4:])
    effects = np.zeros((2, len(targets), 4))
    for number, target in enumerate(targets):
        layers = [mlp.layer for mlp in target]
        for pair in range(4):
            noised = by_surgery(loaded, texts, examples, pair, pair + 4, layers)
            denoised = by_surgery(loaded, texts, examples, pair + 4, pair, layers)
            effects[:, number, pair] = plain[pair] - noised, denoised - plain[pair + 4]
    return effects / gap


def test_effects_equal_module_surgery_in_both_directions(loaded):
    examples = pairs()
    patching, metric = patched(loaded, examples)
    mlps = mlps_of(loaded)
    targets = [*mlps, frozenset(mlps)]
    effects = result_of(patching.effects(targets, metric))
    expected = effects_by_surgery(loaded, examples, [[mlp] for mlp in mlps] + [mlps])
    np.testing.assert_allclose(effects, expected, atol=2e-3)
    assert np.abs(effects).max() > 0.05
    assert hook_count(loaded) == 0


def test_without_a_module_of_its_own_the_rest_of_the_block_is_exchanged(loaded, monkeypatch):
    examples = pairs()
    patching, metric = patched(loaded, examples)
    targets = [*mlps_of(loaded), [MlpId(1), HeadId(1, 0), HeadId(0, 1)]]
    usual = result_of(patching.effects(targets, metric))
    nameless = replace(loaded.abilities, mlp_modules=dict.fromkeys(loaded.abilities.mlp_modules, ""))
    monkeypatch.setattr(loaded, "abilities", nameless)
    again, metric = patched(loaded, examples)
    np.testing.assert_allclose(result_of(again.effects(targets, metric)), usual, atol=2e-3)


def test_batched_equals_one_by_one_with_heads_and_mlp_blocks_mixed(loaded, monkeypatch):
    heads = [HeadId(0, 1), HeadId(2, 0)]
    targets = [MlpId(0), HeadId(1, 3), MlpId(2), [MlpId(1), *heads], [*heads, *mlps_of(loaded)]]
    together, metric = patched(loaded, pairs())
    effects = result_of(together.effects(targets, metric))
    monkeypatch.setattr(patching_module, "BATCH_ROWS", 1)
    monkeypatch.setattr(outputs_module, "MOST_BYTES", 1)  # nothing is held from one layer to the next
    single, _ = patched(loaded, pairs())
    np.testing.assert_allclose(result_of(single.effects(targets, metric)), effects, atol=2e-4)
    assert np.abs(effects[:, 3] - effects[:, 0]).max() > 1e-3


def test_by_mean_and_zero_the_output_is_the_mean_of_the_normal_texts_or_nothing():
    loaded, examples = tiny("llama", seed=2), pairs()
    patching, metric = patched(loaded, examples, "mean")
    texts = [loaded.encode(example.text) for example in examples]
    kept = []
    with hooked(loaded, 1, lambda output: kept.append(output[0].clone())):
        for ids in texts[4:]:
            logits(loaded, ids)
    everywhere, last = torch.cat(kept).mean(0), torch.stack([one[-1] for one in kept]).mean(0)
    by_mean, by_zero = (
        result_of(patching.measure([MlpId(1)], range(4), metric, kind))[0] for kind in ("mean", "zero")
    )
    for text in range(4):
        value = everywhere.repeat(len(texts[text]), 1)
        value[-1] = last
        with hooked(loaded, 1, lambda _output, value=value: value[None]):
            expected = plain_difference(loaded, logits(loaded, texts[text]), examples[text])
        assert by_mean[text] == pytest.approx(expected, abs=2e-3)
        assert by_zero[text] == pytest.approx(by_surgery(loaded, texts, examples, text, None, [1]), abs=2e-3)


def test_in_the_planted_model_nothing_passes_through_mlp_blocks(planted):
    loaded, patching, metric = planted
    effects = result_of(patching.effects(mlps_of(loaded), metric))
    assert effects.shape[1] == 4 and np.abs(effects).max() < 1e-5


@pytest.mark.parametrize("method", ["resample", "mean"])
def test_answers_of_several_tokens_are_read_behind_the_partner_too(method):
    loaded = tiny("llama", seed=2)
    examples = [
        one.model_copy(update={"expected": f"{one.expected} w44 w45", "actual": f"{one.actual} w46"})
        for one in pairs()
    ]
    patching, metric = patched(loaded, examples, method)
    assert metric.recording is not None
    (measured,) = result_of(patching.measure([MlpId(1)], range(4), metric, method))
    texts, kept = [loaded.encode(example.text) for example in examples], []
    with hooked(loaded, 1, lambda output: kept.append(output[0].clone())):
        for ids in texts[4:]:
            logits(loaded, ids)
    everywhere, last = torch.cat(kept).mean(0), torch.stack([one[-1] for one in kept]).mean(0)

    def log_probability(text: int, answer: list[int]) -> float:
        given = {}
        with hooked(loaded, 1, lambda output: given.update(own=output.clone())):
            logits(loaded, [*texts[text + 4], *answer])
        value = given["own"]
        if method == "mean":  # the mean of last tokens stands at the last token of the text alone
            value = everywhere.repeat(value.shape[1], 1)
            value[len(texts[text]) - 1] = last
            value = value[None]
        with hooked(loaded, 1, lambda _output: value), torch.no_grad():
            read = loaded.model(input_ids=torch.tensor([[*texts[text], *answer]])).logits[0].log_softmax(-1)
        start = len(texts[text]) - 1
        return sum(float(read[start + place, token]) for place, token in enumerate(answer))

    for text, example in enumerate(examples[:4]):
        expected, actual = (
            log_probability(text, loaded.encode(words)) for words in (example.expected, example.actual)
        )
        assert measured[text] == pytest.approx(expected - actual, abs=3e-3)
