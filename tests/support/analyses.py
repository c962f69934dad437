"""Real analyses, saved."""

from pathlib import Path

from core.analysis.pipeline import analyse
from core.config import RunConfig
from core.model.loading import ModelPool
from core.report.save import save
from core.runs.run_folder import RunFolder
from core.schema import RunResult


def analysed(folder: Path, settings: RunConfig, models: ModelPool) -> RunFolder:
    """Analyse, and save the result into a new run folder."""
    run = RunFolder.create(folder, settings)
    result = None
    for item in analyse(settings, models):
        result = item
    assert isinstance(result, RunResult)
    save(result, run)
    run.write_state(run.state().ended("done"))
    return run
