"""Centring, scaling, and the axes of codes."""

import pytest
import torch

from core.config import PRESETS
from core.discovery import autoencoder
from core.discovery.codes import centre, codes_of, published_codes, scale
from core.errors import ExamplesError
from tests.support.codes import SMALL, finish


def test_centring_by_pair_and_by_position():
    outputs = torch.randn(6, 2, 3, 4)
    paired = centre(outputs, 3, paired=True)
    torch.testing.assert_close(paired[0], (outputs[0] - outputs[3]) / 2)
    torch.testing.assert_close(paired[3], -paired[0])
    torch.testing.assert_close(
        centre(outputs, 3, paired=False).mean(0), torch.zeros(2, 3, 4), atol=1e-6, rtol=0
    )


def test_scaling_is_one_factor_for_all_heads_and_refuses_nothing():
    values = torch.randn(6, 2, 3, 4)
    scaled = scale(values)
    assert float(scaled.square().sum(-1).mean()) == pytest.approx(1.0, abs=1e-5)
    torch.testing.assert_close(scaled * (values[0, 0, 0, 0] / scaled[0, 0, 0, 0]), values)
    with pytest.raises(ExamplesError):
        scale(torch.zeros(4, 1, 2, 3))


def test_codes_have_one_axis_for_each_of_member_example_slot_head():
    _, codes = finish(codes_of(torch.randn(6, 2, 5, 4), SMALL, seed=0))
    assert codes.latent.shape == codes.strength.shape == (3, 6, 2, 5)


@pytest.mark.parametrize("absent", [False, True])
def test_heads_that_are_trained_block_by_block_have_the_codes_of_all_together(monkeypatch, absent):
    values = torch.randn(6, 2, 40, 4, generator=torch.Generator().manual_seed(1))
    values[:3, :, ::4] += 2
    if absent:
        values[1, 0] = torch.nan
    _, together = finish(codes_of(values, SMALL, seed=0))
    monkeypatch.setattr(autoencoder, "CHUNK_NUMBERS", 12 * SMALL.members * SMALL.latents * 2)
    monkeypatch.setattr(autoencoder, "TRAINING_BYTES", 1)
    assert autoencoder.groups_at_once(12, values, SMALL) == 16
    in_blocks, blocks = finish(codes_of(values, SMALL, seed=0))
    monkeypatch.setattr(autoencoder, "TRAINING_BYTES", 2**30)
    _, in_chunks = finish(codes_of(values, SMALL, seed=0))
    assert torch.equal(blocks.latent, in_chunks.latent)
    torch.testing.assert_close(blocks.strength, in_chunks.strength)
    assert (blocks.latent == together.latent).float().mean() > 0.98
    epochs = [step.epoch for step in in_blocks]
    assert epochs == sorted(epochs) and epochs[-1] <= SMALL.epochs == in_blocks[-1].epochs


def test_the_published_recipe_has_one_dictionary_for_all_heads():
    config = PRESETS["paper"].model_copy(update={"epochs": 5})
    _, codes = finish(published_codes(torch.randn(12, 5, 8), config, seed=0))
    assert codes.latent.shape == (1, 12, 1, 5)
    assert int(codes.latent.max()) > int(config.members)
