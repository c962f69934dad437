"""A model whose parts lie elsewhere, some of them on the disk, gives what it gives in memory."""

import numpy as np
import pytest
import torch
from accelerate import dispatch_model

from core.causal.attribution import attribution
from core.causal.edge_attribution import attributed
from core.causal.paired_runs import PairedRuns
from core.causal.replacements import KINDS
from core.errors import ModelError
from core.examples.example_set import ExampleSet
from core.generators import result_of
from core.heads import EdgeId, HeadId
from core.inspection.head_view import changes_at, read_head
from core.model.head_outputs import head_outputs
from core.model.loaded_model import LoadedModel
from core.model.loading import load, load_model
from core.model.loading.weights import check_loaded
from core.model.memory import MemoryPlan, in_place, parts_of, placement, running_device, spread
from core.model.recording import Recording
from tests.support.pairs import pairs, patched
from tests.support.tiny_models import recording_of, save_tiny, tiny

HEADS = [HeadId(0, 1), HeadId(1, 3), HeadId(2, 0)]
EDGES = [EdgeId(HeadId(0, 1), HeadId(1, 3)), EdgeId(HeadId(1, 0), HeadId(2, 2))]
PARTS = {
    "model.embed_tokens": "disk",
    "model.layers.0": "cpu",
    "model.layers.1": "disk",
    "model.layers.2": "disk",
    "model.norm": "disk",
    "model.rotary_emb": "cpu",
    "lm_head": "disk",
}


@pytest.fixture(scope="module")
def plain() -> LoadedModel:
    return tiny("llama", seed=2)


@pytest.fixture(scope="module")
def spread_out(tmp_path_factory) -> LoadedModel:
    """The same model with most of its parts on the disk."""
    loaded = tiny("llama", seed=2)
    folder = tmp_path_factory.mktemp("offloaded")
    model = dispatch_model(loaded.model, PARTS, main_device="cpu", offload_dir=folder, force_hooks=True)
    assert sum(parameter.is_meta for parameter in model.parameters()) > 10
    return LoadedModel(model, loaded.tokenizer, loaded.name, loaded.weights_hash)


def everything(loaded: LoadedModel) -> list[np.ndarray]:
    """What every kind of work gives."""
    ids = [loaded.encode(example.text) for example in pairs()]
    positions = np.array([[len(own) - 1, 1] for own in ids])
    slots = dict(enumerate(map(tuple, positions.tolist())))
    recording = Recording(loaded, ids, slots=slots, attention=True, streams=True)
    parts = [recording.log_probabilities(), head_outputs(recording, positions), *recording.padded_z(range(8))]
    parts.append(loaded.to_d_model(parts[1]))
    patching, metric = patched(loaded, pairs())
    arrays = [result_of(patching.effects(targets, metric)) for targets in (HEADS, EDGES)]
    arrays += [result_of(patching.measure([HEADS], range(4), metric, kind)) for kind in KINDS]
    arrays.append(result_of(attribution(recording_of(loaded, pairs()), patching, metric)).values)
    runs = PairedRuns(loaded, ExampleSet(examples=tuple(pairs())), 0)
    found = result_of(attributed(runs, 2))
    reading = read_head(loaded, ids[0], HeadId(1, 2))
    return [
        *(part.numpy() for part in parts),
        *arrays,
        found.by_pair,
        found.edges,
        changes_at(loaded, reading, -1).numpy(),
    ]


def test_parts_on_the_disk_change_no_result(plain, spread_out):
    for one, other in zip(everything(plain), everything(spread_out), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert sum(parameter.is_meta for parameter in spread_out.model.parameters()) > 10


def test_weights_that_are_put_aside_are_read_and_put_aside_again(plain, spread_out):
    assert spread_out.projection(1).weight.is_meta
    for layer in range(3):
        assert torch.equal(spread_out.output_weights(layer), plain.output_weights(layer))
    with in_place(spread_out.projection(1)) as module:
        assert not module.weight.is_meta
    assert spread_out.projection(1).weight.is_meta
    assert running_device(spread_out.projection(1)) == spread_out.device == torch.device("cpu")
    check_loaded(spread_out.model, {}, "spread")


def test_a_model_that_is_loaded_in_parts_gives_the_same(tmp_path, monkeypatch):
    folder = save_tiny(tmp_path / "model", "llama")
    whole, text = load_model(folder, "cpu"), [5, 9, 7, 30]
    asked = {"device_map": PARTS, "offload_folder": str(tmp_path / "offloaded")}
    monkeypatch.setattr(
        load, "planned", lambda *_, **__: MemoryPlan("float32", parts_of(whole.shape, "float32"), 0)
    )
    with pytest.raises(ModelError, match="GB of memory"):
        load_model(folder, "cpu")
    monkeypatch.setattr(load, "_placing", lambda *_: asked)
    parts = load_model(folder, "cpu")
    assert parts.projection(1).weight.is_meta and not parts.projection(0).weight.is_meta
    assert parts.weights_hash == whole.weights_hash and parts.heads == whole.heads
    first, second = (Recording(loaded, [text]).log_probabilities() for loaded in (whole, parts))
    torch.testing.assert_close(first, second)


def test_a_model_is_spread_over_all_devices_that_have_room(monkeypatch, plain):
    free = {"cuda:0": 10_000_000, "cuda:1": 20_000_000, "cpu": 30_000_000}
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(placement, "available_bytes", lambda device: free[str(device)])
    monkeypatch.setattr(placement, "parts_of", lambda *_: Needs)
    asked = spread(plain.shape, "float32")
    assert asked == {
        "device_map": "auto",
        "max_memory": {0: 8_000_000, 1: 17_000_000, "cpu": 26_000_000},
    }
    monkeypatch.setattr(Needs, "weights", 51_000_001)
    assert spread(plain.shape, "float32") is None
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(Needs, "weights", 1)
    assert spread(plain.shape, "float32") is None


class Needs:
    """What a made model needs."""

    weights, beside_weights = 51_000_000, 1_000_000
