"""The check that follows an analysis by itself: whether it is light enough, and how long one takes here."""

from core.errors import StorageError
from core.runs.job_state import CheckKind
from core.runs.result_reader import read_circuit, saved_examples
from core.runs.run_folder import RunFolder, list_runs

SETS = 1000
"""Sets of heads that the check of a circuit reads the anomalous texts with, about."""
LIGHT_WORK = 2e12
"""Multiplications and additions up to which the check follows a run by itself: seconds to a minute on two cores."""


def follow_up(run: RunFolder) -> CheckKind | None:
    """The check that is begun without being asked when a run is done: that of the circuit, where it is light work."""
    manifest = run.manifest()
    if manifest.evidence != "computed":
        return None
    try:
        examples = saved_examples(run)
        tokens = int(examples.loc[examples["label"] == "anomalous", "tokens"].astype(int).sum())
    except (StorageError, ValueError):
        return None
    return "circuit" if work(manifest.model.n_parameters, tokens) <= LIGHT_WORK else None


def work(n_parameters: int, tokens: int) -> float:
    """Operations of the check of a circuit, about: two a parameter and token."""
    return 2.0 * n_parameters * tokens * SETS


def measured_seconds(model: str) -> float | None:
    """How long the newest check of a circuit of this model took on this machine, or None."""
    for run in list_runs():
        try:
            own = run.config().model == model and not run.meta().sample
            content = read_circuit(run) if own else None
        except StorageError:
            continue
        if content and content.complete and content.state == "computed":
            return content.seconds
    return None
