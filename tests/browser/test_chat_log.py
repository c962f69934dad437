"""The chat incident as a file of messages, to the report: a file of its own, so that both analyses run side by side."""

from pathlib import Path

import pytest

from tests.browser.conftest import Sit
from tests.browser.reader import PATIENCE
from tests.browser.test_chat_incident import (
    analyses,
    reads_what_the_template_writes,
    reports,
    table,
    to_the_examples,
)
from tests.support import chat_incident as incident

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_log_of_messages_becomes_a_report(sit: Sit, smollm2: Path, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(incident.as_jsonl())
    reader = sit("ja")
    page = reader.page
    to_the_examples(reader, smollm2)
    page.get_by_role("tab", name=reader.texts["examples.file"]).click(timeout=PATIENCE)
    page.locator("input[type=file]").set_input_files(file)
    page.locator(".tokens tbody tr").nth(11).wait_for(timeout=PATIENCE)
    reader.sees(reader.texts["answers.given"].format(expected=12, actual=12, total=12))
    reads_what_the_template_writes(reader, smollm2)
    reader.keeps("chat-log")
    analyses(reader)
    files = reports(reader)
    heads, examples = table(files, "heads.csv"), table(files, "examples.csv")
    assert (heads.verdict == "confirmed").sum() >= 1
    assert list(examples[examples.label == "anomalous"].text) == incident.texts("anomalous")
    assert set(examples[examples.label == "anomalous"].verdict) == {"fault"}
