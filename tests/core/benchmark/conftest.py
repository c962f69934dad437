"""Tasks on small models whose circuits are known."""

import pytest

from core.benchmark.tasks.task import Task, TaskName, load_task
from core.model.loading import LoadedModel, ModelPool
from tests.support.tiny_models import tiny

MODELS = ModelPool(size=8)


@pytest.fixture(scope="session")
def planted() -> Task:
    return load_task(TaskName("planted-induction"), MODELS)


@pytest.fixture(scope="session")
def tickets() -> Task:
    return load_task(TaskName("misrouted-tickets"), MODELS)


@pytest.fixture(scope="session")
def docstring() -> Task:
    return load_task(TaskName("docstring"), MODELS)


@pytest.fixture(params=("gpt2", "llama", "gpt_neox", "qwen3"), scope="package")
def exact_model(request: pytest.FixtureRequest) -> LoadedModel:
    """A tiny model in double precision."""
    loaded = tiny(request.param, seed=2)
    loaded.model.double()
    return loaded
