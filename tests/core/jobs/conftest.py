"""One backend with an engine that learns nothing, for all tests of a file: its worker takes a while to start."""

from collections.abc import Iterator

import pytest

from core.jobs.local_backend import LocalBackend
from tests.support.stub_engine import STUB


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBackend]:
    """A backend in a home folder of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADLIGHT_HOME", str(tmp_path_factory.mktemp("home")))
        local = LocalBackend(STUB)
        yield local
        local.close()
