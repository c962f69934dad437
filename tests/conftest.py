"""Every test has its own home folder and no network."""

import gc
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:
    # One process a core: more threads than cores would only wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from tests.support.smollm2 import smollm2  # noqa: F401

settings.register_profile("headlight", deadline=None)  # a busy machine is no fault
settings.load_profile("headlight")


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items):
    """Every test that asks for the real language model is marked so."""
    for item in items:
        if "smollm2" in getattr(item, "fixturenames", ()):
            item.add_marker("real")


def pytest_collection_finish():
    """Set aside what the imports made: memory that runs out is looked for by a full collection, again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_the_disk():
    """What a test writes need not outlast a power failure; tests of the storage see by the calls that it would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Runs and cache of a test lie in its own folder."""
    home = tmp_path / "home"
    monkeypatch.setenv("HEADLIGHT_HOME", str(home))
    return home
