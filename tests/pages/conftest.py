"""A dashboard without a browser: its own home folder, a made engine, a session in a language."""

import json
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from core.jobs.local_backend import LocalBackend
from pages.parts.session import keeping, state

APP = Path(__file__).parents[2] / "app.py"
OpenApp = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def cookies(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the browser has kept; empty, as at the first visit."""
    kept: dict[str, str] = {}
    monkeypatch.setattr(keeping, "cookie", lambda name: kept.get(name, ""))
    return kept


@pytest.fixture(autouse=True, scope="session")
def installed_components() -> Iterator[None]:
    """Look once for components among the installed packages: every AppTest reads the metadata of all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests)
        )
        yield


@pytest.fixture(scope="session")
def backend_with_a_made_engine() -> Iterator[LocalBackend]:
    """One worker process for all tests: it holds nothing of a home folder, and its start costs half a second."""
    backend = LocalBackend("tests.support.page_engine")
    yield backend
    backend.close()


@pytest.fixture
def local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend_with_a_made_engine: LocalBackend
) -> Iterator[LocalBackend]:
    """The backend that the pages talk to: it knows of no run and no answer."""
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path))
    st.cache_resource.clear()
    backend = backend_with_a_made_engine
    monkeypatch.setattr(state, "backend", lambda: backend)
    yield backend
    forget(backend)


def forget(backend: LocalBackend) -> None:
    """Make a backend as new; its worker stays unless it is at work."""
    with backend._lock:
        at_work = backend._queue or backend._current or any(one.pending for one in backend._answers.values())
        backend._answers.clear()
        backend._unwritten.clear()
    if at_work:
        backend.close()


@pytest.fixture
def open_app(local: LocalBackend) -> OpenApp:
    """Open a page in a language, with a run where one is named."""

    def opened(page: str = "start", language: str = "en", run: str = "") -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60)
        app.query_params["lang"] = language
        if run:
            app.query_params["run"] = run
        app.run()
        if page != "start":
            app.switch_page(f"pages/{page}.py").run()
        assert not app.exception, app.exception
        return app

    return opened


@pytest.fixture
def whole_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let app.py draw every page, with its sidebar, as in a browser.

    Otherwise AppTest runs the file of a page in pages/ by itself.
    """
    begin = PagesManager.__init__

    def begin_without_pages(self: PagesManager, *given: Any, **named: Any) -> None:
        begin(self, *given, **named)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", begin_without_pages)


def paper_tables(app: AppTest) -> list[tuple[int, int]]:
    """Rows and columns of every table that is seen in print alone."""
    drawn = [str(one.value) for one in app.get("html") if 'class="print-only"><table' in str(one.value)]
    return [(html.count("<tr>") - 1, html.count('<th scope="col">')) for html in drawn]


def run_until(app: AppTest, condition: Callable[[], bool], seconds: float = 30.0) -> AppTest:
    """Run the script again and again, as the polling fragment does in a browser."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
        app.run()
        assert not app.exception, app.exception
    return app


def shown(app: AppTest) -> str:
    """All texts of the page."""
    kinds = ("title", "subheader", "markdown", "caption", "info", "warning", "error", "success", "html")
    return "\n".join(
        str(element.value) for kind in kinds for element in app.get(kind) if hasattr(element, "value")
    )


def picture_of(app: AppTest) -> str:
    """The SVG that the picture from words to answers was given."""
    (part,) = app.get("bidi_component")
    return str(json.loads(part.proto.json)["svg"])
