"""A tiny model, its texts and a run, for all tests of the room."""

import pytest

from core.config import AutoencoderConfig, make_config
from core.examples.reading import from_rows
from core.model.loading import ModelPool
from core.runs.run_folder import RunFolder
from tests.support.made_sweep import ROWS
from tests.support.tiny_models import save_tiny


@pytest.fixture(scope="session")
def models():
    return ModelPool()


@pytest.fixture(scope="session")
def config(tmp_path_factory):
    folder = save_tiny(tmp_path_factory.mktemp("tiny"), "gpt2", seed=2)
    settings = AutoencoderConfig(members=2, latents=16, epochs=20)
    return make_config(model=str(folder), examples=from_rows(ROWS), preset="fast", autoencoder=settings)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path / "home"))


@pytest.fixture
def run(tmp_path, home, config):
    return RunFolder.create(tmp_path / "run", config)
