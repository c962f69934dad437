"""One tree of errors, each with a key, the values of its message and an English text.

A page looks the key up in its own catalogue (`error.<key>`) and fills in the same values; the command line
prints the English text. Every text says what was expected, what came, and what to do.
"""

import tomllib
from pathlib import Path
from typing import Any

MESSAGES: dict[str, str] = tomllib.loads(
    (Path(__file__).parent / "text" / "errors.toml").read_text(encoding="utf-8")
)


class HeadlightError(Exception):
    """An error that a user can act on. `key` names its text in `MESSAGES`, `values` fill the text in."""

    def __init__(self, key: str, **values: Any) -> None:
        self.key = key
        self.values = values
        super().__init__(MESSAGES[key].format(**values))


class ExamplesError(HeadlightError):
    """The examples cannot be analysed as they are."""


class ModelError(HeadlightError):
    """The model cannot be loaded or has no heads that we know how to read."""


class ConfigError(HeadlightError):
    """A setting is out of its bounds or contradicts another one."""


class StorageError(HeadlightError):
    """A file of a run or of the cache cannot be written or read."""


class RunCancelled(HeadlightError):
    """The user stopped the run."""

    def __init__(self) -> None:
        super().__init__("run_cancelled")
