"""The check of a circuit, as it lies in a run folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.result_reader import read_circuit
from core.runs.run_folder import RunFolder
from core.schema import CircuitRecord
from tests.pages.conftest import OpenApp
from tests.support.made_runs import write_circuit

OpenEvidence = Callable[..., AppTest]


@pytest.fixture
def open_evidence(open_app: OpenApp) -> OpenEvidence:
    """Open one tab of the evidence page of a run."""

    def opened(part: str, run: str, language: str = "en") -> AppTest:
        app = open_app("evidence", language, run=run)
        app.session_state["evidence_part"] = part
        app.run()
        assert not app.exception, app.exception
        return app

    return opened


@pytest.fixture
def content(tmp_path: Path) -> CircuitRecord:
    """What the check of a made circuit says."""
    write_circuit(RunFolder(tmp_path))
    circuit = read_circuit(RunFolder(tmp_path))
    assert circuit is not None
    return circuit
