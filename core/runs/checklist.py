"""The check list of a proof of concept: what a run shows by itself, and what people tick by hand (poc.json)."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from core.errors import StorageError
from core.examples.example_set import ADVISED_PER_SIDE
from core.runs.run_folder import RunFolder
from core.schema import FORMAT, Stored

Page = Literal["model", "examples", "analysis", "circuit", "evidence", "report", "runs"]
Week = Literal[1, 2, 3]
WEEKS: tuple[Week, ...] = (1, 2, 3)
"""Agree and collect; analyse twice; try a remedy and decide."""

BY_HAND = ("question", "stop", "roles", "unseen")
"""What no run can show: an agreed question, an agreed end, who does what, texts kept aside."""
COMPARED = "compared"
"""In poc.json beside BY_HAND: another analysis was held against this one."""


@dataclass(frozen=True)
class Facts:
    """What is known of the open run, or of the draft before there is one."""

    model: bool = False
    anomalous: int = 0
    normal: int = 0
    pairs: int = 0
    differs: bool = False
    analysed: bool = False
    named: int = 0
    tested: bool = False
    repeated: bool = False
    commented: bool = False
    signed: bool = False


@dataclass(frozen=True)
class Item:
    """One line of the list; `week` is when it is due, `page` where it is done, nothing for what is ticked by hand."""

    key: str
    done: bool
    week: Week
    page: Page | None = None

    @property
    def by_hand(self) -> bool:
        """Whether people tick it."""
        return self.page is None


def items(facts: Facts, ticked: Iterable[str] = ()) -> list[Item]:
    """The whole list in the order of the work."""
    hand = frozenset(ticked)
    enough = min(facts.anomalous, facts.normal) >= ADVISED_PER_SIDE[0]
    return [
        *(Item(key, key in hand, 1) for key in ("question", "roles", "stop")),
        Item("model", facts.model, 1, "model"),
        Item("texts", enough, 1, "examples"),
        Item("unseen", "unseen" in hand, 1),
        Item("pairs", facts.pairs > 0, 1, "examples"),
        Item("differs", facts.differs, 1, "examples"),
        Item("analysed", facts.analysed, 2, "analysis"),
        Item("named", facts.named > 0, 2, "circuit"),
        Item("tested", facts.tested, 2, "evidence"),
        Item("repeated", facts.repeated, 2, "analysis"),
        Item("compared", COMPARED in hand, 2, "runs"),
        Item("commented", facts.commented, 3, "report"),
        Item("signed", facts.signed, 3, "report"),
    ]


def open_week(lines: Iterable[Item]) -> Week:
    """The first week with an open line; the last one where nothing is open."""
    return min((item.week for item in lines if not item.done), default=WEEKS[-1])


class _Ticks(Stored):
    """poc.json"""

    format: int = FORMAT
    ticked: tuple[str, ...] = ()


def read_ticks(run: RunFolder) -> frozenset[str]:
    """What was ticked for a run; raises StorageError where the file is damaged or newer."""
    return frozenset(run.read_added("poc.json", _Ticks).ticked) & {*BY_HAND, COMPARED}


def write_ticks(run: RunFolder, ticked: Iterable[str]) -> None:
    """Keep what was ticked with the run."""
    run.write_model("poc.json", _Ticks(ticked=tuple(sorted(frozenset(ticked) & {*BY_HAND, COMPARED}))))


def tick(run: RunFolder, key: str, done: bool = True) -> None:
    """Tick one thing or take its tick away; nothing is written where nothing changes."""
    with run.changing():
        before = read_ticks(run)
        after = before | {key} if done else before - {key}
        if after != before:
            write_ticks(run, after)


def is_repeated(run: RunFolder, others: Iterable[RunFolder]) -> bool:
    """Whether another finished run looked at the same model with texts of which most are not in this run."""
    config = run.config()
    known = {example.text for example in config.examples.examples}
    for other in others:
        with suppress(StorageError):
            if other.run_id != run.run_id and other.state().status == "done":
                its = other.config()
                texts = {example.text for example in its.examples.examples}
                if its.model == config.model and len(texts - known) > len(texts) / 2:
                    return True
    return False
