"""Ways to tell which anomalous texts share a mechanism: each makes a vector of every anomalous text.

All of them read the same texts. Those that look at what heads write weigh the heads by the size of their measured
effects, which is more than they could know by themselves.

- `effects`: the effect of every head on the text (the product's way, `core.analysis.text_groups`).
- `attribution`: the same as gradients guess it.
- `codes`, `untrained`: latents of the autoencoders of the analysis, of the aligned and centred positions, as a set: the
  largest value over the positions; and of dictionaries that were never trained.
- `codes-tokens`, `untrained-tokens`: dictionaries of every token of all texts, and of texts that the model writes
  itself, so that a latent means the same in every text; the set of a text less that of its partner, or of the mean of
  the normal texts.
- `k-means`: the centred head outputs themselves.
- `lengths`: how much each head writes, whatever it is.
- `probe`: how far the centred output of a head lies towards the other anomalous texts, less the normal ones.
- `words`: the tokens of the text, each once, rare ones more (inverse document frequency).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from core.analysis.observations import Observations, observe_aligned
from core.causal.attribution import attribution
from core.causal.metric import Metric, metric_on
from core.causal.patching import Patching
from core.config import PRESETS
from core.discovery.autoencoder import Ensemble, train
from core.discovery.codes import scale
from core.examples.alignment import align
from core.examples.example_set import ExampleSet
from core.generators import result_of
from core.model.loaded_model import LoadedModel
from core.model.recording import Recording
from core.model.tokens.tokenising import tokenise

SETTINGS = PRESETS["standard"]
OWN_TEXTS = 2
"""Texts that the model writes itself, as a multiple of the texts read."""

SAMPLES = 4096
"""Tokens drawn at most to train dictionaries of every token."""


@dataclass(frozen=True)
class Case:
    """Texts of a draw as every way reads them."""

    loaded: LoadedModel
    examples: ExampleSet
    seed: int = 0
    pairing: str = "auto"

    @cached_property
    def observed(self) -> Observations:
        """Plain runs and the compared head outputs."""
        ids = tokenise(self.loaded, self.examples)
        alignment = align(self.examples, ids, "auto", self.pairing)
        return result_of(observe_aligned(self.loaded, ids, alignment, attention=False, streams=True))

    @property
    def count(self) -> int:
        """Anomalous texts."""
        return self.observed.n_anomalous

    @cached_property
    def patching(self) -> tuple[Patching, Metric]:
        """Interventions and what they are measured by."""
        about = self.observed.alignment
        metric = metric_on(self.observed.recording, self.examples, about, self.seed)
        return Patching(self.observed.compared, self.count, about.paired, self.seed), metric

    @cached_property
    def effects(self) -> np.ndarray:
        """Effects (text, head) of all heads: their value in the normal texts put into the anomalous ones."""
        patching, metric = self.patching
        heads = list(self.loaded.heads)
        noising: np.ndarray = result_of(patching.effects(heads, metric))[0]
        return np.nan_to_num(noising.T)

    @cached_property
    def mean_effects(self) -> np.ndarray:
        """Effects (text, head) of giving every head the mean of the normal texts."""
        patching, metric = self.patching
        heads = list(self.loaded.heads)
        changed = result_of(patching.measure(heads, range(self.count), metric, "mean"))
        return np.nan_to_num((metric.values[: self.count] - changed) / metric.gap).T

    @cached_property
    def weights(self) -> np.ndarray:
        """What the heads count (head,): the mean size of their effects."""
        sizes: np.ndarray = np.abs(self.effects).mean(axis=0)
        return sizes / max(float(sizes.max()), 1e-12)

    @cached_property
    def every_token(self) -> list[Tensor]:
        """Head outputs (position, head, d_head) of every token of the compared texts."""
        return outputs_of(self.observed.compared)

    @cached_property
    def centred(self) -> Tensor:
        """Centred outputs (text, slot, head, d_head) of all compared texts, in units of their root mean square."""
        # A text without the slot has its mean there.
        return scale(self.observed.centred()).nan_to_num()


def outputs_of(recording: Recording) -> list[Tensor]:
    """Head outputs R z (position, head, d_head) of every token of the texts."""
    frames = recording.loaded.head_frames()
    return [
        torch.einsum("hij,phj->phi", frames, torch.cat(z, dim=1).to(frames))
        for z in recording.z(range(len(recording.texts)))
    ]


def effects(case: Case) -> np.ndarray:
    """Effects text by text."""
    return case.effects


def guessed(case: Case) -> np.ndarray:
    """Effects text by text as gradients guess them."""
    patching, metric = case.patching
    values = result_of(attribution(case.observed.compared, patching, metric)).values
    return np.asarray(values.reshape(-1, case.count).T)


def codes(case: Case, epochs: int = SETTINGS.epochs) -> np.ndarray:
    """Latents of the aligned positions as a set."""
    texts, slots = case.centred.shape[:2]
    samples = case.centred.permute(2, 0, 1, 3).flatten(1, 2).contiguous()
    latents = _latents(_dictionaries(samples, epochs, case.seed), samples)
    sets = latents.unflatten(2, (texts, slots)).amax(dim=3)[:, :, : case.count]
    return _weighed(sets, case)


def untrained(case: Case) -> np.ndarray:
    """The same of dictionaries that were never trained."""
    return codes(case, epochs=0)


def token_codes(case: Case, epochs: int = SETTINGS.epochs) -> np.ndarray:
    """Latents of every token as a set, less those of the normal side."""
    outputs = case.every_token
    pool = torch.cat([*outputs, *outputs_of(own_texts(case))])
    mean = pool.mean(dim=0)
    length = (pool - mean).square().sum(dim=-1).mean().sqrt()
    order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(case.seed))[:SAMPLES]
    samples = ((pool[order] - mean) / length).permute(1, 0, 2).contiguous()
    dictionaries = _dictionaries(samples, epochs, case.seed)
    of_texts = [
        _latents(dictionaries, ((text - mean) / length).permute(1, 0, 2).contiguous()).amax(dim=2)
        for text in outputs
    ]
    sets = torch.stack(of_texts, dim=2)
    anomalous, normal = sets[:, :, : case.count], sets[:, :, case.count :]
    partners = normal if case.observed.alignment.paired else normal.mean(dim=2, keepdim=True)
    return _weighed(anomalous - partners, case)


def untrained_token_codes(case: Case) -> np.ndarray:
    """The same of dictionaries that were never trained."""
    return token_codes(case, epochs=0)


@torch.no_grad()
def own_texts(case: Case) -> Recording:
    """Texts that the model writes itself behind the first token of each text, as long as these."""
    generator = torch.Generator().manual_seed(case.seed)
    written = []
    for text in case.observed.compared.texts * OWN_TEXTS:
        ids = torch.tensor([list(text[:1])], device=case.loaded.device)
        while ids.shape[1] < len(text):
            chances = case.loaded.model(ids).logits[0, -1].float().softmax(dim=-1).cpu()
            drawn = torch.multinomial(chances, 1, generator=generator)
            ids = torch.cat([ids, drawn[None].to(ids)], dim=1)
        written.append(ids[0].tolist())
    return Recording(case.loaded, written)


def outputs(case: Case) -> np.ndarray:
    """Centred head outputs."""
    values = case.centred[: case.count].numpy() * case.weights[None, None, :, None]
    return np.asarray(values.reshape(case.count, -1))


def lengths(case: Case) -> np.ndarray:
    """Length of the centred outputs at the position where they are longest."""
    longest = case.centred[: case.count].norm(dim=-1).amax(dim=1).numpy()
    return np.asarray(longest * case.weights)


def probe(case: Case) -> np.ndarray:
    """Projection of each head's output on the difference of the means of the other texts, at the head's best slot."""
    values, count = case.centred.double().numpy(), case.count
    anomalous, normal = values[:count], values[count:].mean(axis=0)
    best = np.linalg.norm(anomalous.mean(axis=0) - normal, axis=-1).argmax(axis=0)
    heads = np.arange(values.shape[2])
    rows = []
    for text in range(count):
        towards = np.delete(anomalous, text, axis=0).mean(axis=0) - normal
        length = np.linalg.norm(towards, axis=-1, keepdims=True)
        rows.append(((anomalous[text] * towards / np.maximum(length, 1e-12)).sum(axis=-1))[best, heads])
    return np.array(rows) * case.weights


def words(case: Case) -> np.ndarray:
    """Tokens of the texts, by inverse document frequency."""
    texts = [set(ids) for ids in case.observed.compared.texts[: case.count]]
    known = sorted(set().union(*texts))
    held = np.array([[token in text for token in known] for text in texts], dtype=float)
    return held * (np.log((1 + len(texts)) / (1 + held.sum(axis=0))) + 1)


WAYS: dict[str, Callable[[Case], np.ndarray]] = {
    "effects": effects,
    "attribution": guessed,
    "codes": codes,
    "untrained": untrained,
    "codes-tokens": token_codes,
    "untrained-tokens": untrained_token_codes,
    "k-means": outputs,
    "lengths": lengths,
    "probe": probe,
    "words": words,
}


def _dictionaries(samples: Tensor, epochs: int, seed: int) -> Ensemble:
    """An ensemble trained on samples (head, sample, d_head), or as it starts where no epoch is wanted."""
    settings = SETTINGS.model_copy(update={"epochs": max(epochs, 1)})
    if not epochs:  # one step of no size leaves the dictionaries as they are drawn
        settings = settings.model_copy(update={"learning_rate": 1e-12})
    return result_of(train(samples, settings, seed))


def _latents(dictionaries: Ensemble, samples: Tensor) -> Tensor:
    """Latents (head, member, sample, latent) of samples (head, sample, d_head)."""
    every = dictionaries.latents(samples.repeat_interleave(SETTINGS.members, dim=0))
    return every.unflatten(0, (-1, SETTINGS.members))


def _weighed(sets: Tensor, case: Case) -> np.ndarray:
    """Vectors (text, feature) of latents (head, member, text, latent), each head by its weight."""
    values = sets.permute(2, 0, 1, 3).numpy() * case.weights[None, :, None, None]
    return np.asarray(values.reshape(case.count, -1))


def vectors(case: Case) -> Iterator[tuple[str, np.ndarray]]:
    """Every way with its vectors (text, feature)."""
    for name, way in WAYS.items():
        yield name, way(case)
