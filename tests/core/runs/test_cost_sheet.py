"""The sheet of the return on investment, worked by hand; bad entries; the file."""

import json
import math

import pytest

from core.config import make_config
from core.errors import ConfigError, StorageError
from core.examples.reading import from_pasted
from core.runs import cost_sheet as roi
from core.runs.cost_sheet import Entries, outcome, read_roi, span, write_roi
from core.runs.run_folder import RunFolder
from core.text import LANGUAGES

SET = from_pasted("a\nb\nc", "d\ne\nf").examples
# 40 incidents: 60 hours now, 20 then; 40 saved at 50 each are 2,000; 16 hours to prepare are earned back in 0.4 months
FULL = Entries(incidents=40, hours_now=1.5, hours_then=0.5, cost=50, preparation=16, currency="EUR")


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "r", make_config(model="m", examples=SET))


def changed(**entries):
    return Entries(**{**vars(FULL), **entries})


def test_sheet_worked_by_hand():
    result = outcome(FULL)
    assert (result.hours_now, result.hours_then, result.hours) == (60, 20, 40)
    assert (result.cost_now, result.cost_then, result.money) == (3000, 1000, 2000)
    assert (result.preparation_cost, result.months) == (800, 0.4)
    assert roi.conclusion(FULL, "en") == [
        "If these entries hold, 40 hours and 2,000 EUR a month are saved.",
        "The preparation (16 hours, 800 EUR) is earned back after 12 days.",
    ]


@pytest.mark.parametrize("name", roi.HIGHEST)
def test_without_an_entry_there_is_no_result_and_it_is_named(name):
    entries = changed(**{name: None})
    assert outcome(entries) is None
    assert roi.result_rows(entries, "en") == []
    assert roi.meeting_sentence(entries, "en") == ""
    assert roi.conclusion(entries, "en") == [
        "No result yet. Still to be entered: " + roi.text("en", f"cost_sheet.{name}") + "."
    ]


def test_nothing_is_claimed_by_default():
    assert Entries().empty
    assert outcome(Entries()) is None


@pytest.mark.parametrize(
    ("entries", "parts"),
    [
        (
            changed(hours_then=2),
            ["nothing is saved: it takes 20 hours and 1,000 EUR a month more", "not earned back"],
        ),
        (changed(hours_then=1.5), ["nothing is saved and nothing is lost", "not earned back"]),
        (changed(incidents=0), ["nothing is saved and nothing is lost", "not earned back"]),
        (changed(preparation=0), ["40 hours", "from the first month"]),
        (changed(cost=0, currency=""), ["40 hours and 0 a month are saved", "(16 hours, 0)"]),
    ],
)
def test_losses_and_zeros_are_said_as_they_are(entries, parts):
    lines = roi.conclusion(entries, "en")
    assert len(lines) == len(parts)
    assert all(part in line for part, line in zip(parts, lines, strict=True))


@pytest.mark.parametrize("language", LANGUAGES)
def test_assumptions_stand_beside_the_result(language):
    shown = dict(roi.rows(FULL, language))
    assert list(shown.values()) == ["40", "1.5", "0.5", "50 EUR", "16"]
    assert [row[1:] for row in roi.result_rows(FULL, language)] == [("60", "20"), ("3,000 EUR", "1,000 EUR")]
    sentence = roi.meeting_sentence(FULL, language)
    assert all(part in sentence for part in ("40", "1.5", "0.5", "50 EUR", "2,000 EUR"))


@pytest.mark.parametrize("value", [-1, -0.001, math.nan, math.inf, 1e9])
def test_numbers_out_of_bounds_are_refused(run, value):
    with pytest.raises(ConfigError) as caught:
        write_roi(run, changed(incidents=value))
    assert caught.value.key == "roi_out_of_bounds"
    assert not (run.path / "roi.json").exists()


def test_entries_are_kept_with_the_run_and_go_with_a_new_result(run):
    assert read_roi(run) == Entries()
    write_roi(run, changed(currency="  EU \n R" + "x" * 40, preparation=None))
    entries = read_roi(run)
    assert (entries.incidents, entries.preparation, entries.currency) == (40, None, "EU Rxxxxxxxx")
    assert read_roi(RunFolder.create(run.path, run.config())) == Entries()


@pytest.mark.parametrize(
    "content",
    ["{half", "[]", '{"incidents": "many"}', '{"incidents": true}', '{"cost": -3}', '{"format": 99}'],
)
def test_damaged_or_newer_sheets_are_refused(run, content):
    (run.path / "roi.json").write_text(content)
    with pytest.raises(StorageError):
        read_roi(run)


def test_file_holds_numbers_and_nulls(run):
    write_roi(run, changed(hours_then=None))
    content = json.loads((run.path / "roi.json").read_text())
    assert (content["incidents"], content["hours_then"]) == (40, None)


@pytest.mark.parametrize(
    ("value", "shown"), [(0.1 + 0.2, "0.3"), (1 / 3, "0.33"), (1234.5, "1,234"), (999.5, "999.5"), (0.0, "0")]
)
def test_amounts(value, shown):
    assert roi.amount(value) == shown


@pytest.mark.parametrize(
    ("months", "en", "ja"),
    [
        (0.00044, "less than a day", "1 日未満"),
        (1 / 30, "1 day", "1 日"),
        (0.4, "12 days", "12 日"),
        (0.5, "2 weeks", "2 週間"),
        (2.2, "2 months", "2 か月"),
        (30, "2 years", "2 年"),
        (5000, "over 99 years", "100 年以上"),
    ],
)
def test_time_until_it_pays_is_told_in_the_unit_that_fits(months, en, ja):
    assert (span(months, "en"), span(months, "ja")) == (en, ja)
