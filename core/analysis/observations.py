"""What an analysis observes on the compared texts, and what it trains and scores on that.

One analysis, the sweep over settings and the benchmark's methods all start here, so that they cannot drift apart.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from core.analysis.candidates import Scores, score
from core.config import AutoencoderConfig
from core.discovery.attention_flow import AttentionFlow, flow_between
from core.discovery.autoencoder import Codes, TrainStep
from core.discovery.codes import centre, codes_of, published_codes, scale
from core.discovery.scoring import Statistic
from core.examples.alignment import Alignment, PositionMode, align
from core.examples.example_set import ExampleSet
from core.examples.token_alignment import ABSENT
from core.generators import result_of
from core.model.activation_store import ActivationStore
from core.model.attention_weights import Attention, mean_attention
from core.model.head_outputs import head_outputs
from core.model.loaded_model import LoadedModel
from core.model.recording import Recording
from core.model.tokens.tokenising import tokenise


@dataclass(frozen=True)
class Observations:
    """Plain runs of every example, what of them is compared, and what the model does there.

    `head_outputs` (example, slot, head, d_head) are those of the compared texts, anomalous first, NaN at slots that a
    text lacks; `attention` is None where nothing asked for it. `forward_passes` is what reading them took. `texts`
    (text,) picks some of the compared texts, all of them where it is None.
    """

    recording: Recording
    alignment: Alignment
    head_outputs: Tensor
    forward_passes: int
    attention: Attention | None = None
    texts: np.ndarray | None = None

    @property
    def loaded(self) -> LoadedModel:
        """The model."""
        return self.recording.loaded

    @property
    def outputs(self) -> Tensor:
        """Head outputs (text, slot, head, d_head) of the picked texts."""
        return self.head_outputs if self.texts is None else self.head_outputs[self.texts]

    @property
    def n_anomalous(self) -> int:
        """How many of the picked texts are anomalous; they come first."""
        n_anomalous = self.alignment.n_anomalous
        return n_anomalous if self.texts is None else int((self.texts < n_anomalous).sum())

    @property
    def compared(self) -> Recording:
        """Plain runs of the compared texts, anomalous first."""
        return self.recording.of(self.alignment.kept)

    def of(self, texts: np.ndarray) -> "Observations":
        """The same of these compared texts alone; positions and attention stay those of all of them."""
        return replace(self, texts=texts)

    def centred(self) -> Tensor:
        """Outputs less the mean of their pair or slot."""
        return centre(self.outputs, self.n_anomalous, self.alignment.paired)

    def flow(self) -> AttentionFlow:
        """By how much strengths and links count; all of them fully where no attention was read."""
        if self.attention is None:
            return AttentionFlow(torch.ones(self.outputs.shape[1:3]))
        return flow_between(
            self.outputs, self.attention, self.loaded.layer_of_head, self.alignment, self.texts
        )


def observe(
    loaded: LoadedModel,
    examples: ExampleSet,
    positions: PositionMode = "auto",
    pairing: str = "auto",
    *,
    attention: bool = True,
) -> Observations:
    """Tokenise, align and read examples; every text costs a forward pass."""
    ids = tokenise(loaded, examples)
    alignment = align(examples, ids, positions, pairing)
    return result_of(observe_aligned(loaded, ids, alignment, attention=attention))


def observe_aligned(
    loaded: LoadedModel,
    ids: list[list[int]],
    alignment: Alignment,
    *,
    attention: bool = True,
    streams: bool = False,
    store: ActivationStore | None = None,
) -> Generator[int, None, Observations]:
    """Read texts whose positions are aligned already; yields how many are read after each batch.

    `streams` says that interventions will follow, which start from the residual streams of the plain runs.
    """
    places = [[place for place in row if place != ABSENT] for row in alignment.positions.tolist()]
    slots = dict(zip(alignment.kept, places, strict=True))
    recording = Recording(loaded, ids, store=store, slots=slots, attention=attention, streams=streams)
    yield from recording.read()
    compared, positions = recording.of(alignment.kept), alignment.positions
    weights = mean_attention(compared, positions) if attention else None
    outputs = head_outputs(compared, positions)
    return Observations(recording, alignment, outputs, recording.forward_passes, weights)


def train_codes(
    observations: Observations, settings: AutoencoderConfig, seed: int
) -> Generator[TrainStep, None, Codes]:
    """Train with these settings; a generator of TrainStep that returns codes (member, example, slot, head)."""
    outputs, loaded = observations.outputs, observations.loaded
    if settings.shared:
        return (yield from published_codes(loaded.to_d_model(outputs[:, 0]), settings, seed))
    # no name for what is centred, so that it goes once it is scaled
    scaled = scale(outputs if settings.centre == "none" else observations.centred()).to(loaded.device)
    return (yield from codes_of(scaled, settings, seed))


def statistic_of(settings: AutoencoderConfig) -> Statistic:
    """The published method counts codes; everything else adds up their strengths."""
    return "count" if settings.shared else "strength"


def scores_of(
    observations: Observations, codes: Codes, flow: AttentionFlow, settings: AutoencoderConfig
) -> Scores:
    """Scores and candidates from codes that are weighted by `flow` already."""
    layers = observations.loaded.layer_of_head
    return score(codes, observations.n_anomalous, layers, statistic_of(settings), flow.links)
