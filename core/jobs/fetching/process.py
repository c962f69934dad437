"""The process that fetches a model: `python -m core.jobs.fetching.process REQUEST`, started by `requests.begin`."""

import logging
import os
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from core.errors import StorageError
from core.jobs.carrying_out import as_failure, survivable
from core.jobs.fetching.requests import FetchRequest, FetchState, state_of, write_state
from core.model.hub.download import fetch
from core.model.hub.facts import ask_hub
from core.model.hub.sample import fetch_sample
from core.scenarios.loader import load_scenario
from core.schema import Progress

log = logging.getLogger(__name__)


def fetched(request: FetchRequest) -> Generator[Progress, None, str]:
    """Fetch what is asked for; returns the name under which it can be analysed. Raises HeadlightError."""
    if request.kind == "scenario":
        return str((yield from fetch_sample(load_scenario(request.name))))
    folder: Path = yield from fetch(ask_hub(request.name, request.gguf))
    return str(folder / request.gguf) if request.gguf else request.name


def carry_out(request: FetchRequest) -> FetchState:
    """Fetch, and write how far it is; the state at the end, which is written too."""
    state, stop = state_of(request) or FetchState(), request.folder / "stop"
    try:
        with closing(fetched(request)) as steps:
            while True:
                record = next(steps)
                first = {} if state.stage else {"began_with": record.step}
                step = {"stage": record.stage, "step": record.step, "total": record.total}
                state = state.model_copy(update={**first, **step})
                write_state(request, state)
                if stop.exists():
                    return _ended(request, state, status="cancelled")
    except StopIteration as end:
        return _ended(request, state, status="done", source=end.value)
    except BaseException as error:
        if not survivable(error):
            raise
        failure = as_failure(error, request.name)
        values = dict(failure.error_values)
        return _ended(request, state, status="failed", error_key=failure.error_key, error_values=values)


def _ended(request: FetchRequest, state: FetchState, **ends: object) -> FetchState:
    state = state.model_copy(update=ends)
    try:
        write_state(request, state)
    except StorageError:  # no room even for that: the page sees that the process is gone
        log.exception("the state of the fetch could not be written")
    return state


def main() -> None:
    """Entry point; ends at once where another process fetches the same."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    request = FetchRequest.model_validate_json(sys.argv[1])
    try:
        with request.held():
            carry_out(request)
    except StorageError:
        log.exception("another process fetches the same")
    sys.stdout.flush()
    os._exit(0)  # a download that was stopped still has a thread at work


if __name__ == "__main__":
    main()
