"""The program that measures an analysis at real sizes, on a small geometry."""

import pytest
import torch

from core.benchmark import real_size
from core.benchmark.real_size import examples, main, stages, write_model
from core.model.loading import load_model
from core.schema import Progress


def test_the_written_model_has_the_geometry_with_the_heads_that_were_asked_for(tmp_path):
    size = write_model(tmp_path / "model", "tiny", heads=8)
    loaded = load_model(tmp_path / "model", "cpu", precision="bfloat16")
    assert (loaded.shape.n_layers, loaded.shape.n_heads, loaded.shape.d_head) == (2, 8, 8)
    assert size == 2 * loaded.shape.n_parameters
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.bfloat16}
    again = tmp_path / "again"
    write_model(again, "tiny", heads=8)
    assert load_model(again, "cpu", precision="bfloat16").weights_hash == loaded.weights_hash


def test_texts_are_pairs_that_differ_in_the_last_five_tokens():
    texts = examples(3, 20).examples
    assert [text.label for text in texts] == ["anomalous"] * 3 + ["normal"] * 3
    for one, other in zip(texts[:3], texts[3:], strict=True):
        first, second = one.text.split(), other.text.split()
        assert one.pair == other.pair and len(first) == len(second) == 20
        assert first[:15] == second[:15] and first[15:] != second[15:]


def test_a_stage_has_its_steps_and_its_own_peak_and_is_left_when_asked(monkeypatch):
    peaks = iter([10.0, 20.0, 30.0])

    class Peak:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.mb = next(peaks)

    monkeypatch.setattr(real_size, "PeakMemory", Peak)

    def running():
        yield Progress("tokens", 0, 1)
        for step in range(5):
            yield Progress("screen", step, 4)
        pytest.fail("left too late")

    rows = list(stages(running(), "screen", 2))
    assert [(row.stage, row.done, row.total, row.beyond_mb) for row in rows] == [
        ("tokens", 0, 1, 20.0),
        ("screen", 2, 4, 30.0),
    ]


def test_the_program_prints_a_line_for_every_stage(capsys, tmp_path):
    place = tmp_path / "weights"
    place.mkdir()
    main(["--geometry", "tiny", "--texts", "3", "--tokens", "8", "--folder", str(place)])
    printed = capsys.readouterr().out
    assert "billion parameters" in printed
    for stage in ("loading", "capture", "train", "screen", "evidence"):
        assert f"\n{stage} " in printed
    assert not any(place.iterdir())
