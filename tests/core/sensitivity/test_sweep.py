"""The sweep of a tiny model: against the analysis, left and gone on with, with a known truth."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.analysis.pipeline import analyse
from core.config import AutoencoderConfig, make_config
from core.discovery.stability import jaccard
from core.examples.reading import from_rows, read_examples
from core.jobs.checks import check
from core.model.activation_store import ActivationStore
from core.runs.run_folder import RunFolder
from core.scenarios.loader import load_scenario, load_truth
from core.schema import Progress, RunResult
from core.sensitivity.plan import settings_key
from core.sensitivity.summary import COLUMNS, MAP_COLUMNS, read_sensitivity, read_table
from core.sensitivity.sweep import Swept, against_truth, known_truth, sweep, sweep_into
from tests.support.made_sweep import ROWS, SMALL
from tests.support.tiny_models import save_tiny


def test_auc_by_hand():
    truth = np.array([True, False, True, False])
    assert against_truth(np.array([3.0, 2.0, 1.0, 0.0]), truth)[0] == 0.75
    assert all(np.isnan(against_truth(np.ones(2), np.array([True, True]))))


def whole(records) -> Swept:
    swept = [item for item in records if isinstance(item, Swept)]
    assert swept[-1].complete and [item.trained for item in swept] == list(range(1, len(swept) + 1))
    return swept[-1]


def test_sweep_chooses_what_an_analysis_with_these_settings_chooses(config, models, tmp_path, home):
    with closing(ActivationStore(tmp_path / "cache")) as store:
        items = list(sweep(config, models, store, grid=SMALL))
        assert isinstance(items[0], Progress)
        swept = whole(items)

        def selection_by(**changes):
            settings = config.autoencoder.model_copy(update={k: v for k, v in changes.items() if k != "seed"})
            seed = changes.get("seed", config.seed)
            moved_config = config.model_copy(
                update={"autoencoder": settings, "seed": seed, "evidence": False}
            )
            result = list(analyse(moved_config, models, store))[-1]
            assert isinstance(result, RunResult)
            return result.heads.sort_values(["layer", "head"])["selected"].to_numpy()

        own = selection_by()
        for name, value, seed in (
            ("latents", 8, 0),
            ("sparsity", 20.0, 1),
            ("members", 1, 1),
            ("latents", 16, 1),
        ):
            table = swept.table
            row = table[(table["setting"] == name) & (table["value"] == value) & (table["seed"] == seed)]
            expected = selection_by(**{name: value, "seed": seed})
            assert row["agreement"].item() == pytest.approx(jaccard(expected, own))
            assert row["selected"].item() == expected.sum()
    assert tuple(swept.table.columns) == COLUMNS and tuple(swept.grid.columns) == MAP_COLUMNS
    assert swept.table["auc"].isna().all() and set(swept.table["model"]) == {"gpt2"}
    assert (swept.table.loc[swept.table["is_default"] & (swept.table["seed"] == 0), "agreement"] == 1).all()
    texts = swept.table[(swept.table["setting"] == "examples") & ~swept.table["is_default"]]
    assert (
        list(texts["draw"]) == [0, 1] and set(texts["value"]) == {3.0} and set(swept.table["examples"]) == {4}
    )
    assert len(swept.grid) == 4 and swept.grid.loc[swept.grid["is_default"], "agreement"].item() == 1


def test_texts_without_pairs_are_drawn_on_each_side(config, models, home):
    unpaired = config.model_copy(update={"pairing": "off"})
    swept = whole(sweep(unpaired, models, grid=replace(SMALL, map=False)))
    assert len(swept.grid) == 0
    assert ((swept.table["agreement"] >= 0) & (swept.table["agreement"] <= 1)).all()


def test_screen_is_combined_with_every_training(models, home):
    scenario = load_scenario("planted-induction")
    settings = AutoencoderConfig(members=2, latents=16, epochs=20)
    by_codes = make_config(
        model=str(scenario.model_folder),
        examples=read_examples(scenario.examples_file),
        autoencoder=settings,
        evidence=False,
        candidates="codes",
    )
    config = by_codes.model_copy(update={"candidates": "screened"})
    smaller = config.model_copy(update={"autoencoder": settings.model_copy(update={"latents": 8})})

    def selection_by(of):
        result = list(analyse(of, models))[-1]
        assert isinstance(result, RunResult)
        return result.heads.sort_values(["layer", "head"])["selected"].to_numpy()

    grid = replace(SMALL, members=(), seeds=1, draws=1, map=False)
    swept = whole(sweep(config, models, grid=grid)).table
    row = swept[(swept["setting"] == "latents") & (swept["value"] == 8)]
    assert row["agreement"].item() == pytest.approx(jaccard(selection_by(smaller), selection_by(config)))
    assert row["selected"].item() == selection_by(smaller).sum()
    assert selection_by(config).sum() != selection_by(by_codes).sum()
    texts = swept[(swept["setting"] == "examples") & ~swept["is_default"]]
    assert texts["selected"].item() > 0


def test_published_recipe_can_be_swept(config, models, home):
    published = AutoencoderConfig(
        members=1, latents=20, sparsity=0.02, epochs=20, shared=True, training_examples=4, centre="none"
    )
    swept = whole(sweep(config.model_copy(update={"autoencoder": published}), models, grid=SMALL))
    assert set(swept.table["setting"]) == {
        "latents",
        "sparsity",
        "epochs",
        "learning_rate",
        "members",
        "examples",
    }


def test_sweep_that_was_left_goes_on_from_there(run, config, models, monkeypatch):
    monkeypatch.setattr("core.sensitivity.sweep.WRITE_EVERY", 0.0)
    running = sweep_into(run, config, models, SMALL)
    for record in running:
        if (record.stage, record.step) == ("sensitivity", 3):
            break
    running.close()
    content = read_sensitivity(run, config, SMALL)
    assert not content["complete"] and content["trained"] == 3
    for name in ("sweep.csv", "sweep_map.csv"):
        table = read_table(run, name).assign(selected=77)
        run.write_bytes(name, table.to_csv(index=False).encode("utf-8-sig"))
    steps = [
        record.step for record in sweep_into(run, config, models, SMALL) if record.stage == "sensitivity"
    ]
    assert steps[0] == 3 and steps[-1] == content["trainings"]
    assert read_sensitivity(run, config, SMALL)["complete"]
    assert (read_table(run, "sweep.csv")["selected"] == 77).sum() >= 2  # kept, not trained again
    assert read_sensitivity(run, config) is None  # another grid is another sweep
    list(sweep_into(run, config, models, SMALL))
    assert (read_table(run, "sweep.csv")["selected"] != 77).all()  # a finished one begins anew


def test_resumed_sweep_has_the_numbers_of_one_that_was_not_left(config, models, home):
    at_once = whole(sweep(config, models, grid=SMALL))
    running = sweep(config, models, grid=SMALL)
    part = next(item for item in running if isinstance(item, Swept) and item.trained == 4)
    resumed = [item for item in sweep(config, models, grid=SMALL, before=part) if isinstance(item, Swept)][-1]
    for one, other in ((at_once.table, resumed.table), (at_once.grid, resumed.grid)):
        pd.testing.assert_frame_equal(one.drop(columns="seconds"), other.drop(columns="seconds"))
    nothing_left = [
        item for item in sweep(config, models, grid=SMALL, before=resumed) if isinstance(item, Swept)
    ]
    assert len(nothing_left) == 1 and nothing_left[0].complete


def test_complete_sweep_is_replaced_by_a_complete_one_alone(run, config, models, monkeypatch):
    monkeypatch.setattr("core.sensitivity.sweep.WRITE_EVERY", 0.0)
    list(sweep_into(run, config, models, SMALL))
    before = (run.path / "sensitivity.json").read_bytes()
    running = sweep_into(run, config, models, SMALL)
    for _ in zip(running, range(12), strict=False):
        pass
    running.close()
    assert (run.path / "sensitivity.json").read_bytes() == before
    list(sweep_into(run, config, models, SMALL))
    after = read_sensitivity(run, config, SMALL)
    assert after["complete"] and (run.path / "sensitivity.json").read_bytes() != before


def test_check_of_a_run_writes_the_sweep_beside_it(run, config, models, monkeypatch):
    monkeypatch.setattr("core.sensitivity.sweep.sweep_into.__defaults__", (None, SMALL))
    records = list(check("sensitivity", run, models))
    assert {record.stage for record in records} == {"load", "sensitivity"}
    assert records[-1].step == records[-1].total
    assert read_sensitivity(run, config, SMALL)["complete"]
    assert len(read_table(run, "sweep_map.csv")) == 4
    RunFolder.create(run.path, config)  # the run is made anew
    assert read_sensitivity(run, config, SMALL) is None and len(read_table(run, "sweep.csv")) == 0


def test_deleted_run_stays_deleted(run, config, models):
    for _ in sweep_into(run, config, models, SMALL):
        if run.path.exists():
            run.delete()
    assert not run.path.exists()


def test_truth_is_known_for_bundled_texts_and_weights_alone(models, tmp_path):
    scenario = load_scenario("planted-induction")
    examples = read_examples(scenario.examples_file)
    config = make_config(model=str(scenario.model_folder), scenario=scenario.name, examples=examples)
    loaded = models.get(config.model, "cpu")
    truth = known_truth(config, loaded)
    names = {f"L{i // loaded.shape.n_heads}H{i % loaded.shape.n_heads}" for i in np.flatnonzero(truth)}
    assert names == {str(head) for head in load_truth(scenario.name).heads}
    assert known_truth(config.model_copy(update={"scenario": ""}), loaded) is None
    other = config.model_copy(update={"examples": from_rows(ROWS)})
    assert known_truth(other, loaded) is None
    tiny = models.get(str(save_tiny(tmp_path / "tiny")), "cpu")
    assert known_truth(config, tiny) is None


def test_truth_measures_and_changes_nothing(models, home, monkeypatch):
    scenario = load_scenario("planted-induction")
    examples = read_examples(scenario.examples_file)
    settings = AutoencoderConfig(members=2, latents=16, epochs=20)
    config = make_config(
        model=str(scenario.model_folder), scenario=scenario.name, examples=examples, autoencoder=settings
    )
    grid = replace(SMALL, members=(), sizes=(), seeds=1, map=False)
    known = whole(sweep(config, models, grid=grid)).table
    monkeypatch.setattr("core.sensitivity.sweep.known_truth", lambda config, loaded: None)
    unknown = whole(sweep(config, models, grid=grid)).table
    assert known["auc"].between(0.5, 1).all() and unknown["auc"].isna().all()
    columns = ["setting", "value", "agreement", "selected"]
    pd.testing.assert_frame_equal(known[columns], unknown[columns])


def test_damaged_sweep_begins_anew(run, config, models):
    run.write_json("sensitivity.json", {"key": settings_key(config, SMALL), "complete": False, "trained": 1})
    run.write_bytes("sweep.csv", b"broken")
    list(sweep_into(run, config, models, SMALL))
    assert read_sensitivity(run, config, SMALL)["complete"]


def test_sweep_can_be_left_while_texts_are_read(config, models, home):
    steps = sweep(config, models, grid=SMALL)
    of_texts = next(record for record in steps if record.total == 8)
    assert of_texts.stage == "load"
    steps.close()
