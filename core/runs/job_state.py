"""Deeper checks of a finished run, asked for one by one: how far they are, and what they found.

check.json     which check, how far, what went wrong
circuit.json   what the check `circuit` found; written anew after each of its parts, so that a part is never lost

What the check `robustness` found lies in the files of `core.sensitivity.summary`.

The work itself is done by `core.jobs.checks`, in the worker.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

import pandas as pd

from core.errors import StorageError
from core.runs.run_folder import ACTIVE, RunFolder, Status, list_runs
from core.schema import FORMAT

CheckKind = Literal["circuit", "heads", "robustness"]
CHECK_KINDS: tuple[CheckKind, ...] = get_args(CheckKind)
CHECK_FILE, CIRCUIT_FILE = "check.json", "circuit.json"
SETS = 1000
"""Sets of heads that the check of a circuit reads the anomalous texts with, about."""
LIGHT_WORK = 2e12
"""Multiplications and additions up to which the check follows a run by itself: seconds to a minute on two cores."""


@dataclass(frozen=True)
class CheckState:
    """How far a check is. Times are seconds since the epoch.

    `server` names the one that holds it, `ticket` the one time it was asked for.
    """

    kind: CheckKind
    status: Status = "queued"
    stage: str = ""
    step: int = 0
    total: int = 0
    started: float = 0.0
    finished: float = 0.0
    server: str = ""
    ticket: str = ""
    error_key: str = ""
    error_values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Whether the check is still going to change."""
        return self.status in ACTIVE

    @property
    def share(self) -> float:
        """How much of its current part is done, 0 to 1."""
        return min(1.0, self.step / self.total) if self.total else 0.0

    @property
    def seconds(self) -> float:
        """How long it has been at work."""
        end = self.finished if self.finished else time.time()
        return max(0.0, end - self.started) if self.started else 0.0


def read_check(run: RunFolder) -> CheckState | None:
    """The last check of a run, or None; raises StorageError where the file is damaged."""
    if not (run.path / CHECK_FILE).exists():
        return None
    content = run.read_json(CHECK_FILE)
    known = {name: content[name] for name in CheckState.__dataclass_fields__ if name in content}
    try:
        state = CheckState(**known)
    except TypeError as error:
        raise StorageError("damaged_run", path=run.path, detail=f"{CHECK_FILE}: {error}") from None
    if state.kind not in CHECK_KINDS:
        raise StorageError("damaged_run", path=run.path, detail=f"{CHECK_FILE}: unknown check {state.kind}")
    return state


def write_check(run: RunFolder, state: CheckState) -> None:
    """Keep how far a check is; a run that was deleted meanwhile stays deleted."""
    if run.path.exists():
        run.write_json(CHECK_FILE, {"format": FORMAT, **asdict(state)})


def ended(
    state: CheckState, status: Status, key: str = "", values: Mapping[str, Any] | None = None
) -> CheckState:
    """The state at the end of a check."""
    return replace(state, status=status, finished=time.time(), error_key=key, error_values=dict(values or {}))


def follow_up(run: RunFolder) -> CheckKind | None:
    """The check that is begun without being asked when a run is done: that of the circuit, where it is light work."""
    manifest = run.manifest()
    if manifest.evidence != "computed":
        return None
    try:
        examples = pd.read_csv(run.path / "examples.csv", encoding="utf-8-sig")
        tokens = int(examples.loc[examples["label"] == "anomalous", "tokens"].sum())
    except (OSError, ValueError, KeyError):
        return None
    return "circuit" if work(manifest.model.n_parameters, tokens) <= LIGHT_WORK else None


def work(n_parameters: int, tokens: int) -> float:
    """Operations of the check of a circuit, about: two a parameter and token."""
    return 2.0 * n_parameters * tokens * SETS


def measured_seconds(model: str) -> float | None:
    """How long the newest check of a circuit of this model took on this machine, or None."""
    for run in list_runs():
        try:
            content = read_circuit(run) if run.config().model == model else None
        except StorageError:
            continue
        if content and content.get("complete") and content.get("state") == "computed":
            return float(content["seconds"])
    return None


def read_circuit(run: RunFolder) -> dict[str, Any] | None:
    """What is known of the circuit as a whole, as `core.jobs.checks` wrote it, or None."""
    if not (run.path / CIRCUIT_FILE).exists():
        return None
    return run.read_json(CIRCUIT_FILE)
