"""The methods that are compared, behind one interface: examples in, scores of heads and edges out.

No method sees a truth. Each captures what it needs, without a cache, so that its cost is its own.
"""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from core.analysis.candidates import score
from core.analysis.observations import observe, train_codes
from core.config import AutoencoderConfig
from core.discovery.autoencoder import Codes
from core.discovery.codes import published_codes
from core.examples.alignment import Alignment, PositionMode
from core.examples.example_set import ExampleSet
from core.model.loaded_model import LoadedModel
from core.model.recording import Recording

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Analysed:
    """Plain runs of the whole example set, what was compared, codes (member, example, slot, head) weighted by
    attention flow, and links (source, target).
    """

    recording: Recording
    alignment: Alignment
    codes: Codes
    links: np.ndarray | None = None


@dataclass(frozen=True)
class Outcome:
    """Scores over flat heads (head,) and pairs (source, target), and what they cost.

    `analysed` is there for methods whose candidates can be tested by interventions.
    """

    heads: np.ndarray
    edges: np.ndarray
    seconds: float
    forward_passes: int
    analysed: Analysed | None = None


Method = Callable[[LoadedModel, ExampleSet, int], Outcome]


def ours(settings: AutoencoderConfig, positions: PositionMode = "auto", *, with_flow: bool = True) -> Method:
    """The pipeline with these settings, comparing these positions; without reach where it is not wanted."""

    def method(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
        start = time.perf_counter()
        found, passes = analysed(loaded, examples, settings, seed, positions=positions, with_flow=with_flow)
        return _scored(loaded, found, start, passes)

    return method


def unpaired(settings: AutoencoderConfig, texts: ExampleSet) -> Method:
    """The pipeline on texts without partners, given here, in place of the draw's."""

    def method(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
        start = time.perf_counter()
        found, passes = analysed(loaded, texts, settings, seed, pairing="off")
        return _scored(loaded, found, start, passes)

    return method


def analysed(
    loaded: LoadedModel,
    examples: ExampleSet,
    settings: AutoencoderConfig,
    seed: int,
    pairing: str = "auto",
    positions: PositionMode = "auto",
    with_flow: bool = True,
) -> tuple[Analysed, int]:
    """Codes of examples with these settings, and the forward passes they took."""
    observed = observe(loaded, examples, positions, pairing, attention=with_flow)
    codes, flow = last(train_codes(observed, settings, seed)), observed.flow()
    found = Analysed(observed.recording, observed.alignment, flow.weigh(codes), flow.links)
    return found, observed.forward_passes


def _scored(loaded: LoadedModel, found: Analysed, start: float, passes: int) -> Outcome:
    scores = score(found.codes, found.alignment.n_anomalous, loaded.shape.n_heads, links=found.links)
    return Outcome(scores.heads.score.numpy(), scores.edges, time.perf_counter() - start, passes, found)


def paper(settings: AutoencoderConfig) -> Method:
    """The published recipe: means over positions, one dictionary, counts of unique codes."""

    def method(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
        start = time.perf_counter()
        observed = observe(loaded, examples, "mean", attention=False)
        codes = last(published_codes(loaded.to_d_model(observed.outputs[:, 0]), settings, seed))
        scores = score(codes, observed.n_anomalous, loaded.shape.n_heads, "count")
        heads = scores.heads.score.numpy()
        return Outcome(heads, scores.edges, time.perf_counter() - start, observed.forward_passes)

    return method


def pair_difference_norm(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
    """No autoencoder: mean length of the centred anomalous outputs at the best slot; edges by the product."""
    start = time.perf_counter()
    observed = observe(loaded, examples, attention=False)
    heads = observed.centred()[: observed.n_anomalous].norm(dim=-1).mean(dim=0).amax(dim=0).double().numpy()
    return Outcome(heads, np.outer(heads, heads), time.perf_counter() - start, observed.forward_passes)


def pair_difference_reach(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
    """Our method without autoencoders: the same lengths weighted by reach; edges by their links alone."""
    start = time.perf_counter()
    observed = observe(loaded, examples)
    flow = observed.flow()
    lengths = observed.centred()[: observed.n_anomalous].norm(dim=-1).mean(dim=0)
    heads = (lengths * flow.weights).amax(dim=0).double().numpy()
    edges = np.outer(heads, heads) if flow.links is None else flow.links
    return Outcome(heads, edges, time.perf_counter() - start, observed.forward_passes)


def last(running: Generator[Any, None, _Value]) -> _Value:
    """Walk a generator to its end and hand back what it returns."""
    while True:
        try:
            next(running)
        except StopIteration as end:
            found: _Value = end.value
            return found
