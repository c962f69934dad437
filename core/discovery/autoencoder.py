"""An ensemble of small sparse autoencoders, one a head, trained together as one batched computation.

After O'Neill & Bui 2024 (arXiv 2405.12522), section 3: subtract a bias, linear encoder with unit-norm rows and a
bias, ReLU, linear decoder with unit-norm columns, add the bias; loss = mean squared error + sparsity * mean L1 of
the latents; Adam on the full batch. Beyond the paper:

1. one dictionary a head (`group`) in d_head coordinates instead of one for all heads in d_model;
2. several members a group, with their own seeds and sparsities, side by side in the same matrix products;
3. training stops when the codes have settled.

The authors' own training is in core.discovery.published_autoencoder.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from core.config import AutoencoderConfig
from core.model.interruption import stop_point
from core.model.memory.plan import STATES, TRAINING_BYTES

CHECK_EVERY = 10
"""Epochs between two looks at the codes."""

SETTLED = 0.005
"""Training stops when at most this share of the codes changed between two looks."""

CHUNK_NUMBERS = 2**20
"""Numbers in the largest buffer (unit, sample, latent) of one chunk of groups; keeps it in the
processor's cache. A GPU takes 64 times as many."""

TURN_PRODUCTS = 5 * 10**9
"""Products of one matrix product (unit, sample, latent, d), summed over all chunks and epochs between two records:
about a second, so that a cancelled training ends soon. A GPU takes 64 times as many."""

SILENT = -1
"""The code of a sample for which no latent fires."""

NO_CODE = -2
"""In place of a code at a position that a text lacks."""


@dataclass(frozen=True)
class TrainStep:
    """One epoch of the training: mean loss over groups and members, and the share of codes that changed."""

    epoch: int
    epochs: int
    loss: float
    changed: float


class Ensemble(NamedTuple):
    """Parameters of every member of every group; a `unit` is one member of one group, group by group.

    encoder (unit, d, latent), encoder_bias (unit, 1, latent), decoder (unit, latent, d), bias (unit, 1, d).
    """

    encoder: Tensor
    encoder_bias: Tensor
    decoder: Tensor
    bias: Tensor

    def latents(self, samples: Tensor, out: Tensor | None = None) -> Tensor:
        """ReLU latents (unit, sample, latent) of samples (unit, sample, d), written into `out` if it is given."""
        offset = self.encoder_bias - self.bias @ self.encoder
        return torch.baddbmm(offset, samples, self.encoder, out=out).relu_()

    def codes(self, samples: Tensor, members: int) -> "Codes":
        """Codes of samples (group, sample, d), chunk by chunk: fields (member, group, sample)."""
        size = _fitting(CHUNK_NUMBERS, samples.shape[1] * members * self.encoder.shape[2], samples)
        parts = []
        for start in range(0, samples.shape[0], size):
            ensemble = Ensemble(*(tensor[start * members : (start + size) * members] for tensor in self))
            chunk = samples[start : start + size]
            if members > 1:
                chunk = chunk.repeat_interleave(members, dim=0)
            parts.append(strongest(ensemble.latents(chunk)))
        fields = map(torch.cat, zip(*parts, strict=True))
        return Codes(*(field.unflatten(0, (-1, members)).transpose(0, 1) for field in fields))


class Codes(NamedTuple):
    """Index of the strongest `latent`, int64, SILENT where none fires, NO_CODE where the text lacks the position; its
    `strength`, 0 where silent or without a code.
    """

    latent: Tensor
    strength: Tensor


def strongest(latents: Tensor) -> Codes:
    """Codes (...,) of latents (..., latent)."""
    best = latents.max(dim=-1)
    return Codes(torch.where(best.values > 0, best.indices, SILENT), best.values)


def train(
    samples: Tensor, config: AutoencoderConfig, seed: int | torch.Generator
) -> Generator[TrainStep, None, Ensemble]:
    """Train an ensemble on samples (group, sample, d), float32; a generator of TrainStep that returns Ensemble.

    `seed` may be a generator of random numbers, which goes on where the training of earlier groups has left it.

    The result depends on samples, config and seed alone. Chunks of groups take turns of several epochs each, so
    that a chunk stays in the processor's cache; the records of a turn come together at its end.
    """
    generator = torch.Generator().manual_seed(seed) if isinstance(seed, int) else seed
    ensemble = _start(samples, config, generator)
    per_group = samples.shape[1] * config.members * config.latents
    size = min(len(samples), _fitting(CHUNK_NUMBERS, per_group, samples))
    buffers = _Buffers.of(size * config.members, samples, config.latents)
    trainers = []
    for first in range(0, len(samples), size):
        units = slice(first * config.members, (first + size) * config.members)
        chunk = Ensemble(*(tensor[units] for tensor in ensemble))
        trainers.append(_Trainer(samples[first : first + size], chunk, config, buffers))
    turn = min(
        CHECK_EVERY, _fitting(TURN_PRODUCTS, samples.numel() * config.members * config.latents, samples)
    )
    for first in range(1, config.epochs + 1, turn):
        epochs = range(first, min(first + turn, config.epochs + 1))
        records = [trainer.run(epochs) for trainer in trainers]
        for epoch, column in zip(epochs, zip(*records, strict=True), strict=True):
            losses, changes, settled = zip(*column, strict=True)
            count = len(trainers)
            yield TrainStep(epoch, config.epochs, sum(losses) / count, sum(changes) / count)
            if all(settled):
                return ensemble
    return ensemble


@dataclass
class _Buffers:
    """Memory that all chunks use in turn: the samples once for each member, the large intermediate results
    (unit, sample, ...), and the gradients of the four parameters.
    """

    samples: Tensor
    latents: Tensor
    error: Tensor
    pull: Tensor
    gradients: list[Tensor]

    @classmethod
    def of(cls, units: int, samples: Tensor, latents: int) -> "_Buffers":
        """Room for this many units, with samples (group, sample, d) and latents of this number."""
        count, d = samples.shape[1:]

        def empty(*shape: int) -> Tensor:
            return samples.new_empty(units, *shape)

        gradients = [empty(d, latents), empty(1, latents), empty(latents, d), empty(1, d)]
        return cls(empty(count, d), empty(count, latents), empty(count, d), empty(count, latents), gradients)

    def first(self, units: int) -> "_Buffers":
        """The part for this many units."""
        samples, latents, error, pull, *gradients = (
            tensor[:units] for tensor in (self.samples, self.latents, self.error, self.pull, *self.gradients)
        )
        return _Buffers(samples, latents, error, pull, gradients)


class _Trainer:
    """Adam on one chunk of groups, with the gradients of the loss written out.

    Autograd gives the same codes and takes two to three times as long: it allocates every intermediate result
    (unit, sample, latent) anew, which does not fit the processor's cache.
    """

    def __init__(
        self, samples: Tensor, start: Ensemble, config: AutoencoderConfig, buffers: _Buffers
    ) -> None:
        self.samples, self.ensemble = samples, start
        self.settled, self.changed, self.loss = False, 1.0, torch.zeros(())
        self._members, self._buffers = config.members, buffers.first(len(start.encoder))
        self._codes: Tensor | None = None
        sparsity = member_sparsities(config).to(samples.device).repeat(samples.shape[0])
        self._sparsity = sparsity[:, None, None]
        self._optimiser = torch.optim.Adam(list(start), lr=config.learning_rate, fused=True)

    def run(self, epochs: range) -> list[tuple[float, float, bool]]:
        """These epochs, until the codes have settled: loss, share of changed codes and settled or not, of each."""
        self.load()
        losses, states = [], []
        for epoch in epochs:
            if not self.settled:
                stop_point()
                self.step(look=epoch % CHECK_EVERY == 0)
            losses.append(self.loss)
            states.append((self.changed, self.settled))
        # One transfer from the device for all epochs of the turn.
        return [(loss, *state) for loss, state in zip(torch.stack(losses).tolist(), states, strict=True)]

    def load(self) -> None:
        """Fill the shared buffer with the samples of this chunk."""
        if not self.settled:
            self._buffers.samples.unflatten(0, (-1, self._members)).copy_(self.samples[:, None])

    @torch.no_grad()
    def step(self, look: bool) -> None:
        """One epoch; with `look`, compare the codes with those of the last look."""
        ensemble = self.ensemble
        self.descend()
        self._optimiser.step()
        _normalise(ensemble.encoder, dim=1)
        _normalise(ensemble.decoder, dim=2)
        if look:
            codes = strongest(self._buffers.latents).latent
            if self._codes is not None:
                self.changed = float((codes != self._codes).float().mean())
                self.settled = self.changed <= SETTLED
            self._codes = codes

    @torch.no_grad()
    def descend(self) -> None:
        """Loss and gradients at the present parameters."""
        ensemble, buffers = self.ensemble, self._buffers
        samples, error = buffers.samples, buffers.error
        latents = ensemble.latents(samples, out=buffers.latents)
        # error = reconstruction - samples = bias - samples + latents @ decoder
        torch.sub(ensemble.bias, samples, out=error).baddbmm_(latents, ensemble.decoder)
        count, latent, d = latents.shape[1], latents.shape[2], error.shape[2]
        l1 = latents.mean(dim=(1, 2)) * self._sparsity[:, 0, 0]
        self.loss = torch.linalg.vector_norm(error).square() / error.numel() + l1.mean()
        # From here on `error` is d loss / d reconstruction.
        error *= 2 / (count * d)
        # d loss / d latents: through the decoder, and the constant slope of the L1 term.
        pull = torch.baddbmm(
            self._sparsity / (count * latent), error, ensemble.decoder.transpose(1, 2), out=buffers.pull
        )
        # ReLU: no gradient where the latent is 0. Now `pull` is d loss / d pre-activation.
        torch.ops.aten.threshold_backward.grad_input(pull, latents, 0, grad_input=pull)
        total = pull.sum(dim=1, keepdim=True)
        encoder, encoder_bias, decoder, bias = buffers.gradients
        # pre-activation = (samples - bias) @ encoder + encoder_bias, so the encoder's gradient is
        # samples' @ pull - bias' @ total.
        torch.mul(ensemble.bias.transpose(1, 2), -total, out=encoder)
        encoder.baddbmm_(samples.transpose(1, 2), pull)
        encoder_bias.copy_(total)
        torch.bmm(latents.transpose(1, 2), error, out=decoder)
        # The bias is added behind the decoder and subtracted in front of the encoder.
        torch.sub(error.sum(dim=1, keepdim=True), total @ ensemble.encoder.transpose(1, 2), out=bias)
        for tensor, gradient in zip(ensemble, buffers.gradients, strict=True):
            tensor.grad = gradient


def _normalise(weights: Tensor, dim: int) -> None:
    weights *= weights.square().sum(dim=dim, keepdim=True).clamp_min(1e-24).rsqrt()


def member_sparsities(config: AutoencoderConfig) -> Tensor:
    """Sparsity of each member: the setting itself for one, spread from half to double over several."""
    if config.members == 1:
        return torch.full((1,), config.sparsity)
    return config.sparsity * 2 ** torch.linspace(-1, 1, config.members)


def _start(samples: Tensor, config: AutoencoderConfig, generator: torch.Generator) -> Ensemble:
    groups, _, d = samples.shape
    shape = (groups * config.members, config.latents, d)
    stop_point()
    decoder = torch.randn(shape, generator=generator).to(samples.device)
    _normalise(decoder, dim=2)
    zeros = torch.zeros(len(decoder), 1, config.latents, device=samples.device)
    bias = torch.zeros(len(decoder), 1, d, device=samples.device)
    return Ensemble(decoder.transpose(1, 2).contiguous(), zeros, decoder, bias)


def groups_at_once(samples: int, values: Tensor, config: AutoencoderConfig) -> int:
    """How many groups with so many samples of the last axis of `values` fit into the memory set aside for training.

    Whole chunks, and numbers of groups whose random starts are drawn alike whether or not others follow (torch draws
    normal numbers sixteen at a time).
    """
    d = values.shape[-1]
    whole = math.lcm(_fitting(CHUNK_NUMBERS, samples * config.members * config.latents, values), 16)
    each = config.members * config.latents * 2 * d * 4 * STATES
    return max(whole, TRAINING_BYTES // each // whole * whole)


def _fitting(budget: int, each: int, samples: Tensor) -> int:
    """How many things of this size fit the budget of the samples' device, at least one."""
    return max(1, budget * (1 if samples.device.type == "cpu" else 64) // each)
