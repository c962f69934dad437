"""What the page of the result tells of a run: its facts, its check, read once a drawing."""

from dataclasses import dataclass

from core.runs.facts import Facts
from core.runs.job_state import JobState
from core.runs.run_folder import RunFolder
from pages.parts.data import results
from pages.parts.data.results import Result
from pages.parts.report import brief
from pages.parts.session import state


@dataclass(frozen=True)
class Telling:
    """A finished run, and the check of its circuit that is at work, or the last one."""

    result: Result
    facts: Facts
    check: JobState | None

    @property
    def waits(self) -> bool:
        """Whether what helps is being measured."""
        return self.check is not None and self.check.active and self.facts.circuit is None


def load(run: RunFolder) -> Telling:
    """The run as it is told; raises HeadlightError where a file is missing or damaged."""
    result = results.load(run)
    return Telling(result, brief.facts_of(run, result), state.backend().check_status(run.run_id))
