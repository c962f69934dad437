"""What the preview shows before anything runs."""

from contextlib import closing

import pytest
import torch

from core.analysis.pipeline import analyse
from core.config import AutoencoderConfig, make_config
from core.inspection.preview import inspect, preview
from core.model.activation_store import ActivationStore
from core.model.loading import apple
from core.schema import Note
from tests.support.tiny_models import save_tiny
from tests.support.tiny_runs import texts


def test_the_preview_shows_tokens_pairs_and_next_words(folder, models):
    config = make_config(model=str(folder), examples=texts(paired=False), device="cpu")
    shown = preview(config, models)
    assert shown["alignment"]["pairs_source"] == "automatic"
    assert shown["alignment"]["pairs"] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    first = shown["examples"][0]
    assert first["pieces"] == ["w1", "w10", "w2", "w10", "w3"]
    assert first["differs"] == [False, False, False, True, False]
    assert [word["probability"] for word in first["next"]] == sorted(
        (word["probability"] for word in first["next"]), reverse=True
    )
    ids = torch.tensor([models.get(str(folder), "cpu").encode(first["text"])])
    logits = models.get(str(folder), "cpu").model(input_ids=ids).logits[0, -1]
    assert first["next"][0]["probability"] == pytest.approx(float(logits.softmax(-1).max()), abs=1e-5)


def test_texts_that_the_preview_read_cost_the_analysis_no_forward_pass(folder, models, tmp_path):
    settings = AutoencoderConfig(members=1, latents=8, epochs=5)
    config = make_config(
        model=str(folder), examples=texts(), device="cpu", autoencoder=settings, evidence=False
    )
    with closing(ActivationStore(tmp_path / "cache")) as store:
        preview(config, models, store)
        *_, result = analyse(config, models, store)
    assert result.manifest.forward_passes == result.manifest.ranking.forward_passes, "gradients alone"
    assert result.manifest.cached_texts == 8


def test_the_card_says_why_a_graphics_processor_that_is_there_is_not_used(tmp_path, monkeypatch):
    folder = str(save_tiny(tmp_path / "m"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(apple, "there", lambda: True)
    monkeypatch.setattr(apple, "refusal", lambda: Note(key="mps_fails", values={"detail": "no QR"}))
    card = inspect(folder)
    assert card["device"] == "cpu"
    assert card["findings"] == [
        {"kind": "mps_fails", "severity": "note", "values": {"detail": "no QR"}, "choices": []}
    ]
    assert inspect(folder, "cpu")["findings"] == []
