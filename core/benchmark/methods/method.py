"""The methods that are compared, behind one interface: examples in, scores of heads and edges out.

No method sees a truth. Each reads what it needs, without a cache, so that its cost is its own.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from core.analysis.candidates import Scores, score
from core.analysis.observations import observe, statistic_of, train_codes
from core.analysis.steps import Clock, Ranked, observe_texts, ranked_heads, with_partners
from core.config import AutoencoderConfig, make_config
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

    `examples` are the recorded ones, made partners among them; None where they are those of the draw. `ranked` is there
    where gradients and effects took part.
    """

    recording: Recording
    alignment: Alignment
    codes: Codes
    links: np.ndarray | None = None
    forward_passes: int = 0
    examples: ExampleSet | None = None
    ranked: Ranked | None = None

    def scores(self, layers: np.ndarray, statistic: Statistic = "strength") -> Scores:
        """Scores and candidates: those that were ranked, else those of the codes."""
        if self.ranked is not None:
            return self.ranked.scores
        return score(self.codes, self.alignment.n_anomalous, layers, statistic, self.links)


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


def ours(settings: AutoencoderConfig, unpaired: ExampleSet | None = None) -> Method:
    """What a run does with these settings, step by step (`core.analysis.steps`).

    `unpaired` are texts without partners that take the place of the draw's.
    """

    def method(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
        analysed = analyse_as_run(loaded, unpaired or examples, settings, seed, paired=unpaired is None)
        scores = analysed.scores(loaded.layer_of_head)
        return Outcome(scores.heads.score.numpy(), scores.edges, analysed.forward_passes, analysed)

    return method


def by_codes(
    settings: AutoencoderConfig,
    positions: PositionMode = "auto",
    *,
    with_flow: bool = True,
    unpaired: ExampleSet | None = None,
) -> Method:
    """Codes alone, comparing these positions; without attention flow where it is not wanted.

    `unpaired` are texts without partners that take the place of the draw's.
    """

    def method(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
        pairing = "auto" if unpaired is None else "off"
        about = loaded, unpaired or examples, settings, seed
        return scored(loaded, analyse(*about, pairing=pairing, positions=positions, with_flow=with_flow))

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


def analyse_as_run(
    loaded: LoadedModel, examples: ExampleSet, settings: AutoencoderConfig, seed: int, *, paired: bool = True
) -> Analysed:
    """The way of a run up to its scores. Where texts are not `paired`, none is matched; partners are made."""
    config = make_config(
        model=loaded.name,
        examples=examples,
        autoencoder=settings,
        pairing="auto" if paired else "given",
        seed=seed,
    )
    clock = Clock()
    observed = result_of(observe_texts(config, loaded, nullcontext, clock))
    config, observed, _ = result_of(with_partners(config, observed, nullcontext, clock))
    ranked = result_of(ranked_heads(config, observed, clock))
    passes = observed.forward_passes + ranked.forward_passes
    about = ranked.weighted, observed.flow().links, passes, config.examples, ranked
    return Analysed(observed.recording, observed.alignment, *about)


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
    scores = analysed.scores(loaded.layer_of_head, statistic)
    return Outcome(scores.heads.score.numpy(), scores.edges, analysed.forward_passes, analysed)
