"""A model that raises out of memory for more than two rows at a time gives what it gives without that bound."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from core.analysis.pipeline import analyse
from core.causal.attribution import attribution
from core.causal.edge_attribution import attributed
from core.causal.paired_runs import PairedRuns
from core.causal.patching import Patching
from core.config import AutoencoderConfig, make_config
from core.examples.example_set import ExampleSet
from core.generators import result_of
from core.heads import EdgeId, HeadId, all_heads
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool
from core.model.memory import halving
from core.model.recording import Recording
from tests.support.pairs import pairs, patched
from tests.support.tiny_models import recording_of, save_tiny, tiny
from tests.support.tiny_runs import texts

ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you tried …"
    ),
]
EDGES = [EdgeId(HeadId(0, 1), HeadId(1, 3)), EdgeId(HeadId(1, 0), HeadId(2, 2))]


@contextmanager
def at_most(loaded: LoadedModel, rows: int, error: Exception) -> Iterator[list[int]]:
    """Let no forward pass of more rows through its second layer; yields the sizes of the passes that were made."""
    made: list[int] = []

    def look(_module, args, kwargs):
        stream = args[0] if args else kwargs["hidden_states"]
        if len(stream) > rows:
            raise error
        made.append(len(stream))

    handle = loaded.layers[1].register_forward_pre_hook(look, with_kwargs=True)
    try:
        yield made
    finally:
        handle.remove()


@pytest.fixture(autouse=True)
def no_collection(monkeypatch):
    """Looking for garbage after each failure takes the most time here, and there is none."""
    monkeypatch.setattr(halving, "free_memory", lambda: None)


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return tiny("llama", seed=2)


def recorded(loaded: LoadedModel) -> list[np.ndarray]:
    ids = [loaded.encode(example.text) for example in pairs()]
    slots = {text: (len(own) - 1, 1) for text, own in enumerate(ids)}
    recording = Recording(loaded, ids, slots=slots, attention=True, streams=True)
    attention = [recording.attention(text, slots[text]) for text in range(len(ids))]
    parts = [recording.log_probabilities(), *attention, *recording.padded_z(range(len(ids)))]
    return [part.numpy() for part in parts]


def patched_heads(loaded: LoadedModel) -> list[np.ndarray]:
    patching, metric = patched(loaded, pairs())
    return [result_of(patching.effects(targets, metric)) for targets in (all_heads(3, 4), EDGES)]


def attributed_heads(loaded: LoadedModel) -> list[np.ndarray]:
    recording = recording_of(loaded, pairs())
    patching, metric = patched(loaded, pairs(), "mean")
    return [result_of(attribution(recording, patching, metric)).values]


def attributed_edges(loaded: LoadedModel) -> list[np.ndarray]:
    runs = PairedRuns(loaded, ExampleSet(examples=tuple(pairs())), 0)
    found = result_of(attributed(runs, 2))
    return [found.by_pair, found.edges]


@pytest.mark.parametrize("error", ERRORS, ids=["cuda", "cpu"])
@pytest.mark.parametrize("work", [recorded, patched_heads, attributed_heads, attributed_edges])
def test_batches_are_halved_until_they_fit(loaded, work: Callable[[LoadedModel], list[np.ndarray]], error):
    whole = work(loaded)
    with at_most(loaded, 2, error) as made:
        parts = work(loaded)
    assert max(made) == 2
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_a_whole_analysis_goes_on(tmp_path):
    folder, pool = save_tiny(tmp_path / "model"), ModelPool()
    settings = AutoencoderConfig(members=1, latents=8, epochs=5)
    config = make_config(model=str(folder), examples=texts(), device="cpu", autoencoder=settings)
    *_, whole = analyse(config, pool)
    with at_most(pool.get(str(folder), "cpu"), 2, ERRORS[0]) as made:
        *_, parts = analyse(config.model_copy(update={"seed": config.seed}), pool, store=None)
    assert max(made) == 2
    np.testing.assert_allclose(whole.heads["effect"], parts.heads["effect"], rtol=1e-3, atol=1e-4)
    assert list(whole.heads["head"]) == list(parts.heads["head"])


def test_one_text_that_does_not_fit_is_an_error(loaded):
    with at_most(loaded, 0, ERRORS[0]), pytest.raises(torch.OutOfMemoryError):
        Patching(recording_of(loaded, pairs()), 4, paired=True)
