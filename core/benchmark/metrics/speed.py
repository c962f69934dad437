"""Time and memory: whole analyses on the geometry of GPT-2, and how the cost grows with heads and examples.

Every row is measured in a process of its own, so that its peak memory is its own, with as many threads as torch takes.

- `gpt2-standard`, `gpt2-fast`: random weights of GPT-2 small, real tokenizer, 10+10 indirect-object texts; from token
  ids over training to scored edges and the stability of the selection, in pairs. `gpt2-standard-unpaired`: without
  pairs, with LABEL_SHUFFLES shuffles of the labels. Loading the model and evidence by patching are not timed.
- `heads`, `examples`: from made head outputs to head scores (training, codes, scores), standard preset. A quick run
  leaves these and `gpt2-fast` out: starting a process for each would take a third of its time.
- `edges-1024`: scores of all forward pairs of 32 × 32 heads from made codes.
- On a GPU, where there is one, the same but for the edges, which are scored on the processor; `gpt2-xl-standard`, the
  geometry of GPT-2 XL; and `codes-equal`, where `seconds` are those on the GPU.
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

from core.analysis.observations import observe, scores_of, train_codes
from core.benchmark.metrics.memory import PeakMemory
from core.benchmark.tasks.gpt2_circuits import VARIABLE as WEIGHTS
from core.config import PRESETS, PresetName
from core.discovery.autoencoder import SILENT, Codes
from core.discovery.codes import codes_of, scale
from core.discovery.label_permutation import label_permutations
from core.discovery.scoring import edge_scores_by_member, head_scores
from core.discovery.stability import stability_of
from core.errors import ModelError
from core.examples.example_set import ExampleSet
from core.generators import result_of
from core.model.batching import pad
from core.model.loading import LoadedModel, load_tokenizer
from core.model.tokens.tokenising import tokenise
from core.scenarios.build.make_examples import examples_of
from core.scenarios.build.tasks import pairs

TOKENIZER = "HEADLIGHT_GPT2_TOKENIZER"
"""Environment variable that names a folder with GPT-2's tokenizer."""

EXAMPLES = 10
"""A side."""

LABEL_SHUFFLES = 1000

SLOTS, WIDTH = 5, 64
"""Compared positions and d_head of the made head outputs."""

HEADS = (36, 72, 144, 288, 576)
"""Numbers of heads that are measured."""

SIDES, SIDE_HEADS = (5, 10, 20, 40), 144
"""Examples a side, and the heads that they are measured with."""

EDGE_HEADS, HEADS_A_LAYER = 1024, 32
MEMBERS = PRESETS["standard"].members


@dataclass(frozen=True)
class SpeedRow:
    """One line of speed.csv. `examples` is the number a side, `seconds` wall time, `peak_mb` the peak memory of the
    process (on a GPU, of the device), `forward_seconds` one forward pass over the same texts, `equal` the share of
    codes that both devices give.
    """

    what: str
    device: str
    heads: int
    examples: int
    members: int
    seconds: float
    peak_mb: float = 0.0
    forward_seconds: float | None = None
    equal: float | None = None


def gpt2_tokenizer() -> str | None:
    """Where the GPT-2 tokenizer is: the folder that TOKENIZER names, beside GPT-2's weights, or the hub's cache."""
    for source in (os.environ.get(TOKENIZER), os.environ.get(WEIGHTS), "gpt2"):
        try:
            if source:
                load_tokenizer(source)
                return source
        except ModelError:
            continue
    return None


def speed_rows(quick: bool) -> Iterator[SpeedRow]:
    """Measure row by row; without the GPT-2 tokenizer the rows that need it are left out."""
    tokenizer = gpt2_tokenizer()
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        if tokenizer is not None:
            yield measure_speed("standard", tokenizer, device)
            if not quick:
                yield measure_speed("fast", tokenizer, device)
            yield measure_speed("standard", tokenizer, device, paired=False)
            if device == "cuda":
                yield measure_speed("standard", tokenizer, device, size="gpt2-xl")
        yield from growth(quick, device)
    if torch.cuda.is_available():
        yield alone(_equal_codes)


def measure_speed(
    preset: PresetName, tokenizer: str, device: str = "cpu", paired: bool = True, size: str = "gpt2"
) -> SpeedRow:
    """One analysis on the geometry `gpt2` or `gpt2-xl`."""
    return alone(_analysis, preset, tokenizer, device, paired, size)


def growth(quick: bool, device: str = "cpu") -> Iterator[SpeedRow]:
    """Growth of the cost of head scores with heads and examples, unless quick; and the edges of a large model."""
    for heads in () if quick else HEADS:
        yield alone(_heads, "heads", heads, EXAMPLES, device)
    for side in () if quick else SIDES:
        yield alone(_heads, "examples", SIDE_HEADS, side, device)
    if device == "cpu":
        yield alone(_edges)


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Power of the size with which the seconds grow: slope of the least-squares line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def speed_lines(rows: Sequence[SpeedRow]) -> list[str]:
    """The rows as lines of a printed table, with the fitted exponents."""
    lines = ["", "Time and memory (made weights and head outputs, each row in a process of its own)"]
    for row in rows:
        line = f"{row.what:24} {row.device:4} {row.heads:5} heads {row.examples:3}+{row.examples:<3} "
        line += f"{row.members} members {row.seconds:7.2f} s, peak {row.peak_mb:5.0f} MB"
        if row.forward_seconds:
            ratio = row.seconds / row.forward_seconds
            line += f", {ratio:5.1f} × one forward pass ({row.forward_seconds:.2f} s)"
        if row.equal is not None:
            line += f", {row.equal:.2%} of the codes as on the processor"
        lines.append(line)
    for device in dict.fromkeys(row.device for row in rows):
        for what in ("heads", "examples"):
            grown = [row for row in rows if (row.what, row.device) == (what, device)]
            if len(grown) > 1:
                power = exponent([getattr(row, what) for row in grown], [row.seconds for row in grown])
                lines.append(f"seconds grow with {what} to the power of {power:.2f} ({device})")
    if not any(row.what.startswith("gpt2") for row in rows):
        lines.append("GPT-2 geometry: not run, the GPT-2 tokenizer is neither in a folder nor in the cache")
    if not any(row.device == "cuda" for row in rows):
        lines.append("not measured on a GPU")
    return lines


def alone(measure: Callable[..., SpeedRow], *arguments: object) -> SpeedRow:
    """Run one measurement in a process of its own. Raises BrokenProcessPool where that process dies."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_with_peak, measure, *arguments).result()


def _with_peak(measure: Callable[..., SpeedRow], *arguments: object) -> SpeedRow:
    torch.manual_seed(0)
    with PeakMemory() as memory:
        row = measure(*arguments)
    cuda = row.device == "cuda"
    return replace(row, peak_mb=torch.cuda.max_memory_allocated() / 2**20 if cuda else memory.mb)


def _analysis(preset: PresetName, tokenizer: str, device: str, paired: bool, size: str) -> SpeedRow:
    settings = PRESETS[preset]
    with torch.device(device):
        model = GPT2LMHeadModel(
            GPT2Config(n_layer=48, n_head=25, n_embd=1600) if size == "gpt2-xl" else GPT2Config()
        )
    loaded = LoadedModel(model, AutoTokenizer.from_pretrained(tokenizer), f"{size}-geometry")
    examples = ExampleSet(examples=tuple(examples_of(pairs("indirect-object", EXAMPLES, 50_000))))
    forward = forward_seconds(loaded, tokenise(loaded, examples))
    start = time.perf_counter()
    observations = observe(loaded, examples, pairing="auto" if paired else "off")
    alignment, flow, n_anomalous = observations.alignment, observations.flow(), observations.n_anomalous
    codes = flow.weigh(result_of(train_codes(observations, settings, seed=0)))
    scores = scores_of(observations, codes, flow, settings)
    if not alignment.paired:
        result_of(label_permutations(codes, n_anomalous, LABEL_SHUFFLES, seed=0))
    stability_of(
        codes, scores.heads, observations.compared.texts, n_anomalous, alignment.paired, "strength", seed=0
    )
    seconds = time.perf_counter() - start
    heads = len(loaded.heads)
    what = f"{size}-{preset}" + ("" if paired else "-unpaired")
    return SpeedRow(what, device, heads, EXAMPLES, settings.members, seconds, forward_seconds=forward)


def _heads(what: str, heads: int, side: int, device: str) -> SpeedRow:
    values = made_outputs(heads, side).to(device)
    codes, seconds = _trained(values)
    start = time.perf_counter()
    head_scores(codes, side)
    return SpeedRow(what, device, heads, side, MEMBERS, seconds + time.perf_counter() - start)


def _edges() -> SpeedRow:
    codes = made_codes(MEMBERS, EDGE_HEADS, 2 * EXAMPLES)
    start = time.perf_counter()
    edge_scores_by_member(codes, EXAMPLES, np.arange(codes.latent.shape[1]) // HEADS_A_LAYER)
    seconds = time.perf_counter() - start
    return SpeedRow(f"edges-{EDGE_HEADS}", "cpu", EDGE_HEADS, EXAMPLES, MEMBERS, seconds)


def _equal_codes() -> SpeedRow:
    """The same head outputs on both devices."""
    values = made_outputs(SIDE_HEADS, EXAMPLES)
    expected, _ = _trained(values)
    codes, seconds = _trained(values.to("cuda"))
    equal = float((codes.latent == expected.latent).float().mean())
    return SpeedRow("codes-equal", "cuda", SIDE_HEADS, EXAMPLES, MEMBERS, seconds, equal=equal)


def made_outputs(heads: int, side: int) -> Tensor:
    """Head outputs (example, slot, head, d_head) with noise of a strength of its own for each head, and a shift of the
    anomalous side in every fourth head; scaled.
    """
    values = torch.randn(2 * side, SLOTS, heads, WIDTH) * torch.rand(heads, 1)
    values[:side, :, ::4] += torch.randn(WIDTH)
    return scale(values - values.mean(dim=0, keepdim=True))


def made_codes(members: int, heads: int, examples: int) -> Codes:
    """Codes (member, head, example): a third silent, half of the rest as on the first example."""
    latents = PRESETS["standard"].latents
    latent = torch.randint(0, latents, (members, heads, examples))
    latent = torch.where(torch.rand(latent.shape) < 0.5, latent[..., :1], latent)
    latent = torch.where(torch.rand(latent.shape) < 1 / 3, SILENT, latent)
    return Codes(latent, torch.rand(latent.shape) * (latent != SILENT))


def _trained(values: Tensor) -> tuple[Codes, float]:
    """Codes of scaled outputs, and the seconds that training took."""
    _synchronise(values.device.type)
    start = time.perf_counter()
    codes = result_of(codes_of(values, PRESETS["standard"], seed=0))
    return codes, time.perf_counter() - start


@torch.inference_mode()
def forward_seconds(loaded: LoadedModel, ids: list[list[int]], repeats: int = 3) -> float:
    """Seconds of one forward pass over these texts, the least of so many."""
    token_ids, mask = pad(ids, loaded.device)
    best = float("inf")
    for _ in range(repeats):
        _synchronise(loaded.device.type)
        start = time.perf_counter()
        loaded.model.base_model(input_ids=token_ids, attention_mask=mask, use_cache=False)
        _synchronise(loaded.device.type)
        best = min(best, time.perf_counter() - start)
    return best


def _synchronise(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
