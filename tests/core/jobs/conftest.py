"""What takes a while, made once: a backend with an engine that learns nothing, an analysis of a planted circuit."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import make_config
from core.examples.reading import read_examples
from core.jobs.local_backend import LocalBackend
from core.model.loading import ModelPool
from core.runs.run_folder import RunFolder
from core.scenarios.loader import load_scenario
from tests.support.analyses import analysed
from tests.support.stub_engine import STUB


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBackend]:
    """A backend in a home folder of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADLIGHT_HOME", str(tmp_path_factory.mktemp("home")))
        local = LocalBackend(STUB)
        yield local
        local.close()


@pytest.fixture(scope="session")
def models() -> ModelPool:
    """One pool of models."""
    return ModelPool()


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory, models: ModelPool) -> RunFolder:
    """A finished run of the model whose circuit was planted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADLIGHT_HOME", str(tmp_path_factory.mktemp("home")))
        scenario = load_scenario("planted-induction")
        examples = read_examples(scenario.examples_in("en"))
        settings = make_config(model=str(scenario.model_folder), examples=examples, preset="fast")
        return analysed(tmp_path_factory.mktemp("runs") / "run", settings, models)


@pytest.fixture
def sample(planted: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of the planted run, to be changed."""
    return RunFolder(shutil.copytree(planted.path, tmp_path / "sample"))
