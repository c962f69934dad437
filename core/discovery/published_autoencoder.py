"""The autoencoder of the published method, as its authors train it: the preset `paper`.

O'Neill & Bui 2024 (arXiv 2405.12522), section 3, with what their code (charlieoneill11/sae-circuits) adds:

1. encoder (latent, d_model) and decoder (d_model, latent) start as independent normal numbers; rows of both have unit
   norm, which for the decoder are those of an output coordinate, not of a latent. The encoder's bias starts within
   ±1/√d_model, the bias in front and behind at 0;
2. loss = mean squared error + sparsity × L1 norm of the latents, summed over latents and averaged over samples;
3. gradients lose their part along the rows before each step of Adam; all epochs are walked, without an early stop.

Members, one in the preset, are independent repetitions.
"""

import math
from collections.abc import Generator

import torch
from torch import Tensor
from torch.nn.functional import normalize

from core.config import AutoencoderConfig
from core.discovery.autoencoder import CHECK_EVERY, Codes, TrainStep, strongest


class PublishedAutoencoder:
    """Weights of all members: encoder (member, latent, d), encoder_bias (member, 1, latent), decoder (member, d,
    latent), bias (member, 1, d).
    """

    def __init__(self, d_model: int, config: AutoencoderConfig, seed: int, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(seed)
        members, latents = config.members, config.latents
        uniform = torch.rand(members, 1, latents, generator=generator)
        encoder = torch.randn(members, latents, d_model, generator=generator)
        decoder = torch.randn(members, d_model, latents, generator=generator)
        self.encoder, self.decoder = (normalize(rows, dim=-1).to(device) for rows in (encoder, decoder))
        self.encoder_bias = ((2 * uniform - 1) * (1 / math.sqrt(d_model))).to(device)
        self.bias = torch.zeros(members, 1, d_model, device=device)

    def parameters(self) -> list[Tensor]:
        """The four tensors."""
        return [self.encoder, self.encoder_bias, self.decoder, self.bias]

    def latents(self, samples: Tensor) -> Tensor:
        """ReLU latents (member, sample, latent) of samples (sample, d)."""
        return torch.relu((samples - self.bias) @ self.encoder.transpose(1, 2) + self.encoder_bias)

    def loss(self, samples: Tensor, latents: Tensor, sparsity: float) -> Tensor:
        """Loss (member,)."""
        error = latents @ self.decoder.transpose(1, 2) + self.bias - samples
        return error.square().mean(dim=(1, 2)) + sparsity * latents.sum(dim=2).mean(dim=1)

    @torch.no_grad()
    def codes(self, samples: Tensor) -> Codes:
        """Codes of samples (sample, d): fields (member, sample). Where no latent fires the code is silent; in the
        authors' code it is latent 0.
        """
        return strongest(self.latents(samples))


def train_published(
    samples: Tensor, config: AutoencoderConfig, seed: int
) -> Generator[TrainStep, None, PublishedAutoencoder]:
    """Train on samples (sample, d_model), float32; a generator of TrainStep that returns the autoencoder."""
    model = PublishedAutoencoder(samples.shape[-1], config, seed, samples.device)
    for parameter in model.parameters():
        parameter.requires_grad_()
    optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
    before, changed = None, 1.0
    for epoch in range(1, config.epochs + 1):
        with torch.enable_grad():
            optimiser.zero_grad()
            latents = model.latents(samples)
            loss = model.loss(samples, latents, config.sparsity)
            loss.sum().backward()
        with torch.no_grad():
            for weights in (model.encoder, model.decoder):
                assert weights.grad is not None
                weights.grad -= (weights.grad * weights).sum(dim=-1, keepdim=True) * weights
            optimiser.step()
            for weights in (model.encoder, model.decoder):
                weights.copy_(normalize(weights, dim=-1))
        if epoch % CHECK_EVERY == 0:
            now = strongest(latents.detach()).latent
            changed = changed if before is None else float((now != before).float().mean())
            before = now
        yield TrainStep(epoch, config.epochs, float(loss.detach().mean()), changed)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model
