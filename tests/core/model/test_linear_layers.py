"""Products of linear layers by oneDNN are PyTorch's own, with and without gradients; nothing else is touched."""

import copy

import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from core.model import linear_layers
from core.model.linear_layers import use_onednn
from core.model.loaded_model import LoadedModel
from tests.support.tiny_models import random_model, word_tokenizer

pytestmark = pytest.mark.skipif(not linear_layers.usable(), reason="no oneDNN for this processor here")
SHAPES = [(5, 24), (2, 3, 24), (1, 1, 24), (0, 24)]


@pytest.fixture(autouse=True)
def every_size(monkeypatch):
    monkeypatch.setattr(linear_layers, "FEWEST_WEIGHTS", 1)


def layer(kind: str) -> nn.Module:
    torch.manual_seed(3)
    made = {"linear": nn.Linear(24, 10), "no bias": nn.Linear(24, 10, bias=False), "conv": Conv1D(10, 24)}[
        kind
    ]
    return made.requires_grad_(False)


@pytest.mark.parametrize("kind", ["linear", "no bias", "conv"])
@pytest.mark.parametrize("shape", SHAPES)
def test_products_and_gradients_are_those_of_pytorch(kind, shape):
    plain, fast = layer(kind), layer(kind)
    use_onednn(fast)
    given = torch.randn(*shape)
    for one in (given, torch.stack([given, given], -1)[..., 0]):
        torch.testing.assert_close(fast(one), plain(one), atol=1e-5, rtol=1e-5)
    slope = torch.randn(*shape[:-1], 10)
    gradients = []
    for module in (plain, fast):
        asked = given.clone().requires_grad_()
        gradients.append(torch.autograd.grad((module(asked) * slope).sum(), asked)[0])
    torch.testing.assert_close(gradients[1], gradients[0], atol=1e-5, rtol=1e-5)


def test_other_numbers_and_weights_that_learn_take_their_own_way(monkeypatch):
    monkeypatch.setattr(linear_layers, "_product", None)
    for changed in (layer("linear").double(), layer("linear").bfloat16(), layer("linear").requires_grad_()):
        use_onednn(changed)
        given = torch.randn(3, 24, dtype=changed.weight.dtype)
        assert torch.equal(changed(given), nn.functional.linear(given, changed.weight, changed.bias))


def test_a_layer_that_is_changed_already_or_of_another_class_is_left_alone():
    class Other(nn.Linear):
        pass

    changed, other = layer("linear"), Other(24, 10)
    changed.forward = own = lambda given: given  # type: ignore[method-assign]
    use_onednn(nn.Sequential(changed, other))
    assert changed.forward is own
    assert "forward" not in vars(other)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gpt_neox"])
def test_a_whole_model_says_the_same(kind):
    ids = torch.randint(4, 64, (2, 9), generator=torch.Generator().manual_seed(1))
    plain = random_model(kind, seed=2)
    loaded = LoadedModel(copy.deepcopy(plain), word_tokenizer(), kind)
    assert any("forward" in vars(module) for module in loaded.model.modules())
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(ids).logits, plain(ids).logits, atol=1e-4, rtol=1e-4)
        again = copy.deepcopy(loaded.model)
        for parameter in again.parameters():
            parameter.zero_()
        assert not again(ids).logits.any()
