"""Memory and time of an analysis at the size of real models: random weights of a geometry, read from the disk.

    python -m core.benchmark.real_size --geometry 1b --heads 32
    python -m core.benchmark.real_size --geometry 7b --texts 3 --tokens 40 --until rank --steps 2

The weights are written once into a folder for temporary files, in bfloat16, and removed at the end. The peak is that of
the process; what Python and its libraries took before anything was loaded is subtracted, and so are the weights. Each
stage has a peak of its own. `--until` and `--steps` leave an analysis early, in a stage whose later steps need no more
memory than the first ones.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

from core.analysis.pipeline import analyse
from core.benchmark.metrics.memory import PeakMemory, resident_mb
from core.config import make_config
from core.examples.example_set import Example, ExampleSet
from core.model.activation_store import ActivationStore
from core.model.loading import ModelPool, load_model
from core.schema import Progress, RunResult

GEOMETRIES: dict[str, dict[str, int | bool]] = {
    "tiny": {
        "vocab_size": 512,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "tie_word_embeddings": True,
    },
    "1b": {
        "vocab_size": 128256,
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "tie_word_embeddings": True,
    },
    "7b": {
        "vocab_size": 32000,
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "tie_word_embeddings": False,
    },
}
"""Sizes of Llama models: 1b are those of Llama 3.2 1B, 7b those of Llama 2 7B."""

SPREAD = 0.04
"""Standard deviation of the weights: large enough for texts to be told apart."""

WORDS = 300

DRAWN = 2**22 - 3
"""Random numbers that are drawn; weights repeat them. No width divides their number, so rows differ."""


@dataclass(frozen=True)
class SizeRow:
    """One stage: seconds and peak memory in MB, beyond weights and libraries; `done` of `total` steps were made."""

    stage: str
    done: int
    total: int
    seconds: float
    beyond_mb: float


def write_model(folder: Path, geometry: str, heads: int = 0, seed: int = 0) -> int:
    """Write a model of random weights in bfloat16, a file a layer, and a tokenizer of words; returns its bytes."""
    sizes: dict[str, Any] = dict(GEOMETRIES[geometry])
    if heads:
        sizes["num_attention_heads"] = heads
        sizes["num_key_value_heads"] = min(heads, sizes.get("num_key_value_heads", heads))
    config = LlamaConfig(
        **sizes, max_position_embeddings=2048, dtype="bfloat16", bos_token_id=0, eos_token_id=0
    )
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(folder)
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.empty(DRAWN, dtype=torch.bfloat16).normal_(0, SPREAD, generator=generator)
    shards: dict[str, dict[str, torch.Tensor]] = {}
    for name, parameter in model.named_parameters():
        number = name.split("layers.")[1].split(".")[0] if "layers." in name else "rest"
        shards.setdefault(number, {})[name] = parameter
    total, where = 0, {}
    for number, shard in shards.items():
        file, made = f"model-{number}.safetensors", {}
        for name, parameter in shard.items():
            values = torch.ones(parameter.shape, dtype=torch.bfloat16)
            if parameter.ndim > 1:
                _fill(values.view(-1), drawn)
            made[name], where[name] = values, file
            total += values.numel() * 2
        save_file(made, folder / file, {"format": "pt"})
    index = {"metadata": {"total_size": total}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    _tokenizer().save_pretrained(folder)
    return total


def _fill(values: torch.Tensor, drawn: torch.Tensor) -> None:
    """Fill with the drawn numbers, again and again."""
    for part in values.split(len(drawn)):
        part.copy_(drawn[: len(part)])


def _tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {"<unk>": 0, **{f"w{number}": number + 1 for number in range(WORDS)}}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")


def examples(side: int, tokens: int, seed: int = 0) -> ExampleSet:
    """Pairs of texts of so many tokens, `side` of them, which differ in the last five."""
    drawn = random.Random(seed)
    rows: list[Example] = []
    for pair in range(side):
        words = [f"w{drawn.randrange(WORDS)}" for _ in range(tokens - min(5, tokens - 1))]
        for label in ("anomalous", "normal"):
            ends = [f"w{drawn.randrange(WORDS)}" for _ in range(min(5, tokens - 1))]
            rows.append(Example(label=label, text=" ".join([*words, *ends]), pair=str(pair)))
    return ExampleSet(examples=tuple(sorted(rows, key=lambda row: row.label)))


def measured(folder: Path, weights: int, texts: ExampleSet, chosen: argparse.Namespace) -> Iterator[SizeRow]:
    """Load the model and analyse the texts; a row for loading and for each stage."""
    held = resident_mb() + weights / 2**20
    start = time.perf_counter()
    with PeakMemory() as memory:
        loaded = load_model(folder, "cpu", precision=chosen.precision)
    yield SizeRow("loading", 1, 1, time.perf_counter() - start, memory.mb - held)
    pool = ModelPool()
    pool.put(str(folder), "cpu", loaded)
    config = make_config(model=str(folder), examples=texts, device="cpu", evidence=chosen.evidence)
    with closing(ActivationStore(folder.parent / "cache")) as store:
        for row in stages(analyse(config, pool, store), chosen.until, chosen.steps):
            yield replace(row, beyond_mb=row.beyond_mb - held)


def stages(running: Generator[Progress | RunResult, None, None], until: str, steps: int) -> Iterator[SizeRow]:
    """The stages of an analysis with their peaks; the stage `until` is left after so many steps, and is the last."""
    last = Progress("", 0, 0)
    start, memory = time.perf_counter(), PeakMemory()
    memory.__enter__()
    for record in running:
        if not isinstance(record, Progress):
            break
        enough = last.stage == until and last.step >= steps
        if record.stage != last.stage or enough:
            memory.__exit__(None, None, None)
            if last.stage:
                yield SizeRow(last.stage, last.step, last.total, time.perf_counter() - start, memory.mb)
            if enough:
                running.close()
                return
            start, memory = time.perf_counter(), PeakMemory()
            memory.__enter__()
        last = record
    memory.__exit__(None, None, None)
    yield SizeRow(last.stage, last.step, last.total, time.perf_counter() - start, memory.mb)


def line(row: SizeRow) -> str:
    """A printed row."""
    steps = f"{row.done:6}/{row.total:<6}"
    return f"{row.stage:12} {steps} {row.seconds:8.1f} s, {row.beyond_mb:8.0f} MB beyond the weights"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m core.benchmark.real_size", description=__doc__)
    parser.add_argument("--geometry", choices=GEOMETRIES, default="1b")
    parser.add_argument(
        "--heads", type=int, default=0, help="heads a layer, by default those of the geometry"
    )
    parser.add_argument("--texts", type=int, default=8, help="texts a side")
    parser.add_argument("--tokens", type=int, default=200, help="tokens of each text")
    parser.add_argument("--until", default="", help="the stage that is left early and is the last")
    parser.add_argument("--steps", type=int, default=1, help="steps of that stage")
    parser.add_argument("--precision", default="bfloat16", choices=["bfloat16", "float32"])
    parser.add_argument("--no-evidence", dest="evidence", action="store_false")
    parser.add_argument("--folder", default=None, help="where the weights are written")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        place = Path(folder) / "model"
        parameters = write_model(place, chosen.geometry, chosen.heads) // 2
        weights = parameters * (4 if chosen.precision == "float32" else 2)
        sys.stdout.write(f"{parameters / 1e9:.2f} billion parameters, {weights / 2**20:.0f} MB of weights\n")
        texts = examples(chosen.texts, chosen.tokens)
        for row in measured(place, weights, texts, chosen):
            sys.stdout.write(line(row) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
