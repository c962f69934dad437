"""Settings: bounds, clashes, presets, and what they compare."""

import pytest

from core.config import PRESETS, make_config
from core.errors import ConfigError
from core.examples.reading import from_pasted

SET = from_pasted("a\nb\nc", "d\ne\nf").examples


def test_a_preset_brings_its_settings():
    config = make_config(model="m", examples=SET, preset="paper")
    assert config.autoencoder == PRESETS["paper"]
    assert (config.autoencoder.latents, config.autoencoder.epochs, config.autoencoder.members) == (
        200,
        500,
        1,
    )


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"seed": -1}, "seed"),
        ({"positions": "first"}, "positions"),
        ({"colour": "red"}, "colour"),
        ({"model": ""}, "model"),
        ({"autoencoder": {"members": 0}}, "members"),
        ({"preset": "best"}, "preset"),
    ],
)
def test_a_bad_setting_is_named(values, name):
    with pytest.raises(ConfigError, match=name):
        make_config(**({"model": "m", "examples": SET} | values))


def test_clashing_settings_name_both():
    shared = PRESETS["paper"].model_copy(update={"centre": "auto"})
    with pytest.raises(ConfigError, match=r"shared=true.*centre=auto"):
        make_config(model="m", examples=SET, autoencoder=shared)


def test_the_published_recipe_cannot_compare_position_by_position():
    for positions in ("aligned", "matched"):
        with pytest.raises(ConfigError, match=rf"shared=true.*positions={positions}"):
            make_config(model="m", examples=SET, preset="paper", positions=positions)


@pytest.mark.parametrize(("positions", "mode"), [("auto", "mean"), ("mean", "mean"), ("last", "last")])
def test_preview_and_run_of_the_published_recipe_compare_one_vector_a_text(positions, mode):
    config = make_config(model="m", examples=SET, preset="paper", positions=positions)
    alignment = config.align([[1, 2], [1, 3], [1, 4], [2, 2], [2, 3], [2, 4]])
    assert (alignment.mode, alignment.positions.shape) == (mode, (6, 1))


def test_a_config_is_frozen_and_survives_json():
    config = make_config(model="m", examples=SET)
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 3
    assert type(config).model_validate_json(config.model_dump_json()) == config
