"""What a person has typed for the next run, kept on the disk until it is replaced: one file an owner.

drafts/OWNER.json   the draft as it stands, and former drafts with texts of one's own that something else replaced
"""

import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from core.config import PRESETS, AutoencoderConfig, RunConfig, first_complaint, make_config
from core.errors import StorageError
from core.examples.answer_match import Match
from core.examples.example_set import COLUMNS, ExampleSet
from core.schema import Stored
from core.storage import home, local_model, locked, portable_model, storage_error, write_atomically

FORMAT = 1
MOST_FORMER = 10
"""Former drafts that are kept; the oldest goes first."""
AROUND = ("system", "beginning", "frame")
"""What is typed once for all texts of a set."""
_OWNER = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass
class Draft:
    """The inputs of the next run, as far as they are made.

    `form_chosen` tells that somebody chose how texts are read (plain or as conversations), so that a model does not.
    `cut`, `separator` and `keep_ends` say how boxes of text are cut; `auto` is as the boxes themselves tell.
    `unread` is what the boxes hold, by label, where it cannot be read as texts, and `unread_because` the key and the
    values of the error; `examples` are then those from before.
    `given` are the examples that came with a scenario, a template or a run: as long as nobody changes them, they are
    nobody's own and may be replaced.
    """

    source: str = ""
    source_kind: str = "bundled"
    adapter: str = ""
    scenario: str = ""
    examples: ExampleSet = field(default_factory=ExampleSet)
    given: ExampleSet = field(default_factory=ExampleSet)
    unread: dict[str, str] = field(default_factory=dict)
    unread_because: tuple[str, dict[str, Any]] | None = None
    form_chosen: bool = False
    cut: Literal["auto", "lines", "blank_lines", "separator"] = "auto"
    separator: str = ""
    keep_ends: bool = False
    fault: str = ""
    preset: str = "standard"
    autoencoder: AutoencoderConfig = PRESETS["standard"]
    positions: str = "auto"
    pairing: str = "auto"
    partners: str = "auto"
    candidates: str = "combined"
    match: Match = "begins"
    device: str = "auto"
    seed: int = 0
    permutations: int = 1000
    evidence: bool = True

    def config(self) -> RunConfig:
        """The settings of the run; raises HeadlightError where they cannot be run."""
        settings = {item.name for item in fields(self)} & set(RunConfig.model_fields)
        values = {name: getattr(self, name) for name in settings}
        values |= {"autoencoder": self.autoencoder.model_dump(), "examples": self.examples.check()}
        return make_config(model=self.source, **values)

    @property
    def own(self) -> bool:
        """Whether it holds texts that stand nowhere else: typed, pasted, uploaded or changed by hand."""
        return bool(self.unread) or not _holds(self.given, self.examples)

    def holds(self, other: "Draft") -> bool:
        """Whether all that somebody has typed in the other draft stands in this one too."""
        unread = all(self.unread.get(label) == box for label, box in other.unread.items())
        return unread and _holds(self.examples, other.examples)


class Drafts(Stored):
    """drafts/OWNER.json"""

    format: int = FORMAT
    version: int = 0
    """Counts the changes, so that a browser tab sees that another one has changed the draft."""

    changed: float = 0.0
    """When, in seconds since 1970."""

    run: str = ""
    """The run that was open beside the draft."""

    current: Draft = Field(default_factory=Draft)
    earlier: tuple[Draft, ...] = ()
    """Newest first."""

    def keeping(self, draft: Draft) -> "Drafts":
        """These drafts with one more former one, unless it holds nothing of its own or is there already."""
        if not draft.own:
            return self
        others = [former for former in self.earlier if not draft.holds(former)]
        return self.model_copy(update={"earlier": (draft, *others)[:MOST_FORMER]})

    def without(self, draft: Draft) -> "Drafts":
        """These drafts without one of the former ones."""
        return self.model_copy(update={"earlier": tuple(other for other in self.earlier if other != draft)})


def _holds(examples: ExampleSet, others: ExampleSet) -> bool:
    """Whether all texts of the others, their answers, and what stands around them, are in the examples."""
    around = all(getattr(others, name) in ("", getattr(examples, name)) for name in AROUND)
    return around and set(_rows(others)) <= set(_rows(examples))


def _rows(examples: ExampleSet) -> list[tuple[str, ...]]:
    return [tuple(getattr(example, column) for column in COLUMNS) for example in examples.examples]


def new_owner() -> str:
    """A name for somebody whose browser has none yet; nobody can guess it."""
    return secrets.token_hex(16)


def is_owner(name: str) -> bool:
    """Whether a name that comes from outside can be one of ours; only then it may become the name of a file."""
    return bool(_OWNER.fullmatch(name))


def drafts_file(owner: str) -> Path:
    """Where an owner's drafts lie; raises StorageError for a name that is none of ours."""
    if not is_owner(owner):
        raise StorageError("damaged_drafts", path=owner[:40], detail="no such owner")
    try:
        folder = home() / "drafts"
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise storage_error(error, Path("drafts")) from None
    return folder / f"{owner}.json"


def read_drafts(owner: str) -> Drafts:
    """An owner's drafts, empty where there are none.

    Raises StorageError where the file is damaged or of a newer version. It is then set aside under the name that the
    error tells, so that nothing is lost and the next change begins a new file.
    """
    file = drafts_file(owner)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        number = content.get("format", FORMAT) if isinstance(content, dict) else FORMAT
        if isinstance(number, int) and number > FORMAT:
            raise StorageError("newer_drafts", path=_set_aside(file), found=number, known=FORMAT)
        drafts = Drafts.model_validate(content)
    except FileNotFoundError:
        return Drafts()
    except ValidationError as error:
        detail = ": ".join(first_complaint(error))
        raise StorageError("damaged_drafts", path=_set_aside(file), detail=detail) from None
    except (OSError, ValueError, RecursionError) as error:
        raise StorageError("damaged_drafts", path=_set_aside(file), detail=error) from None
    here = [replace(draft, source=local_model(draft.source)) for draft in (drafts.current, *drafts.earlier)]
    return drafts.model_copy(update={"current": here[0], "earlier": tuple(here[1:])})


def change_drafts(owner: str, change: Callable[[Drafts], Drafts]) -> Drafts:
    """Change an owner's drafts, held against other processes and tabs; what is in the file then.

    Raises StorageError where the file cannot be read (see `read_drafts`) or written.
    """
    file = drafts_file(owner)
    with locked(file):
        before = read_drafts(owner)
        after = change(before)
        if after == before:
            return before
        after = after.model_copy(update={"version": before.version + 1, "changed": time.time()})
        write_atomically(file, json.dumps(_portable(after), ensure_ascii=False, indent=1).encode())
        return after


def _portable(drafts: Drafts) -> dict[str, Any]:
    """As a file holds them: bundled models without the path of this installation."""
    content = drafts.model_dump(mode="json")
    for draft in (content["current"], *content["earlier"]):
        draft["source"] = portable_model(draft["source"])
    return content


def _set_aside(file: Path) -> Path:
    """Rename a file that cannot be read; where it is then."""
    aside = file.with_name(f"{file.stem}-{time.time_ns()}.unread.json")
    try:
        file.rename(aside)
    except OSError:
        return file
    return aside
