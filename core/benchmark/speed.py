"""Time and memory on the geometry of GPT-2 small: random weights, real tokenizer, whole process."""

import multiprocessing
import resource
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

from core.capture import capture, pad
from core.config import PRESETS
from core.errors import ModelError
from core.examples import ExampleSet
from core.models import LoadedModel, load_tokenizer
from core.pipeline import score
from core.preview import tokenise
from core.scenarios.make_examples import examples_of
from core.scenarios.tasks import pairs
from core.tokens import align

TOKENIZER_FOLDERS = (Path(__file__).parents[3] / "shared" / "models" / "gpt2-tokenizer",)
EXAMPLES = 10
"""A side."""


@dataclass(frozen=True)
class Speed:
    """Seconds from token ids to scored edges, peak memory of the process in MB, and one forward pass in seconds."""

    seconds: float
    peak_mb: float
    forward_seconds: float


def gpt2_tokenizer() -> str | None:
    """Where the GPT-2 tokenizer is: a folder beside the project or the hub's cache; None where it is not."""
    for source in (*map(str, TOKENIZER_FOLDERS), "gpt2"):
        try:
            load_tokenizer(source)
        except ModelError:
            continue
        return source
    return None


def measure_speed(preset: str, tokenizer: str) -> Speed:
    """Run the analysis once in a process of its own, so that the peak memory is its own."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(preset, tokenizer, sender))
    process.start()
    sender.close()
    found: Speed = receiver.recv()
    process.join()
    return found


def _measure(preset: str, tokenizer: str, sender: Connection) -> None:
    from core.benchmark.methods import run_training

    torch.manual_seed(0)
    loaded = LoadedModel(
        GPT2LMHeadModel(GPT2Config()), AutoTokenizer.from_pretrained(tokenizer), "gpt2-geometry"
    )
    examples = ExampleSet(examples=tuple(examples_of(pairs("indirect-object", EXAMPLES, 50_000))))
    ids = tokenise(loaded, examples)
    forward = _forward_seconds(loaded, ids)
    start = time.perf_counter()
    alignment = align(examples, ids)
    captured = capture(loaded, [ids[i] for i in alignment.kept], alignment.positions)
    codes = run_training(loaded, captured, alignment, PRESETS[preset], seed=0)  # type: ignore[index]
    score(codes, alignment.n_anomalous, loaded.shape.n_heads)
    seconds = time.perf_counter() - start
    sender.send(Speed(seconds, _peak_mb(), forward))
    sender.close()


@torch.inference_mode()
def _forward_seconds(loaded: LoadedModel, ids: list[list[int]], repeats: int = 3) -> float:
    token_ids, mask = pad(ids, loaded.device)
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        loaded.model.base_model(input_ids=token_ids, attention_mask=mask, use_cache=False)
        best = min(best, time.perf_counter() - start)
    return best


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
