"""The finished runs that come with the package: they open, they are sure, and they belong to the present texts."""

import re
from pathlib import Path

import pytest

from core.config import RunConfig
from core.examples.reading import read_examples
from core.report.html import lower, upper
from core.report.page_one import page_one
from core.runs.finished_samples import copy_in
from core.runs.progress import measured_timings
from core.runs.result_reader import read_circuit, saved_examples, saved_facts, saved_heads
from core.runs.run_folder import RunFolder, list_runs
from core.runs.time_left import earlier_run
from core.scenarios.build.make_examples import SAMPLE_FAULT, SAMPLE_FILES, SAMPLE_PAIRS, ticket_examples
from core.scenarios.build.make_finished import sample_config
from core.scenarios.build.tickets import pairs
from core.scenarios.loader import load_scenario
from core.schema import FORMAT

NAME = "misrouted-tickets"
TICKETS = load_scenario(NAME)
LANGUAGES = ("en", "ja")
LARGEST = 600_000
"""Bytes of a finished run in the package."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_comes_from_the_present_texts_and_settings_and_is_small(language: str) -> None:
    run = RunFolder(TICKETS.finished[language])
    assert run.config() == sample_config(NAME, language)
    assert run.manifest().format == FORMAT
    assert sum(file.stat().st_size for file in run.path.iterdir()) < LARGEST


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_sure_and_the_fault_goes_while_right_answers_stay(language: str) -> None:
    run = RunFolder(TICKETS.finished[language])
    stability, check = run.manifest().stability, read_circuit(run)
    assert stability and stability.confidence and stability.confidence.level == "high"
    assert check and check.complete and check.before_after
    sides = check.before_after.counts
    assert (sides["anomalous"].fault_before, sides["anomalous"].fault_after) == (SAMPLE_PAIRS, 0)
    assert sides["normal"].right_after == sides["normal"].right_before == SAMPLE_PAIRS
    heads = saved_heads(run)
    assert (heads.loc[heads["selected"], "verdict"] == "confirmed").all()


@pytest.mark.parametrize(("file", "language"), SAMPLE_FILES.items())
def test_texts_are_the_first_that_are_drawn_with_one_fault(file: str, language) -> None:
    bundled = read_examples(TICKETS.examples_file.parent / file).examples
    drawn = ticket_examples(language, SAMPLE_PAIRS, fault=SAMPLE_FAULT)
    assert [(e.label, e.text, e.pair) for e in bundled] == [(e.label, e.text, e.pair) for e in drawn]
    words = {"en": ("refund", "Monday"), "ja": ("返金", "月曜日")}[language]
    for pair in pairs(SAMPLE_PAIRS, 1, language, fault=SAMPLE_FAULT):
        assert all(word in pair.anomalous for word in words)
        assert sum(word in pair.normal for word in words) == 1


def test_opened_twice_it_is_one_run_that_says_nothing_of_this_machines_speed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path))
    first, second = copy_in(TICKETS.finished["en"]), copy_in(TICKETS.finished["en"])
    assert first.run_id == second.run_id
    assert [run.run_id for run in list_runs()] == [first.run_id]
    assert first.meta().sample and first.state().status == "done"
    config: RunConfig = first.config()
    assert measured_timings(config.model, config.preset) is None
    assert earlier_run(config) is None
    assert copy_in(TICKETS.finished["ja"]).run_id != first.run_id


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_one_of_its_report_is_short_and_begins_with_the_fault(language: str) -> None:
    run = RunFolder(TICKETS.finished[language])
    page = page_one(saved_facts(run), saved_examples(run), language)
    assert page.fault == TICKETS.fault[language]
    html = upper(page, language, heading=True) + lower(page, language)
    words = html.striptags()
    # A Japanese word has about two characters (Latin words and numbers counted as they are).
    japanese = len(re.findall("[぀-ヿ㐀-鿿]", words)) / 2
    assert len(re.findall(r"[A-Za-z0-9]+", words)) + japanese <= 200
