"""Memory that does not suffice ends every kind of work with the same error, which says what to do."""

import weakref

import pytest
import torch

from core.analysis.pipeline import analyse
from core.config import make_config
from core.errors import MESSAGES, HeadlightError, ModelError
from core.examples.reading import from_rows
from core.heads import HeadId
from core.inspection.ablated_generation import what_if
from core.inspection.head_view import head_view
from core.inspection.preview import preview
from core.model.memory import is_out_of_memory, memory_errors, within_memory
from tests.support.tiny_models import save_tiny

ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you tried …"
    ),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8589934592 bytes."),
    MemoryError(),
]
WORK = {
    "capture": "core.model._plain_passes.ZRecorder.keep",
    "next words": "core.model.recording.head_logits",
    "train": "core.analysis.steps.train_codes",
    "score": "core.analysis.steps.scores_of",
    "statistics": "core.analysis.pipeline.stability_of",
    "evidence": "core.causal.patching.read_rows",
}


def config_of(folder):
    rows = [
        {"label": label, "text": f"w1 w{10 + i} w2 w{other + i} w3", "pair": f"p{i}"}
        for i in range(4)
        for label, other in (("anomalous", 10), ("normal", 30))
    ]
    return make_config(model=str(folder), examples=from_rows(rows), device="cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error)[:30] or type(error).__name__)
def test_every_form_of_the_failure_becomes_one_error(error):
    with pytest.raises(ModelError) as caught, memory_errors():
        raise error
    assert caught.value.key == "out_of_memory"
    assert caught.value.values["device"] == ("cuda" if "CUDA" in str(error) else "cpu")
    assert "fewer or shorter texts" in str(caught.value)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2 shapes"), ValueError("memory"), KeyError("x")])
def test_other_failures_pass_as_they_are(error):
    with pytest.raises(type(error)) as caught, memory_errors():
        raise error
    assert caught.value is error
    assert not is_out_of_memory(error)


def test_tensors_of_the_failed_work_are_let_go():
    seen = []

    def work():
        tensor = torch.zeros(3)
        seen.append(weakref.ref(tensor))
        raise MemoryError

    with pytest.raises(ModelError) as caught, memory_errors():
        work()
    assert caught.value.key == "out_of_memory"
    assert seen[0]() is None


@pytest.mark.parametrize("stage", WORK)
def test_an_analysis_without_memory_ends_with_the_error_whatever_the_stage(
    stage, folder, monkeypatch, tmp_path
):
    def full(*_args, **_named):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path))
    monkeypatch.setattr(WORK[stage], full)
    with pytest.raises(HeadlightError) as caught:
        list(analyse(config_of(folder)))
    assert caught.value.key == "out_of_memory"


@pytest.mark.parametrize(
    "ask",
    [
        preview,
        lambda config: head_view(config, layer=0, head=0, example=0),
        lambda config: what_if(config, [HeadId(0, 0)], "zero"),
    ],
    ids=["preview", "head view", "what if"],
)
def test_a_question_of_a_page_without_memory_ends_with_the_error(ask, folder, monkeypatch):
    def full(*_args, **_named):
        raise torch.OutOfMemoryError

    monkeypatch.setattr("transformers.models.gpt2.modeling_gpt2.GPT2Model.forward", full)
    with pytest.raises(HeadlightError) as caught:
        ask(config_of(folder))
    assert caught.value.key == "out_of_memory"


def test_a_generator_keeps_its_records_its_result_and_its_closing():
    closed = []

    @within_memory
    def work(count: int):
        """Some work."""
        try:
            yield from range(count)
        finally:
            closed.append(True)
        return "done"

    running = work(2)
    assert work.__doc__ == "Some work."
    assert [next(running), next(running)] == [0, 1]
    with pytest.raises(StopIteration) as end:
        next(running)
    assert end.value.value == "done"
    other = work(2)
    next(other)
    other.close()
    assert closed == [True, True]
    assert "out_of_memory" in MESSAGES
