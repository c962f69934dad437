"""How far a result hangs on the settings: plan and summary worked by hand, the sweep of a tiny model, its files."""

import json
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.analysis.pipeline import analyse
from core.config import AutoencoderConfig, make_config
from core.discovery.stability import jaccard
from core.errors import StorageError
from core.examples.example_set import from_rows, read_examples
from core.jobs.checks import check
from core.model.activation_store import ActivationStore
from core.model.loading import ModelPool
from core.runs.run_folder import RunFolder
from core.scenarios import load_scenario, load_truth
from core.schema import Progress, RunResult
from core.sensitivity.plan import (
    SETTINGS,
    Grid,
    Training,
    estimated_seconds,
    moved,
    plan,
    settings_key,
    values,
)
from core.sensitivity.sentences import details, lines, sentence, verdict_words
from core.sensitivity.summary import (
    COLUMNS,
    MAP_COLUMNS,
    needs_care,
    passes,
    read_sensitivity,
    read_table,
    summary,
    sweep_folder,
)
from core.sensitivity.sweep import Swept, against_truth, known_truth, robustness, sweep
from tests.support.paths import ROOT
from tests.support.tiny_models import save_tiny

SMALL = Grid(
    latents=(0.5,), sparsity=(10,), epochs=(), learning_rate=(), members=(1,), sizes=(3,), seeds=2, draws=2
)
ROWS = [
    {"label": label, "text": f"w1 w{10 + i} {word} w9", "expected": "w40", "actual": "w50"}
    for i in range(4)
    for label, word in (("anomalous", "w5"), ("normal", "w6"))
]


@pytest.fixture(scope="module")
def models():
    return ModelPool()


@pytest.fixture(scope="module")
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


def made(rows: list[tuple]) -> pd.DataFrame:
    """Rows (setting, value, is_default, seed, auc, agreement) with the other columns filled."""
    names = ["setting", "value", "is_default", "seed", "auc", "agreement"]
    table = pd.DataFrame(rows, columns=names)
    filled = table.assign(
        task="", model="gpt2", examples=8, draw=0, average_precision=np.nan, selected=3, seconds=0.1
    )
    return filled[list(COLUMNS)]


NAN = float("nan")
BY_HAND = made(
    [
        # sparsity: 0.2 has a mean agreement of 0.7, 20 of 0.8, and an AUC that is 0.03 and 0.02 below
        ("sparsity", 0.2, False, 0, 0.93, 0.6),
        ("sparsity", 0.2, False, 1, 0.93, 0.8),
        ("sparsity", 2.0, True, 0, 0.95, 1.0),
        ("sparsity", 2.0, True, 1, 0.97, 0.5),
        ("sparsity", 20.0, False, 0, 0.94, 0.9),
        ("sparsity", 20.0, False, 1, 0.94, 0.7),
        # members: 1, 2 and 16 fail by agreement, the nearest on either side are 2 and 16; AUC fails at 1 alone
        ("members", 1.0, False, 0, 0.99, 0.1),
        ("members", 2.0, False, 0, 0.96, 0.2),
        ("members", 8.0, True, 0, 0.95, 1.0),
        ("members", 8.0, True, 1, 0.97, 0.5),
        ("members", 16.0, False, 0, 0.96, 0.79),
    ]
)


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
    assert len({row.key for row in planned.rows}) == len(planned.rows)


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


def test_summary_by_hand():
    found = summary(BY_HAND)
    assert found["by"] == "auc" and list(found["settings"]) == ["sparsity", "members"]
    sparsity, members = found["settings"]["sparsity"], found["settings"]["members"]
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
    assert found["seeds"]["agreement"] == {"mean": 0.5, "lowest": 0.5, "highest": 0.5}
    assert found["seeds"]["auc"] == {"mean": 0.96, "lowest": 0.95, "highest": 0.97}
    assert found["map"] == {}
    json.dumps(found, allow_nan=False)


def test_map_is_counted_by_hand():
    grid = pd.DataFrame(
        {"is_default": [False, True, False], "auc": [0.91, 0.94, 0.99], "agreement": [0.8, 1.0, 0.2]}
    )
    found = summary(BY_HAND, grid)["map"]
    assert found["agreement"] == {"cells": 3, "passing": 2, "lowest": 0.2, "highest": 1.0}
    assert found["auc"] == {"cells": 3, "passing": 1, "lowest": 0.91, "highest": 0.99}


def test_rule_at_its_bounds():
    assert passes(0.8, 1.0, "agreement") and not passes(0.799, 1.0, "agreement")
    assert passes(0.96, 0.98, "auc") and passes(1.0, 0.98, "auc") and not passes(0.959, 0.98, "auc")


def test_summary_without_truth_or_with_little_says_no_more_than_it_knows():
    unknown = summary(BY_HAND.assign(auc=NAN))
    assert unknown["by"] == "agreement" and "auc" not in unknown["settings"]["sparsity"]
    begun = summary(BY_HAND[BY_HAND["is_default"] & (BY_HAND["seed"] == 0)])
    assert begun["settings"] == {} and begun["seeds"] == {}
    assert summary(BY_HAND.iloc[:0])["by"] is None


@pytest.mark.parametrize("language", ["en", "ja"])
def test_sentences_follow_the_verdicts(language):
    content = {"summary": summary(BY_HAND), "complete": False, "trained": 4, "trainings": 9}
    said = sentence(content, "agreement", language)
    assert "0.2" in said and "16" in said and "2" in said
    assert "0.2" in verdict_words(content["summary"]["settings"]["sparsity"]["agreement"], language)
    whole_said = sentence({**content, "complete": True}, "agreement", language)
    assert whole_said in said and "4" in said.replace(whole_said, "") and "9" in said.replace(whole_said, "")
    assert len(details(content, "agreement", language)) == 1  # another seed alone; there is no map
    fine = {"summary": summary(BY_HAND.assign(agreement=1.0)), "complete": True}
    assert not any(needs_care(by["agreement"]) for by in fine["summary"]["settings"].values())
    assert sentence(fine, "agreement", language) != said
    assert sentence({"summary": summary(BY_HAND.iloc[:0])}, "agreement", language)


def test_table_for_the_command_line_names_the_values():
    text = lines({"summary": summary(BY_HAND)})
    assert [line.split("  ")[0] for line in text] == ["setting", "sparsity", "members"]
    assert "0.2 to 20" in text[1] and "mind this: from 0.2 down" in text[1]
    assert "0.930 to 0.940" in text[1] and "0.7 to 0.8" in text[1]


def test_auc_by_hand():
    truth = np.array([True, False, True, False])
    assert against_truth(np.array([3.0, 2.0, 1.0, 0.0]), truth)[0] == 0.75
    assert all(np.isnan(against_truth(np.ones(2), np.array([True, True]))))


def whole(records) -> Swept:
    found = [item for item in records if isinstance(item, Swept)]
    assert found[-1].complete and [item.trained for item in found] == list(range(1, len(found) + 1))
    return found[-1]


def test_sweep_chooses_what_an_analysis_with_these_settings_chooses(config, models, tmp_path, home):
    with closing(ActivationStore(tmp_path / "cache")) as store:
        items = list(sweep(config, models, store, grid=SMALL))
        assert isinstance(items[0], Progress)
        found = whole(items)

        def chosen(**changes):
            settings = config.autoencoder.model_copy(update={k: v for k, v in changes.items() if k != "seed"})
            seed = changes.get("seed", config.seed)
            moved_config = config.model_copy(
                update={"autoencoder": settings, "seed": seed, "evidence": False}
            )
            result = list(analyse(moved_config, models, store))[-1]
            assert isinstance(result, RunResult)
            return result.heads.sort_values(["layer", "head"])["selected"].to_numpy()

        own = chosen()
        for name, value, seed in (
            ("latents", 8, 0),
            ("sparsity", 20.0, 1),
            ("members", 1, 1),
            ("latents", 16, 1),
        ):
            table = found.table
            row = table[(table["setting"] == name) & (table["value"] == value) & (table["seed"] == seed)]
            expected = chosen(**{name: value, "seed": seed})
            assert row["agreement"].item() == pytest.approx(jaccard(expected, own))
            assert row["selected"].item() == expected.sum()
    assert tuple(found.table.columns) == COLUMNS and tuple(found.grid.columns) == MAP_COLUMNS
    assert found.table["auc"].isna().all() and set(found.table["model"]) == {"gpt2"}
    assert (found.table.loc[found.table["is_default"] & (found.table["seed"] == 0), "agreement"] == 1).all()
    texts = found.table[(found.table["setting"] == "examples") & ~found.table["is_default"]]
    assert (
        list(texts["draw"]) == [0, 1] and set(texts["value"]) == {3.0} and set(found.table["examples"]) == {4}
    )
    assert len(found.grid) == 4 and found.grid.loc[found.grid["is_default"], "agreement"].item() == 1


def test_texts_without_pairs_are_drawn_on_each_side(config, models, home):
    unpaired = config.model_copy(update={"pairing": "off"})
    found = whole(sweep(unpaired, models, grid=replace(SMALL, map=False)))
    assert len(found.grid) == 0
    assert ((found.table["agreement"] >= 0) & (found.table["agreement"] <= 1)).all()


def test_screen_is_combined_with_every_training(models, home):
    scenario = load_scenario("planted-induction")
    settings = AutoencoderConfig(members=2, latents=16, epochs=20)
    by_codes = make_config(
        model=str(scenario.model_folder),
        examples=read_examples(scenario.examples_file),
        autoencoder=settings,
        evidence=False,
    )
    config = by_codes.model_copy(update={"candidates": "screened"})
    smaller = config.model_copy(update={"autoencoder": settings.model_copy(update={"latents": 8})})

    def chosen(of):
        result = list(analyse(of, models))[-1]
        assert isinstance(result, RunResult)
        return result.heads.sort_values(["layer", "head"])["selected"].to_numpy()

    grid = replace(SMALL, members=(), seeds=1, draws=1, map=False)
    found = whole(sweep(config, models, grid=grid)).table
    row = found[(found["setting"] == "latents") & (found["value"] == 8)]
    assert row["agreement"].item() == pytest.approx(jaccard(chosen(smaller), chosen(config)))
    assert row["selected"].item() == chosen(smaller).sum()
    assert chosen(config).sum() != chosen(by_codes).sum()
    texts = found[(found["setting"] == "examples") & ~found["is_default"]]
    assert texts["selected"].item() > 0


def test_published_recipe_can_be_swept(config, models, home):
    ablation_file = AutoencoderConfig(
        members=1, latents=20, sparsity=0.02, epochs=20, shared=True, training_examples=4, centre="none"
    )
    found = whole(sweep(config.model_copy(update={"autoencoder": ablation_file}), models, grid=SMALL))
    assert set(found.table["setting"]) == {
        "latents",
        "sparsity",
        "epochs",
        "learning_rate",
        "members",
        "examples",
    }


def test_sweep_that_was_left_goes_on_from_there(run, config, models, monkeypatch):
    monkeypatch.setattr("core.sensitivity.sweep.WRITE_EVERY", 0.0)
    running = robustness(run, config, models, SMALL)
    for record in running:
        if record.step == 3:
            break
    running.close()
    content = read_sensitivity(run, config, SMALL)
    assert not content["complete"] and content["trained"] == 3
    for name in ("sweep.csv", "sweep_map.csv"):
        table = read_table(run, name).assign(selected=77)
        run.write_bytes(name, table.to_csv(index=False).encode("utf-8-sig"))
    steps = [record.step for record in robustness(run, config, models, SMALL) if record.stage == "robustness"]
    assert steps[0] == 3 and steps[-1] == content["trainings"]
    assert read_sensitivity(run, config, SMALL)["complete"]
    assert (read_table(run, "sweep.csv")["selected"] == 77).sum() >= 2  # kept, not trained again
    assert read_sensitivity(run, config) is None  # another grid is another sweep
    list(robustness(run, config, models, SMALL))
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


def test_check_of_a_run_writes_the_sweep_beside_it(run, config, models, monkeypatch):
    monkeypatch.setattr("core.sensitivity.sweep.robustness.__defaults__", (None, SMALL))
    records = list(check("robustness", run, models))
    assert {record.stage for record in records} == {"load", "robustness"}
    assert records[-1].step == records[-1].total
    assert read_sensitivity(run, config, SMALL)["complete"]
    assert len(read_table(run, "sweep_map.csv")) == 4
    RunFolder.create(run.path, config)  # the run is made anew
    assert read_sensitivity(run, config, SMALL) is None and len(read_table(run, "sweep.csv")) == 0


def test_deleted_run_stays_deleted(run, config, models):
    for _ in robustness(run, config, models, SMALL):
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


def test_damaged_and_newer_files_are_explained(run, config):
    run.write_json("robustness.json", {"format": 99})
    with pytest.raises(StorageError, match="newer"):
        read_sensitivity(run, config)
    run.write_bytes("sweep.csv", b"a,b\n1,2\n")
    with pytest.raises(StorageError, match=r"sweep\.csv"):
        read_table(run, "sweep.csv")


def test_damaged_sweep_begins_anew(run, config, models):
    run.write_json("robustness.json", {"key": settings_key(config, SMALL), "complete": False, "trained": 1})
    run.write_bytes("sweep.csv", b"broken")
    list(robustness(run, config, models, SMALL))
    assert read_sensitivity(run, config, SMALL)["complete"]


def test_folder_of_something_else_is_left_alone(tmp_path):
    assert sweep_folder(tmp_path / "new" / "one").path.is_dir()
    (tmp_path / "letter.txt").write_text("keep")
    with pytest.raises(StorageError, match="not empty"):
        sweep_folder(tmp_path)
    (tmp_path / "robustness.json").write_text("{}")
    assert sweep_folder(tmp_path).path == tmp_path
    with pytest.raises(StorageError, match="cannot be written"):
        sweep_folder(tmp_path / "letter.txt")


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "core", "robustness", *map(str, words)]
    return subprocess.run(call, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def texts(tmp_path):
    file = tmp_path / "examples.csv"
    pd.DataFrame(ROWS).to_csv(file, index=False)
    return file


def test_command_writes_the_tables_and_says_what_they_come_to(tmp_path, home, config, texts):
    out = tmp_path / "out"
    done = command(
        "--model", config.model, "--examples", texts, "--out", out, "--preset", "fast", "--seed", 3
    )
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(out / "sweep.csv")
    assert tuple(table.columns) == COLUMNS and set(table["seed"]) == {3, 4, 5} and table["auc"].isna().all()
    content = json.loads((out / "robustness.json").read_text(encoding="utf-8"))
    assert content["complete"] and content["seeds"] == [3, 4, 5] and not content["truth_known"]
    said = done.stdout.splitlines()
    assert said[0] == sentence(content, "agreement", "en")
    assert [line.split("  ")[0] for line in said[2:8]] == [
        "dictionary size",
        "sparsity",
        "epochs",
        "learning rate",
        "members",
        "texts a side",
    ]
    assert "not whether it is right" in done.stdout


def test_command_refuses_in_one_plain_line(tmp_path, texts):
    def refused(*words: str | Path) -> str:
        done = command(*words)
        assert done.returncode == 2 and "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        return done.stderr

    out = ("--out", tmp_path / "out")
    assert "no scenario “nothing”" in refused("--scenario", "nothing", *out)
    assert "--out" in refused("--scenario", "induction")
    assert "--scenario" in refused(*out)
    assert "not empty" in refused("--scenario", "induction", "--out", tmp_path)
    assert "no folder" in refused("--model", tmp_path / "none", "--examples", texts, *out)


def test_interrupted_command_keeps_what_it_found(tmp_path, home):
    out = tmp_path / "out"
    call = [sys.executable, "-m", "core", "robustness", "--scenario", "docstring", "--out", str(out)]
    process = subprocess.Popen(call, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not (out / "robustness.json").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr.decode()
    assert b"Traceback" not in stderr
    content = json.loads((out / "robustness.json").read_text(encoding="utf-8"))
    assert not content["complete"] and content["trained"] >= 1
    assert len(pd.read_csv(out / "sweep.csv")) >= len(SETTINGS)
