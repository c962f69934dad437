"""The command line: `headlight` or `python -m core` with `app | scenarios | fetch | analyse | sensitivity | benchmark`

Exit code 0; 2 with one plain line on stderr for bad input; 130 when interrupted.
"""

import _weakrefset
import logging
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Generator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from core.cli import examples as reading
from core.cli import printing
from core.cli.options import (
    Adapter,
    CandidatesFrom,
    Device,
    MatchBy,
    Model,
    PartnersFor,
    Positions,
    Scenario,
)
from core.config import PresetName, RunConfig
from core.dashboard import serve_command
from core.errors import HeadlightError
from core.generators import relayed, result_of
from core.jobs.carrying_out import carry_out, saved, survivable
from core.jobs.fetching import request_of
from core.jobs.follow_up import follow_up
from core.runs.job_state import JobKind
from core.runs.replacing import replacing
from core.runs.run_folder import RunFolder
from core.scenarios.loader import fetched_names, load_scenario, scenario_names
from core.schema import Note, Progress
from core.sensitivity.summary import read_sensitivity, sweep_folder

if TYPE_CHECKING:
    from core.model.loading import ModelPool

INTERRUPTED = 130
_asked_to_stop = threading.Event()
"""Set by an interrupt: an exception that is raised inside a destructor or in the callback of a weak reference, as
imports run many, is printed and lost.
"""

_CALLBACKS = (weakref.__file__, _weakrefset.__file__)

_UsageError: Any = typer.BadParameter.__base__
"""What the command line raises for wrong words; typer keeps its class private."""

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)


@app.command(name="app")
def dashboard(
    scenario: Annotated[str, typer.Option(help="the bundled scenario to begin with")] = "",
    port: Annotated[int, typer.Option(help="port, if not the first free one from 8501 on")] = 0,
    address: Annotated[str, typer.Option(help="address to listen on, if not this machine alone")] = "",
    host: Annotated[list[str] | None, typer.Option(help="a name under which others reach it")] = None,
    headless: Annotated[bool, typer.Option(help="open no browser")] = False,
) -> None:
    """Open the dashboard."""
    if scenario:
        load_scenario(scenario)
    with subprocess.Popen(serve_command(scenario, port, address, host or (), headless)) as server:
        try:
            code = server.wait()
        except KeyboardInterrupt:
            server.terminate()
            raise
    raise typer.Exit(code)


@app.command()
def scenarios() -> None:
    """List the scenarios: models with their examples."""
    for name in scenario_names():
        print(f"{name:20} {load_scenario(name).title['en']}")
    for name in fetched_names():
        hint = "" if load_scenario(name).ready else f" - to be fetched: headlight fetch {name}"
        print(f"{name:20} {load_scenario(name).title['en']}{hint}")


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="a scenario on a real language model, or a hub id")],
    gguf: Annotated[str, typer.Option(help="which file of a repository of GGUF files")] = "",
) -> None:
    """Fetch a model from the hub, with progress; a fetch that broke goes on where it ended."""
    from core.jobs.fetching.process import fetched

    request = request_of(name, gguf)
    with request.held():
        print(result_of(relayed(fetched(request), _show)))


@app.command()
def analyse(
    out: Annotated[Path, typer.Option(help="folder for the result")],
    scenario: Scenario = "",
    model: Model = "",
    adapter: Adapter = "",
    examples: reading.Examples = None,
    preset: Annotated[PresetName, typer.Option(help="how much is computed")] = "standard",
    positions: Positions = "auto",
    candidates: CandidatesFrom = "combined",
    partners: PartnersFor = "auto",
    device: Device = "auto",
    seed: Annotated[int, typer.Option(help="the only source of randomness")] = 0,
    evidence: Annotated[bool, typer.Option(help="verify the candidates by interventions")] = True,
    encoding: reading.Encoding = "",
    columns: reading.Columns = "",
    labels: reading.Labels = "",
    final_turn: reading.Turn = "answer",
    keep_space: reading.KeepSpace = False,
    system: reading.System = "",
    frame: reading.Frame = "",
    form: reading.FormOfTexts = "auto",
    match: MatchBy = "begins",
    fault: Annotated[str, typer.Option(help="the fault in one sentence, for the report")] = "",
    language: Annotated[Literal["en", "ja"], typer.Option(help="language of report.html")] = "en",
) -> None:
    """Analyse a scenario, or a model with your own examples, and write the result into a folder.

    A result that the folder holds already is replaced when the new one is complete.
    """
    settings: dict[str, Any] = {"preset": preset, "positions": positions, "candidates": candidates}
    settings |= {"partners": partners, "adapter": adapter, "fault": fault}
    how = reading.HowToRead(encoding, columns, labels, final_turn, keep_space, system, frame, form)
    config, notes = reading.settings(
        scenario, model, examples, how, **settings, device=device, seed=seed, evidence=evidence, match=match
    )
    run(config, out, scenario or Path(model).name, notes, language)


@app.command()
def sensitivity(
    out: Annotated[Path, typer.Option(help="folder for sweep.csv and sensitivity.json")],
    scenario: Scenario = "",
    model: Model = "",
    adapter: Adapter = "",
    examples: reading.Examples = None,
    preset: Annotated[PresetName, typer.Option(help="the settings that are moved")] = "standard",
    positions: Positions = "auto",
    candidates: CandidatesFrom = "combined",
    partners: PartnersFor = "auto",
    device: Device = "auto",
    seed: Annotated[int, typer.Option(help="the first of the seeds")] = 0,
    encoding: reading.Encoding = "",
    columns: reading.Columns = "",
    labels: reading.Labels = "",
    final_turn: reading.Turn = "answer",
    keep_space: reading.KeepSpace = False,
    system: reading.System = "",
    frame: reading.Frame = "",
    form: reading.FormOfTexts = "auto",
) -> None:
    """Move one setting at a time, and tell whether the result changes; stopped early, it goes on from there."""
    settings: dict[str, Any] = {"preset": preset, "positions": positions, "candidates": candidates}
    settings |= {"partners": partners, "adapter": adapter}
    how = reading.HowToRead(encoding, columns, labels, final_turn, keep_space, system, frame, form)
    config, notes = reading.settings(scenario, model, examples, how, **settings, device=device, seed=seed)
    printing.notes(notes)
    sweep(config, sweep_folder(out))


app.command("robustness", hidden=True)(sensitivity)  # the command's former name


@app.command()
def benchmark(
    out: Annotated[Path, typer.Option(help="folder for benchmark.csv")] = Path("benchmark"),
    quick: Annotated[bool, typer.Option(help="a few draws alone, within 3 minutes")] = False,
    tuning: Annotated[
        Path | None, typer.Option(help="measure the models in this folder instead, on other draws")
    ] = None,
    gpu: Annotated[
        bool, typer.Option(help="measure a graphics card instead: equality, speed and memory")
    ] = False,
) -> None:
    """Measure the methods against each other on tasks whose circuit is known."""
    from core.benchmark.gpu.report import run_gpu
    from core.benchmark.run import run_benchmark

    for line in run_gpu(out) if gpu else run_benchmark(out, quick, tuning):
        if _asked_to_stop.is_set():
            raise KeyboardInterrupt
        print(line, flush=True)


def run(config: RunConfig, out: Path, name: str, notes: Sequence[Note] = (), language: str = "en") -> None:
    """Walk the pipeline, show progress on stderr, save the result, check its circuit, and print where it is."""
    from core.analysis.pipeline import analyse as walk
    from core.inspection.preview import inspect
    from core.model.loading import ModelPool
    from core.report.save import save

    config.examples.check()
    card = inspect(config.model, config.device, config.adapter)
    printing.notes(notes, card.get("findings", []))
    models = ModelPool(size=1)
    with replacing(out, config, name, language) as folder:
        _carry_out(folder, "analysis", saved(walk(config, models), save, folder))
    folder = RunFolder(out)
    printing.result(folder)
    if config.evidence and follow_up(folder) is not None:
        _check_circuit(folder, models)


def _check_circuit(folder: RunFolder, models: "ModelPool") -> None:
    """Does the circuit do the work? Into circuit.json and the report, with one line of what came out."""
    from core.jobs.checks import check
    from core.report.export import current_report

    _carry_out(folder, "circuit", check("circuit", folder, models))
    folder.write_bytes("report.html", current_report(folder, folder.language()).encode())
    printing.remedy(folder)


def sweep(config: RunConfig, folder: RunFolder) -> None:
    """Do the sweep over settings, show progress on stderr, and print what it comes to."""
    from core.sensitivity.sweep import sweep_into

    _carry_out(folder, "sensitivity", sweep_into(folder, config))
    content = read_sensitivity(folder, config)
    if content is None or not content["summary"]["by"]:
        return
    printing.sweep(content, folder)


def _carry_out(folder: RunFolder, kind: JobKind, steps: Generator[Progress, None, None]) -> None:
    """Do a job; what stopped it is raised when the folder says so too."""
    lock = None if kind == "analysis" else folder.hold()  # `replacing` holds the folder of an analysis
    state, error = carry_out(folder, kind, steps, _show)
    if lock is not None:
        lock.release()
    if error is not None and not survivable(error):
        raise error
    if error is not None:
        raise HeadlightError(state.error_key, **state.error_values)


def main() -> None:
    """Run the command line; every error that a user can mend becomes one line."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows knows no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    code = _run()
    if code == INTERRUPTED:
        # Python ends by the signal itself where the interrupt came inside an import that uses exec()
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def _interrupt(_signal: int, frame: FrameType | None) -> None:
    _asked_to_stop.set()
    while frame is not None:
        if frame.f_code.co_name == "__del__" or frame.f_code.co_filename in _CALLBACKS:
            return
        frame = frame.f_back
    raise KeyboardInterrupt


def _run() -> int:
    try:
        return app(standalone_mode=False) or 0
    except (HeadlightError, _UsageError) as error:
        text = str(error) if isinstance(error, HeadlightError) else error.format_message()
        print("headlight:", " ".join(text.split()), file=sys.stderr)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED


def _show(record: Progress) -> None:
    if _asked_to_stop.is_set():
        raise KeyboardInterrupt
    printing.progress(record)
