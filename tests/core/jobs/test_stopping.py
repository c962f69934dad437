"""A job is stopped in every stage within the layer that is at work; its model stays, and the next run is as ever."""

import io
import json
from dataclasses import dataclass, field

import pytest

from core.config import make_config
from core.discovery.autoencoder import _Trainer
from core.jobs.worker import ENGINE, Worker
from core.runs.run_folder import RunFolder
from tests.support.surgery import hook_count
from tests.support.tiny_models import save_tiny
from tests.support.tiny_runs import texts

SETTINGS = {"preset": "fast", "autoencoder": {"epochs": 20}}


@dataclass
class Stopping:
    """Asks a worker to stop at a layer, or at a training step, of a stage; counts what begins after that."""

    worker: Worker
    stage: str = ""
    layer: int = 1
    now: str = ""
    asked: bool = False
    begun: int = 0
    stages: set[str] = field(default_factory=set)

    def expect(self, stage: str, layer: int = 1) -> None:
        """From now on, stop in this stage."""
        self.stage, self.layer, self.asked, self.begun, self.now = stage, layer, False, 0, ""

    def at(self, layer: int) -> None:
        """Work begins: a layer, or an epoch."""
        self.begun += self.asked
        if self.stage and self.now == self.stage and layer >= self.layer:
            self.asked = True
            self.worker._stop = "cancelled"


@pytest.fixture(scope="module")
def stopping(tmp_path_factory):
    """A worker in this process, with a loaded model that is watched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADLIGHT_HOME", str(tmp_path_factory.mktemp("home")))
        worker = Worker(ENGINE, io.StringIO())
        stopping = Stopping(worker)
        between, step = worker._between, _Trainer.step

        def seen(record):
            stopping.now = record.stage
            stopping.stages.add(record.stage)
            between(record)

        def stepping(trainer, look):
            stopping.at(9)
            step(trainer, look)

        patch.setattr(worker, "_between", seen)
        patch.setattr(_Trainer, "step", stepping)
        yield stopping


@pytest.fixture(scope="module")
def model(tmp_path_factory, stopping):
    folder = str(save_tiny(tmp_path_factory.mktemp("models") / "tiny", "llama"))
    loaded = stopping.worker._loaded()[1].get(folder)
    for number, layer in enumerate(loaded.layers):
        layer.register_forward_pre_hook(lambda *_, number=number: stopping.at(number))
    return loaded


def do(stopping, run, kind="analysis", stage=""):
    """The state of a job at its end, stopped in a stage."""
    stopping.expect(stage)
    stopping.worker._stop = ""
    stopping.worker.do(run, kind)
    return run.state(kind)


def settings(model, paired=True):
    """Texts with partners, or without, which a run then makes."""
    pairing = {} if paired else {"pairing": "off"}
    return make_config(model=model.name, examples=texts(paired=paired), **SETTINGS, **pairing)


def new_run(folder, model, paired=True):
    return RunFolder.create(folder, settings(model, paired), "n")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, stopping, model):
    run = new_run(tmp_path_factory.mktemp("runs") / "run", model)
    state = do(stopping, run)
    assert state.status == "done", state.error_text
    return run


def test_an_analysis_stops_in_the_layer_at_work_in_every_stage_and_the_next_one_is_as_ever(
    stopping, model, finished, tmp_path, monkeypatch
):
    hooks = hook_count(model)
    for stage in ("capture", "partners", "train", "screen", "evidence"):
        # an empty cache each time: the texts are read anew
        monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path / f"home-{stage}"))
        stopped = new_run(tmp_path / stage, model, paired=stage != "partners")
        state = do(stopping, stopped, stage=stage)
        assert (state.status, state.stage, state.error_key) == ("cancelled", stage, "run_cancelled")
        assert (stopping.asked, stopping.begun) == (True, 0), stage
        assert hook_count(model) == hooks
        assert list(stopping.worker._pool._models.values()) == [model]
    again = new_run(tmp_path / "again", model)
    assert do(stopping, again).status == "done"
    for name in ("heads.csv", "edges.csv", "codes.csv", "effects.csv", "examples.csv"):
        assert (again.path / name).read_bytes() == (finished.path / name).read_bytes()


@pytest.mark.parametrize(
    ("kind", "stage"),
    [
        ("circuit", "circuit"),
        ("circuit", "smallest"),
        ("heads", "evidence"),
        ("sensitivity", "load"),
        ("sensitivity", "sensitivity"),
    ],
)
def test_a_check_stops_in_the_layer_at_work(kind, stage, stopping, model, finished, tmp_path, monkeypatch):
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path / "home"))
    before = {file.name: file.read_bytes() for file in finished.path.glob("*.csv")}
    state = do(stopping, finished, kind, stage)
    assert (state.status, state.stage) == ("cancelled", stage)
    assert stopping.asked and stopping.begun == 0
    assert list(stopping.worker._pool._models.values()) == [model]
    assert {file.name: file.read_bytes() for file in finished.path.glob("*.csv")} == before


def reply(worker):
    """The last reply, without the memory that is free at the moment."""
    last = json.loads(worker._replies.getvalue().splitlines()[-1])
    if last.get("key") == "preview":
        model = last["value"]["model"]
        last["value"]["model"] = {name: model[name] for name in model if "memory" not in name}
    return last


def question(kind, run, model):
    config = run.config().model_dump(mode="json")
    head = {"run": str(run.path), "layer": 1, "head": 0, "example": 0, "partner": 1, "query": None}
    what_if = {"run": str(run.path), "heads": ["L0H1"], "mode": "zero", "typed": ["w1 w2"], "new_tokens": 3}
    unpaired = settings(model, paired=False).model_dump(mode="json")
    payloads = {
        "head": head,
        "what_if": what_if,
        "preview": config,
        "suggest": unpaired,
        "partners": {"config": unpaired, "direction": "anomalous", "make": True},
    }
    return {"do": "ask", "key": kind, "kind": kind, "payload": payloads[kind]}


@pytest.mark.parametrize("kind", ["head", "what_if", "preview", "suggest", "partners"])
def test_a_question_makes_room_for_the_stop_of_a_job_and_is_answered_after_it(
    kind, stopping, model, finished, tmp_path, monkeypatch
):
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path / "home"))
    asked = question(kind, finished, model)
    worker = stopping.worker
    stopping.expect("")
    worker._answer(asked)
    undisturbed = reply(worker)
    assert undisturbed["what"] == "answer" and "value" in undisturbed, undisturbed
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path / "home2"))
    run = new_run(tmp_path / "run", model)
    answer = worker._answer

    def answering(request):
        stopping.now = "question"
        answer(request)

    monkeypatch.setattr(worker, "_answer", answering)
    worker._inbox.put(asked)
    assert do(stopping, run, stage="question").status == "cancelled"
    assert stopping.asked and stopping.begun == 0
    assert reply(worker)["what"] == "ended"
    stopping.expect("")
    assert worker._inbox.qsize() == 1
    answer(worker._inbox.get())
    assert reply(worker) == undisturbed


def test_a_check_that_makes_room_goes_back_into_the_queue_at_once(stopping, model, finished, monkeypatch):
    stop = Stopping.at

    def at(self, layer):
        stop(self, layer)
        if self.asked:
            self.worker._stop = "queued"

    monkeypatch.setattr(Stopping, "at", at)
    state = do(stopping, finished, "heads", "evidence")
    assert (state.status, state.stage) == ("queued", "")
    assert stopping.asked and stopping.begun == 0
