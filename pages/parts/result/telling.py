"""What the page of the result tells of a run: its facts, its check, read once a drawing."""

from dataclasses import dataclass

from core.report.sentences.when import Cue, cue
from core.runs.facts import Facts
from core.runs.job_state import JobState
from core.runs.result_reader import read_mechanisms
from core.runs.run_folder import RunFolder
from core.schema import MechanismsRecord
from pages.parts.data import results
from pages.parts.data.results import Result
from pages.parts.report import brief
from pages.parts.session import state


@dataclass(frozen=True)
class Telling:
    """A finished run, and the check of its circuit that is at work, or the last one.

    `mechanisms` and `cue`, the words that the fault comes with, are None for older runs.
    """

    result: Result
    facts: Facts
    check: JobState | None
    mechanisms: MechanismsRecord | None = None
    cue: Cue | None = None

    @property
    def waits(self) -> bool:
        """Whether what helps is being measured."""
        known = self.facts.circuit is not None and self.facts.circuit.before_after is not None
        return self.check is not None and self.check.active and not known


def load(run: RunFolder) -> Telling:
    """The run as it is told; raises HeadlightError where a file is missing or damaged."""
    result = results.load(run)
    facts, mechanisms = brief.facts_of(run, result), read_mechanisms(run)
    check = state.backend().check_status(run.run_id)
    return Telling(result, facts, check, mechanisms, cue(facts, mechanisms))
