"""What the self-test finds, on models whose faults are built in."""

import json

import pytest
import torch
from torch import nn

from core.errors import ModelError
from core.model.architectures import kept_abilities, read_heads, self_test
from core.model.architectures.checking import _SelfTest
from core.model.hooks import on_z
from core.model.loaded_model import LoadedModel
from core.model.loading import load_model
from core.model.next_token import head_logits, hidden_at, last_logits
from tests.support import every_type
from tests.support.tiny_models import random_model, save_tiny, tiny, word_tokenizer


def key_of(model, kind="llama") -> str:
    with pytest.raises(ModelError) as caught:
        self_test(model, read_heads(model, kind), kind)
    return caught.value.key


def test_a_sound_model_passes_and_can_all():
    model = random_model("llama")
    abilities = self_test(model, read_heads(model, "llama"), "llama")
    assert abilities.stream.plain and abilities.gradients == "" and abilities.logit_scale == 1.0


def test_infinite_logits_are_refused():
    model = random_model("llama")
    model.lm_head.weight.data[3, 3] = torch.inf
    assert key_of(model) == "no_finite_logits"


def test_a_model_that_reads_ahead_is_refused():
    model = random_model("llama")
    model.model.layers[1].register_forward_hook(lambda _m, _a, output: output + output.mean(1, keepdim=True))
    assert key_of(model) == "reads_ahead"


class _Doubling(nn.Linear):
    """A projection whose result is not what its weights say."""

    def forward(self, z):
        return 2 * super().forward(z)


def test_a_projection_that_does_more_than_its_weights_is_refused():
    model = random_model("llama")
    old = model.model.layers[1].self_attn.o_proj
    new = _Doubling(old.in_features, old.out_features, bias=False)
    new.weight = old.weight
    model.model.layers[1].self_attn.o_proj = new
    with pytest.raises(ModelError, match="In layer 1 .*difference 0.5") as caught:
        self_test(model, read_heads(model, "llama"), "llama")
    assert caught.value.key == "heads_do_not_add_up"


def test_a_head_that_is_not_its_slice_is_refused(monkeypatch):
    """Heads cut at the wrong places: zeroing them is not zeroing the weights of the true ones."""
    model = random_model("llama")
    test = _SelfTest(model, read_heads(model, "llama"), "llama")
    test.plain()
    monkeypatch.setattr(
        "core.model.architectures.checking._zeroed",
        lambda of_layer: lambda _m, args: (torch.cat([args[0][..., :-9], 0 * args[0][..., -9:]], -1),),
    )
    with pytest.raises(ModelError) as caught:
        test.a_head_is_its_slice()
    assert caught.value.key == "head_is_not_its_slice"


def test_gradients_that_do_not_arrive_are_told():
    model = random_model("llama")
    model.model.layers[2].register_forward_hook(lambda _m, _a, output: output.detach())
    assert self_test(model, read_heads(model, "llama"), "llama").gradients == "no gradient reaches layer 0"


def test_the_model_is_as_before_afterwards():
    model = random_model("gpt2")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    self_test(model, read_heads(model, "gpt2"), "gpt2")
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("cohere", {"logit_scale": 0.25}),
        ("granite", {"logits_scaling": 5.0}),
        ("gemma2", {"final_logit_softcapping": 3.0, "query_pre_attn_scalar": 8}),
        ("falcon_h1", {"lm_head_multiplier": 0.3}),
        ("llama4_text", {}),
        ("roberta", {}),
    ],
)
def test_logits_of_the_last_hidden_state_are_the_model_s_own(kind, settings):
    loaded = LoadedModel(every_type.tiny(kind, **settings), word_tokenizer(), kind)
    ids = [5, 9, 7, 30, 12]
    with torch.no_grad():
        own = loaded.model(torch.tensor([ids])).logits[:, -1]
        torch.testing.assert_close(last_logits(loaded, [ids]), own, atol=1e-4, rtol=1e-3)


def test_logits_that_only_the_model_s_own_code_makes():
    """A bias that the unembedding does not hold: the model's own code is asked, and gradients pass."""
    model = random_model("llama")
    model.lm_head.register_forward_hook(lambda _m, _a, output: output.sin())
    loaded = LoadedModel(model, word_tokenizer(), "bent")
    assert loaded.abilities.logit_scale is None
    ids = [5, 9, 7, 30]
    with torch.no_grad():
        hidden = hidden_at(loaded, [ids], [[1, 3]])
        own = loaded.model(torch.tensor([ids])).logits[0, [1, 3]]
        torch.testing.assert_close(head_logits(loaded, hidden), own, atol=1e-5, rtol=1e-4)
        words = torch.tensor([[4, 8], [6, 2]])
        torch.testing.assert_close(
            head_logits(loaded, hidden, words), own.gather(1, words), atol=1e-5, rtol=1e-4
        )
    with torch.enable_grad():
        leaf = hidden.clone().requires_grad_()
        (slope,) = torch.autograd.grad(head_logits(loaded, leaf).sum(), leaf)
    assert float(slope.abs().max()) > 0


def test_the_result_is_kept_by_weights_and_version(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path / "home"))
    tried = []
    monkeypatch.setattr(
        "core.model.architectures.kept.self_test", lambda *about: tried.append(about[2]) or self_test(*about)
    )
    folder = save_tiny(tmp_path / "model")
    first, second = load_model(folder, "cpu"), load_model(folder, "cpu")
    assert len(tried) == 1 and first.stream == second.stream and second.abilities.logit_scale == 1.0
    (file,) = (tmp_path / "home" / "self-tests").iterdir()
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"transformers": "0.1"}))
    assert kept_abilities(first.weights_hash) is None
    load_model(folder, "cpu")
    assert len(tried) == 2, "another version is another test"
    file.write_text("{")
    load_model(folder, "cpu")
    assert len(tried) == 3, "a damaged result is no result"


def test_zero_by_the_hook_is_zero_in_the_weights():
    """The claim of the test itself, with on_z and with the weights changed by hand."""
    loaded, ids = tiny("qwen3"), torch.tensor([[5, 9, 7, 30]])

    def silence(z):
        z = z.clone()
        z[:, :, 2] = 0
        return z

    with torch.no_grad():
        with on_z(loaded, 1, silence):
            by_hook = loaded.model(ids).logits
        loaded.projection(1).weight[:, 16:24] = 0
        torch.testing.assert_close(loaded.model(ids).logits, by_hook, atol=1e-5, rtol=1e-4)
