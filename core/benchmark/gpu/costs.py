"""What an analysis costs on a device: seconds beside one forward pass, and memory beyond the weights."""

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from core.benchmark.gpu.equality import compared, finished
from core.benchmark.gpu.made_models import OneModel, made_model, made_texts, moved, settings
from core.benchmark.gpu.sections import Row
from core.benchmark.gpu.sizes import Geometry, Sizes
from core.benchmark.metrics.memory import PeakMemory
from core.model.batching import pad
from core.model.interruption import stop_point
from core.model.loaded_model import LoadedModel
from core.model.tokens.tokenising import tokenise

MOST_PASSES = 20.0
"""The goal: an analysis without evidence, as a multiple of one forward pass of its texts."""
FLAT = 1.3
"""Most that memory beyond the weights may grow from the fewest heads to the most."""
PAYS = 0.9
"""A faster way of computing a pass pays where it takes at most this share of the time."""


def speed(device: str, sizes: Sizes) -> Iterator[Row]:
    """An analysis without evidence and with it, and ways of computing a forward pass faster."""
    loaded = made_model(sizes.speed, device)
    yield from _analysis(sizes.speed.name, loaded, sizes, sizes.words, MOST_PASSES)
    del loaded
    yield from faster_passes(sizes.equal[-1], device, sizes)


def memory(device: str, sizes: Sizes) -> Iterator[Row]:
    """Peak beyond the weights of models that differ in the number of their heads alone."""
    peaks = []
    for geometry in sizes.memory:
        weights, peak = _weights_and_peak(geometry, device, sizes)
        peaks.append(peak)
        yield Row(geometry.name, "weights_gb", weights)
        yield Row(geometry.name, "peak_gb", peak)
    smallest = min(peaks)
    yield Row("all", "growth", peaks[-1] / smallest if smallest > 0 else 1.0, FLAT)


def _weights_and_peak(geometry: Geometry, device: str, sizes: Sizes) -> tuple[float, float]:
    """Gigabytes of the weights, and of an analysis beyond them; the model is let go."""
    loaded = made_model(geometry, device)
    config = settings(geometry.name, made_texts(sizes.texts, sizes.memory_words), sizes.preset, False)
    return weights_of(loaded), peak_beyond(device, lambda: finished(config, OneModel(loaded)))


def large(device: str, sizes: Sizes) -> Iterator[Row]:
    """One analysis at the size of a large model."""
    loaded = made_model(sizes.large, device)
    yield Row(sizes.large.name, "weights_gb", weights_of(loaded))
    yield from _analysis(sizes.large.name, loaded, sizes, sizes.words, None)


def _analysis(case: str, loaded: LoadedModel, sizes: Sizes, words: int, bound: float | None) -> Iterator[Row]:
    """Seconds and memory of analyses of one model on made texts."""
    examples = made_texts(sizes.texts, words)
    forward = seconds_of(loaded, tokenise(loaded, examples))
    yield Row(case, "forward_seconds", forward)
    device = loaded.device.type
    for evidence in (False, True):
        config, seconds = settings(case, examples, sizes.preset, evidence), [0.0]

        def run() -> None:
            began = time.perf_counter()
            finished(config, OneModel(loaded))  # noqa: B023
            seconds[0] = time.perf_counter() - began  # noqa: B023

        peak = peak_beyond(device, run)
        name = "evidence" if evidence else "analysis"
        yield Row(case, f"{name}_seconds", seconds[0])
        yield Row(case, f"{name}_passes", seconds[0] / forward, None if evidence else bound)
        yield Row(case, f"{name}_peak_gb", peak)


def faster_passes(geometry: Geometry, device: str, sizes: Sizes) -> Iterator[Row]:
    """A forward pass by TF32, bfloat16, a compiled model and recorded kernels, as shares of the plain one's time.

    For the number formats it is also told how many verdicts they change; compiled passes serve no interventions, since
    hooks end a compiled part, so that their time alone is told. All are left out where there is no graphics card.
    """
    if device != "cuda":
        return
    plain = made_model(geometry, device)
    examples = made_texts(sizes.texts, sizes.words)
    ids, config = tokenise(plain, examples), settings(geometry.name, examples, "fast")
    before, result = seconds_of(plain, ids), finished(config, OneModel(plain))
    torch.set_float32_matmul_precision("high")
    try:
        yield Row("tf32", "share_of_plain", seconds_of(plain, ids) / before)
        other = finished(config, OneModel(plain))
    finally:
        torch.set_float32_matmul_precision("highest")
    yield from _changed("tf32", compared("tf32", result, other))
    short = moved(plain, geometry, device, torch.bfloat16)
    yield Row("bfloat16", "share_of_plain", seconds_of(short, ids) / before)
    yield from _changed("bfloat16", compared("bfloat16", result, finished(config, OneModel(short))))
    for case, mode in (("compiled", "default"), ("cuda_graphs", "reduce-overhead")):
        began = time.perf_counter()
        model: Any = torch.compile(plain.model.base_model, mode=mode)
        first = _timed(model, *pad(ids, plain.device), repeats=1)
        yield Row(case, "first_seconds", time.perf_counter() - began - first)
        yield Row(case, "share_of_plain", _timed(model, *pad(ids, plain.device)) / before)


def _changed(case: str, rows: Iterator[Row]) -> Iterator[Row]:
    """The verdicts that differ, heads and edges together."""
    yield Row(case, "verdicts_changed", sum(row.value for row in rows if row.quantity.startswith("verdicts")))


def weights_of(loaded: LoadedModel) -> float:
    """Gigabytes of the weights."""
    return sum(weight.numel() * weight.element_size() for weight in loaded.model.parameters()) / 2**30


def peak_beyond(device: str, work: Callable[[], object]) -> float:
    """Gigabytes that the work held at its peak beyond what was held before it."""
    gc.collect()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return (torch.cuda.max_memory_allocated() - before) / 2**30
    with PeakMemory() as idle:
        pass
    with PeakMemory() as peak:
        work()
    return max(0.0, peak.mb - idle.mb) / 2**10


def seconds_of(loaded: LoadedModel, ids: list[list[int]]) -> float:
    """Seconds of one forward pass of these texts together, the least of three after one that warms up."""
    return _timed(loaded.model.base_model, *pad(ids, loaded.device))


@torch.inference_mode()
def _timed(model: Any, ids: Tensor, mask: Tensor, repeats: int = 3) -> float:
    seconds = []
    for _ in range(repeats + 1):
        stop_point()
        _synchronised(ids)
        began = time.perf_counter()
        model(input_ids=ids, attention_mask=mask, use_cache=False)
        _synchronised(ids)
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])


def _synchronised(tensor: Tensor) -> None:
    if tensor.device.type == "cuda":
        torch.cuda.synchronize()
