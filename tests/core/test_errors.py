"""The tree of errors, and their texts."""

import re

from core.errors import MESSAGES, ExamplesError, HeadlightError
from tests.support.paths import ROOT


def test_every_key_that_core_raises_has_a_message():
    used = set()
    for file in ROOT.joinpath("core").rglob("*.py"):
        used |= set(re.findall(r"(?:Error|_error)\(\s*\"([a-z0-9_]+)\"", file.read_text(encoding="utf-8")))
    assert {"no_weights", "disk_full", "text_too_long"} <= used
    assert used <= set(MESSAGES)


def test_errors_are_one_tree_and_carry_their_values():
    error = ExamplesError("too_few_examples", minimum=3, label="normal", count=2, missing=1)
    assert isinstance(error, HeadlightError)
    assert str(error) == "Expected at least 3 normal examples, found 2. Add 1 more; 5 to 10 work best."
    assert (error.key, error.values["count"]) == ("too_few_examples", 2)
