"""Behaviours of real language models, which nobody trained for this benchmark.

1. Models are folders beside the project: HEADLIGHT_REAL_MODELS names the folder, or several (separated as in PATH),
   that hold `stories260K`, `slm4096` and `SmolLM2-135M-Instruct`. Nothing is downloaded.
2. What is true of them was measured by exact patching (`core.benchmark.tasks.real.make_truths`), which takes too long
   to be done each time: it lies in `truths/MODEL/BEHAVIOUR.json`, with the hash of the weights it was measured on.
3. A behaviour whose model is not there, has other weights, or has no truth yet is not run, and the reason is told.

Settings may be chosen on stories260K; the two others are test models.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.benchmark.tasks.real import chat_texts, letter_texts, story_texts
from core.benchmark.tasks.real.drawing import Drawing, Generator
from core.benchmark.tasks.task import NotRun, Role, Task, TaskName, effects_in
from core.errors import ModelError
from core.heads import HeadId
from core.model.fingerprint import hash_tensors
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool
from core.scenarios.loader import parse_edge

VARIABLE = "HEADLIGHT_REAL_MODELS"
TRUTHS = Path(__file__).parent / "truths"


@dataclass(frozen=True)
class RealModel:
    """A model by the name of its folder, its behaviours, and whether settings may be chosen on it.

    `by_words_alone` are behaviours whose sides only the words given tell apart. Truths are measured on `pairs` pairs,
    heads far below the mark on `screened_on` of them where that is not 0, with edges where these are not too many.
    """

    name: str
    role: Role
    generators: Mapping[str, Generator]
    by_words_alone: tuple[str, ...] = ()
    pairs: int = 100
    edges: bool = True
    screened_on: int = 0

    def truth_file(self, behaviour: str) -> Path:
        """Where what is true of a behaviour lies."""
        return TRUTHS / self.name / f"{behaviour}.json"


MODELS = (
    RealModel("stories260K", "tuning", story_texts.GENERATORS, story_texts.BY_WORDS_ALONE),
    RealModel("slm4096", "test", letter_texts.GENERATORS),
    RealModel("SmolLM2-135M-Instruct", "test", chat_texts.GENERATORS, pairs=24, edges=False, screened_on=8),
)


def real_names(role: Role | None = None) -> list[TaskName | NotRun]:
    """Every behaviour of every model of a role, or of all, or why it cannot be measured here; no weights are loaded."""
    return [
        _name(model, behaviour)
        for model in MODELS
        if role in (None, model.role)
        for behaviour in model.generators
    ]


def model_folder(name: str) -> Path | None:
    """The folder of a model in those that HEADLIGHT_REAL_MODELS names, None where none has it."""
    named = [Path(part).expanduser() for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    return next((folder / name for folder in named if (folder / name / "config.json").is_file()), None)


def _name(model: RealModel, behaviour: str) -> TaskName | NotRun:
    folder = model_folder(model.name)
    if folder is None:
        return NotRun(behaviour, model.name, f"{model.name} is in no folder that {VARIABLE} names")
    if not model.truth_file(behaviour).is_file():
        return NotRun(behaviour, model.name, "its true heads have not been measured")
    return TaskName(behaviour, str(folder.absolute()), model.role, real=model.name)


def load_real(name: TaskName, models: ModelPool) -> Task | NotRun:
    """The behaviour on the model in its folder, on the CPU, or why that cannot be."""
    model = next(one for one in MODELS if one.name == name.real)
    try:
        loaded = models.get(name.folder, "cpu")
    except ModelError as error:
        return NotRun(name.name, model.name, str(error))
    return with_truth(loaded, model, name.name, model.truth_file(name.name))


def with_truth(loaded: LoadedModel, model: RealModel, behaviour: str, file: Path) -> Task | NotRun:
    """The behaviour with what a file holds as true, or why not: a truth of other weights says nothing of these."""
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if content["model_hash"] != hash_tensors(loaded.model):
        return NotRun(behaviour, model.name, f"the weights in {loaded.name} are not those of {file.name}")
    drawing = Drawing(loaded, model.generators[behaviour])
    return Task(
        behaviour,
        loaded,
        frozenset(HeadId.parse(head) for head in content["heads"]),
        frozenset(parse_edge(edge) for edge in content["edges"]),
        model.role,
        make_pairs=drawing.natural,
        model_name=model.name,
        head_effects=effects_in(content),
        make_alike=drawing.alike,
        by_words_alone=behaviour in model.by_words_alone,
    )
