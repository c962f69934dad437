"""What people say of a finished run: comments and sign-offs (review.json); nothing is ever taken out."""

from datetime import date, datetime
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator

from core.errors import ConfigError
from core.runs.head_notes import one_line
from core.runs.run_folder import RunFolder
from core.schema import FORMAT, Stored

Decision = Literal["accepted", "more_work", "rejected"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
LONGEST_PERSON = 80
LONGEST_COMMENT = 4000
"""Characters kept of a person's name and of a comment."""


class Comment(Stored):
    """What somebody wrote, and when (ISO date and time)."""

    author: str
    text: str
    written: Annotated[str, AfterValidator(lambda written: datetime.fromisoformat(written) and written)]


class SignOff(Stored):
    """Who decided what of the result, and on which day (ISO date)."""

    name: str
    decision: Decision
    date: Annotated[str, AfterValidator(lambda day: date.fromisoformat(day) and day)]


class Review(Stored):
    """Comments and sign-offs, oldest first."""

    format: int = FORMAT
    comments: tuple[Comment, ...] = ()
    sign_offs: tuple[SignOff, ...] = ()

    @property
    def sign_off(self) -> SignOff | None:
        """The decision that counts: the last one."""
        return self.sign_offs[-1] if self.sign_offs else None


def read_review(run: RunFolder) -> Review:
    """Comments and sign-offs of a run; raises StorageError where the file is damaged or newer."""
    return run.read_added("review.json", Review)


def add_comment(run: RunFolder, author: str, text: str) -> None:
    """Add a comment; raises ConfigError for an empty one."""
    if not text.strip():
        raise ConfigError("empty_comment")
    written = datetime.now().astimezone().isoformat(timespec="seconds")
    comment = Comment(
        author=one_line(author, LONGEST_PERSON), text=text.strip()[:LONGEST_COMMENT], written=written
    )
    _append(run, "comments", comment)


def sign(run: RunFolder, name: str, decision: Decision, day: date) -> None:
    """Sign the result off; an earlier decision stays in the history. Raises ConfigError without a name."""
    if not name.strip():
        raise ConfigError("sign_off_without_name")
    signed = SignOff(name=one_line(name, LONGEST_PERSON), decision=decision, date=day.isoformat())
    _append(run, "sign_offs", signed)


def _append(run: RunFolder, name: str, entry: Comment | SignOff) -> None:
    with run.changing():
        review = read_review(run)
        entries = (*getattr(review, name), entry)
        run.write_model("review.json", review.model_copy(update={name: entries}))
