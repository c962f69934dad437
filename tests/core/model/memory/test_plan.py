"""What a model and a run need, worked by hand; the choice of numbers; and the refusal."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.config import AutoencoderConfig
from core.discovery.autoencoder import train
from core.generators import result_of
from core.model.architectures import ModelShape
from core.model.head_outputs import head_outputs
from core.model.memory import SHORT, TYPICAL, Training, parts_of, plan_memory
from core.model.memory.plan import (
    ATTENTION_BYTES,
    COPIES_OF_OUTPUTS,
    GRADIENT_BYTES,
    MLP_BYTES,
    STATES,
    STREAM_BYTES,
    TRAINING_BYTES,
    Z_BYTES,
    MemoryPlan,
    TextSizes,
    gigabytes,
)
from core.model.recording import Recording
from tests.support.tiny_models import tiny

SMALL = ModelShape("llama", 2, 4, 8, 32, 10_000, 512, 100, "float32")
LARGE = ModelShape("llama", 32, 32, 128, 4096, 6_738_415_616, 4096, 32000, "bfloat16")
TEXTS = TextSizes.of([10, 10, 6, 6], 3)


def test_the_parts_of_a_small_model_worked_by_hand():
    parts = parts_of(SMALL, "float32", TEXTS, Training(members=2, latents=16))
    assert (TEXTS.texts, TEXTS.tokens, TEXTS.longest) == (4, 32, 10)
    assert (parts.weights, parts.loading) == (40_000, 6_000)
    assert parts.z == 32 * 2 * 4 * 8 * 4
    assert parts.streams == 2 * 32 * 2 * 32 * 4  # the streams, and what MLP blocks add
    assert parts.attention == 32 * 10 * 8 * 2
    assert parts.prefixes == 2 * parts.z
    assert parts.outputs == 4 * 3 * 8 * 8 * 4 * 3
    assert parts.batch == 32 * 32 * 4 * 16
    assert parts.gradients == 4 * 10 * 32 * 4 * 2 * 20
    assert parts.training == 8 * 2 * 16 * 2 * 8 * 4 * 3
    assert parts.total == 46_000 + parts.beside_weights
    kept = parts.z + parts.streams + parts.attention + parts.prefixes + parts.outputs
    assert parts.beside_weights == kept + max(parts.batch, parts.gradients, parts.logits, parts.training)


def test_numbers_of_half_the_width_need_half_of_what_is_kept():
    whole, half = (parts_of(SMALL, precision, TEXTS) for precision in ("float32", "bfloat16"))
    for name in ("weights", "z", "streams", "batch"):
        assert getattr(whole, name) == 2 * getattr(half, name)
    assert (whole.attention, whole.outputs) == (half.attention, half.outputs)


def test_what_a_run_needs_is_bounded_and_does_not_grow_with_heads():
    many = TextSizes.of([2000] * 400, 48)
    parts = parts_of(LARGE, "bfloat16", many)
    assert (parts.z, parts.streams, parts.attention) == (Z_BYTES, STREAM_BYTES + MLP_BYTES, ATTENTION_BYTES)
    assert parts.training == TRAINING_BYTES
    assert parts.gradients == max(GRADIENT_BYTES, 2000 * 4096 * 2 * 32 * 20)
    narrow = replace(LARGE, n_heads=128, d_head=32)
    assert parts_of(narrow, "bfloat16").beside_weights == parts_of(LARGE, "bfloat16").beside_weights


@pytest.mark.parametrize(
    ("free", "precision", "fits", "reduced"),
    [(40e9, "float32", True, False), (24e9, "bfloat16", True, True), (10e9, "bfloat16", False, True)],
)
def test_a_processor_reads_half_precision_where_float32_does_not_fit(free, precision, fits, reduced):
    plan = plan_memory(LARGE, int(free), on_cpu=True)
    assert (plan.precision, plan.fits, plan.reduced) == (precision, fits, reduced)
    assert plan.record()["needed"] == plan.parts.total == plan.needed


def test_a_gpu_reads_the_type_of_the_checkpoint_and_a_type_that_is_asked_for_is_taken():
    assert plan_memory(LARGE, 10**12, on_cpu=False).precision == "bfloat16"
    assert plan_memory(SMALL, 10**12, on_cpu=False).precision == "float32"
    asked = plan_memory(LARGE, 10**12, on_cpu=True, precision="bfloat16")
    assert (asked.precision, asked.reduced) == ("bfloat16", False)


def test_the_refusal_says_what_is_needed_and_what_there_is():
    plan = MemoryPlan("bfloat16", parts_of(LARGE, "bfloat16"), 8_000_000_000)
    text = str(plan.refusal("big", "cpu"))
    assert gigabytes(plan.needed) in text and "8.0 GB is free on cpu" in text and "\n" not in text
    assert plan.needed > LARGE.n_parameters * 2 * 1.15


def test_what_is_assumed_without_texts():
    assert (TYPICAL.texts, TYPICAL.tokens, TYPICAL.longest) == (16, 3200, 200)
    assert (SHORT.texts, SHORT.tokens, SHORT.longest) == (6, 90, 15)


@pytest.mark.parametrize(("kind", "precision"), [("llama", "float32"), ("gpt2", "bfloat16")])
def test_what_is_kept_of_texts_is_what_the_plan_says(kind, precision):
    loaded = tiny(kind)
    loaded.model.to(getattr(torch, precision))
    texts = [[5, 9, 7, 30, 8], [6, 9, 7, 31, 8], [5, 9, 7, 32, 8]]
    slots = dict.fromkeys(range(3), (1, 3))
    recording = Recording(loaded, texts, slots=slots, attention=True, streams=True)
    mlps = [value for of_text in recording.mlps(range(3)) for value in of_text.values()]
    z, streams = recording.z(range(3)), recording._passes.streams._kept
    recording.keeps_prefixes([3, 3, 3])
    recording.prefix(range(3), 3)
    attention = recording._passes.attention
    outputs = head_outputs(recording, np.array([[1, 3]] * 3))
    parts = parts_of(loaded.shape, precision, TextSizes.of([5, 5, 5], 2))
    held = {
        "weights": sum(size(parameter) for parameter in loaded.model.parameters()),
        "z": sum(size(of_layer) for of_text in z for of_layer in of_text),
        "streams": sum(size(of_layer) for of_text in streams.values() for of_layer in of_text)
        + sum(map(size, mlps)),
        "attention": sum(size(own) for own in attention.values()),
    }
    assert {name: getattr(parts, name) for name in held} == held
    assert parts.outputs == COPIES_OF_OUTPUTS * size(outputs)
    kept = recording._passes.prefixes._kept.values()
    prefixes = sum(size(tensor) for states in kept for pair in states.values() for tensor in pair)
    assert 0 < prefixes <= parts.prefixes


def test_dictionaries_take_what_the_plan_says():
    config = AutoencoderConfig(members=2, latents=16, epochs=2)
    samples = torch.randn(8, 5, 8)
    ensemble = result_of(train(samples, config, 0))
    weights = size(ensemble.encoder) + size(ensemble.decoder)
    assert parts_of(SMALL, "float32", TEXTS, Training(2, 16)).training == STATES * weights


def size(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()
