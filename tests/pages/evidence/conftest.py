"""The check of a circuit, as it lies in a run folder."""

from pathlib import Path

import pytest

from core.runs.result_reader import read_circuit
from core.runs.run_folder import RunFolder
from core.schema import CircuitRecord
from tests.support.made_runs import write_circuit


@pytest.fixture
def content(tmp_path: Path) -> CircuitRecord:
    """What the check of a made circuit says."""
    write_circuit(RunFolder(tmp_path))
    circuit = read_circuit(RunFolder(tmp_path))
    assert circuit is not None
    return circuit
