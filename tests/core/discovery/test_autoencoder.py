"""The ensemble's gradients against autograd, its start, its codes, and centring."""

import pytest
import torch

from core.config import PRESETS
from core.discovery.autoencoder import (
    SILENT,
    Ensemble,
    _Buffers,
    _start,
    _Trainer,
    member_sparsities,
    strongest,
    train,
)
from tests.support.codes import SMALL, finish


def samples(groups=2, count=7, d=4, seed=0):
    return torch.randn(groups, count, d, generator=torch.Generator().manual_seed(seed))


def published_loss(x, ensemble, config):
    """Straight from the formula, one member of one group at a time."""
    losses = []
    for unit, sparsity in enumerate(member_sparsities(config).repeat(len(x)).tolist()):
        own = x[unit // config.members]
        latents = torch.relu(
            (own - ensemble.bias[unit]) @ ensemble.encoder[unit] + ensemble.encoder_bias[unit]
        )
        rebuilt = latents @ ensemble.decoder[unit] + ensemble.bias[unit]
        losses.append((own - rebuilt).square().mean() + sparsity * latents.mean())
    return torch.stack(losses)


def test_written_gradients_equal_autograd():
    x = samples()
    start = _start(x, SMALL, torch.Generator().manual_seed(1))
    for tensor in start:
        tensor += 0.1 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(2))
    buffers = _Buffers.of(8, x, SMALL.latents)
    trainer = _Trainer(x, Ensemble(*(t.clone() for t in start)), SMALL, buffers)
    trainer.load()
    trainer.descend()
    wanted = Ensemble(*(t.clone().requires_grad_() for t in start))
    losses = published_loss(x, wanted, SMALL)
    losses.sum().backward()
    for result, expected in zip(trainer.ensemble, wanted, strict=True):
        torch.testing.assert_close(result.grad, expected.grad, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(trainer.loss, losses.mean().detach())


def plainly_trained(x, config, seed):
    """Autograd and Adam on all units at once, epoch by epoch; the losses and the codes."""
    ensemble = _start(x, config, torch.Generator().manual_seed(seed))
    for tensor in ensemble:
        tensor.requires_grad_()
    optimiser, losses = torch.optim.Adam(list(ensemble), lr=config.learning_rate), []
    for _ in range(config.epochs):
        optimiser.zero_grad()
        each = published_loss(x, ensemble, config)
        each.sum().backward()
        optimiser.step()
        losses.append(each.mean().item())
        with torch.no_grad():
            ensemble.encoder.div_(ensemble.encoder.norm(dim=1, keepdim=True))
            ensemble.decoder.div_(ensemble.decoder.norm(dim=2, keepdim=True))
    with torch.no_grad():
        return losses, ensemble.codes(x, config.members)


@pytest.mark.parametrize("numbers", [1, 2**20])
@pytest.mark.parametrize("products", [1, 5000, 10**9])
def test_training_equals_plain_epochs_of_autograd_in_chunks_and_turns_of_any_size(
    monkeypatch, numbers, products
):
    monkeypatch.setattr("core.discovery.autoencoder.SETTLED", -1.0)
    monkeypatch.setattr("core.discovery.autoencoder.CHUNK_NUMBERS", numbers)
    monkeypatch.setattr("core.discovery.autoencoder.TURN_PRODUCTS", products)
    config = SMALL.model_copy(update={"epochs": 23})
    x = samples(groups=3)
    steps, ensemble = finish(train(x, config, seed=4))
    losses, codes = plainly_trained(x, config, seed=4)
    assert [step.epoch for step in steps] == list(range(1, 24))
    assert [step.loss for step in steps] == pytest.approx(losses, rel=1e-4)
    result = ensemble.codes(x, 3)
    assert torch.equal(result.latent, codes.latent)
    torch.testing.assert_close(result.strength, codes.strength, atol=1e-4, rtol=1e-3)


def test_a_chunk_that_has_settled_rests_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr("core.discovery.autoencoder.CHUNK_NUMBERS", 1)
    x = torch.cat([torch.zeros(1, 7, 4), samples(groups=1)])
    steps, ensemble = finish(train(x, SMALL, seed=0))
    early_steps, early = finish(train(x, SMALL.model_copy(update={"epochs": 20}), seed=0))
    assert (len(early_steps), len(steps)) == (20, 30)
    assert torch.equal(ensemble.encoder[:3], early.encoder[:3])
    assert not torch.equal(ensemble.encoder[3:], early.encoder[3:])


def test_no_epochs_give_the_start_itself():
    steps, ensemble = finish(train(samples(), SMALL.model_copy(update={"epochs": 0}), seed=0))
    start = _start(samples(), SMALL, torch.Generator().manual_seed(0))
    assert steps == []
    assert all(torch.equal(a, b) for a, b in zip(ensemble, start, strict=True))


def test_training_lowers_the_loss_and_keeps_unit_norms():
    steps, ensemble = finish(train(samples(), SMALL, seed=0))
    assert steps[-1].loss < steps[0].loss
    torch.testing.assert_close(ensemble.decoder.norm(dim=2), torch.ones(6, 5))
    torch.testing.assert_close(ensemble.encoder.norm(dim=1), torch.ones(6, 5))


def test_the_same_seed_gives_the_same_ensemble_and_another_seed_another():
    one, two, other = (finish(train(samples(), SMALL, seed=s))[1] for s in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not torch.equal(one.decoder, other.decoder)


def test_groups_are_independent_of_each_other_and_of_chunks(monkeypatch):
    x = samples(groups=5)
    whole = finish(train(x, SMALL, seed=0))[1]
    monkeypatch.setattr("core.discovery.autoencoder.CHUNK_NUMBERS", 1)
    monkeypatch.setattr("core.discovery.autoencoder.SETTLED", -1.0)
    monkeypatch.setattr("core.discovery.autoencoder.CHECK_EVERY", 10_000)
    parts = finish(train(x, SMALL, seed=0))[1]
    torch.testing.assert_close(whole.codes(x, 3).latent, parts.codes(x, 3).latent)


def test_codes_are_the_strongest_latent_or_silent():
    by_hand = strongest(torch.tensor([[0.0, 0.0], [0.1, 0.3]]))
    assert by_hand.latent.tolist() == [SILENT, 1]
    assert by_hand.strength.tolist() == pytest.approx([0.0, 0.3])
    x = samples()
    ensemble = finish(train(x, SMALL, seed=0))[1]
    codes = ensemble.codes(x, 3)
    assert codes.latent.shape == codes.strength.shape == (3, 2, 7)
    latents = ensemble.latents(x.repeat_interleave(3, 0))
    assert codes.latent[1, 0].tolist() == strongest(latents[1]).latent.tolist()
    assert codes.strength[2, 1].tolist() == strongest(latents[5]).strength.tolist()


def test_strong_sparsity_silences_what_is_weak():
    x = torch.cat([samples(1) * 3, samples(1, seed=1) * 1e-3])
    codes = finish(train(x, SMALL.model_copy(update={"epochs": 200}), seed=0))[1].codes(x, 3).latent
    assert (codes[:, 0] != SILENT).float().mean() > 0.8
    assert (codes[:, 1] == SILENT).all()


def test_training_stops_when_the_codes_have_settled():
    steps, _ = finish(train(samples(), SMALL.model_copy(update={"epochs": 5000}), seed=0))
    assert len(steps) < 5000
    assert steps[-1].changed <= 0.005


def test_sparsities_spread_from_half_to_double():
    result = member_sparsities(SMALL).tolist()
    assert result == pytest.approx([0.025, 0.05, 0.1])
    assert member_sparsities(PRESETS["paper"]).tolist() == pytest.approx([0.02])
