"""A chat incident on a real model, from pasted texts to the report, in a real Chromium.

SmolLM2-135M-Instruct reads conversations of several lines; its answers, right and wrong, have several tokens.
"""

import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from core.examples.reading import read_examples
from tests.browser.conftest import Sit
from tests.browser.reader import PATIENCE, Reader
from tests.support import chat_incident as incident

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONGEST = 1_800_000
"""Milliseconds that an analysis of this model may take on two busy cores."""


def to_the_examples(reader: Reader, model: Path) -> None:
    """From the start page to the examples, with a model folder of one's own."""
    page = reader.page
    reader.opens()
    reader.presses("start.own_button")
    reader.title_is("model.title")
    page.get_by_text(reader.texts["model.kind_folder"]).first.click(timeout=PATIENCE)
    box = page.get_by_label(reader.texts["model.folder_label"]).first
    box.fill(str(model), timeout=PATIENCE)
    box.press("Enter")
    reader.is_settled()
    reader.presses("model.check")
    reader.sees(reader.texts["model.parameters"])
    reader.presses("model.next")
    reader.title_is("examples.title")


def paste(reader: Reader) -> None:
    """The system message, the beginning of the answer, and six conversations a side."""
    page = reader.page
    page.locator("[class*='st-key-around'] summary").first.click(timeout=PATIENCE)
    for key, text, done in (
        ("chat.system", incident.SYSTEM, "Control+Enter"),
        ("chat.beginning", incident.BEGINNING, "Enter"),
    ):
        box = page.get_by_role("textbox", name=reader.texts[key]).first
        box.fill(text, timeout=PATIENCE)
        box.press(done)
        reader.is_settled()
    for label in incident.PARTNERS:
        box = page.locator(f"[class*='st-key-paste_{label}'] textarea").first
        box.fill("\n\n".join(incident.texts(label)), timeout=PATIENCE)
        box.press("Control+Enter")
        reader.is_settled()


def accept_the_answers(reader: Reader) -> None:
    """Let the model say its answers, and take them."""
    page = reader.page
    page.locator("[class*='st-key-answers'] summary").first.click(timeout=PATIENCE)
    reader.presses("answers.fill")
    page.locator(".suggested tbody tr").nth(11).wait_for(timeout=PATIENCE)
    offered = page.locator(".suggested tbody tr td:last-child")
    assert offered.all_inner_texts() == [incident.ACTUAL] * 6 + [incident.EXPECTED] * 6
    accept = reader.texts["answers.accept.other"].format(count=12)
    page.get_by_role("button", name=accept).click(timeout=PATIENCE)
    given = reader.texts["answers.given"].format(expected=12, actual=12, total=12)
    reader.sees(given)


def reads_what_the_template_writes(reader: Reader, model: Path) -> None:
    """The prompt that the page shows is the one of `apply_chat_template`."""
    from transformers import AutoTokenizer

    turns = (
        {"role": "system", "content": incident.SYSTEM},
        {"role": "user", "content": incident.texts("anomalous")[0]},
        {"role": "assistant", "content": incident.BEGINNING},
    )
    written = AutoTokenizer.from_pretrained(model).apply_chat_template(
        list(turns), tokenize=False, continue_final_message=True
    )
    fold = reader.page.locator("[class*='st-key-whole_prompt']").first
    fold.locator("summary").click(timeout=PATIENCE)
    code = fold.locator("code")
    code.wait_for(timeout=PATIENCE)
    assert code.inner_text().split() == written.split()


def analyses(reader: Reader) -> None:
    """A fast analysis, and on to the circuit."""
    page = reader.page
    reader.presses("examples.next")
    reader.title_is("analysis.title")
    page.locator("[class*='st-key-choose_fast'] button").click(timeout=PATIENCE)
    reader.is_settled()
    reader.presses("analysis.start")
    page.wait_for_url("**run=*", timeout=PATIENCE)
    reader.goes_on_to_the_circuit(LONGEST)
    page.locator(".story svg").first.wait_for(timeout=PATIENCE)


def reports(reader: Reader) -> dict[str, bytes]:
    """From the circuit over the evidence to the report; its files by name."""
    reader.keeps("chat-circuit")
    reader.turns_to("evidence")
    reader.keeps("chat-evidence")
    reader.turns_to("report")
    reader.keeps("chat-report")
    content = reader.downloads(reader.texts["report.all"])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {Path(name).name: archive.read(name) for name in archive.namelist()}


def table(files: dict[str, bytes], name: str) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(files[name]), keep_default_na=False, encoding="utf-8-sig")


def test_pasted_conversations_become_a_report(sit: Sit, smollm2: Path) -> None:
    reader = sit()
    to_the_examples(reader, smollm2)
    paste(reader)
    reader.page.locator(".tokens tbody tr").nth(11).wait_for(timeout=PATIENCE)
    accept_the_answers(reader)
    reads_what_the_template_writes(reader, smollm2)
    reader.keeps("chat-examples")
    analyses(reader)
    files = reports(reader)
    heads, examples = table(files, "heads.csv"), table(files, "examples.csv")
    assert (heads.verdict == "confirmed").sum() >= 1
    assert set(examples[examples.label == "anomalous"].actual) == {incident.ACTUAL}
    assert list(examples[examples.label == "anomalous"].text) == incident.texts("anomalous")
    assert set(examples[examples.label == "anomalous"].verdict) == {"fault"}
    assert set(examples[examples.label == "normal"].verdict) == {"right"}
    # the same run in the other language
    other = sit("ja")
    other.opens("circuit", run=reader.run_id())
    assert table(reports(other), "heads.csv").equals(heads)


def test_log_of_messages_holds_the_same_conversations(sit: Sit, smollm2: Path, tmp_path: Path) -> None:
    """From the file to the prompts; what is made of them is shown with the pasted ones above."""
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
    kept = tmp_path / "kept.csv"
    kept.write_bytes(reader.downloads(reader.texts["examples.download"]))
    read = read_examples(kept)
    assert (read.form, read.system, read.beginning) == ("chat", incident.SYSTEM, incident.BEGINNING)
    assert {(text.expected, text.actual) for text in read.examples} == {(incident.EXPECTED, incident.ACTUAL)}
    for label in incident.PARTNERS:
        assert [text.text for text in read.of(label)] == incident.texts(label)
