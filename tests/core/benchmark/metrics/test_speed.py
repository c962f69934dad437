"""Rows of time and memory: what is measured, how it is printed, the fitted growth. No test asserts a time."""

import os
from concurrent.futures.process import BrokenProcessPool
from dataclasses import astuple

import pytest
import torch

from core.benchmark.metrics import speed
from core.benchmark.metrics.speed import (
    SpeedRow,
    exponent,
    growth,
    made_codes,
    made_outputs,
    speed_lines,
    speed_rows,
)
from core.discovery.autoencoder import SILENT
from core.errors import ModelError


def test_the_exponent_of_known_growth():
    sizes = [36, 72, 144, 288]
    assert exponent(sizes, [3 * size for size in sizes]) == pytest.approx(1)
    assert exponent(sizes, [0.1 * size**2 for size in sizes]) == pytest.approx(2)


def test_growth_measures_every_size_in_a_process_of_its_own(monkeypatch):
    asked = []
    monkeypatch.setattr(
        speed, "alone", lambda measure, *arguments: asked.append((measure.__name__, *arguments))
    )
    list(growth(quick=False))
    assert asked == [
        *(("_heads", "heads", heads, 10, "cpu") for heads in (36, 72, 144, 288, 576)),
        *(("_heads", "examples", 144, side, "cpu") for side in (5, 10, 20, 40)),
        ("_edges",),
    ]


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("gpu", [False, True])
def test_a_gpu_adds_the_same_rows_the_large_geometry_and_the_comparison(monkeypatch, gpu, quick):
    asked = []
    monkeypatch.setattr(
        speed, "alone", lambda measure, *arguments: asked.append((measure.__name__, *arguments))
    )
    monkeypatch.setattr(speed, "gpt2_tokenizer", lambda: "folder")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    list(speed_rows(quick))
    analyses = [what[1:] for what in asked if what[0] == "_analysis"]
    on = [("standard", True, "gpt2"), ("fast", True, "gpt2"), ("standard", False, "gpt2")]
    on = [one for one in on if one[0] != "fast" or not quick]
    expected = [(preset, "folder", "cpu", paired, size) for preset, paired, size in on]
    if gpu:
        expected += [(preset, "folder", "cuda", paired, size) for preset, paired, size in on]
        expected += [("standard", "folder", "cuda", True, "gpt2-xl")]
    assert analyses == expected
    assert [what[0] for what in asked].count("_edges") == 1
    assert (("_equal_codes",) in asked) == gpu


def test_without_the_tokenizer_the_rest_is_measured(monkeypatch):
    asked = []
    monkeypatch.setattr(speed, "alone", lambda measure, *arguments: asked.append(measure.__name__))
    monkeypatch.setattr(speed, "gpt2_tokenizer", lambda: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    list(speed_rows(quick=False))
    assert set(asked) == {"_heads", "_edges"}
    asked.clear()
    list(speed_rows(quick=True))
    assert asked == ["_edges"], "a quick run leaves the growth out"


@pytest.mark.slow
def test_one_row_measured_for_real():
    row = speed.alone(speed._heads, "heads", 4, 3, "cpu")
    assert astuple(row)[:5] == ("heads", "cpu", 4, 3, 8)
    assert row.seconds > 0
    assert row.peak_mb > 1
    assert (row.forward_seconds, row.equal) == (None, None)


@pytest.mark.slow
def test_a_measurement_that_dies_is_no_endless_wait():
    with pytest.raises(BrokenProcessPool):
        speed.alone(os._exit, 3)


def test_lines_name_ratio_growth_and_what_was_not_measured():
    rows = [
        SpeedRow("gpt2-standard", "cpu", 144, 10, 8, 6.0, 1300.0, 0.5),
        *(SpeedRow("heads", "cpu", heads, 10, 8, heads / 18, 600.0) for heads in (36, 72, 144)),
        *(SpeedRow("examples", "cpu", 144, side, 8, side**1.5, 600.0) for side in (5, 10, 20)),
    ]
    lines = speed_lines(rows)
    assert any("12.0 × one forward pass" in line for line in lines)
    assert "seconds grow with heads to the power of 1.00 (cpu)" in lines
    assert "seconds grow with examples to the power of 1.50 (cpu)" in lines
    assert lines[-1] == "not measured on a GPU"
    gpu = speed_lines([SpeedRow("codes-equal", "cuda", 144, 10, 8, 1.0, 300.0, equal=0.9995)])
    assert any("99.95% of the codes as on the processor" in line for line in gpu)
    assert any("GPT-2 geometry: not run" in line for line in gpu)
    assert "not measured on a GPU" not in gpu


def test_made_outputs_and_codes_are_like_those_of_a_run():
    torch.manual_seed(0)
    outputs = made_outputs(heads=8, side=4)
    assert outputs.shape == (8, 5, 8, 64)
    assert float(outputs.square().sum(-1).mean()) == pytest.approx(1, abs=1e-4)
    assert float(outputs.mean(dim=0).abs().max()) < 1e-5
    codes = made_codes(members=2, heads=50, examples=20)
    assert codes.latent.shape == (2, 50, 20)
    assert (codes.strength[codes.latent == SILENT] == 0).all()
    assert float((codes.latent == SILENT).float().mean()) == pytest.approx(1 / 3, abs=0.05)


def test_the_tokenizer_comes_from_the_environment_or_the_cache_alone(monkeypatch):
    asked = []

    def refuse(source):
        asked.append(source)
        raise ModelError("no_config", name=source)

    monkeypatch.setattr(speed, "load_tokenizer", refuse)
    monkeypatch.setenv("HEADLIGHT_GPT2_TOKENIZER", "named")
    monkeypatch.delenv("HEADLIGHT_GPT2", raising=False)
    assert speed.gpt2_tokenizer() is None
    assert asked == ["named", "gpt2"]
