"""A tiny model on the disk and a pool to hold it, shared by the tests of a file."""

import pytest

from core.model.loading import ModelPool
from tests.support.tiny_models import save_tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("model"), seed=1)


@pytest.fixture(scope="module")
def models():
    return ModelPool()
