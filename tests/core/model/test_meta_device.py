"""Every architecture's code paths on a device that is not the CPU, in both precisions: no tensor is left behind.

The device is torch's meta device, so this needs no GPU. Numbers are none; that shapes and devices fit is what counts.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.causal import paired_runs
from core.causal.ablation_file import ablated, make_ablation_file
from core.causal.attribution import attribution
from core.causal.edge_attribution import adds_up_by_head, attributed
from core.causal.metric import Metric, make_metric
from core.causal.mlp_blocks import mlps_of
from core.causal.paired_runs import PairedRuns
from core.causal.patching import Patching
from core.causal.path_patching import Reads
from core.causal.qkv_effects import separable
from core.causal.replacements import KINDS
from core.examples.example_set import ExampleSet
from core.generators import result_of
from core.heads import EdgeId, HeadId, all_heads
from core.inspection.head_view import changes_at, read_head
from core.model.attention_weights import mean_attention
from core.model.head_outputs import head_outputs
from core.model.loaded_model import LoadedModel
from core.model.logit_attribution import has_plain_stream
from core.model.recording import Recording
from tests.support.other_device import OtherDevice
from tests.support.pairs import pairs
from tests.support.tiny_models import CONFIGS, recording_of, tiny

pytestmark = pytest.mark.slow

EXAMPLES = pairs()
HEADS = all_heads(3, 4)
EDGES = [EdgeId(HeadId(0, 1), HeadId(1, 3)), EdgeId(HeadId(1, 0), HeadId(2, 2))]


@pytest.fixture(
    params=[*((kind, "bfloat16") for kind in sorted(CONFIGS)), ("gpt2", "float32"), ("llama", "float32")]
)
def loaded(request) -> Iterator[LoadedModel]:
    """A tiny model away from the CPU: every type in the precision that may clash, two in the one that cannot."""
    kind, dtype = request.param
    loaded = tiny(kind)
    loaded.model.to(dtype=getattr(torch, dtype), device="meta")
    with OtherDevice():
        yield loaded


@pytest.fixture(scope="module")
def metric() -> Metric:
    """A metric of the same texts with a gap, from a model on the CPU."""
    loaded = tiny("gpt2", seed=2)
    recording = recording_of(loaded, EXAMPLES)
    return make_metric(loaded, recording.texts, EXAMPLES, recording.log_probabilities(), 4, True, 0)


def test_what_is_recorded_comes_to_the_cpu(loaded):
    texts = [loaded.encode(example.text) for example in EXAMPLES]
    positions = np.array([[len(text) - 1, 1] for text in texts])
    slots = dict(enumerate(positions.tolist()))
    recording = Recording(loaded, texts, slots=slots, attention=True, streams=True)
    assert loaded.device.type == "meta"
    z = [of_layer for of_text in recording.z(range(8)) for of_layer in of_text]
    parts = [recording.log_probabilities(), head_outputs(recording, positions), *z]
    parts.append(mean_attention(recording, positions).weights)
    assert {part.device.type for part in parts} == {"cpu"}
    assert {part.dtype for part in parts if not any(part is own for own in z)} == {torch.float32}
    assert {own.dtype for own in z} == {next(loaded.model.parameters()).dtype}


@pytest.mark.parametrize("method", ["resample", "mean"])
def test_patching_of_heads_and_edges(loaded, metric, method):
    patching = Patching(recording_of(loaded, EXAMPLES), 4, method == "resample", heads=HEADS)
    result_of(patching.effects(HEADS, metric))
    if has_plain_stream(loaded):
        ways: tuple[Reads, ...] = ("all", "q", "k", "v") if separable(loaded) else ("all",)
        for reads in ways:
            result_of(patching.effects(EDGES, metric, reads))
    assert patching.forward_passes > 0


def test_ablation_of_sets_of_heads(loaded, metric):
    patching = Patching(recording_of(loaded, EXAMPLES), 4, paired=True)
    for kind in KINDS:
        assert result_of(patching.measure([HEADS[:3], ()], range(4), metric, kind)).shape == (2, 4)


@pytest.mark.parametrize("by_module", [True, False])
def test_mlp_blocks_alone_and_with_heads(loaded, metric, by_module):
    if not by_module:  # the rest of the block, as where no module gives it alone
        modules = dict.fromkeys(loaded.abilities.mlp_modules, "")
        loaded.abilities = replace(loaded.abilities, mlp_modules=modules)
    patching, mlps = Patching(recording_of(loaded, EXAMPLES), 4, paired=True), mlps_of(loaded)
    targets = [*mlps, [HEADS[0], *mlps]]
    for kind in KINDS:
        assert result_of(patching.measure(targets, range(4), metric, kind)).shape == (len(mlps) + 1, 4)
    ablation = make_ablation_file(
        loaded, [HEADS[0], *mlps], "mean", patching.replacements.means, None, patching.mlp_outputs.means
    )
    with ablated(loaded, ablation), torch.no_grad():
        assert loaded.model(input_ids=torch.ones(1, 3, dtype=torch.long, device="meta")).logits.is_meta


def test_gradients_of_heads_and_edges(loaded, metric, monkeypatch):
    monkeypatch.setattr(paired_runs, "metric_on", lambda *_args, **_named: metric)
    for method in ("resample", "mean"):
        recording = recording_of(loaded, EXAMPLES)
        patching = Patching(recording, 4, method == "resample")
        assert result_of(attribution(recording, patching, metric)).values.shape == (12, 4)
    if adds_up_by_head(loaded):
        rows = [e.model_copy(update={"pair": str(i % 4)}) for i, e in enumerate(EXAMPLES)]
        runs = PairedRuns(loaded, ExampleSet(examples=tuple(rows)), 0)
        assert result_of(attributed(runs, 2)).edges.shape == (12, 12)


def test_one_head_on_one_text(loaded):
    reading = read_head(loaded, loaded.encode(EXAMPLES[0].text), HeadId(1, 2))
    assert reading.weights.device.type == reading.update.device.type == reading.stream.device.type == "cpu"
    if has_plain_stream(loaded):
        assert changes_at(loaded, reading, -1).shape == (64,)


def test_a_tensor_that_is_left_behind_is_found():
    with OtherDevice():
        away = torch.ones(2, 2, device="meta")
        mixes = [
            lambda: away @ torch.ones(2, 2),
            lambda: away + torch.ones(2),
            lambda: torch.cat([away, away.cpu()]),
        ]
        for mix in mixes:
            with pytest.raises(RuntimeError, match="mixes devices"):
                mix()
        assert (away + torch.ones(())).is_meta and away[torch.tensor([0])].is_meta
