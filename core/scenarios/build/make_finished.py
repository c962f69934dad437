"""Make the finished runs of the start page, one a language: `python -m core.scenarios.build.make_finished`.

Each is a plain run of the texts of `Scenario.sample_in` with the preset of the sample button, its circuit checked, and
without the run's tensors and log, which no page reads. Within a minute on two cores. To be run again whenever the
texts, the settings or the files of a result change.
"""

import shutil
import tempfile
from pathlib import Path

from core.analysis.pipeline import analyse
from core.config import RunConfig, make_config
from core.examples.reading import read_examples
from core.jobs.carrying_out import carry_out, saved
from core.jobs.checks import check
from core.model.loading import ModelPool
from core.report.export import current_report
from core.report.save import save
from core.runs.run_folder import RunFolder
from core.scenarios.build.tickets import FOLDER
from core.scenarios.loader import SAMPLE_PRESET, load_scenario
from core.schema import Progress

LEFT_OUT = ("tensors.safetensors", "log.txt", ".lock", ".added.lock")


def sample_config(name: str, language: str) -> RunConfig:
    """The settings of the finished run of a scenario in a language."""
    scenario = load_scenario(name)
    examples = read_examples(scenario.sample_in(language))
    return make_config(
        model=str(scenario.model_folder),
        scenario=name,
        preset=SAMPLE_PRESET,
        examples=examples,
        fault=scenario.fault.get(language, ""),
        device="cpu",
    )


def finish(config: RunConfig, out: Path, language: str) -> None:
    """Analyse, check the circuit, and put what pages need into the folder `out`, in place of what lies there."""
    models = ModelPool(size=1)
    with tempfile.TemporaryDirectory() as place:
        run = RunFolder.create(Path(place) / "run", config, language=language)
        for kind, steps in (
            ("analysis", lambda: saved(analyse(config, models), save, run)),
            ("circuit", lambda: check("circuit", run, models)),
        ):
            _, error = carry_out(run, kind, steps(), _nothing)  # type: ignore[arg-type]
            if error is not None:
                raise error
        run.write_bytes("report.html", current_report(run, language).encode())
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(run.path, out, ignore=shutil.ignore_patterns(*LEFT_OUT))


def _nothing(_record: Progress) -> None:
    return None


def main() -> None:
    """Make those of the helpdesk tickets."""
    for language in load_scenario(FOLDER.name).sample:
        finish(sample_config(FOLDER.name, language), FOLDER / "finished" / language, language)


if __name__ == "__main__":
    main()
