"""What a sweep comes to, worked by hand, and the files it is read from."""

import json

import pandas as pd
import pytest

from core.errors import StorageError
from core.sensitivity.plan import settings_key
from core.sensitivity.summary import passes, read_sensitivity, read_table, summary, sweep_folder
from tests.support.made_sweep import BY_HAND, NAN


def test_summary_by_hand():
    content = summary(BY_HAND)
    assert content["by"] == "auc" and list(content["settings"]) == ["sparsity", "members"]
    sparsity, members = content["settings"]["sparsity"], content["settings"]["members"]
    assert (sparsity["value"], sparsity["values"]) == (2.0, [0.2, 2.0, 20.0])
    assert sparsity["agreement"] == {
        "default": 0.75,
        "lowest": 0.7,
        "highest": 0.8,
        "change": -0.3,
        "at": 0.2,
        "below": 0.2,
        "above": None,
    }
    assert sparsity["auc"]["change"] == pytest.approx(-0.03) and sparsity["auc"]["default"] == 0.96
    assert (sparsity["auc"]["below"], sparsity["auc"]["above"]) == (0.2, None)  # 0.02 below still passes
    assert (members["agreement"]["below"], members["agreement"]["above"]) == (2.0, 16.0)
    assert (members["auc"]["below"], members["auc"]["above"], members["auc"]["at"]) == (1.0, None, 1.0)
    assert content["seeds"]["agreement"] == {"mean": 0.5, "lowest": 0.5, "highest": 0.5}
    assert content["seeds"]["auc"] == {"mean": 0.96, "lowest": 0.95, "highest": 0.97}
    assert content["map"] == {}
    json.dumps(content, allow_nan=False)


def test_map_is_counted_by_hand():
    grid = pd.DataFrame(
        {"is_default": [False, True, False], "auc": [0.91, 0.94, 0.99], "agreement": [0.8, 1.0, 0.2]}
    )
    content = summary(BY_HAND, grid)["map"]
    assert content["agreement"] == {"cells": 3, "passing": 2, "lowest": 0.2, "highest": 1.0}
    assert content["auc"] == {"cells": 3, "passing": 1, "lowest": 0.91, "highest": 0.99}


def test_rule_at_its_bounds():
    assert passes(0.8, 1.0, "agreement") and not passes(0.799, 1.0, "agreement")
    assert passes(0.96, 0.98, "auc") and passes(1.0, 0.98, "auc") and not passes(0.959, 0.98, "auc")


def test_summary_without_truth_or_with_little_says_no_more_than_it_knows():
    unknown = summary(BY_HAND.assign(auc=NAN))
    assert unknown["by"] == "agreement" and "auc" not in unknown["settings"]["sparsity"]
    begun = summary(BY_HAND[BY_HAND["is_default"] & (BY_HAND["seed"] == 0)])
    assert begun["settings"] == {} and begun["seeds"] == {}
    assert summary(BY_HAND.iloc[:0])["by"] is None


def test_damaged_and_newer_files_are_explained(run, config):
    run.write_json("sensitivity.json", {"format": 99})
    with pytest.raises(StorageError, match="newer"):
        read_sensitivity(run, config)
    run.write_bytes("sweep.csv", b"a,b\n1,2\n")
    with pytest.raises(StorageError, match=r"sweep\.csv"):
        read_table(run, "sweep.csv")


def test_folder_of_something_else_is_left_alone(tmp_path):
    assert sweep_folder(tmp_path / "new" / "one").path.is_dir()
    (tmp_path / "letter.txt").write_text("keep")
    with pytest.raises(StorageError, match="not empty"):
        sweep_folder(tmp_path)
    (tmp_path / "sensitivity.json").write_text("{}")
    assert sweep_folder(tmp_path).path == tmp_path
    with pytest.raises(StorageError, match="cannot be written"):
        sweep_folder(tmp_path / "letter.txt")


def test_sweep_of_an_earlier_version_is_read(run, config):
    run.write_json("robustness.json", {"format": 1, "key": settings_key(config), "complete": True})
    assert read_sensitivity(run, config)["complete"]
    run.write_json("sensitivity.json", {"format": 1, "key": settings_key(config), "complete": False})
    assert not read_sensitivity(run, config)["complete"]
