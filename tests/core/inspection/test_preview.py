"""What the preview shows before anything runs."""

import pytest
import torch

from core.config import make_config
from core.inspection.preview import preview
from tests.support.tiny_runs import texts


def test_the_preview_shows_tokens_pairs_and_next_words(folder, models):
    config = make_config(model=str(folder), examples=texts(paired=False), device="cpu")
    found = preview(config, models)
    assert found["alignment"]["pairs_source"] == "automatic"
    assert found["alignment"]["pairs"] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    first = found["examples"][0]
    assert first["pieces"] == ["w1", "w10", "w2", "w10", "w3"]
    assert first["differs"] == [False, False, False, True, False]
    assert [word["probability"] for word in first["next"]] == sorted(
        (word["probability"] for word in first["next"]), reverse=True
    )
    ids = torch.tensor([models.get(str(folder), "cpu").encode(first["text"])])
    logits = models.get(str(folder), "cpu").model(input_ids=ids).logits[0, -1]
    assert first["next"][0]["probability"] == pytest.approx(float(logits.softmax(-1).max()), abs=1e-5)
