"""An ensemble of small sparse autoencoders, one a head, trained together as one batched computation.

After O'Neill & Bui 2024 (arXiv 2405.12522), section 3: subtract a bias, linear encoder with unit-norm rows and a
bias, ReLU, linear decoder with unit-norm columns, add the bias; loss = mean squared error + sparsity * mean L1 of
the latents; Adam on the full batch. Beyond the paper:

1. one dictionary a head (`group`) in d_head coordinates instead of one for all heads in d_model;
2. several members a group, with their own seeds and sparsities, side by side in the same matrix products;
3. training stops when the codes have settled.

The published recipe is the same computation with one group that holds the samples of all heads.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from core.config import AutoencoderConfig

CHECK_EVERY = 10
"""Epochs between two looks at the codes."""

SETTLED = 0.005
"""Training stops when at most this share of the codes changed between two looks."""

CHUNK_NUMBERS = 2**20
"""Numbers in the largest buffer (unit, sample, latent) of one chunk of groups; keeps it in the
processor's cache. A GPU takes 64 times as many."""

SILENT = -1
"""The code of a sample for which no latent fires."""


@dataclass(frozen=True)
class TrainStep:
    """One epoch of the training: mean loss over groups and members, and the share of codes that changed."""

    epoch: int
    epochs: int
    loss: float
    changed: float


@dataclass
class Ensemble:
    """Parameters of every member of every group; a `unit` is one member of one group, group by group.

    encoder (unit, d, latent), encoder_bias (unit, 1, latent), decoder (unit, latent, d), bias (unit, 1, d).
    """

    encoder: Tensor
    encoder_bias: Tensor
    decoder: Tensor
    bias: Tensor

    def parameters(self) -> list[Tensor]:
        """The four tensors."""
        return [self.encoder, self.encoder_bias, self.decoder, self.bias]

    def latents(self, samples: Tensor) -> Tensor:
        """ReLU latents (unit, sample, latent) of samples (unit, sample, d)."""
        return torch.baddbmm(self.encoder_bias - self.bias @ self.encoder, samples, self.encoder).relu_()

    def codes(self, samples: Tensor, members: int) -> "Codes":
        """Codes of samples (group, sample, d), chunk by chunk: fields (member, group, sample)."""
        size = _chunk_size(samples.shape[1] * members * self.encoder.shape[2], samples.device)
        parts = []
        for start in range(0, samples.shape[0], size):
            part = slice(start * members, (start + size) * members)
            ensemble = Ensemble(*(tensor[part] for tensor in self.parameters()))
            parts.append(strongest(ensemble.latents(_per_unit(samples[start : start + size], members))))
        return Codes(
            *(
                torch.cat(field).unflatten(0, (-1, members)).transpose(0, 1)
                for field in zip(*parts, strict=True)
            )
        )


class Codes(NamedTuple):
    """Index of the strongest `latent`, int64, SILENT where none fires; its `strength`, 0 where silent."""

    latent: Tensor
    strength: Tensor


def strongest(latents: Tensor) -> Codes:
    """Codes (...,) of latents (..., latent)."""
    best = latents.max(dim=-1)
    return Codes(torch.where(best.values > 0, best.indices, SILENT), best.values)


def train(samples: Tensor, config: AutoencoderConfig, seed: int) -> Generator[TrainStep, None, Ensemble]:
    """Train an ensemble on samples (group, sample, d), float32; a generator of TrainStep that returns Ensemble.

    The result depends on samples, config and seed alone.
    """
    generator = torch.Generator().manual_seed(seed)
    start = _start(samples, config, generator)
    size = _chunk_size(samples.shape[1] * config.members * config.latents, samples.device)
    trainers = []
    for first in range(0, samples.shape[0], size):
        units = slice(first * config.members, (first + size) * config.members)
        chunk = Ensemble(*(tensor[units].clone() for tensor in start.parameters()))
        trainers.append(_Trainer(samples[first : first + size], chunk, config))
    del start
    for epoch in range(1, config.epochs + 1):
        for trainer in trainers:
            if not trainer.settled:
                trainer.step(look=epoch % CHECK_EVERY == 0)
        changed = sum(trainer.changed for trainer in trainers) / len(trainers)
        yield TrainStep(epoch, config.epochs, sum(float(t.loss) for t in trainers) / len(trainers), changed)
        if all(trainer.settled for trainer in trainers):
            break
    parts = [trainer.ensemble.parameters() for trainer in trainers]
    return Ensemble(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))


class _Trainer:
    """Adam on one chunk of groups, with the gradients of the loss written out."""

    def __init__(self, samples: Tensor, start: Ensemble, config: AutoencoderConfig) -> None:
        self.samples = _per_unit(samples, config.members)
        self.ensemble = start
        self.settled, self.changed, self.loss = False, 1.0, torch.zeros(())
        self._codes: Tensor | None = None
        sparsity = member_sparsities(config).to(samples.device).repeat(samples.shape[0])
        self._sparsity = sparsity[:, None, None]
        self._optimiser = torch.optim.Adam(start.parameters(), lr=config.learning_rate, fused=True)

    @torch.no_grad()
    def step(self, look: bool) -> None:
        """One epoch; with `look`, compare the codes with those of the last look."""
        ensemble = self.ensemble
        latents = ensemble.latents(self.samples)
        error = torch.baddbmm(ensemble.bias - self.samples, latents, ensemble.decoder)
        self._descend(latents, error)
        self._optimiser.step()
        _normalise(ensemble.encoder, dim=1)
        _normalise(ensemble.decoder, dim=2)
        if look:
            self._compare(strongest(latents).latent)

    def _descend(self, latents: Tensor, error: Tensor) -> None:
        """Loss and gradients from latents (unit, sample, latent) and error (unit, sample, d)."""
        ensemble = self.ensemble
        count, latent, d = latents.shape[1], latents.shape[2], error.shape[2]
        l1 = latents.mean(dim=(1, 2)) * self._sparsity[:, 0, 0]
        self.loss = error.square().mean() + l1.mean()
        error *= 2 / (count * d)
        pull = torch.baddbmm(self._sparsity / (count * latent), error, ensemble.decoder.transpose(1, 2))
        pull *= latents > 0
        total = pull.sum(dim=1, keepdim=True)
        ensemble.encoder.grad = torch.baddbmm(
            -ensemble.bias.transpose(1, 2) * total, self.samples.transpose(1, 2), pull
        )
        ensemble.encoder_bias.grad = total
        ensemble.decoder.grad = latents.transpose(1, 2) @ error
        ensemble.bias.grad = error.sum(dim=1, keepdim=True) - total @ ensemble.encoder.transpose(1, 2)

    def _compare(self, codes: Tensor) -> None:
        if self._codes is not None:
            self.changed = float((codes != self._codes).float().mean())
            self.settled = self.changed <= SETTLED
        self._codes = codes


def _normalise(weights: Tensor, dim: int) -> None:
    weights *= weights.square().sum(dim=dim, keepdim=True).clamp_min(1e-24).rsqrt()


def _per_unit(samples: Tensor, members: int) -> Tensor:
    """Samples (unit, sample, d): each group's, once for each member."""
    return samples if members == 1 else samples.repeat_interleave(members, dim=0)


def member_sparsities(config: AutoencoderConfig) -> Tensor:
    """Sparsity of each member: the setting itself for one, spread from half to double over several."""
    if config.members == 1:
        return torch.full((1,), config.sparsity)
    return config.sparsity * 2 ** torch.linspace(-1, 1, config.members)


def _start(samples: Tensor, config: AutoencoderConfig, generator: torch.Generator) -> Ensemble:
    groups, _, d = samples.shape
    shape = (groups * config.members, config.latents, d)
    decoder = torch.randn(shape, generator=generator).to(samples.device)
    _normalise(decoder, dim=2)
    zeros = torch.zeros(len(decoder), 1, config.latents, device=samples.device)
    bias = torch.zeros(len(decoder), 1, d, device=samples.device)
    return Ensemble(decoder.transpose(1, 2).contiguous(), zeros, decoder, bias)


def _chunk_size(numbers_per_group: int, device: torch.device) -> int:
    budget = CHUNK_NUMBERS * (1 if device.type == "cpu" else 64)
    return max(1, budget // numbers_per_group)
