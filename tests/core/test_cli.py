"""The contracts of the command line: exit codes, one plain line on stderr, files in the result folder."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from core.scenarios import scenario_names
from core.schema import CODE_COLUMNS, EDGE_COLUMNS, EXAMPLE_COLUMNS, HEAD_COLUMNS
from tests.support.paths import ROOT

STORIES = ROOT.parent / "shared" / "models" / "stories260K"


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "core", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def refused(*words: str | Path) -> str:
    done = run(*words)
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("headlight: ")
    assert "Traceback" not in done.stderr
    return lines[0]


@pytest.fixture
def examples(tmp_path):
    file = tmp_path / "examples.csv"
    rows = [
        f"anomalous,Lily and Tom went to the park. Then {name} saw" for name in ("Lily", "Tom", "Ben", "Sue")
    ]
    rows += [
        f"normal,Lily and Tom went to the park. Then the {animal} saw"
        for animal in ("dog", "cat", "cow", "bird")
    ]
    file.write_text("label,text\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return file


def test_scenarios_are_listed():
    done = run("scenarios")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == scenario_names()


def test_the_sample_incident_ends_with_every_file(tmp_path):
    done = run("analyse", "--scenario", "misrouted-tickets", "--out", tmp_path / "out", "--preset", "fast")
    assert done.returncode == 0, done.stderr
    assert "heads selected" in done.stdout
    expected = {
        "heads": HEAD_COLUMNS,
        "edges": EDGE_COLUMNS,
        "codes": CODE_COLUMNS,
        "examples": EXAMPLE_COLUMNS,
    }
    for name, columns in expected.items():
        assert tuple(pd.read_csv(tmp_path / "out" / f"{name}.csv").columns) == columns
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["counts"]["anomalous"] == manifest["counts"]["normal"] == 8
    heads = pd.read_csv(tmp_path / "out" / "heads.csv")
    assert manifest["evidence"] == "computed"
    assert (heads["verdict"].notna() == heads["selected"]).all()
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert json.loads((tmp_path / "out" / "state.json").read_text(encoding="utf-8"))["status"] == "done"


def test_candidates_can_be_screened(tmp_path):
    chosen = ("--candidates", "screened", "--preset", "fast", "--no-evidence")
    done = run("analyse", "--scenario", "induction", "--out", tmp_path / "out", *chosen)
    assert done.returncode == 0, done.stderr
    assert "by codes and by gradients (the causal screen)." in done.stdout.splitlines()[-1]
    for name in ("heads", "edges"):
        table = pd.read_csv(tmp_path / "out" / f"{name}.csv")
        combined = (table["code_score"] * table["screen"].abs()) ** 0.5
        assert table["score"].tolist() == pytest.approx(combined.tolist(), abs=1e-6)


def test_evidence_can_be_left_out(tmp_path):
    done = run(
        "analyse", "--scenario", "induction", "--out", tmp_path / "out", "--preset", "fast", "--no-evidence"
    )
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["evidence"] == "not_computed"
    for name in ("heads", "edges"):
        table = pd.read_csv(tmp_path / "out" / f"{name}.csv")
        assert (
            table[["effect", "effect_low", "effect_high", "p_value", "q_value", "verdict"]]
            .isna()
            .all(axis=None)
        )


@pytest.mark.skipif(not STORIES.exists(), reason="the trained story model is not beside the project")
def test_a_model_and_texts_that_nobody_prepared(tmp_path, examples):
    done = run(
        "analyse", "--model", STORIES, "--examples", examples, "--out", tmp_path / "out", "--preset", "fast"
    )
    assert done.returncode == 0, done.stderr
    heads = pd.read_csv(tmp_path / "out" / "heads.csv")
    assert len(heads) == 40
    assert heads["score"].max() > 0
    assert heads["label_p_value"].notna().all()


def test_bad_input_is_one_plain_line(tmp_path, examples):
    out = ("--out", tmp_path / "out")
    assert "no scenario “nothing”" in refused("analyse", "--scenario", "nothing", *out)
    assert "best" in refused("analyse", "--scenario", "induction", "--preset", "best", *out)
    assert "--out" in refused("analyse", "--scenario", "induction")
    assert "--scenario" in refused("analyse", *out)
    both = ("--scenario", "induction", "--model", tmp_path)
    assert "exclude each other" in refused("analyse", *both, *out)
    paper = ("--scenario", "induction", "--preset", "paper", "--candidates", "screened")
    assert "candidates=screened exclude each other" in refused("analyse", *paper, *out)
    assert "cannot be written" in refused("analyse", "--scenario", "induction", "--out", __file__)
    assert "no folder" in refused("analyse", "--model", tmp_path / "none", "--examples", examples, *out)
    assert "No such option" in refused("analyse", "--colour", "red")
    assert refused("fly")
    examples.write_bytes("label,text\nnormal,請求書\n".encode("cp932"))
    assert "Shift-JIS" in refused("analyse", "--model", tmp_path, "--examples", examples, *out)


def test_a_full_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("keep")
    assert "not empty" in refused("analyse", "--scenario", "induction", "--out", tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "keep"


def test_interrupting_ends_with_130(tmp_path):
    command = [
        sys.executable,
        "-m",
        "core",
        "analyse",
        "--scenario",
        "induction",
        "--out",
        str(tmp_path / "out"),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not (tmp_path / "out" / "state.json").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr.decode()
    assert b"Traceback" not in stderr
