"""The bundled scenarios as drafts, and the way from one click to a finished circuit."""

import functools
from pathlib import Path

from core.config import RunConfig
from core.errors import StorageError
from core.examples.example_set import ExampleSet
from core.examples.reading import read_examples
from core.jobs.backend import start
from core.runs.finished_samples import copy_in
from core.runs.run_folder import RunFolder, list_runs
from core.scenarios.loader import SAMPLE_PRESET, fetched_names, load_scenario, scenario_names
from pages.parts.session import state
from pages.parts.session.state import Draft

SAMPLE = "misrouted-tickets"  # The scenario of the start page's first card
BEGINNING = 32  # Characters of a text that stand for a run without a name


@functools.cache
def stories(language: str) -> dict[str, tuple[str, str]]:
    """Title and story of every scenario in a language, the sample incident first, those that are fetched last."""
    by_name, space = {}, "" if language == "ja" else " "
    bundled = sorted(scenario_names(), key=lambda name: (name != SAMPLE, name))
    for name in (*bundled, *fetched_names()):
        scenario = load_scenario(name)
        by_name[name] = (
            scenario.title.get(language) or scenario.title["en"],
            space.join((scenario.story.get(language) or scenario.story["en"]).split("\n")).strip(),
        )
    return by_name


def bundled_stories(language: str) -> dict[str, tuple[str, str]]:
    """The same of the bundled scenarios alone."""
    return {name: story for name, story in stories(language).items() if load_scenario(name).fetched is None}


def ready_stories(language: str) -> dict[str, tuple[str, str]]:
    """The same of all scenarios whose model is here."""
    return {name: story for name, story in stories(language).items() if load_scenario(name).ready}


def run_name(run: RunFolder, config: RunConfig) -> str:
    """The user's name of a run, else the scenario's title, else the model and how the first text begins."""
    meta, title = run.meta(), default_name(config.scenario, config.model, config.examples)
    if meta.sample and not meta.name:
        return state.t(f"runs.finished_sample_{meta.language}", name=title)
    return meta.name or title


def default_name(scenario: str, model: str, examples: ExampleSet) -> str:
    """The name of a run that has none: the scenario's title, else the model and how the first text begins."""
    title = stories(state.language()).get(scenario, ("", ""))[0]
    return title or f"{Path(model).name} · {_beginning(examples)}"


def _beginning(examples: ExampleSet) -> str:
    text = " ".join(examples.examples[0].text.split())
    if len(text) <= BEGINNING:
        return text
    whole_words = text[:BEGINNING].rpartition(" ")[0]
    return f"{whole_words or text[:BEGINNING]}…"


def load_sample(name: str, preset: str = "standard") -> None:
    """Make the scenario's model and examples the draft; raises HeadlightError where there is none."""
    scenario = load_scenario(name)
    examples = read_examples(scenario.sample_in(state.language()))
    state.leave_run()
    source = str(scenario.model_folder)
    fault = scenario.fault.get(state.language(), "")
    state.replace_draft(Draft(source=source, scenario=name, examples=examples, given=examples, fault=fault))
    state.choose_preset(preset)
    state.inspect_again()


def scenario_of(source: str) -> str:
    """Name of the first scenario that uses this model folder, or nothing."""
    return next((name for name in stories("en") if str(load_scenario(name).model_folder) == source), "")


def open_finished() -> None:
    """Open the finished run of the sample in the reader's language; raises StorageError where it cannot be kept."""
    finished = load_scenario(SAMPLE).finished
    state.open_in_session(copy_in(finished.get(state.language()) or finished["en"]))


def open_sample(name: str) -> bool:
    """Open a finished run of the scenario, else one at work, else start one; True if it is finished."""
    for wanted in (("done",), ("queued", "running")):
        run = _newest(name, state.language(), wanted)
        if run is not None:
            state.open_in_session(run)
            return wanted == ("done",)
    load_sample(name, preset=SAMPLE_PRESET)
    state.adopt(start(state.backend(), state.draft().config(), language=state.language()))
    return False


def _newest(name: str, language: str, wanted: tuple[str, ...]) -> RunFolder | None:
    """The newest run of the scenario's texts in this language that is in one of the states."""
    texts = [
        (example.label, example.text)
        for example in read_examples(load_scenario(name).sample_in(language)).examples
    ]
    for run in list_runs():
        try:
            if run.meta().sample:
                continue
            config = run.config()
            given = [(example.label, example.text) for example in config.examples.examples]
            if run.state().status in wanted and config.scenario == name and given == texts:
                return run
        except StorageError:
            continue
    return None
