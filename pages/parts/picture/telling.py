"""The story of a run that a page or a file shows."""

import pandas as pd

from core.runs.facts import Facts, facts
from core.runs.result_reader import read_circuit, read_mechanisms
from core.runs.run_folder import RunFolder
from core.story import Story, story_of
from pages.parts.data.results import Result


def facts_of(run: RunFolder, result: Result) -> Facts:
    """The result as sentences need it, with the user's own names."""
    mlps: pd.DataFrame = result.mlps
    return facts(result.manifest, result.heads, result.edges, result.own_names, read_circuit(run), mlps=mlps)


def of(run: RunFolder, result: Result, language: str, example: int | None = None) -> Story:
    """The story of all texts, or of the anomalous text number `example`."""
    return story_of(facts_of(run, result), result.examples, read_mechanisms(run), language, example)
