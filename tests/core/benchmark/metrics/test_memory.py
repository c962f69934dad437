"""The largest memory during a block, kept by the kernel or sampled."""

import builtins
import importlib
import sys
import time

import numpy as np
import pytest

from core.benchmark.metrics import memory
from core.benchmark.metrics.memory import PeakMemory


@pytest.mark.parametrize("kernel", [True, False])
def test_the_peak_is_that_of_the_block_alone(kernel, monkeypatch, tmp_path):
    if not kernel:
        monkeypatch.setattr(memory, "FORGET", tmp_path / "missing" / "clear_refs")
    with PeakMemory() as large:
        held = np.ones(400 * 2**17)
        time.sleep(3 * memory.SAMPLE_SECONDS)
        del held
    with PeakMemory() as small:
        pass
    assert large.mb - small.mb > 200


def test_nothing_is_imported_that_windows_lacks(monkeypatch):
    plain = builtins.__import__

    def without_posix(name, *arguments, **named):
        if name in ("resource", "fcntl"):
            raise ModuleNotFoundError(name)
        return plain(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without_posix)
    for name in ("core.benchmark.metrics.memory", "core.benchmark.metrics.speed"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        module = importlib.import_module(name)
        assert not {"resource", "fcntl"} & set(vars(module))
