"""One setting moved at a time."""

from core.benchmark.metrics.settings import SETTINGS, moved, sweep_rows
from core.config import PRESETS


def test_a_moved_setting_keeps_its_kind_and_the_others():
    default = PRESETS["standard"]
    assert moved(default, "latents", 128.0) == default.model_copy(update={"latents": 128})
    assert moved(default, "sparsity", 0.2).sparsity == 0.2
    for setting, values in SETTINGS.items():
        assert any(moved(default, setting, value) == default for value in values), setting


def test_the_sweep_measures_every_value_and_agrees_with_itself(planted, monkeypatch):
    monkeypatch.setattr("core.benchmark.metrics.settings.SETTINGS", {"members": (1, 8), "epochs": (0, 60)})
    monkeypatch.setattr("core.benchmark.metrics.settings.SEEDS", 1)
    rows = list(sweep_rows(planted, 3, 0))
    assert [(one.setting, one.value, one.is_default) for one in rows] == [
        ("members", 1, False),
        ("members", 8, True),
        ("epochs", 0, False),
        ("epochs", 60, True),
    ]
    assert all(one.agreement == 1.0 for one in rows if one.is_default)
    assert all(0 <= one.agreement <= 1 and one.selected > 0 for one in rows)
