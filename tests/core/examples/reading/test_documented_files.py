"""The examples of files in the documents are read as the documents say."""

import re

import pytest

from core.examples.reading import parse_examples
from tests.support.paths import ROOT

BLOCK = re.compile(r"^```(csv|jsonl)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = [
    pytest.param(block[1], block[2], id=f"{file.parent.name}-{place}")
    for file in (ROOT / "docs" / "files.md", ROOT / "docs" / "ja" / "files.md")
    for place, block in enumerate(BLOCK.finditer(file.read_text(encoding="utf-8")))
]


def test_every_log_platform_has_an_example_in_both_languages():
    assert len(BLOCKS) == 2 * 6


@pytest.mark.parametrize(("ending", "content"), BLOCKS)
def test_documented_file_gives_a_text_on_each_side(ending, content):
    reading = parse_examples(content.encode(), f"examples.{ending}")
    wrong, right = (reading.examples.of("anomalous"), reading.examples.of("normal"))
    assert (len(wrong), len(right)) == (1, 1)
    assert (wrong[0].actual or wrong[0].expected) != ""
    assert right[0].expected != ""
    if "messages" in content:
        assert reading.examples.form == "chat"
        assert right[0].messages[-1].role == "user"
        assert wrong[0].actual == right[0].expected
