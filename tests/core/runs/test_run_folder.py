"""The run folder and the files of a result."""

import io
import json
import re
from dataclasses import replace
from html import escape

import numpy as np
import pandas as pd
import pytest

from core.config import make_config
from core.errors import MESSAGES, StorageError
from core.examples.example_set import from_pasted
from core.report.save import csv_bytes, html_report, save
from core.runs.job_state import JobState
from core.runs.run_folder import RunFolder, list_runs, new_run_id, open_run, runs_folder
from core.schema import CODE_COLUMNS, EDGE_COLUMNS, EXAMPLE_COLUMNS, FORMAT, HEAD_COLUMNS
from core.storage import write_atomically
from core.text import LANGUAGES, catalogue
from core.text.csv_safe import guarded
from tests.support.made_result import evidence_result, made_result, with_changes

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
    run.write_state(JobState(status="running", stage="train", step=3, total=9, metrics={"loss": 0.5}))
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


@pytest.mark.parametrize("run_id", ["", "..", "../runs", "a/b", "nothing", "a" * 3000])
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

    monkeypatch.setattr("core.runs.run_folder.Path.replace", broken)
    assert key_of(lambda: write_atomically(tmp_path / "x", b"new")) == "disk_full"
    assert (tmp_path / "x").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")] == []


def test_saved_tables_follow_the_contract(tmp_path):
    run = RunFolder.create(tmp_path / "r", CONFIG)
    save(made_result(), run)
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
    assert run.manifest().device == "cpu"


def test_formulas_are_defused_in_text_and_numbers_stay_numbers():
    assert guarded("=1+1") == "'=1+1"
    assert guarded("＝1") == "'＝1"
    assert guarded("a=1") == "a=1"
    assert guarded(-1.5) == -1.5
    table = pd.DataFrame({"text": ["@cmd", "fine"], "=x": [-1.0, np.nan]})
    assert csv_bytes(table).decode("utf-8-sig") == "text,'=x\r\n'@cmd,-1.0\r\nfine,\r\n"


def test_the_report_shows_texts_as_text_in_both_languages():
    page = html_report(made_result())
    assert "&lt;b&gt;請求書&lt;/b&gt;" in page
    assert "<b>請求書" not in page
    assert 'lang="en"' in page
    assert 'lang="ja"' in page
    assert "L1H0" in page
    assert "L0H1→L1H0" in page
    assert "not yet computed" in page
    assert "未計算" in page


def test_the_report_reads_in_order_in_both_languages():
    for language, part in zip(LANGUAGES, html_report(evidence_result()).split("<main ")[1:], strict=True):
        keys = ["asked", "found", "unknown", "cost", "next", "meeting", "sign_off", "details", "heads_table"]
        places = [part.index(f">{catalogue(language)['report'][key]}</h") for key in keys]
        assert places == sorted(places)
        assert part.count("<li>") > 10
        assert len(re.findall("<li>", re.search("<ol>(.*?)</ol>", part)[1])) == 3


def test_the_report_says_what_was_confirmed():
    untested, page = html_report(made_result()), html_report(evidence_result())
    assert "L1H0 alone moves the behaviour by 50\u00a0%" in page
    assert "the other way (95 % interval 25\u00a0% to 75\u00a0%)" in page
    assert "1 of 1 tested heads confirmed" in page
    assert "of 1 candidate edges 1 were tested and 0 confirmed" in page
    assert "−50\u00a0% (−75\u00a0% … −25\u00a0%)" in page
    assert "未確認" in page
    assert "was not tested" in untested
    assert "was not tested" not in page
    found = made_result()
    same = replace(found, manifest=with_changes(found.manifest, evidence="no_difference"))
    assert "does not behave clearly differently" in html_report(same)


def test_the_report_explains_its_words_and_refers_to_nothing_outside():
    page = html_report(evidence_result())
    for language in LANGUAGES:
        assert all(escape(line) in page for line in catalogue(language)["term"].values())
    assert re.findall(r"""(?:src|href|url|@import)\s*[=(]""", page) == []
    assert "http" not in page
    assert "//" not in page


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
