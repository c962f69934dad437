"""Time and memory of whole runs of a real model, with evidence, from the folder of its weights to the result.

The model is SmolLM2-135M-Instruct in a folder that HEADLIGHT_REAL_MODELS names (`core.benchmark.tasks.real.models`).
Every row is measured in a process of its own, which reads nothing from a cache:

- `real-short`: 8+8 indirect-object texts of about 15 tokens; `real-every-head`: the exact effects of all heads in both
  directions on the same texts, the model being loaded already.
- `real-late`, `real-early`: 6+6 texts of 200 to 300 tokens (`core.benchmark.tasks.real.long_texts`) that differ five
  tokens before the end, and in one word at the beginning of a conversation.

`forward_seconds` is one forward pass over the same texts.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

from core.analysis.pipeline import analyse
from core.benchmark.metrics.speed import SpeedRow, alone, forward_seconds
from core.benchmark.tasks.real import chat_texts, long_texts
from core.benchmark.tasks.real.drawing import Drawing
from core.benchmark.tasks.real.models import model_folder
from core.causal.comparison import Comparison
from core.config import make_config
from core.examples.alignment import align
from core.examples.example_set import Example, ExampleSet, Label
from core.generators import result_of
from core.model.activation_store import ActivationStore
from core.model.loaded_model import LoadedModel
from core.model.loading import load_model
from core.model.recording import Recording
from core.model.tokens.tokenising import tokenise
from core.scenarios.build.tasks import TaskPair
from core.schema import RunResult

MODEL = "SmolLM2-135M-Instruct"
SIDES = {"short": 8, "late": 6, "early": 6}
"""Texts a side of each kind."""

SEED = 7


def real_speed_rows() -> Iterator[SpeedRow]:
    """Measure row by row; nothing where the model is in no folder."""
    folder = model_folder(MODEL)
    if folder is None:
        return
    for kind in SIDES:
        yield alone(whole_run, str(folder), kind)
    yield alone(every_head, str(folder))


def texts_of(loaded: LoadedModel, kind: str) -> ExampleSet:
    """The pairs of a kind, in texts that the model's tokenizer makes equally long."""
    generator = chat_texts.GENERATORS["indirect-object"] if kind == "short" else long_texts.GENERATORS[kind]
    drawing = Drawing(loaded, generator)
    drawn = drawing.alike if kind == "short" else drawing.natural
    examples = examples_of(drawn(kind, SIDES[kind], SEED))
    if kind != "early":
        return examples
    return examples.model_copy(update={"form": "chat", "beginning": long_texts.BEGINNING})


def examples_of(pairs: Sequence[TaskPair]) -> ExampleSet:
    """The pairs as a person gives them: by name, with the words that measure the behaviour."""
    sides: tuple[tuple[Label, str], ...] = (("anomalous", "anomalous"), ("normal", "normal"))
    return ExampleSet(
        examples=tuple(
            Example(
                label=label,
                text=getattr(pair, side),
                pair=f"pair {number}",
                expected=f" {pair.expected}",
                actual=f" {pair.actual}",
            )
            for label, side in sides
            for number, pair in enumerate(pairs, start=1)
        )
    )


def whole_run(folder: str, kind: str) -> SpeedRow:
    """A whole run, loading included. The texts are made by a process of its own, so that its memory does not count."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        examples, forward = pool.submit(prepared, folder, kind).result()
    config = make_config(model=folder, examples=examples, device="cpu")
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as place, closing(ActivationStore(Path(place))) as store:
        *_, result = analyse(config, store=store)
    seconds = time.perf_counter() - start
    assert isinstance(result, RunResult)
    members, heads = config.autoencoder.members, len(result.heads)
    return SpeedRow(f"real-{kind}", "cpu", heads, SIDES[kind], members, seconds, forward_seconds=forward)


def prepared(folder: str, kind: str) -> tuple[ExampleSet, float]:
    """The texts of a kind, and the seconds of one forward pass over them."""
    loaded = load_model(folder, "cpu")
    examples = texts_of(loaded, kind)
    return examples, forward_seconds(loaded, tokenise(loaded, examples))


def every_head(folder: str) -> SpeedRow:
    """The exact effects of all heads, both ways, on the short texts; the plain passes count."""
    loaded = load_model(folder, "cpu")
    examples = texts_of(loaded, "short")
    ids = tokenise(loaded, examples)
    forward = forward_seconds(loaded, ids)
    start = time.perf_counter()
    comparison = Comparison(Recording(loaded, ids, streams=True), examples, align(examples, ids), seed=0)
    heads = list(loaded.heads)
    result_of(comparison.effects(heads))
    seconds = time.perf_counter() - start
    return SpeedRow("real-every-head", "cpu", len(heads), SIDES["short"], 0, seconds, forward_seconds=forward)
