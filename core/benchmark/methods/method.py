"""The methods that are compared, behind one interface: examples in, scores of heads and edges out.

No method sees a truth. Each reads what it needs, without a cache, so that its cost is its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.analysis.candidates import score
from core.analysis.observations import observe, statistic_of, train_codes
from core.config import AutoencoderConfig
from core.discovery.autoencoder import Codes
from core.discovery.scoring import Statistic
from core.examples.alignment import Alignment, PositionMode
from core.examples.example_set import ExampleSet
from core.generators import result_of
from core.model.loaded_model import LoadedModel
from core.model.recording import Recording


@dataclass(frozen=True)
class Analysed:
    """Plain runs of the whole example set, what was compared, codes (member, example, slot, head) weighted by attention
    flow, links (source, target), and the forward passes that all this took.
    """

    recording: Recording
    alignment: Alignment
    codes: Codes
    links: np.ndarray | None = None
    forward_passes: int = 0


@dataclass(frozen=True)
class Outcome:
    """Scores over flat heads (head,) and pairs (source, target), and the forward passes that they took.

    `analysed` is there for methods whose candidates can be tested by interventions.
    """

    heads: np.ndarray
    edges: np.ndarray
    forward_passes: int
    analysed: Analysed | None = None


Method = Callable[[LoadedModel, ExampleSet, int], Outcome]


def ours(
    settings: AutoencoderConfig,
    positions: PositionMode = "auto",
    *,
    with_flow: bool = True,
    unpaired: ExampleSet | None = None,
) -> Method:
    """The pipeline with these settings, comparing these positions; without attention flow where it is not wanted.

    `unpaired` are texts without partners that take the place of the draw's.
    """

    def method(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
        texts, pairing = (examples, "auto") if unpaired is None else (unpaired, "off")
        analysed = analyse(
            loaded, texts, settings, seed, pairing=pairing, positions=positions, with_flow=with_flow
        )
        return scored(loaded, analysed)

    return method


def paper(settings: AutoencoderConfig, texts: ExampleSet | None = None) -> Method:
    """The published method: means over positions, one dictionary, counts of unique codes.

    `texts` take the place of the draw's: many, of which it trains on a few and counts on all.
    """

    def method(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
        analysed = analyse(loaded, texts or examples, settings, seed, positions="mean", with_flow=False)
        outcome = scored(loaded, analysed, statistic_of(settings))
        return Outcome(outcome.heads, outcome.edges, outcome.forward_passes)

    return method


def analyse(
    loaded: LoadedModel,
    examples: ExampleSet,
    settings: AutoencoderConfig,
    seed: int,
    *,
    pairing: str = "auto",
    positions: PositionMode = "auto",
    with_flow: bool = True,
) -> Analysed:
    """Codes of examples with these settings."""
    observations = observe(loaded, examples, positions, pairing, attention=with_flow)
    flow = observations.flow()
    codes = flow.weigh(result_of(train_codes(observations, settings, seed)))
    return Analysed(
        observations.recording, observations.alignment, codes, flow.links, observations.forward_passes
    )


def scored(loaded: LoadedModel, analysed: Analysed, statistic: Statistic = "strength") -> Outcome:
    """Scores of heads and edges from codes."""
    n_anomalous, n_heads = analysed.alignment.n_anomalous, loaded.shape.n_heads
    scores = score(analysed.codes, n_anomalous, n_heads, statistic, analysed.links)
    return Outcome(scores.heads.score.numpy(), scores.edges, analysed.forward_passes, analysed)
