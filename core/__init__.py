"""Headlight's engine: which attention heads set anomalous texts apart, and how they feed each other.

The public names are those of `__all__`. They are imported when first used, so that reading a run's files, as
the dashboard does, never imports torch.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.analysis.pipeline import analyse as analyse
    from core.causal.ablation_file import AblationFile as AblationFile
    from core.causal.ablation_file import ablated as ablated
    from core.causal.ablation_file import read_ablation_file as read_ablation_file
    from core.config import RunConfig as RunConfig
    from core.config import make_config as make_config
    from core.errors import HeadlightError as HeadlightError
    from core.examples.example_set import Example as Example
    from core.examples.example_set import ExampleSet as ExampleSet
    from core.examples.reading import read_examples as read_examples
    from core.heads import EdgeId as EdgeId
    from core.heads import HeadId as HeadId
    from core.model.loaded_model import LoadedModel as LoadedModel
    from core.model.loading import ModelPool as ModelPool
    from core.model.loading import load_model as load_model
    from core.report.save import save as save
    from core.runs.run_folder import RunFolder as RunFolder
    from core.scenarios.loader import load_scenario as load_scenario
    from core.schema import Progress as Progress
    from core.schema import RunResult as RunResult

# Idle OpenMP threads spin by default; on a machine that is busy otherwise that slows small matrix products
# a hundredfold. Read once, when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_PLACES = {
    "AblationFile": "core.causal.ablation_file",
    "ablated": "core.causal.ablation_file",
    "read_ablation_file": "core.causal.ablation_file",
    "Example": "core.examples.example_set",
    "ExampleSet": "core.examples.example_set",
    "HeadId": "core.heads",
    "EdgeId": "core.heads",
    "HeadlightError": "core.errors",
    "LoadedModel": "core.model.loaded_model",
    "ModelPool": "core.model.loading",
    "Progress": "core.schema",
    "RunConfig": "core.config",
    "RunFolder": "core.runs.run_folder",
    "RunResult": "core.schema",
    "analyse": "core.analysis.pipeline",
    "load_model": "core.model.loading",
    "load_scenario": "core.scenarios.loader",
    "make_config": "core.config",
    "read_examples": "core.examples.reading",
    "save": "core.report.save",
}

_FORMER_NAMES = {"Recipe": "AblationFile", "read_recipe": "read_ablation_file", "switched_off": "ablated"}
"""Names of earlier versions, which people's own scripts may still use."""

__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    name = _FORMER_NAMES.get(name, name)
    if name not in _PLACES:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
