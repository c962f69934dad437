"""Options of the command line that say how a file of examples is read, the examples read so, and a run's settings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer

from core.config import RunConfig, make_config
from core.errors import ConfigError
from core.examples.example_set import LABELS, ExampleSet, Label
from core.examples.reading import ColumnRole, FinalTurn, Mapping, read_file
from core.examples.reading.mapping import ROLES
from core.scenarios.loader import load_scenario
from core.schema import Note
from core.text import number

Form = Literal["auto", "plain", "chat"]
Word = TypeVar("Word", bound=str)

Examples = Annotated[
    Path | None, typer.Option(help="file of examples: CSV, TSV, JSON, JSON Lines, Excel or Parquet")
]
Encoding = Annotated[str, typer.Option(help="encoding of the examples file, if it is not recognised")]
Columns = Annotated[str, typer.Option(help="what columns hold: HEADING=text,HEADING=label,HEADING=ignored")]
Labels = Annotated[str, typer.Option(help="what words of the label mean: WORD=anomalous,WORD=normal")]
Turn = Annotated[
    FinalTurn,
    typer.Option(help="what an assistant's last turn is: the model's answer, or the beginning of its answer"),
]
KeepSpace = Annotated[bool, typer.Option("--keep-space", help="keep white space around texts")]
System = Annotated[str, typer.Option(help="system message of every conversation that has none")]
Frame = Annotated[str, typer.Option(help="what stands around every text: 'Ticket: {text} Department:'")]
FormOfTexts = Annotated[Form, typer.Option(help="texts as they stand, or through the chat template")]


@dataclass(frozen=True)
class HowToRead:
    """What the options say."""

    encoding: str = ""
    columns: str = ""
    labels: str = ""
    final_turn: FinalTurn = "answer"
    keep_space: bool = False
    system: str = ""
    frame: str = ""
    form: Form = "auto"


def read(file: Path, how: HowToRead) -> tuple[ExampleSet, tuple[Note, ...]]:
    """The examples of a file in the asked form, and notes of how they were read.

    Raises ConfigError for options that cannot be understood, ExamplesError for the file.
    """
    columns: dict[str, ColumnRole] = _pairs("--columns", how.columns, ROLES)
    labels: dict[str, Label] = _pairs("--labels", how.labels, LABELS)
    form: Literal["plain", "chat"] | None = None if how.form == "auto" else how.form
    if how.system and form is None:
        form = "chat"
    reading = read_file(
        file,
        encoding=how.encoding or None,
        mapping=Mapping(columns, labels),
        final_turn=None if how.final_turn == "answer" else how.final_turn,
        keep_space=how.keep_space,
    )
    examples = reading.examples.in_form(form) if form else reading.examples
    for option, value, needed in (("--frame", how.frame, "plain"), ("--system", how.system, "chat")):
        if value and examples.form != needed:
            detail = f"it belongs to texts of the form {needed}, these are of the form {examples.form}"
            raise ConfigError("config_conflict", first=option, second="--form", detail=detail)
    given = {name: value for name, value in (("system", how.system), ("frame", how.frame)) if value}
    return examples.model_copy(update=given), reading.notes


def settings(
    scenario: str, model: str, examples: Path | None, how: HowToRead, **chosen: Any
) -> tuple[RunConfig, tuple[Note, ...]]:
    """The settings of a run from what was typed; raises ConfigError where something is missing or too much."""
    if not scenario and not model:
        raise ConfigError("bad_setting", name="--scenario", detail="expected it, or --model with --examples")
    if scenario and model:
        detail = "give one of them: a bundled scenario, or a model with --examples"
        raise ConfigError("config_conflict", first="--scenario", second="--model", detail=detail)
    if scenario:
        case = load_scenario(scenario)
        if case.fetched and not case.ready:
            size = f"{number(case.fetched.hub_bytes / 1e6)} MB"
            licence = case.fetched.licence
            raise ConfigError("scenario_not_fetched", name=scenario, size=size, licence=licence)
        model, examples = str(case.model_folder), examples or case.examples_file
    if examples is None:
        detail = "expected a file of examples beside --model"
        raise ConfigError("bad_setting", name="--examples", detail=detail)
    texts, notes = read(examples, how)
    return make_config(model=model, scenario=scenario, examples=texts, **chosen), notes


def _pairs(option: str, written: str, allowed: tuple[Word, ...]) -> dict[str, Word]:
    """`a=b,c=d` as a dictionary whose values are all allowed."""
    pairs: dict[str, Word] = {}
    for part in filter(None, map(str.strip, written.split(","))):
        name, equals, value = part.rpartition("=")
        word = next((each for each in allowed if each == value.strip()), None)
        if not equals or word is None:
            detail = (
                f"expected NAME=VALUE, parted by commas, with one of {', '.join(allowed)}; found “{part}”"
            )
            raise ConfigError("bad_setting", name=option, detail=detail)
        pairs[name.strip()] = word
    return pairs
