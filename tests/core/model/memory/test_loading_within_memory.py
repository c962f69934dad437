"""A model is read in the type of numbers that fits, or refused before a weight is read; the card and the pool agree."""

import pytest
import torch

from core.errors import ModelError
from core.inspection.preview import inspect
from core.model.loading import ModelPool, load_model, shape_from_config
from core.model.loading import load as loading
from core.model.memory import SHORT, TYPICAL, TextSizes, parts_of, plan
from tests.support.tiny_models import save_tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture
def free(monkeypatch, folder):
    """Let so much memory be free: what the model needs in this type of numbers, and `more`."""

    def let(precision: str, more: int = 0, texts: TextSizes = TYPICAL) -> int:
        size = parts_of(shape_from_config(str(folder)), precision, texts).total + more
        monkeypatch.setattr(plan, "available_bytes", lambda _: size)
        return size

    return let


def test_a_model_whose_float32_does_not_fit_is_read_in_half_precision(folder, free):
    free("float32")
    assert load_model(folder, "cpu").precision == "float32"
    free("float32", -1)
    loaded = load_model(folder, "cpu")
    assert loaded.precision == "bfloat16"
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.bfloat16}


def test_a_model_that_does_not_fit_is_refused_before_a_weight_is_read(folder, free, monkeypatch):
    free("bfloat16", -1)
    assert load_model(folder, "cpu").precision == "bfloat16"
    free("bfloat16", -1, SHORT)
    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained", None)
    with pytest.raises(ModelError, match="GB of memory") as caught:
        load_model(folder, "cpu")
    assert caught.value.key == "does_not_fit"


def test_the_card_says_the_type_of_numbers_and_what_is_needed(folder, free):
    size = free("bfloat16")
    card = inspect(str(folder), "cpu")
    assert card["memory"]["precision"] == "bfloat16" and card["memory"]["fits"]
    assert card["memory_needed_bytes"] == card["memory_available_bytes"] == size
    assert card["weight_bytes"] == 2 * card["n_parameters"]
    free("bfloat16", -1)
    assert not inspect(str(folder), "cpu")["memory"]["fits"]


def test_models_that_nobody_uses_make_room_before_numbers_become_coarser(folder, free, tmp_path):
    pool = ModelPool()
    free("float32")
    idle = pool.get(str(save_tiny(tmp_path)), "cpu")
    assert idle.precision == "float32" and len(pool._models) == 1
    free("float32", -1)
    pool.get(str(folder), "cpu")
    assert [key[0] for key in pool._models] == [str(folder)]


def test_numbers_are_looked_at_in_parts_and_the_last_one_counts(monkeypatch):
    from core.model.loading import weights

    monkeypatch.setattr(weights, "CHECKED", 4)
    values = torch.zeros(3, 3)
    assert weights.all_finite(values)
    values[2, 2] = torch.nan
    assert not weights.all_finite(values)
