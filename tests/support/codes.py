"""Codes, trainings and alignments made by hand."""

import torch

from core.config import AutoencoderConfig
from core.discovery.autoencoder import SILENT, Codes
from core.discovery.scoring import head_scores
from core.discovery.stability import stability_of
from core.examples.alignment import Alignment


def random_codes(members=3, examples=12, slots=4, heads=7, seed=0) -> Codes:
    numbers = torch.Generator().manual_seed(seed)
    latent = torch.randint(SILENT, 4, (members, examples, slots, heads), generator=numbers)
    strength = torch.rand(latent.shape, generator=numbers) * (latent != SILENT)
    return Codes(latent, strength)


def made_codes(*heads: list[int], n_anomalous: int) -> Codes:
    """One member and slot; each head's codes over the examples, anomalous first, all of strength 1."""
    latent = torch.tensor(heads).T[None, :, None]
    assert latent.shape[1] > n_anomalous
    return Codes(latent, (latent != SILENT).float())


def of(codes: Codes, n_anomalous: int, paired=True, statistic="strength", texts=None):
    scores = head_scores(codes, n_anomalous, statistic)
    texts = texts or [[i] for i in range(codes.latent.shape[1])]
    return stability_of(codes, scores, texts, n_anomalous, paired, statistic, seed=0)


def codes_from(index, strength=None) -> Codes:
    index = torch.as_tensor(index)
    strength = torch.ones(index.shape) if strength is None else torch.as_tensor(strength)
    return Codes(index, strength * (index > SILENT))


SMALL = AutoencoderConfig(members=3, latents=5, sparsity=0.05, epochs=30, learning_rate=0.01)


def finish(training):
    steps = []
    while True:
        try:
            steps.append(next(training))
        except StopIteration as end:
            return steps, end.value


def aligned(n_anomalous, positions, paired=True):
    kept = tuple(range(len(positions)))
    return Alignment(
        mode="aligned",
        reason="",
        kept=kept,
        n_anomalous=n_anomalous,
        slots=tuple(map(str, range(positions.shape[1]))),
        positions=positions,
        pairs_source="given" if paired else "none",
    )
