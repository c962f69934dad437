"""Names, settings, and the errors' texts."""

import re

import pytest

from core.config import PRESETS, make_config
from core.errors import MESSAGES, ConfigError, ExamplesError, HeadlightError
from core.examples.reading import from_pasted
from core.heads import EdgeId, HeadId, all_heads, forward_pairs
from tests.support.paths import ROOT

SET, _ = from_pasted("a\nb\nc", "d\ne\nf")


def test_names_of_heads_and_edges_read_back():
    assert str(HeadId(3, 5)) == "L3H5"
    assert HeadId.parse(" l3h5 ") == HeadId.parse("3.5") == HeadId(3, 5)
    assert str(EdgeId(HeadId(0, 1), HeadId(2, 3))) == "L0H1→L2H3"
    with pytest.raises(ConfigError, match="L3H5.*“banana”"):
        HeadId.parse("banana")


def test_forward_pairs_of_a_known_grid():
    pairs = list(forward_pairs(3, 2))
    assert len(all_heads(3, 2)) == 6
    assert len(pairs) == 3 * 2 * 2
    assert all(source.layer < target.layer for source, target in pairs)
    assert len(list(forward_pairs(12, 12))) == 9504


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
    with pytest.raises(ConfigError, match=r"shared=true.*positions=aligned"):
        make_config(model="m", examples=SET, preset="paper", positions="aligned")


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


def test_every_key_that_core_raises_has_a_message():
    used = set()
    for file in ROOT.joinpath("core").rglob("*.py"):
        used |= set(re.findall(r"(?:Error|_error)\(\s*\"([a-z0-9_]+)\"", file.read_text(encoding="utf-8")))
    assert {"no_weights", "disk_full", "text_too_long"} <= used
    assert used <= set(MESSAGES)


def test_errors_are_one_tree_and_carry_their_values():
    error = ExamplesError("too_few_examples", minimum=3, label="normal", count=2, missing=1)
    assert isinstance(error, HeadlightError)
    assert str(error) == "Expected at least 3 normal examples, found 2. Add 1 more; 5 to 10 work best."
    assert (error.key, error.values["count"]) == ("too_few_examples", 2)
