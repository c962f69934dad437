"""Bundled models with examples and, where it is known, the true circuit; needs neither torch nor transformers."""

from core.scenarios.loader import (
    FOLDER,
    Effect,
    Scenario,
    Truth,
    load_scenario,
    load_truth,
    parse_edge,
    scenario_names,
)

__all__ = [
    "FOLDER",
    "Effect",
    "Scenario",
    "Truth",
    "load_scenario",
    "load_truth",
    "parse_edge",
    "scenario_names",
]
