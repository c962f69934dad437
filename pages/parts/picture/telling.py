"""The story of a run that a page or a file shows."""

from core.runs.facts import Facts, facts
from core.runs.result_reader import read_circuit, read_mechanisms
from core.runs.run_folder import RunFolder
from core.schema import MechanismsRecord
from core.story import Story, story_of
from pages.parts.data.results import Result


def facts_of(result: Result) -> Facts:
    """The result as sentences need it, with the user's own names."""
    circuit = read_circuit(RunFolder(result.path)) if result.path else None
    tables = result.heads, result.edges
    return facts(result.manifest, *tables, result.own_names, circuit, mlps=result.mlps)


def mechanisms_of(result: Result) -> MechanismsRecord | None:
    """What heads and MLP blocks do; None for a run of an earlier version."""
    return read_mechanisms(RunFolder(result.path)) if result.path else None


def of(result: Result, language: str, example: int | None = None) -> Story:
    """The story of all texts, or of the anomalous text number `example`."""
    return story_of(facts_of(result), result.examples, mechanisms_of(result), language, example)
