"""How far a job on a run is, the analysis or a deeper check of its result: one schema, a file for each kind."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from pydantic import TypeAdapter

JobKind = Literal["analysis", "circuit", "heads", "sensitivity"]
CheckKind = Literal["circuit", "heads", "sensitivity"]
CHECK_KINDS: tuple[CheckKind, ...] = get_args(CheckKind)
Status = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
ACTIVE: tuple[Status, ...] = ("queued", "running")

FORMER_CHECK_FILE = "check.json"
"""The one file of every kind of check in folders of earlier versions."""
_FORMER_WORDS = {"robustness": "sensitivity"}


@dataclass(frozen=True)
class JobState:
    """How far a job is. Times are seconds since the epoch."""

    kind: JobKind = "analysis"
    status: Status = "queued"
    stage: str = ""
    step: int = 0
    total: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    error_key: str = ""
    error_values: Mapping[str, Any] = field(default_factory=dict)
    error_text: str = ""
    started: float = 0.0
    updated: float = 0.0
    finished: float = 0.0
    worker: int = 0

    @property
    def active(self) -> bool:
        """Whether the job is still going to change."""
        return self.status in ACTIVE

    @property
    def share(self) -> float:
        """How much of the current stage is done, 0 to 1."""
        return min(1.0, self.step / self.total) if self.total else 0.0

    @property
    def seconds(self) -> float:
        """How long it has been at work."""
        end = self.finished or time.time()
        return max(0.0, end - self.started) if self.started else 0.0

    def ended(
        self, status: Status, key: str = "", values: Mapping[str, Any] | None = None, text: str = ""
    ) -> "JobState":
        """The state at the end of the job."""
        return replace(
            self,
            status=status,
            finished=time.time(),
            error_key=key,
            error_values=dict(values or {}),
            error_text=text,
        )


def state_file(kind: JobKind) -> str:
    """Name of the file in the run folder that holds the state of a job."""
    return "state.json" if kind == "analysis" else f"state-{kind}.json"


STATE_FILES = tuple(state_file(kind) for kind in get_args(JobKind))


_SCHEMA = TypeAdapter(JobState)


def read_state(content: Mapping[str, Any]) -> JobState:
    """A state from its JSON, that of an earlier version too. Raises ValueError where it is no state."""
    if "status" not in content:
        raise ValueError("the status is missing")
    words = {
        name: _FORMER_WORDS.get(str(value), value)
        for name, value in content.items()
        if name in ("kind", "stage")
    }
    return _SCHEMA.validate_python({**content, **words})
