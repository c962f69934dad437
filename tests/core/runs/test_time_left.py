"""The time that is left, worked by hand: after runs of the same model, of another one, and without any."""

from dataclasses import replace

import pytest

from core.config import make_config
from core.examples.reading import from_pasted
from core.runs.progress import Record, append_record
from core.runs.run_folder import RunFolder, new_run_id, runs_folder
from core.runs.time_left import Earlier, Size, earlier_run, expectations, seconds_left, size_of
from core.schema import Manifest, ModelRecord

SECONDS = {"load": 2.0, "tokens": 0.0, "capture": 4.0, "train": 10.0, "screen": 6.0, "evidence": 20.0}
SIZE = Size(tokens=100, characters=400, heads=12)


def records_of(seconds, steps=10, began=100.0, tokens=100):
    """Records of a run whose stages go on evenly."""
    records, now = [], began
    for stage, took in seconds.items():
        metrics = {"tokens": tokens} if stage == "tokens" else {}
        records += [Record(now + took * step / steps, stage, step, steps, metrics) for step in range(steps)]
        now += took
    return [*records, Record(now, "report", 0, 1, {})]


EARLIER = Earlier(SECONDS, tuple(records_of(SECONDS)), SIZE)


def until(records, stage, step):
    """The records up to one, and its time."""
    end = next(i for i, r in enumerate(records) if (r.stage, r.step) == (stage, step))
    return records[: end + 1], records[end].time


def test_a_run_that_goes_as_the_earlier_one_has_what_that_one_had_left_at_every_record():
    records = records_of(SECONDS, began=500.0)
    for end in range(1, len(records)):
        now = records[end - 1].time
        left = seconds_left(records[:end], SIZE, EARLIER, now)
        assert left == pytest.approx(records[-1].time - now, abs=1e-6)


def test_before_the_first_record_the_whole_earlier_run_is_left():
    assert seconds_left([], SIZE, EARLIER) == 42.0
    assert seconds_left([], SIZE, replace(EARLIER, same_model=False)) is None


def test_twice_as_many_tokens_take_twice_as_long_and_loading_does_not():
    expected = expectations({"load": 1.0}, "load", replace(SIZE, tokens=200), EARLIER)
    assert expected == {**{name: 2 * seconds for name, seconds in SECONDS.items()}, "load": 2.0}
    without = Size(characters=800)  # tokens are not counted yet
    assert expectations({"load": 1.0}, "load", without, EARLIER)["evidence"] == 40.0


def test_the_speed_of_reading_the_texts_counts_as_much_as_their_number():
    taken = {"load": 2.0, "tokens": 0.0, "capture": 16.0, "train": 0.0}
    # as many tokens, four times as slow: twice as long
    assert expectations(taken, "train", SIZE, EARLIER)["screen"] == 12.0
    # from the cache, which says nothing of the speed
    assert expectations(taken, "train", SIZE, EARLIER, cached=True)["screen"] == 6.0


def test_of_another_model_the_texts_read_here_tell_and_the_heads():
    other = replace(EARLIER, same_model=False)
    assert expectations({"load": 1.0}, "load", Size(characters=400), other) is None
    larger = Size(tokens=200, characters=400, heads=24)
    assert expectations({"load": 1.0, "tokens": 0.0, "capture": 1.0}, "capture", larger, other) is None
    taken = {"load": 1.0, "tokens": 0.0, "capture": 2.0, "train": 0.0}
    after = expectations(taken, "train", larger, other)
    # half as long as there for the texts; twice as many heads, which training alone goes by
    assert (after["train"], after["screen"], after["evidence"]) == (20.0, 6.0, 20.0)


def test_a_stage_that_ended_corrects_those_behind_it():
    taken = {"capture": 4.0, "train": 40.0, "screen": 0.0}
    assert expectations(taken, "screen", SIZE, EARLIER)["screen"] == 12.0  # the root of four times
    taken = {"capture": 4.0, "train": 10.0, "screen": 18.0, "evidence": 0.0}
    assert expectations(taken, "evidence", SIZE, EARLIER)["evidence"] == 60.0


def test_the_pace_of_a_stage_counts_the_more_the_more_of_it_is_done():
    slow = records_of({**SECONDS, "evidence": 60.0}, began=0.0)
    first, now = until(slow, "evidence", 1)
    # a tenth is done in 6 s: by expectation .9 × 20 + 6 = 24, by pace 60; the pace counts two tenths
    assert seconds_left(first, SIZE, EARLIER, now) == pytest.approx(0.8 * 24 + 0.2 * 60 - 6)
    half, now = until(slow, "evidence", 5)
    assert seconds_left(half, SIZE, EARLIER, now) == pytest.approx(30.0)


def test_how_far_a_stage_is_comes_from_the_times_of_the_earlier_run():
    # the earlier run took 8 of 10 seconds for the first half of the steps, and ended behind 8 of 10
    uneven = [Record(0.0, "evidence", 0, 10, {}), Record(8.0, "evidence", 5, 10, {})]
    uneven += [Record(9.5, "evidence", 8, 10, {}), Record(10.0, "report", 0, 1, {})]
    earlier = Earlier({"evidence": 10.0, "report": 0.0}, tuple(uneven), SIZE)
    here = [Record(0.0, "evidence", 0, 10, {}), Record(8.0, "evidence", 5, 10, {})]
    assert seconds_left(here, SIZE, earlier, 8.0) == pytest.approx(2.0)


def test_without_an_earlier_run_only_the_last_long_stage_tells():
    records = records_of(SECONDS, began=0.0)
    middle, now = until(records, "screen", 5)
    assert seconds_left(middle, SIZE, None, now) is None
    late, now = until(records, "evidence", 5)
    assert seconds_left(late, SIZE, None, now) == pytest.approx(10.0)
    assert seconds_left(late, SIZE, None, now + 4) == pytest.approx(6.0)
    assert seconds_left(late, SIZE, None, now + 99) == 0.0


def finished(model, preset="fast", size=SIZE, status="done", evidence="computed"):
    examples = from_pasted("ab\nc\nd", "e\nf\ng").examples
    run = RunFolder.create(
        runs_folder() / new_run_id(), make_config(model=model, examples=examples, preset=preset)
    )
    shape = ModelRecord(name=model, n_layers=3, n_heads=4, n_parameters=1000)
    run.write_model("manifest.json", Manifest(model=shape, timings=SECONDS, evidence=evidence))
    for record in records_of(SECONDS, tokens=size.tokens):
        append_record(run, record)
    run.write_state(replace(run.state(), status=status))
    return run


def test_the_newest_run_of_the_model_is_taken_else_the_newest_of_any(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path))
    config = finished("mine", status="running").config()
    assert earlier_run(config) is None
    finished("other", size=replace(SIZE, tokens=50))
    finished("other", preset="standard")
    finished("mine", evidence="no_difference")
    other = earlier_run(config)
    assert (other.same_model, other.size.tokens, other.size.characters) == (False, 50, 7)
    assert other.size.heads == 12
    finished("mine", size=replace(SIZE, tokens=70))
    finished("other")
    mine = earlier_run(config)
    assert (mine.same_model, mine.size.tokens, mine.seconds) == (True, 70, SECONDS)
    assert len(mine.records) == len(records_of(SECONDS))


def test_the_size_of_a_run_is_what_its_records_tell():
    config = make_config(model="m", examples=from_pasted("ab\nc\nd", "e\nf\ng").examples)
    told = Record(0.0, "tokens", 1, 1, {"tokens": 40, "heads": 12})
    assert size_of([told], config) == Size(40, 7, 12)
    assert size_of([], config) == Size(0.0, 7)
