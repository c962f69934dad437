"""The run folder and the files of a result."""

import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.config import make_config
from core.errors import MESSAGES, StorageError
from core.examples import from_pasted
from core.report import csv_bytes, html_report, save
from core.results import CODE_COLUMNS, EDGE_COLUMNS, EXAMPLE_COLUMNS, HEAD_COLUMNS, RunResult
from core.runs import (
    FORMAT,
    RunFolder,
    RunState,
    list_runs,
    new_run_id,
    open_run,
    runs_folder,
    write_atomically,
)
from core.spreadsheet import guarded
from core.texts import LANGUAGES, catalogue

SET, _ = from_pasted("a\nb\nc", "d\ne\nf")
CONFIG = make_config(model="m", examples=SET)


def key_of(call) -> str:
    with pytest.raises(StorageError) as caught:
        call()
    return caught.value.key


def test_a_run_reads_back_as_it_was_written(tmp_path):
    run = RunFolder.create(tmp_path / "r", CONFIG, name="first", owner="me")
    again = RunFolder(tmp_path / "r")
    assert again.config() == CONFIG
    assert (again.meta().name, again.meta().owner) == ("first", "me")
    assert again.state().status == "queued"
    run.write_state(RunState(status="running", stage="train", step=3, total=9, metrics={"loss": 0.5}))
    assert (again.state().stage, again.state().metrics["loss"]) == ("train", 0.5)
    run.rename("second")
    assert (again.meta().name, again.meta().owner) == ("second", "me")


def test_runs_are_listed_newest_first_and_opened_by_id():
    ids = sorted(new_run_id() for _ in range(3))
    for run_id in ids:
        RunFolder.create(runs_folder() / run_id, CONFIG)
    assert [run.run_id for run in list_runs()] == ids[::-1]
    assert open_run(ids[0]).run_id == ids[0]
    open_run(ids[0]).delete()
    assert key_of(lambda: open_run(ids[0])) == "no_run"


@pytest.mark.parametrize("run_id", ["", "..", "../runs", "a/b", "nothing"])
def test_an_id_never_leaves_the_folder(run_id):
    assert key_of(lambda: open_run(run_id)) == "no_run"


def test_a_folder_in_use_is_not_overwritten(tmp_path):
    (tmp_path / "precious.txt").write_text("keep")
    assert key_of(lambda: RunFolder.create(tmp_path, CONFIG)) == "out_folder_in_use"
    assert (tmp_path / "precious.txt").read_text() == "keep"


def test_a_second_run_into_the_same_folder_removes_the_old_result(tmp_path):
    RunFolder.create(tmp_path / "r", CONFIG).write_bytes("heads.csv", b"old")
    RunFolder.create(tmp_path / "r", CONFIG)
    assert not (tmp_path / "r" / "heads.csv").exists()


def test_newer_damaged_and_missing_folders(tmp_path):
    run = RunFolder.create(tmp_path / "r", CONFIG)
    assert key_of(run.manifest) == "no_run"
    run.write_json("manifest.json", {"format": FORMAT + 1})
    with pytest.raises(StorageError, match="newer Headlight.*Update Headlight") as caught:
        run.manifest()
    assert caught.value.key == "newer_run"
    config = json.loads((run.path / "config.json").read_text())
    run.write_json("config.json", config | {"format": FORMAT + 1})
    assert key_of(run.config) == "newer_run"
    run.write_json("config.json", config | {"unheard": 1})
    assert key_of(run.config) == "damaged_run"
    (run.path / "state.json").write_text("{half")
    assert key_of(run.state) == "damaged_run"


def test_writing_is_whole_or_not_at_all(tmp_path, monkeypatch):
    write_atomically(tmp_path / "x", b"old")

    def broken(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.runs.Path.replace", broken)
    assert key_of(lambda: write_atomically(tmp_path / "x", b"new")) == "disk_full"
    assert (tmp_path / "x").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")] == []


def result() -> RunResult:
    heads = pd.DataFrame(
        {
            "layer": [1, 0],
            "head": [0, 1],
            "score": [3.25, 0.5],
            "score_low": [3.0, 0.0],
            "score_high": [3.5, 1.0],
        }
    ).assign(frequency=[1.0, 0.0], selected=[True, False])
    edges = pd.DataFrame(
        {"source_layer": [0], "source_head": [1], "target_layer": [1], "target_head": [0], "score": [2.0]}
    ).assign(frequency=[0.5], selected=[True])
    examples = pd.DataFrame(
        {"example": [1, 2], "label": ["anomalous", "normal"], "text": ['=HYPERLINK("x")', "<b>請求書</b>"]}
    ).assign(
        pair="", expected="-1", actual="", tokens=[3, 4], next_word=["<i>", "b"], next_probability=[0.5, 0.25]
    )
    codes = pd.DataFrame([[0, 1, 0, "3", 1, "anomalous", "p", "silent"]], columns=list(CODE_COLUMNS))
    manifest = {
        "format": FORMAT,
        "model": {"name": "m", "architecture": "gpt2"},
        "scenario": "",
        "settings": {"preset": "fast", "seed": 0},
        "counts": {"anomalous": 1, "normal": 1, "heads": 2, "selected_heads": 1},
        "timings": {"train": 1.5},
        "forward_passes": 1,
        "cached_texts": 0,
        "device": "cpu",
        "created": "2026-01-01T00:00:00+00:00",
        "selection": {"measure": "strength"},
        "notes": [{"key": "few_examples", "values": {"count": 1}}],
    }
    return RunResult(
        heads.reindex(columns=list(HEAD_COLUMNS)),
        edges.reindex(columns=list(EDGE_COLUMNS)),
        codes,
        examples,
        manifest,
    )


def test_saved_tables_follow_the_contract(tmp_path):
    run = RunFolder.create(tmp_path / "r", CONFIG)
    save(result(), run)
    expected = {
        "heads": HEAD_COLUMNS,
        "edges": EDGE_COLUMNS,
        "codes": CODE_COLUMNS,
        "examples": EXAMPLE_COLUMNS,
    }
    for name, columns in expected.items():
        content = (run.path / f"{name}.csv").read_bytes()
        assert content.startswith(b"\xef\xbb\xbf")
        assert tuple(pd.read_csv(io.BytesIO(content)).columns) == columns
    heads = pd.read_csv(run.path / "heads.csv")
    assert heads["effect"].isna().all()
    assert heads["verdict"].isna().all()
    assert run.manifest()["device"] == "cpu"


def test_formulas_are_defused_in_text_and_numbers_stay_numbers():
    assert guarded("=1+1") == "'=1+1"
    assert guarded("＝1") == "'＝1"
    assert guarded("a=1") == "a=1"
    assert guarded(-1.5) == -1.5
    table = pd.DataFrame({"text": ["@cmd", "fine"], "=x": [-1.0, np.nan]})
    assert csv_bytes(table).decode("utf-8-sig") == "text,'=x\r\n'@cmd,-1.0\r\nfine,\r\n"


def test_the_report_shows_texts_as_text_in_both_languages():
    page = html_report(result())
    assert "&lt;b&gt;請求書&lt;/b&gt;" in page
    assert "<b>請求書" not in page
    assert 'lang="en"' in page
    assert 'lang="ja"' in page
    assert "L1H0" in page
    assert "L0H1→L1H0" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "not yet computed" in page
    assert "未計算" in page


def test_the_report_says_what_was_confirmed():
    found = result()
    untested = html_report(found)
    heads = found.heads.assign(
        effect=[-0.5, np.nan],
        effect_low=[-0.75, np.nan],
        effect_high=[-0.25, np.nan],
        verdict=["confirmed", None],
    )
    edges = found.edges.assign(effect=[0.1], effect_low=[0.0], effect_high=[0.2], verdict=["not confirmed"])
    tested = replace(found, heads=heads, edges=edges, manifest={**found.manifest, "evidence": "computed"})
    page = html_report(tested)
    assert "confirm 1 of 1 tested heads" in page
    assert "0 of 1 tested edges" in page
    assert "-50% (-75% … -25%)" in page
    assert "確認できず" in page
    assert "has not been tested in this run" in untested
    assert "has not been tested in this run" not in page
    same = replace(found, manifest={**found.manifest, "evidence": "no_difference"})
    assert "does not behave differently" in html_report(same)


def test_both_catalogues_have_the_same_keys_and_places():
    import string

    def places(template):
        return {name for _, name, _, _ in string.Formatter().parse(template) if name}

    english, japanese = (catalogue(language) for language in LANGUAGES)
    assert {s: set(t) for s, t in english.items()} == {s: set(t) for s, t in japanese.items()}
    for section, texts in english.items():
        for key, template in texts.items():
            assert places(template) == places(japanese[section][key]), key
    assert all(isinstance(places(template), set) for template in MESSAGES.values())
