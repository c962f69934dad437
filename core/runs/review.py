"""What people say of a finished run: comments, and the sign-off with its history.

review.json    comments and sign-offs, oldest first; nothing is ever taken out, the last sign-off counts
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Literal, get_args

from core.errors import ConfigError, StorageError
from core.runs.head_notes import one_line, read_added
from core.runs.run_folder import RunFolder
from core.schema import FORMAT

Decision = Literal["accepted", "more_work", "rejected"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
LONGEST_PERSON = 80
LONGEST_COMMENT = 4000
"""Characters kept of a person's name and of a comment."""


@dataclass(frozen=True)
class Comment:
    """What somebody wrote, and when (ISO date and time)."""

    author: str
    text: str
    written: str


@dataclass(frozen=True)
class SignOff:
    """Who decided what of the result, and on which day (ISO date)."""

    name: str
    decision: Decision
    date: str


@dataclass(frozen=True)
class Review:
    """Comments and sign-offs, oldest first."""

    comments: tuple[Comment, ...] = ()
    sign_offs: tuple[SignOff, ...] = ()

    @property
    def sign_off(self) -> SignOff | None:
        """The decision that counts: the last one."""
        return self.sign_offs[-1] if self.sign_offs else None


def read_review(run: RunFolder) -> Review:
    """Comments and sign-offs of a run; raises StorageError where the file is damaged or newer."""
    content = read_added(run, "review.json")
    try:
        return Review(
            tuple(_comment(said) for said in content.get("comments", [])),
            tuple(_sign_off(said) for said in content.get("sign_offs", [])),
        )
    except (TypeError, ValueError, KeyError) as error:
        raise StorageError("damaged_run", path=run.path, detail=f"review.json: {error!r}") from None


def add_comment(run: RunFolder, author: str, text: str) -> None:
    """Add a comment; raises ConfigError for an empty one."""
    if not text.strip():
        raise ConfigError("empty_comment")
    written = datetime.now().astimezone().isoformat(timespec="seconds")
    comment = Comment(one_line(author, LONGEST_PERSON), text.strip()[:LONGEST_COMMENT], written)
    with run.changing():
        review = read_review(run)
        _write(run, replace(review, comments=(*review.comments, comment)))


def sign(run: RunFolder, name: str, decision: Decision, day: date) -> None:
    """Sign the result off; an earlier decision stays in the history. Raises ConfigError without a name."""
    if not name.strip():
        raise ConfigError("sign_off_without_name")
    signed = SignOff(one_line(name, LONGEST_PERSON), decision, day.isoformat())
    with run.changing():
        review = read_review(run)
        _write(run, replace(review, sign_offs=(*review.sign_offs, signed)))


def _write(run: RunFolder, review: Review) -> None:
    run.write_json("review.json", {"format": FORMAT, **asdict(review)})


def _comment(said: Mapping[str, Any]) -> Comment:
    datetime.fromisoformat(said["written"])
    return Comment(str(said["author"]), str(said["text"]), said["written"])


def _sign_off(said: Mapping[str, Any]) -> SignOff:
    if said["decision"] not in DECISIONS:
        raise ValueError(f"unknown decision {said['decision']}")
    date.fromisoformat(said["date"])
    return SignOff(str(said["name"]), said["decision"], said["date"])
