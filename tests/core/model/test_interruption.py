"""Work that is stopped from outside: at the next module, tensor or step, with nothing left behind."""

import pytest
import torch
from torch.nn.modules import module as torch_module

from core.config import AutoencoderConfig
from core.discovery.autoencoder import train
from core.errors import RunCancelled
from core.generators import result_of
from core.model.interruption import interruptible, stop_point, told
from core.model.loading import ModelPool, load_model
from tests.support.surgery import hook_count, run
from tests.support.tiny_models import CONFIGS, save_tiny, tiny

IDS = torch.tensor([[4, 5, 6, 7, 8]])


class Stop:
    """Stops at the look of this number, and counts the looks."""

    def __init__(self, at: int = 10**9) -> None:
        self.at, self.looks = at, 0

    def __call__(self) -> None:
        self.looks += 1
        if self.looks >= self.at:
            raise RunCancelled


def layers_begun(loaded, work) -> list[int]:
    """The layers that began in the work, which may be stopped."""
    begun = []
    hooks = [
        layer.register_forward_pre_hook(lambda *_, number=number: begun.append(number))
        for number, layer in enumerate(loaded.layers)
    ]
    try:
        work()
    finally:
        for hook in hooks:
            hook.remove()
    return begun


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_pass_stops_in_the_layer_at_which_it_was_asked_to_and_the_next_is_as_before(kind):
    loaded = tiny(kind)
    before, hooks = run(loaded, IDS), hook_count(loaded)
    asked, begun = [], []

    def look():
        if asked:
            raise RunCancelled

    def layer(number):
        begun.append(number)
        if number == 1:
            asked.append(True)

    handles = [
        module.register_forward_pre_hook(lambda *_, number=number: layer(number))
        for number, module in enumerate(loaded.layers)
    ]
    with pytest.raises(RunCancelled), interruptible(look):
        run(loaded, IDS)
    for handle in handles:
        handle.remove()
    assert begun == [0, 1]
    assert hook_count(loaded) == hooks
    assert not torch_module._global_forward_pre_hooks
    assert torch.equal(run(loaded, IDS), before)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_a_backward_pass_looks_in_every_layer_and_its_gradients_are_the_same(kind):
    loaded = tiny(kind)

    def gradient(look):
        inputs = loaded.model.get_input_embeddings()(IDS).detach().requires_grad_()
        with interruptible(look):
            logits = loaded.model(inputs_embeds=inputs).logits
            forward = look.looks
            (result,) = torch.autograd.grad(logits[0, -1, 5], inputs)
        return result, forward

    inputs = loaded.model.get_input_embeddings()(IDS).detach().requires_grad_()
    (plain,) = torch.autograd.grad(loaded.model(inputs_embeds=inputs).logits[0, -1, 5], inputs)
    look = Stop()
    result, forward = gradient(look)
    assert torch.equal(result, plain)
    assert look.looks - forward > len(loaded.layers)
    stopped = Stop(forward + 3)
    with pytest.raises(RunCancelled):
        gradient(stopped)
    assert stopped.looks == forward + 3


def test_contexts_lie_in_each_other_and_the_inner_one_counts():
    outer, inner = Stop(), Stop()
    with interruptible(outer):
        with interruptible(inner):
            stop_point()
        stop_point()
        stop_point()
        assert len(torch_module._global_forward_pre_hooks) == 1
    stop_point()
    assert (outer.looks, inner.looks) == (2, 1)


def test_loading_tells_how_far_it_is_and_is_stopped_at_a_tensor(tmp_path):
    folder = str(save_tiny(tmp_path / "model"))
    records = []
    with interruptible(Stop(), records.append):
        tensors = sum(1 for _ in load_model(folder).model.parameters())
    assert {record.stage for record in records} == {"load"}
    assert [record.step for record in records] == list(range(len(records)))
    assert {record.total for record in records} == {len(records)}
    assert len(records) >= tensors - 1  # embeddings that are tied lie in the file once

    several = []

    def tell(record):
        several.append(record)
        if record.step == 3:
            raise RunCancelled

    with pytest.raises(RunCancelled), interruptible(Stop(), tell):
        load_model(folder)
    assert [record.step for record in several] == [0, 1, 2, 3]


def test_a_model_that_was_half_loaded_is_dropped_and_the_others_are_kept(tmp_path):
    first, second = (str(save_tiny(tmp_path / name, kind)) for name, kind in (("a", "gpt2"), ("b", "llama")))
    pool = ModelPool()
    kept = pool.get(first)
    load_model(second)  # what is remembered of these files is not looked at again
    look = Stop()
    with interruptible(look):
        whole = load_model(second)
    for at in range(1, look.looks + 1, 7):
        with pytest.raises(RunCancelled), interruptible(Stop(at)):
            pool.get(second)
        assert list(pool._models.values()) == [kept]
    assert torch.equal(run(pool.get(second), IDS), run(whole, IDS))
    assert pool.get(first) is kept


def test_training_is_stopped_at_an_epoch():
    samples = torch.randn(3, 8, 4, generator=torch.Generator().manual_seed(0))
    config = AutoencoderConfig(epochs=40)
    for at in (1, 5, 20):
        look = Stop(at)
        with pytest.raises(RunCancelled), interruptible(look):
            result_of(train(samples, config, 0))
        assert look.looks == at


def test_frames_of_heads_that_were_stopped_are_computed_whole_the_next_time():
    loaded = tiny("llama")
    with pytest.raises(RunCancelled), interruptible(Stop(2)):
        loaded.head_frames()
    assert torch.equal(loaded.head_frames(), tiny("llama").head_frames())


def test_nobody_looks_and_nobody_is_told_outside():
    stop_point()
    told("load", 1, 2)
