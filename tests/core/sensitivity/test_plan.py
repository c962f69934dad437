"""Which settings are moved and how far, worked by hand."""

import pandas as pd
import pytest

from core.config import AutoencoderConfig, make_config
from core.examples.reading import from_rows
from core.sensitivity.plan import SETTINGS, Training, estimated_seconds, moved, plan, settings_key, values
from tests.support.made_sweep import ROWS, SMALL


def test_values_of_the_standard_settings_by_hand():
    settings = AutoencoderConfig(latents=64, sparsity=2.0, epochs=60, learning_rate=3e-3, members=8)
    assert values(settings, "latents") == [16, 32, 64, 128, 256]
    assert values(settings, "sparsity") == pytest.approx([0.2, 0.632456, 2.0, 6.32456, 20.0])
    assert values(settings, "epochs") == [15, 30, 60, 120, 240]
    assert values(settings, "learning_rate") == [0.00075, 0.0015, 0.003, 0.006, 0.012]
    assert values(settings, "members") == [1, 2, 4, 8, 16]


def test_values_stay_in_bounds_and_hold_the_own_one():
    odd = AutoencoderConfig(latents=4, sparsity=0.0, members=3, learning_rate=0.123456789)
    assert values(odd, "latents") == [4, 8, 16]
    assert values(odd, "sparsity") == [0.0]
    assert values(odd, "members") == [1, 2, 3, 4, 8, 16]
    assert moved(odd, "latents", 2) is None
    assert moved(odd, "learning_rate", 0.123457) is odd  # the own value is not moved by rounding


def test_plan_by_hand():
    planned = plan(make_config(model="m", examples=from_rows(ROWS), seed=7), 8)
    settings = planned.default.autoencoder
    assert planned.default == planned.trainings[0] == Training(settings, 7)
    # 20 moved settings and the own one for each of 3 seeds; 3, 4 and 6 of 8 texts five times; 16 further cells
    assert len(planned.trainings) == 3 * 21 + 3 * 5 + 16
    assert len(planned.cells) == 25 and sum(cell.is_default for cell in planned.cells) == 1
    own_seed_first = [training.seed for training in planned.trainings]
    assert own_seed_first == sorted(own_seed_first)
    rows = pd.DataFrame([{"setting": r.setting, "value": r.value, "own": r.is_default} for r in planned.rows])
    assert list(rows["setting"].unique()) == list(SETTINGS)
    assert (rows[rows["own"]].groupby("setting").size() == 3).all()
    texts = rows[rows["setting"] == "examples"].groupby("value").size()
    assert texts.to_dict() == {3.0: 5, 4.0: 5, 6.0: 5, 8.0: 3}
    keys = {(row.setting, row.value, row.training.seed, row.training.draw) for row in planned.rows}
    assert len(keys) == len(planned.rows)


def test_estimate_counts_the_work_by_hand():
    config = make_config(
        model="m", examples=from_rows(ROWS), autoencoder=AutoencoderConfig(members=2, latents=16)
    )
    # two own trainings, two with half the latents, two with another sparsity, two with one member of two,
    # two with 3 of 4 texts; and on the map one more, with half the latents
    assert estimated_seconds(config, 4, 10.0, SMALL) == pytest.approx(
        10 * (2 + 2 / 2 + 2 + 2 / 2 + 2 * 3 / 4 + 1 / 2)
    )


def test_key_follows_what_decides_the_numbers():
    config = make_config(model="m", examples=from_rows(ROWS))
    assert settings_key(config) == settings_key(config.model_copy(update={"evidence": False}))
    for change in ({"seed": 1}, {"model": "n"}, {"pairing": "off"}, {"examples": from_rows(ROWS[:6])}):
        assert settings_key(config) != settings_key(config.model_copy(update=change))
    assert settings_key(config) != settings_key(config, SMALL)
