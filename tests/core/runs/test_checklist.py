"""The check list of a proof of concept: each tick, by itself and by hand."""

from dataclasses import replace

import pytest

from core.config import make_config
from core.errors import StorageError
from core.examples.reading import from_rows
from core.runs.checklist import (
    BY_HAND,
    COMPARED,
    Facts,
    is_repeated,
    items,
    open_week,
    read_ticks,
    tick,
    write_ticks,
)
from core.runs.job_state import JobState
from core.runs.run_folder import RunFolder


def config(texts, model="/models/one"):
    rows = [
        {"label": label, "text": f"{label} {text}"} for text in texts for label in ("anomalous", "normal")
    ]
    return make_config(model=model, examples=from_rows(rows), preset="fast")


def finished(folder, texts, model="/models/one", status="done"):
    run = RunFolder.create(folder, config(texts, model))
    run.write_state(JobState(status=status, started=1.0, finished=2.0))
    return run


def done(facts, ticked=()):
    return {item.key for item in items(facts, ticked) if item.done}


def test_nothing_is_done_at_the_start():
    assert done(Facts()) == set()
    assert [item.key for item in items(Facts()) if item.by_hand] == ["question", "roles", "stop", "unseen"]


@pytest.mark.parametrize(
    ("facts", "key", "page"),
    [
        (Facts(model=True), "model", "model"),
        (Facts(anomalous=5, normal=5), "texts", "examples"),
        (Facts(pairs=1), "pairs", "examples"),
        (Facts(differs=True), "differs", "examples"),
        (Facts(analysed=True), "analysed", "analysis"),
        (Facts(named=1), "named", "circuit"),
        (Facts(tested=True), "tested", "evidence"),
        (Facts(repeated=True), "repeated", "analysis"),
        (Facts(commented=True), "commented", "report"),
        (Facts(signed=True), "signed", "report"),
    ],
)
def test_each_fact_ticks_its_own_line(facts, key, page):
    assert done(facts) == {key}
    assert next(item.page for item in items(facts) if item.key == key) == page


FIRST = Facts(model=True, anomalous=5, normal=5, pairs=1, differs=True)
SECOND = replace(FIRST, analysed=True, named=1, tested=True, repeated=True)


@pytest.mark.parametrize(
    ("facts", "ticked", "week"),
    [
        (Facts(), (), 1),
        (replace(SECOND, signed=True), BY_HAND[1:], 1),
        (FIRST, BY_HAND, 2),
        (SECOND, BY_HAND, 2),
        (SECOND, (*BY_HAND, COMPARED), 3),
        (replace(SECOND, commented=True, signed=True), (*BY_HAND, COMPARED), 3),
    ],
)
def test_open_week_is_the_first_with_an_open_line(facts, ticked, week):
    assert open_week(items(facts, ticked)) == week


def test_weeks_follow_one_another_in_the_list():
    assert [item.week for item in items(Facts())] == [1] * 8 + [2] * 5 + [3] * 2


@pytest.mark.parametrize(("anomalous", "normal"), [(4, 9), (9, 4)])
def test_both_sides_need_five_texts(anomalous, normal):
    assert done(Facts(anomalous=anomalous, normal=normal)) == set()


@pytest.mark.parametrize("key", [*BY_HAND, COMPARED])
def test_what_is_ticked_is_kept_with_the_run_and_can_be_taken_back(tmp_path, key):
    run = finished(tmp_path / "r", "abc")
    assert read_ticks(run) == frozenset()
    tick(run, key)
    tick(run, key)
    assert read_ticks(RunFolder(run.path)) == {key}
    assert done(Facts(), read_ticks(run)) == {key}
    tick(run, key, False)
    assert read_ticks(run) == frozenset()


def test_nothing_is_written_where_nothing_changes(tmp_path):
    run = finished(tmp_path / "r", "abc")
    tick(run, "stop", False)
    assert not (run.path / "poc.json").exists()


def test_nothing_can_be_ticked_that_a_run_shows_by_itself(tmp_path):
    run = finished(tmp_path / "r", "abc")
    write_ticks(run, ["signed", "stop"])
    assert read_ticks(run) == {"stop"}
    assert done(Facts(), ["signed", "analysed"]) == set()


def test_ticks_stay_when_a_run_is_resumed(tmp_path):
    run = finished(tmp_path / "r", "abc", status="cancelled")
    tick(run, "stop")
    assert read_ticks(RunFolder.create(run.path, run.config())) == {"stop"}


@pytest.mark.parametrize("content", ["{half", '{"ticked": 3}', '{"format": 99, "ticked": []}'])
def test_damaged_or_newer_ticks_are_refused(tmp_path, content):
    run = finished(tmp_path / "r", "abc")
    (run.path / "poc.json").write_text(content, encoding="utf-8")
    with pytest.raises(StorageError):
        read_ticks(run)


@pytest.mark.parametrize(
    ("texts", "model", "status", "repeated"),
    [
        ("xyz", "/models/one", "done", True),
        ("axy", "/models/one", "done", True),
        ("abx", "/models/one", "done", False),
        ("abc", "/models/one", "done", False),
        ("xyz", "/models/two", "done", False),
        ("xyz", "/models/one", "failed", False),
    ],
)
def test_repetition_is_the_same_model_with_mostly_other_texts(tmp_path, texts, model, status, repeated):
    run = finished(tmp_path / "first", "abc")
    other = finished(tmp_path / "second", texts, model, status)
    assert is_repeated(run, [run, other]) is repeated


def test_damaged_run_is_no_repetition_and_hides_none(tmp_path):
    run = finished(tmp_path / "first", "abc")
    damaged, good = finished(tmp_path / "second", "xyz"), finished(tmp_path / "third", "xyz")
    (damaged.path / "config.json").write_text("{", encoding="utf-8")
    assert not is_repeated(run, [damaged])
    assert is_repeated(run, [damaged, good])
