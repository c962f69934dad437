"""Methods that only look at what heads write: codes by k-means, distances, probes, and variants of the autoencoders.

Edges of a method without codes are scored by the product of their two heads.
"""

import warnings
from dataclasses import replace
from zlib import crc32

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from core.analysis.candidates import score
from core.analysis.observations import Observations, observe
from core.benchmark.methods.method import Method, Outcome, paper
from core.config import AutoencoderConfig
from core.discovery.autoencoder import NO_CODE, Codes
from core.discovery.codes import scale
from core.examples.example_set import ExampleSet
from core.model.loaded_model import LoadedModel

PAPER_MEMBERS = 8
"""Seeds that `paper_ensemble` averages over."""

KMEANS_STARTS = 4
"""Starts of which k-means keeps the best."""

PENALTY = 1.0
"""Weight of half the squared length of a probe's weights beside the sum of its losses (scikit-learn's C = 1)."""

NEWTON_STEPS = 12

TIE = 1e-5
"""Largest part of a probe's score that its margin makes: less than any step of an AUC of 100 + 100 texts."""


def k_means(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
    """Clusters in place of latents: one k-means a head over all texts and slots, k the rounded root of their number.

    Everything else is as in our method: the same centred outputs, the same counting of codes that anomalous texts alone
    show, weighted by strength, which is the length of the centred output here.
    """
    observations = observe(loaded, examples, attention=False)
    codes = cluster_codes(scale(observations.centred()), seed)
    scores = score(codes, observations.n_anomalous, loaded.layer_of_head)
    return Outcome(scores.heads.score.numpy(), scores.edges, observations.forward_passes)


def cluster_codes(values: Tensor, seed: int) -> Codes:
    """Codes (1, example, slot, head) of values (example, slot, head, d_head): the cluster, and the length."""
    examples, slots, heads, d_head = values.shape
    present = ~values[:, :, 0, 0].isnan().flatten()
    samples = values.permute(2, 0, 1, 3).reshape(heads, examples * slots, d_head)[:, present].numpy()
    latent = torch.full((heads, examples * slots), NO_CODE)
    latent[:, present] = torch.from_numpy(np.stack([_clusters(sample, seed) for sample in samples])).long()
    index = latent.unflatten(1, (examples, slots)).permute(1, 2, 0)
    return Codes(index[None], values.norm(dim=-1).nan_to_num()[None])


def _clusters(samples: np.ndarray, seed: int) -> np.ndarray:
    """Cluster (sample,) of samples (sample, d_head)."""
    k = max(2, round(len(samples) ** 0.5))
    with warnings.catch_warnings():
        # a head that writes fewer different values than there are clusters
        warnings.simplefilter("ignore", ConvergenceWarning)
        labels: np.ndarray = KMeans(k, n_init=KMEANS_STARTS, random_state=seed).fit_predict(samples)
    return labels


def pair_difference_norm(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
    """No autoencoder: mean length of the centred anomalous outputs at the best slot."""
    observations = observe(loaded, examples, attention=False)
    return _by_product(_mean_lengths(observations).amax(dim=0).double().numpy(), observations)


def pair_difference_flow(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
    """Our method without autoencoders: the same lengths weighted by attention flow; edges by their links alone."""
    observations = observe(loaded, examples)
    flow = observations.flow()
    heads = (_mean_lengths(observations) * flow.weights).amax(dim=0).double().numpy()
    outcome = _by_product(heads, observations)
    return outcome if flow.links is None else replace(outcome, edges=flow.links)


def _mean_lengths(observations: Observations) -> Tensor:
    """Mean length (slot, head) of the centred anomalous outputs, of the texts that have the slot."""
    return observations.centred()[: observations.n_anomalous].norm(dim=-1).nanmean(dim=0)


def _by_product(heads: np.ndarray, observations: Observations) -> Outcome:
    return Outcome(heads, np.outer(heads, heads), observations.forward_passes)


def mean_difference(loaded: LoadedModel, examples: ExampleSet, seed: int, pairing: str = "auto") -> Outcome:
    """Distance of the mean anomalous from the mean normal output of a head, at its best slot."""
    observations = observe(loaded, examples, pairing=pairing, attention=False)
    return _by_product(mean_distances(observations.outputs, observations.n_anomalous), observations)


def mean_distances(outputs: Tensor, n_anomalous: int) -> np.ndarray:
    """Distances (head,) at the best slot, from outputs (example, slot, head, d_head) of the texts that have it."""
    apart = outputs[:n_anomalous].double().nanmean(dim=0) - outputs[n_anomalous:].double().nanmean(dim=0)
    distances: np.ndarray = apart.norm(dim=-1).amax(dim=0).numpy()
    return distances


def probe(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
    """Held-out AUC of a logistic regression on a head's output, at its best slot."""
    observations = observe(loaded, examples, attention=False)
    # A text without the slot has its mean there.
    values, paired = scale(observations.centred()).nan_to_num(), observations.alignment.paired
    return _by_product(probe_scores(values, observations.n_anomalous, paired), observations)


def probe_scores(values: Tensor, n_anomalous: int, paired: bool) -> np.ndarray:
    """Scores (head,) of values (example, slot, head, d_head).

    Each text, or pair of texts, is held out once, and the probe that has not seen it gives its decision. The score is
    the AUC of these decisions, plus a sliver of their mean margin, so that heads of equal AUC are told apart.
    """
    examples = len(values)
    samples = values.permute(1, 2, 0, 3).double()
    samples = torch.cat([samples, torch.ones_like(samples[..., :1])], dim=-1)
    sign = torch.ones(examples, dtype=torch.float64)
    sign[n_anomalous:] = -1
    decisions = torch.empty(samples.shape[:3], dtype=torch.float64)
    for held in (
        [[i, i + n_anomalous] for i in range(n_anomalous)] if paired else [[i] for i in range(examples)]
    ):
        seen = [i for i in range(examples) if i not in held]
        weights = _logistic(samples[:, :, seen], sign[seen])
        decisions[:, :, held] = torch.einsum("shed,shd->she", samples[:, :, held], weights)
    margin = (decisions * sign).mean(dim=-1)
    scores = _auc(decisions, n_anomalous) + TIE * margin / (1 + margin.abs())
    best: np.ndarray = scores.amax(dim=0).numpy()
    return best


def _logistic(samples: Tensor, sign: Tensor) -> Tensor:
    """Weights (slot, head, d) of logistic regressions on samples (slot, head, example, d), by Newton's method.

    The last coordinate is the intercept and is not penalised.
    """
    d = samples.shape[-1]
    penalty = torch.full((d,), PENALTY, dtype=samples.dtype)
    penalty[-1] = 1e-6
    weights = torch.zeros(*samples.shape[:2], d, dtype=samples.dtype)
    for _ in range(NEWTON_STEPS):
        wrong = torch.sigmoid(-sign * torch.einsum("shed,shd->she", samples, weights))
        gradient = penalty * weights - torch.einsum("she,shed->shd", sign * wrong, samples)
        curved = samples * (wrong * (1 - wrong))[..., None]
        hessian = curved.transpose(-1, -2) @ samples + torch.diag(penalty)
        weights = weights - torch.linalg.solve(hessian, gradient)
    return weights


def _auc(decisions: Tensor, n_anomalous: int) -> Tensor:
    """Share of (anomalous, normal) whose order is right, ties half, over the last axis."""
    ahead = decisions[..., :n_anomalous, None] - decisions[..., None, n_anomalous:]
    return ((ahead > 0).double() + (ahead == 0).double() / 2).mean(dim=(-1, -2))


def paper_ensemble(settings: AutoencoderConfig) -> Method:
    """The published method with several seeds; the mean of their scores."""
    single = paper(settings)

    def method(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
        outcomes = [single(loaded, examples, seed * PAPER_MEMBERS + i) for i in range(PAPER_MEMBERS)]
        return Outcome(
            np.mean([outcome.heads for outcome in outcomes], axis=0),
            np.mean([outcome.edges for outcome in outcomes], axis=0),
            sum(outcome.forward_passes for outcome in outcomes),
        )

    return method


def chance(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
    """Scores that know nothing, others for other texts."""
    count = len(loaded.heads)
    generator = np.random.default_rng([seed, crc32(examples.examples[0].text.encode())])
    return Outcome(generator.random(count), generator.random((count, count)), 0)
