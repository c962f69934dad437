"""The measurement of a graphics card, on the processor with tiny shapes: the same code, every bound by hand."""

import json
import math

import pandas as pd
import pytest
import torch

from core.benchmark.gpu import equality, report
from core.benchmark.gpu.costs import peak_beyond
from core.benchmark.gpu.made_models import made_model, made_texts, moved
from core.benchmark.gpu.report import run_gpu
from core.benchmark.gpu.sections import Row, Section, measure
from core.benchmark.gpu.sizes import REAL, Geometry, Sizes
from core.cli import _run
from core.errors import ModelError
from core.model.interruption import stop_point
from core.model.tokens.tokenising import tokenise

GPT2 = Geometry("gpt2-tiny", 2, 2, 16, vocabulary=404)
LLAMA = Geometry("llama-tiny", 2, 4, 16, 2, 24, 404)
TINY = Sizes(
    scenarios=("planted-induction",),
    equal=(GPT2, LLAMA),
    speed=GPT2,
    memory=(LLAMA, Geometry("llama-tiny-8", 2, 8, 16, 8, 24, 404)),
    large=Geometry("llama-short", 2, 4, 16, 2, 24, 404, "bfloat16"),
    texts=4,
    words=6,
    memory_words=6,
    preset="fast",
)


class Clock:
    """Seconds that go by at every look."""

    def __init__(self, step: float = 1.0) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def endless(device, sizes):
    for number in range(10**6):
        stop_point()
        yield Row("a", "b", number)


def one_row(device, sizes):
    yield Row("a", "b", 1.0, 2.0)


def broken(device, sizes):
    yield Row("a", "b", 1.0)
    raise RuntimeError("CUDA error:\n no kernel")


def test_a_section_over_its_time_is_stopped_keeps_its_rows_and_the_next_begins():
    first, second = measure(
        [Section("long", 20, endless), Section("short", 50, one_row)], "cpu", TINY, 100, Clock()
    )
    assert first.state == "stopped" and "20 seconds" in first.reason
    assert 0 < len(first.rows) < 20
    assert second.state == "measured" and second.rows == [Row("a", "b", 1.0, 2.0)]


def test_a_section_for_which_no_time_is_left_is_skipped_with_the_reason():
    first, second = measure(
        [Section("long", 100, endless), Section("late", 5, one_row)], "cpu", TINY, 30, Clock()
    )
    assert first.state == "stopped" and first.seconds <= 33
    assert (second.state, second.rows, second.reason) == ("skipped", [], "no time was left")


def test_a_section_that_fails_says_so_in_a_line_and_the_next_begins():
    first, second = measure([Section("x", 9, broken), Section("y", 9, one_row)], "cpu", TINY, 99)
    assert (first.state, first.reason) == ("failed", "RuntimeError: CUDA error: no kernel")
    assert len(first.rows) == 1 and not first.holds
    assert second.holds


@pytest.mark.parametrize(
    ("row", "holds"),
    [
        (Row("a", "b", 1.0), None),
        (Row("a", "b", 1.0, 1.0), True),
        (Row("a", "b", 1.1, 1.0), False),
        (Row("a", "b", 0.9, 1.0, least=True), False),
        (Row("a", "b", 1.0, 1.0, least=True), True),
        (Row("a", "b", math.nan, 1.0), False),
    ],
)
def test_bounds_by_hand(row, holds):
    assert row.holds is holds


def test_the_sections_fit_into_eight_minutes():
    assert report.SECONDS < 8 * 60
    assert [section.name for section in report.SECTIONS] == ["equality", "speed", "memory", "large"]
    assert min(section.seconds for section in report.SECTIONS) > 0
    assert {geometry.layers * geometry.d_model for geometry in REAL.memory} == {24 * 2048}


def test_the_whole_measurement_on_the_processor_agrees_with_itself(tmp_path):
    lines = list(run_gpu(tmp_path, "cpu", TINY))
    record = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    states = {section["name"]: (section["state"], section["reason"]) for section in record["sections"]}
    assert states == dict.fromkeys(("equality", "speed", "memory", "large"), ("measured", ""))
    rows = {
        (section["name"], row["case"], row["quantity"]): row
        for section in record["sections"]
        for row in section["rows"]
    }
    for case in ("planted-induction", "gpt2-tiny", "llama-tiny"):
        assert rows["equality", case, "codes_alike"]["value"] == 1
        for quantity in ("score_heads", "score_edges", "effect_heads", "effect_edges", "verdicts_heads"):
            assert rows["equality", case, quantity]["value"] == 0
    assert rows["equality", "planted-induction", "tested_heads"]["value"] > 0
    assert rows["equality", "llama-tiny", "logits"]["holds"]
    assert rows["speed", "gpt2-tiny", "analysis_passes"]["value"] > 0
    assert rows["memory", "all", "growth"]["bound"] == 1.3
    assert rows["large", "llama-short", "weights_gb"]["value"] == pytest.approx(
        2 * sum(weight.numel() for weight in made_model(TINY.large, "cpu").model.parameters()) / 2**30
    )
    assert "bounds hold" in lines[-1]
    text = (tmp_path / "gpu.md").read_text(encoding="utf-8")
    assert "## equality" in text and "| llama-tiny | logits |" in text


def tables(**changed):
    """Results of two heads and an edge as they would be on a device."""
    heads = {"layer": [0, 1], "head": [0, 0], "score": [2.0, 1.0], "effect": [0.5, None]}
    edge = {"source_layer": [0], "source_head": [0], "target_layer": [1], "target_head": [0]}
    codes = {"layer": [0, 0], "head": [0, 0], "member": [0, 0], "position": [1, 1], "example": [0, 1]}

    class Result:
        pass

    result = Result()
    result.heads = pd.DataFrame({**heads, "verdict": ["confirmed", None], **changed.get("heads", {})})
    edges = {**edge, "score": [1.0], "effect": [0.1], "verdict": ["partly"]}
    result.edges = pd.DataFrame({**edges, **changed.get("edges", {})})
    result.codes = pd.DataFrame({**codes, "code": [3, 4], **changed.get("codes", {})})
    return result


@pytest.mark.parametrize(
    ("changed", "quantity", "value", "holds"),
    [
        ({}, "codes_alike", 1.0, True),
        ({"codes": {"code": [3, 5]}}, "codes_alike", 0.5, False),
        ({"codes": {"example": [0, 2]}}, "codes_alike", 1 / 3, False),
        ({"heads": {"score": [2.0, 1.1]}}, "score_heads", 0.05, False),
        ({"heads": {"score": [2.0, 1.01]}}, "score_heads", 0.005, True),
        ({"heads": {"effect": [0.503, None]}}, "effect_heads", 0.003, False),
        ({"heads": {"effect": [0.501, 0.4]}}, "effect_heads", 0.001, True),
        ({"heads": {"effect": [0.5, 0.4]}}, "tested_once_heads", 1, None),
        ({"heads": {"verdict": ["partly", None]}}, "verdicts_heads", 1, False),
        ({"edges": {"verdict": ["not_confirmed"]}}, "verdicts_edges", 1, False),
        ({"edges": {"score": [math.nan]}}, "score_edges", math.nan, False),
    ],
)
def test_differences_between_devices_by_hand(changed, quantity, value, holds):
    rows = {row.quantity: row for row in equality.compared("case", tables(), tables(**changed))}
    assert rows[quantity].value == pytest.approx(value, nan_ok=True)
    assert rows[quantity].holds is holds
    others = [row for name, row in rows.items() if name != quantity and not name.startswith("tested")]
    assert all(row.holds for row in others)


@pytest.mark.parametrize("geometry", [GPT2, LLAMA])
def test_a_copy_has_the_same_weights_and_another_model_has_other_logits(geometry):
    loaded = made_model(geometry, "cpu")
    assert equality.logit_difference(loaded, moved(loaded, geometry, "cpu")) == 0
    assert equality.logit_difference(loaded, made_model(geometry, "cpu", seed=1)) > 0.1
    assert moved(loaded, geometry, "cpu", torch.bfloat16).model.dtype == torch.bfloat16


def test_made_pairs_differ_in_one_word():
    loaded, texts = made_model(GPT2, "cpu"), made_texts(5, 7)
    ids = tokenise(loaded, texts)
    assert {len(text) for text in ids} == {7}
    for anomalous, normal in zip(ids[::2], ids[1::2], strict=True):
        assert [a == n for a, n in zip(anomalous, normal, strict=True)] == [True] * 4 + [False] + [True] * 2


def test_peak_counts_what_was_held_and_let_go():
    held = peak_beyond("cpu", lambda: torch.ones(2**26).sum())
    assert 0.2 < held < 0.6


def test_without_a_graphics_card_one_line_says_so_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match="not measured on a GPU"):
        list(run_gpu(tmp_path / "out"))
    monkeypatch.setattr("sys.argv", ["headlight", "benchmark", "--gpu", "--out", str(tmp_path / "out")])
    assert _run() == 2
    told = capsys.readouterr()
    assert told.out == "" and len(told.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()
