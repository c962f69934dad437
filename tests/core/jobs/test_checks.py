"""Deeper checks of a finished run: the worker's part with an engine that learns nothing, and the real work."""

import io
import json
import time
from dataclasses import replace

import pandas as pd
import pytest

from core.analysis.pipeline import analyse
from core.config import make_config
from core.errors import StorageError
from core.examples.example_set import from_rows, read_examples
from core.jobs.backend import start
from core.jobs.checks import check, ranked, suggestion, switchable
from core.jobs.local_backend import LocalBackend
from core.jobs.worker import Worker
from core.model.loading import ModelPool
from core.report.save import save
from core.runs.job_state import (
    LIGHT_WORK,
    SETS,
    CheckState,
    ended,
    follow_up,
    measured_seconds,
    read_check,
    read_circuit,
    work,
    write_check,
)
from core.runs.run_folder import RunFolder
from core.scenarios import load_scenario, load_truth
from core.schema import RunResult
from tests.core.jobs.test_local_backend import STUB, answer, backend, config, finish, wait_for
from tests.support.tiny_models import save_tiny

__all__ = ["backend"]


def finished(local: LocalBackend, run: RunFolder) -> CheckState:
    wait_for(lambda: not (local.check_status(run.run_id) or CheckState("circuit")).active)
    state = local.check_status(run.run_id)
    assert state is not None
    return state


def done_run(local: LocalBackend, name: str = "quick:3") -> RunFolder:
    run = start(local, config("quick:1"), name=name)
    assert finish(local, run) == "done"
    return run


def test_check_of_a_finished_run_is_done_and_written(backend):
    run = done_run(backend)
    assert backend.check_status(run.run_id) is None
    assert read_circuit(run) is None
    backend.check(run.run_id, "circuit")
    state = finished(backend, run)
    assert (state.status, state.stage, state.step, state.total) == ("done", "circuit", 1, 3)
    assert read_circuit(run) == {"format": 1, "state": "computed", "kind": "circuit"}
    assert state.seconds > 0
    backend.check(run.run_id, "heads")
    assert finished(backend, run).kind == "heads"


@pytest.mark.parametrize(
    ("name", "status", "key"),
    [("refuse", "failed", "no_config"), ("break", "failed", "internal"), ("die", "failed", "worker_died")],
)
def test_check_that_fails_says_why_and_the_next_one_works(backend, name, status, key):
    run = done_run(backend, name)
    backend.check(run.run_id, "circuit")
    state = finished(backend, run)
    assert (state.status, state.error_key) == (status, key)
    other = done_run(backend)
    backend.check(other.run_id, "circuit")
    assert finished(backend, other).status == "done"


def test_check_is_cancelled_and_can_be_asked_again(backend):
    run = done_run(backend, "slow:400")
    backend.check(run.run_id, "circuit")
    wait_for(lambda: (backend.check_status(run.run_id) or CheckState("circuit")).step > 0)
    backend.cancel_check(run.run_id)
    assert finished(backend, run).status == "cancelled"
    wait_for(lambda: run.run_id not in backend._checks)
    run.rename("quick:1")
    backend.check(run.run_id, "circuit")
    assert finished(backend, run).status == "done"


def test_queued_check_is_cancelled_at_once_and_can_be_asked_again(backend):
    run, busy = done_run(backend), start(backend, config("slow:400"))
    backend.check(run.run_id, "circuit")
    backend.cancel_check(run.run_id)
    state = backend.check_status(run.run_id)
    assert (state.status, state.error_key) == ("cancelled", "run_cancelled")
    backend.check(run.run_id, "heads")
    assert backend.check_status(run.run_id).status == "queued"
    backend.cancel(busy.run_id)
    state = finished(backend, run)
    assert (state.kind, state.status) == ("heads", "done")
    assert read_circuit(run)["kind"] == "heads"


def test_check_that_was_cancelled_before_the_worker_took_it_up_is_never_begun(backend):
    run, busy = done_run(backend), start(backend, config("slow:400"))
    backend.check(run.run_id, "circuit")
    backend.cancel_check(run.run_id)
    backend.cancel(busy.run_id)
    assert finish(backend, start(backend, config())) == "done"
    other = done_run(backend)
    backend.check(other.run_id, "circuit")
    assert finished(backend, other).status == "done"
    assert backend.check_status(run.run_id).status == "cancelled"
    assert read_circuit(run) is None


def test_ended_check_gives_way_to_the_next_before_the_worker_has_said_so(backend):
    run = done_run(backend)
    write_check(run, ended(CheckState("circuit", server=backend._server, ticket="old"), "done"))
    backend._checks[run.run_id] = CheckState("circuit", ticket="old")
    backend.check(run.run_id, "heads")
    backend._checked(run.run_id, "old")
    assert run.run_id in backend._checks
    assert finished(backend, run).kind == "heads"


def test_run_that_has_to_be_killed_leaves_the_checks_in_the_queue(backend):
    process = answer(backend, "inspect", "a").value["pid"]
    preempted, waiting, unwanted = done_run(backend, "slow:40"), done_run(backend), done_run(backend)
    backend.check(preempted.run_id, "circuit")
    wait_for(lambda: backend.check_status(preempted.run_id).step > 0)
    stuck, following = start(backend, config("stuck")), start(backend, config())
    wait_for(lambda: stuck.state().status == "running")
    backend.check(waiting.run_id, "heads")
    backend.check(unwanted.run_id, "circuit")
    backend._cancelling.add(backend._checks[unwanted.run_id].ticket)  # the worker has not seen it yet
    backend.cancel(stuck.run_id)
    assert finish(backend, stuck) == "cancelled"
    assert finish(backend, following) == "done"
    assert finished(backend, preempted).status == "done"
    assert (finished(backend, waiting).kind, finished(backend, waiting).status) == ("heads", "done")
    assert backend.check_status(unwanted.run_id).status == "cancelled"
    assert read_circuit(unwanted) is None
    assert not backend._cancelling
    assert answer(backend, "inspect", "b").value["pid"] != process


def test_check_makes_room_for_a_run_and_answers_questions_meanwhile(backend):
    run = done_run(backend, "slow:40")
    backend.check(run.run_id, "circuit")
    wait_for(lambda: (backend.check_status(run.run_id) or CheckState("circuit")).step > 0)
    assert answer(backend, "inspect", "m").value["name"] == "m"
    assert backend.check_status(run.run_id).active
    other = start(backend, config("quick:2"))
    assert finish(backend, other) == "done"
    assert backend.check_status(run.run_id).active
    assert finished(backend, run).status == "done"


def test_quick_check_follows_a_run_by_itself(backend):
    run = start(backend, config("follow"), name="quick:2")
    assert finish(backend, run) == "done"
    wait_for(lambda: read_circuit(run) is not None)
    assert finished(backend, run).status == "done"


def test_deleted_run_ends_its_check_quietly(backend):
    run = done_run(backend, "slow:20")
    backend.check(run.run_id, "circuit")
    wait_for(lambda: (read_check(run) or CheckState("circuit")).step > 0)
    run.delete()
    wait_for(lambda: run.run_id not in backend._checks)
    assert not run.path.exists()
    other = done_run(backend)
    backend.check(other.run_id, "circuit")
    assert finished(backend, other).status == "done"


def test_check_of_a_folder_that_is_gone_leaves_the_worker_alive(backend):
    process = answer(backend, "inspect", "a").value["pid"]
    run, busy = done_run(backend), start(backend, config("slow:400"))
    backend.check(run.run_id, "circuit")
    run.delete()
    backend.cancel(busy.run_id)
    wait_for(lambda: run.run_id not in backend._checks)
    assert answer(backend, "inspect", "b").value["pid"] == process


def test_check_that_makes_room_while_nothing_can_be_written_is_taken_up_again(tmp_path, monkeypatch):
    run = RunFolder.create(tmp_path / "run", config(), "slow:3")
    other = RunFolder.create(tmp_path / "other", config("quick:1"))
    replies = io.StringIO()
    worker = Worker(STUB, replies)

    def full(folder, state):
        if state.status == "queued":
            raise StorageError("disk_full", path=folder.path)
        write_check(folder, state)

    monkeypatch.setattr("core.jobs.worker.write_check", full)
    worker._inbox.put({"do": "run", "path": str(other.path)})
    request = {"do": "check", "path": str(run.path), "kind": "circuit", "server": "s", "ticket": "t"}
    worker._check(request)
    assert replies.getvalue() == ""
    assert [worker._next()["do"] for _ in range(2)] == ["run", "check"]
    worker._check(request)
    assert read_check(run).status == "done"
    assert json.loads(replies.getvalue())["what"] == "checked"


def test_check_that_nobody_holds_is_interrupted(backend):
    run = done_run(backend)
    write_check(run, CheckState("circuit", "running", started=time.time(), server=backend._server))
    assert backend.check_status(run.run_id).status == "interrupted"
    write_check(run, CheckState("circuit", "running", started=time.time(), server="another"))
    assert backend.check_status(run.run_id).status == "running"


def test_closing_the_server_interrupts_the_check(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path))
    local = LocalBackend(STUB)
    run = done_run(local, "slow:400")
    local.check(run.run_id, "circuit")
    wait_for(lambda: (local.check_status(run.run_id) or CheckState("circuit")).step > 0)
    local.close()
    assert read_check(run).status == "interrupted"


def test_what_if_is_asked_of_the_worker(backend):
    run = done_run(backend)
    payload = {"run": str(run.path), "heads": ["L0H1"], "mode": "mean", "typed": ["a"], "new_tokens": 2}
    assert answer(backend, "what_if", payload).value["heads"] == ["L0H1"]
    assert answer(backend, "what_if", {**payload, "heads": ["seven"]}).error_key == "bad_setting"


def test_state_survives_its_file_and_damage_is_explained(backend):
    run = done_run(backend)
    state = replace(ended(CheckState("heads", started=1.0), "failed", "no_run", {"path": "x"}), finished=4.0)
    write_check(run, state)
    assert read_check(run) == state
    assert read_check(run).seconds == 3.0
    for content in ('{"kind": "other"}', "{}", "{half"):
        (run.path / "check.json").write_text(content, encoding="utf-8")
        with pytest.raises(StorageError):
            read_check(run)
    (run.path / "circuit.json").write_text('{"format": 99}', encoding="utf-8")
    with pytest.raises(StorageError, match="newer"):
        read_circuit(run)


def test_light_work_follows_and_heavy_work_is_left_to_the_user(tmp_path):
    assert work(1000, 7) == 2 * 1000 * 7 * SETS
    run = RunFolder(tmp_path)
    run.write_bytes("examples.csv", b"label,tokens\nanomalous,7\nanomalous,3\nnormal,900000\n")
    for parameters, wanted in ((LIGHT_WORK / (20 * SETS), "circuit"), (LIGHT_WORK / (20 * SETS) + 1, None)):
        run.write_json(
            "manifest.json", {"evidence": "computed", "model": {"name": "m", "n_parameters": parameters}}
        )
        assert follow_up(run) == wanted
    run.write_json("manifest.json", {"evidence": "no_difference", "model": {"name": "m", "n_parameters": 1}})
    assert follow_up(run) is None


def test_seconds_come_from_the_newest_check_of_the_same_model(backend):
    first, second = done_run(backend), done_run(backend)
    assert measured_seconds("some/model") is None
    first.write_json("circuit.json", {"complete": True, "state": "computed", "seconds": 4.0})
    second.write_json("circuit.json", {"complete": False, "state": "computed", "seconds": 1.0})
    assert measured_seconds("some/model") == 4.0
    assert measured_seconds("another") is None


def test_ranking_by_hand():
    heads = pd.DataFrame(
        {
            "layer": [0, 0, 1, 1],
            "head": [0, 1, 0, 1],
            "score": [4.0, 3.0, 2.0, 1.0],
            "effect": [0.1, -0.5, None, None],
            "selected": [True, True, True, False],
        }
    )
    assert [str(head) for head in ranked(heads)] == ["L0H1", "L0H0", "L1H0", "L1H1"]
    assert [str(head) for head in switchable(heads)] == ["L0H0", "L1H0"]


@pytest.fixture(scope="module")
def models():
    return ModelPool()


def analysed(folder, settings, models) -> RunFolder:
    run = RunFolder.create(folder, settings)
    result = None
    for item in analyse(settings, models):
        result = item
    assert isinstance(result, RunResult)
    save(result, run)
    run.finish()
    return run


@pytest.fixture(scope="module")
def sample(tmp_path_factory, models):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADLIGHT_HOME", str(tmp_path_factory.mktemp("home")))
        scenario = load_scenario("planted-induction")
        settings = make_config(
            model=str(scenario.model_folder),
            examples=read_examples(scenario.examples_in("en")),
            preset="fast",
        )
        yield analysed(tmp_path_factory.mktemp("runs") / "run", settings, models)


def test_circuit_of_the_planted_model_is_found_whole(sample, models):
    records = list(check("circuit", sample, models))
    assert {record.stage for record in records} >= {"load", "circuit", "smallest"}
    found = read_circuit(sample)
    truth = {str(head) for head in load_truth("planted-induction").heads}
    assert found["complete"] and found["state"] == "computed"
    by_kind = {ablation["kind"]: ablation for ablation in found["ablations"]}
    assert list(by_kind) == ["resample", "mean", "zero"]
    assert by_kind["resample"]["faithfulness"] > 0.95
    assert by_kind["resample"]["rank"] == pytest.approx(1 / 101, abs=1e-6)
    assert len(by_kind["mean"]["random_faithfulness"]) == 100
    assert set(found["smallest"]["heads"]) == truth
    assert found["smallest"]["faithfulness"]["resample"] == pytest.approx(
        found["smallest"]["reached"], abs=1e-3
    )
    assert set(found["switch"]["mean"]["heads"]) <= truth
    assert found["forward_passes"] > 0 and found["seconds"] > 0
    tried = found["before_after"]
    assert tried["heads"] == found["switch"][tried["mode"]]["heads"]
    assert len(tried["rows"]) == sum(side["texts"] for side in tried["counts"].values())


def test_suggested_switch_reaches_the_goal_with_the_least_harm():
    def found(complete, harm):
        return {"complete": complete, "harm": harm, "heads": ["L0H0"]}

    assert suggestion({}) is None
    assert suggestion({"mean": None, "zero": found(True, 0.5)}) == "zero"
    assert suggestion({"mean": found(True, 0.2), "zero": found(True, 0.1)}) == "zero"
    assert suggestion({"mean": found(True, 0.2), "zero": found(False, 0.0)}) == "mean"
    nothing = {"complete": False, "harm": 0.0, "heads": []}
    assert suggestion({"mean": nothing, "zero": found(False, 0.4)}) == "zero"
    assert suggestion({"mean": nothing, "zero": None}) is None


def test_what_was_found_stays_when_the_check_is_left_early(sample, models):
    running = check("circuit", sample, models)
    for record in running:
        if record.stage == "smallest":
            break
    running.close()
    found = read_circuit(sample)
    assert len(found["ablations"]) == 3
    assert found["complete"] is False
    found["ablations"][0]["faithfulness"] = 0.123
    sample.write_json("circuit.json", found)
    list(check("circuit", sample, models))
    again = read_circuit(sample)
    assert again["complete"] and len(again["ablations"]) == 3
    assert again["ablations"][0]["faithfulness"] == 0.123  # gone on from there, not begun anew
    assert again["smallest"]["heads"]
    list(check("circuit", sample, models))
    assert read_circuit(sample)["ablations"][0]["faithfulness"] > 0.9


def test_effect_of_every_head_fills_the_table(sample, models):
    before = pd.read_csv(sample.path / "heads.csv", encoding="utf-8-sig")
    assert before["effect"].notna().sum() == before["selected"].sum()
    records = list(check("heads", sample, models))
    assert records[-1].step == records[-1].total
    after = pd.read_csv(sample.path / "heads.csv", encoding="utf-8-sig")
    assert after["effect"].notna().all() and after["verdict"].notna().all()
    assert list(after.columns) == list(before.columns)
    effects = pd.read_csv(sample.path / "effects.csv", encoding="utf-8-sig")
    assert effects[effects["kind"] == "head"].groupby(["source_layer", "source_head"]).ngroups == len(after)
    assert (effects["kind"] == "edge").any()
    assert len(json.loads((sample.path / "evidence.json").read_text(encoding="utf-8"))["heads"]) == len(after)
    truth = {str(head) for head in load_truth("planted-induction").heads}
    confirmed = after[after["verdict"] == "confirmed"]
    assert {f"L{row.layer}H{row.head}" for row in confirmed.itertuples()} == truth
    manifest = json.loads((sample.path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["every_head"] and manifest["evidence_about"]["tested_heads"] == len(after)


def test_nothing_to_explain_gives_no_number(tmp_path, monkeypatch, models):
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path))
    rows = [
        {"label": label, "text": f"w1 w{10 + i} {word} w9", "expected": "w40", "actual": "w50"}
        for i in range(4)
        for label, word in (("anomalous", "w5"), ("normal", "w6"))
    ]
    folder = save_tiny(tmp_path / "model", "gpt2", seed=2)
    settings = make_config(model=str(folder), examples=from_rows(rows), preset="fast", evidence=False)
    run = analysed(tmp_path / "run", settings, models)
    monkeypatch.setattr("core.causal.metric.SMALLEST_GAP", {"logit_difference": 1e9, "next_word_shift": 1e9})
    list(check("circuit", run, models))
    found = read_circuit(run)
    assert found["state"] == "no_difference" and found["ablations"] == [] and "smallest" not in found
