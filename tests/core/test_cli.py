"""The contracts of the command line: exit codes, one plain line on stderr, files in the result folder."""

import json
import signal
import subprocess
import sys
import threading
import time
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from core import cli
from core.runs.job_state import JobState
from core.runs.run_folder import RunFolder
from core.scenarios.loader import fetched_names, scenario_names
from core.schema import CODE_COLUMNS, EDGE_COLUMNS, EXAMPLE_COLUMNS, HEAD_COLUMNS, Progress
from core.sensitivity.sentences import sentence
from core.sensitivity.summary import COLUMNS, read_sensitivity
from tests.support.jobs import config
from tests.support.made_sweep import ROWS, SMALL
from tests.support.paths import ROOT, SHARED
from tests.support.tiny_models import save_tiny

STORIES = SHARED / "models" / "stories260K"
QUICK = ("--preset", "fast", "--no-evidence")


def started(*words: str | Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "core", *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def run(monkeypatch, capsys):
    """The command line within this process: exit code, standard output, standard error."""

    from transformers.utils import logging

    logging.disable_progress_bar()  # as `main` does by the environment

    def called(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["headlight", *map(str, words)])
        code = cli._run()
        return code, *capsys.readouterr()

    return called


@pytest.fixture
def refused(run):
    """The one line that a refused call says."""

    def called(*words: str | Path) -> str:
        code, _, stderr = run(*words)
        lines = stderr.strip().splitlines()
        assert code == 2, stderr
        assert len(lines) == 1, stderr
        assert lines[0].startswith("headlight: ")
        return lines[0]

    return called


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
    process = started("scenarios")
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert [line.split()[0] for line in stdout.splitlines()] == [*scenario_names(), *fetched_names()]
    assert "headlight fetch customers-mistake" in stdout


@pytest.mark.slow
def test_the_sample_incident_ends_with_every_file(run, tmp_path):
    code, stdout, stderr = run(
        "analyse", "--scenario", "misrouted-tickets", "--out", tmp_path / "out", "--preset", "fast"
    )
    assert code == 0, stderr
    assert "heads selected" in stdout
    assert "heads make the model answer" in stdout.splitlines()[0], "the verdict comes first"
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
    assert heads.loc[heads["selected"], "verdict"].notna().all()
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert RunFolder(tmp_path / "out").state().status == "done"
    assert RunFolder(tmp_path / "out").state("circuit").status == "done"


def test_candidates_can_be_screened(run, tmp_path):
    options = ("--candidates", "screened", "--preset", "fast", "--no-evidence")
    code, stdout, stderr = run("analyse", "--scenario", "induction", "--out", tmp_path / "out", *options)
    assert code == 0, stderr
    assert "by codes and by gradients (the gradient screen)." in stdout
    for name in ("heads", "edges"):
        table = pd.read_csv(tmp_path / "out" / f"{name}.csv")
        combined = (table["code_score"] * table["screen"].abs()) ** 0.5
        assert table["score"].tolist() == pytest.approx(combined.tolist(), abs=1e-6)


def test_evidence_can_be_left_out(run, tmp_path):
    code, _, stderr = run("analyse", "--scenario", "induction", "--out", tmp_path / "out", *QUICK)
    assert code == 0, stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["evidence"] == "not_computed"
    causal = ["effect", "effect_low", "effect_high", "p_value", "q_value", "verdict"]
    for name in ("heads", "edges"):
        assert pd.read_csv(tmp_path / "out" / f"{name}.csv")[causal].isna().all(axis=None)


@pytest.mark.skipif(not STORIES.exists(), reason="the trained story model is not beside the project")
def test_a_model_and_texts_that_nobody_prepared(run, tmp_path, examples):
    code, stdout, stderr = run(
        "analyse", "--model", STORIES, "--examples", examples, "--out", tmp_path / "out", "--preset", "fast"
    )
    assert code == 0, stderr
    heads = pd.read_csv(tmp_path / "out" / "heads.csv")
    assert len(heads) == 40
    assert heads["score"].max() > 0
    assert "nothing to explain" in stdout.splitlines()[0], "the model says the same on both sides"
    assert not heads["selected"].any() and heads["label_p_value"].isna().all()


def test_bad_input_is_one_plain_line(refused, tmp_path, examples):
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
    examples.write_bytes(b"label,text\nNG,don\x92t\nOK,b\n")
    assert "--encoding cp1252" in refused("analyse", "--model", tmp_path, "--examples", examples, *out)
    examples.write_text("label,text\npos,a\nneg,b\n")
    assert "--labels" in refused("analyse", "--model", tmp_path, "--examples", examples, *out)
    examples.write_text("one,two\na,b\n")
    assert "--columns" in refused("analyse", "--model", tmp_path, "--examples", examples, *out)
    assert not (tmp_path / "out").exists()


def test_a_full_folder_of_something_else_is_left_alone(refused, tmp_path):
    (tmp_path / "letter.txt").write_text("keep")
    assert "not empty" in refused("analyse", "--scenario", "induction", "--out", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


@pytest.fixture
def signed(tmp_path):
    """A finished result that somebody has signed off, in a folder with a file of their own."""
    folder = RunFolder.create(tmp_path / "out", config(), name="old")
    for name in ("manifest.json", "review.json", "circuit.json", "notes.txt"):
        folder.write_bytes(name, b'{"old": true}')
    folder.write_state(JobState(status="done"))
    return folder


@pytest.fixture
def too_long(examples):
    """Texts that are refused only when the model is there."""
    examples.write_text(
        examples.read_text(encoding="utf-8").replace("Then", "Then " * 3000), encoding="utf-8"
    )
    return examples


def content(folder: RunFolder) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.path.iterdir() if file.name != ".lock"}


def test_old_result_stays_where_the_new_one_fails(refused, signed, tmp_path, too_long, monkeypatch):
    before = content(signed)
    out = ("--out", signed.path)
    assert refused("analyse", "--model", tmp_path / "none", "--examples", too_long, *out)
    assert "tokens" in refused("analyse", "--scenario", "induction", "--examples", too_long, *out)

    def stopped(*_args):
        yield Progress("load", 0, 1)
        raise KeyboardInterrupt

    monkeypatch.setattr("core.analysis.pipeline.analyse", stopped)
    monkeypatch.setattr(sys, "argv", ["headlight", "analyse", "--scenario", "induction", *map(str, out)])
    assert cli._run() == cli.INTERRUPTED
    lock = signed.hold()
    assert "Another process" in refused("analyse", "--scenario", "induction", *out)
    lock.release()
    assert content(signed) == before


def test_new_result_takes_the_place_of_the_old_with_what_was_added_to_it(run, signed):
    code, stdout, stderr = run("analyse", "--scenario", "induction", "--out", signed.path, *QUICK)
    assert code == 0, stderr
    assert f"result in {signed.path}" in stdout.replace("\n", "")
    names = set(content(signed))
    assert {"heads.csv", "manifest.json", "progress.jsonl", "notes.txt"} <= names
    assert not names & {"review.json", "circuit.json", ".new"}
    assert signed.state().status == "done"
    assert signed.config().scenario == "induction"


def test_failed_run_says_so_in_its_folder(refused, tmp_path, too_long):
    out = tmp_path / "out"
    assert "tokens" in refused("analyse", "--scenario", "induction", "--examples", too_long, "--out", out)
    state = RunFolder(out).state()
    assert (state.status, state.error_key) == ("failed", "text_too_long")


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_ends_with_130_and_is_told_in_the_folder(tmp_path, sign):
    process = started("analyse", "--scenario", "induction", "--out", tmp_path / "out")
    while not (tmp_path / "out" / "progress.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(sign)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert RunFolder(tmp_path / "out").state().status == "interrupted"


@pytest.fixture
def tiny_texts(tmp_path):
    file = tmp_path / "texts.csv"
    pd.DataFrame(ROWS).to_csv(file, index=False)
    return file


def test_sensitivity_writes_the_tables_and_says_what_they_come_to(run, tmp_path, tiny_texts, monkeypatch):
    monkeypatch.setattr("core.sensitivity.sweep.sweep_into.__defaults__", (None, SMALL))
    monkeypatch.setattr("core.cli.read_sensitivity", partial(read_sensitivity, grid=SMALL))
    out, model = tmp_path / "out", save_tiny(tmp_path / "tiny", "gpt2", seed=2)
    words = ("--model", model, "--examples", tiny_texts, "--out", out, "--preset", "fast", "--seed", 3)
    code, stdout, stderr = run("sensitivity", *words)
    assert code == 0, stderr
    table = pd.read_csv(out / "sweep.csv")
    assert tuple(table.columns) == COLUMNS and set(table["seed"]) == {3, 4} and table["auc"].isna().all()
    content = json.loads((out / "sensitivity.json").read_text(encoding="utf-8"))
    assert content["complete"] and content["seeds"] == [3, 4] and not content["truth_known"]
    lines = stdout.splitlines()
    assert lines[0] == sentence(content, "agreement", "en")
    assert [line.split("  ")[0] for line in lines[2:6]] == [
        "dictionary size",
        "sparsity",
        "members",
        "texts a side",
    ]
    assert "not whether it is right" in stdout
    again = run("robustness", *words)  # the command's former name
    assert again[0] == 0 and again[1].splitlines()[0] == lines[0]


def test_bad_input_of_the_sweep_is_one_plain_line(refused, tmp_path, tiny_texts):
    out = ("--out", tmp_path / "out")
    assert "no scenario “nothing”" in refused("sensitivity", "--scenario", "nothing", *out)
    assert "--out" in refused("sensitivity", "--scenario", "induction")
    assert "--scenario" in refused("sensitivity", *out)
    assert "not empty" in refused("sensitivity", "--scenario", "induction", "--out", tmp_path)
    assert "no folder" in refused("sensitivity", "--model", tmp_path / "none", "--examples", tiny_texts, *out)


@pytest.mark.slow
def test_interrupted_sweep_keeps_what_it_measured(tmp_path):
    out = tmp_path / "out"
    process = started("sensitivity", "--scenario", "docstring", "--out", out)
    while not (out / "sensitivity.json").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    content = json.loads((out / "sensitivity.json").read_text(encoding="utf-8"))
    assert not content["complete"] and content["trained"] >= 1
    assert RunFolder(out).state("sensitivity").status == "interrupted"


def test_what_is_known_of_the_model_is_told_before_the_analysis(run, tmp_path, tiny_texts):
    """A config with a wrong number of tokens: a line on stderr, and a note in the manifest."""
    folder = save_tiny(tmp_path / "stale", "llama")
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | {"vocab_size": 60}))
    out = tmp_path / "out"
    words = "--model", folder, "--examples", tiny_texts, "--out", out, "--preset", "fast", "--no-evidence"
    code, _, error = run("analyse", *words)
    assert code == 0
    assert "note: config.json says that the model has 60 tokens" in error
    assert "vocabulary_stale" in [note.key for note in RunFolder(out).manifest().notes]


@pytest.mark.parametrize(("name", "file"), [("__del__", "any.py"), ("remove", weakref.__file__)])
def test_an_interrupt_where_python_would_lose_it_is_remembered(name, file, monkeypatch):
    asked = threading.Event()
    monkeypatch.setattr(cli, "_asked_to_stop", asked)
    place: dict[str, Any] = {}
    exec(compile(f"def {name}(call): call()", file, "exec"), place)
    place[name](lambda: cli._interrupt(2, sys._getframe()))
    assert asked.is_set()
    with pytest.raises(KeyboardInterrupt):
        cli._show(Progress("load", 0, 1))
    with pytest.raises(KeyboardInterrupt):
        cli._interrupt(2, sys._getframe())
