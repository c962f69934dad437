"""Tasks on GPT-2 small with the circuits that were published for it, where its weights are on this machine.

Truth here is what the authors found with their methods and texts, heads and edges of a whole model read as classes of
heads; it is not measured with the rule of the bundled models (`core.scenarios.build.make_truth`).

1. Indirect object: Wang et al. 2022 (arXiv 2211.00593), with the backup name movers.
2. Greater-than: Hanna et al. 2023 (arXiv 2305.00586). The MLPs of that circuit are no heads and left out. The pairs of
   heads are those that Conmy et al. 2023 (arXiv 2304.14997) list for it in their code: from each head that reads the
   years into each head in the middle.

Nothing is downloaded: the weights are in the folder that HEADLIGHT_GPT2 names, or in the hub's cache.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import try_to_load_from_cache

from core.benchmark.tasks.gpt2_texts import pairs
from core.benchmark.tasks.task import NotRun, Task, TaskName
from core.errors import ModelError
from core.heads import EdgeId, HeadId
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool, load_config

MODEL = "gpt2-small"
"""Name in the tables; the bundled models have GPT-2's architecture as well."""

VARIABLE = "HEADLIGHT_GPT2"
HUB_NAMES = ("gpt2", "openai-community/gpt2")
SHAPE = ("gpt2", 12, 12)
"""Architecture, layers and heads a layer."""

KNOWN_TOKEN = " Mary", 5335
"""One word and its id, by which the tokenizer is known."""


class Flow(NamedTuple):
    """Every head of a class writes what every later head of another reads, as query, key or value."""

    source: str
    target: str
    reads: str


@dataclass(frozen=True)
class Circuit:
    """Heads by class, and the flows between classes."""

    classes: dict[str, tuple[HeadId, ...]]
    flows: tuple[Flow, ...]

    @property
    def heads(self) -> frozenset[HeadId]:
        """Every head of the circuit."""
        return frozenset(head for members in self.classes.values() for head in members)

    @property
    def edges(self) -> frozenset[EdgeId]:
        """Every forward pair of heads of two classes between which something flows."""
        return frozenset(
            EdgeId(source, target)
            for flow in self.flows
            for source in self.classes[flow.source]
            for target in self.classes[flow.target]
            if source.layer < target.layer
        )


def _heads(names: str) -> tuple[HeadId, ...]:
    return tuple(HeadId.parse(name) for name in names.split())


CIRCUITS: dict[str, Circuit] = {
    "indirect-object": Circuit(
        {
            "previous token": _heads("2.2 4.11"),
            "duplicate token": _heads("0.1 0.10 3.0"),
            "induction": _heads("5.5 5.8 5.9 6.9"),
            "S-inhibition": _heads("7.3 7.9 8.6 8.10"),
            "name mover": _heads("9.6 9.9 10.0"),
            "backup name mover": _heads("9.0 9.7 10.1 10.2 10.6 10.10 11.2 11.9"),
            "negative name mover": _heads("10.7 11.10"),
        },
        (
            Flow("previous token", "induction", "kv"),
            Flow("induction", "S-inhibition", "kv"),
            Flow("duplicate token", "S-inhibition", "kv"),
            Flow("S-inhibition", "name mover", "q"),
            Flow("S-inhibition", "backup name mover", "q"),
            Flow("S-inhibition", "negative name mover", "q"),
        ),
    ),
    "greater-than": Circuit(
        {
            "reads the years": _heads("0.1 0.3 0.5"),
            "looks back at the opening year": _heads("5.5 6.1 6.9 7.10 8.11 9.1"),
        },
        (Flow("reads the years", "looks back at the opening year", "kv"),),
    ),
}


class WordContinuing(LoadedModel):
    """GPT-2 on texts that end with a whole word: the next one follows behind a space."""

    gaps = (" ",)


class YearContinuing(LoadedModel):
    """GPT-2 on texts that end within a year: the rest of the year follows without a space."""

    gaps = ("",)

    def word_token(self, word: str) -> int | None:
        """First token of a word as it would stand next."""
        if not word.isdigit():
            return super().word_token(word)
        return int(self.tokenizer(word, add_special_tokens=False)["input_ids"][0])


def published_names() -> list[TaskName | NotRun]:
    """Both tasks by name, or why they cannot be measured here; the weights are not loaded."""
    folder = gpt2_folder()
    return [_hindrance(name, folder) or TaskName(name, str(folder), published=True) for name in CIRCUITS]


def load_published(name: str, folder: Path | None, models: ModelPool) -> Task | NotRun:
    """The task on the weights in a folder, or why that cannot be."""
    hindrance = _hindrance(name, folder)
    if hindrance is not None:
        return hindrance
    try:
        loaded = models.get(str(folder), "cpu")
    except ModelError as error:
        return NotRun(name, MODEL, str(error))
    word, token = KNOWN_TOKEN
    if loaded.tokenizer(word, add_special_tokens=False)["input_ids"] != [token]:
        return NotRun(name, MODEL, f"the tokenizer in {folder} is not GPT-2's")
    continuing = YearContinuing if name == "greater-than" else WordContinuing
    loaded = continuing(loaded.model, loaded.tokenizer, loaded.name, loaded.weights_hash)
    circuit = CIRCUITS[name]
    return Task(name, loaded, circuit.heads, circuit.edges, make_pairs=pairs, model_name=MODEL)


def _hindrance(name: str, folder: Path | None) -> NotRun | None:
    if folder is None:
        return NotRun(name, MODEL, f"no weights of GPT-2 here; {VARIABLE} may name a folder that has them")
    try:
        config = load_config(str(folder)).get_text_config()
    except ModelError as error:
        return NotRun(name, MODEL, str(error))
    shape = config.model_type, config.num_hidden_layers, config.num_attention_heads
    if shape != SHAPE:
        return NotRun(name, MODEL, f"expected {_words(*SHAPE)}, found {_words(*shape)} in {folder}")
    return None


def gpt2_folder() -> Path | None:
    """Where GPT-2's weights are, None where they are not; a folder that HEADLIGHT_GPT2 names is not checked."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    for name in HUB_NAMES:
        weights = try_to_load_from_cache(name, "model.safetensors")
        if isinstance(weights, str):
            return Path(weights).parent
    return None


def _words(architecture: str, n_layers: int, n_heads: int) -> str:
    return f"{architecture} with {n_layers} layers of {n_heads} heads"
