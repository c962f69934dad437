"""The steps of an analysis up to its scores, which the benchmark's methods walk too.

tokens → capture (outputs, attention) → partners (where texts have none) → train → codes → score → screen (gradients and
exact effects). What is measured as ours is so what a run does.
"""

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from core.analysis.candidates import Scores, with_signals
from core.analysis.gradient_screen import GradientScreen, gradient_screen
from core.analysis.gradient_screen import steps_of as screen_steps
from core.analysis.observations import Observations, observe_aligned, scores_of, train_codes
from core.analysis.partners import made_partners, texts_without_partner
from core.analysis.ranking import Ranking, rankable, ranked, steps_of
from core.analysis.signals import Signals
from core.causal.comparison import Comparison
from core.causal.evidence import every_head_rounds
from core.causal.metric import Metric, metric_on
from core.causal.mlp_blocks.shares import BlockEffects, block_effects, block_runs
from core.config import RunConfig
from core.discovery.autoencoder import Codes, TrainStep
from core.errors import ExamplesError
from core.generators import relayed
from core.model.activation_store import ActivationStore
from core.model.loaded_model import LoadedModel
from core.model.tokens.piece_kinds import aligned
from core.model.tokens.tokenising import tokenise
from core.schema import Note, PartnersRecord, Progress

Opened = Callable[[], AbstractContextManager[ActivationStore | None]]
"""Opens the store that activations go through, None for none."""


@dataclass
class Clock:
    """Seconds that each stage took."""

    seconds: dict[str, float] = field(default_factory=dict)
    _stage: str = ""
    _since: float = 0.0

    def start(self, stage: str, total: int = 1) -> Progress:
        """Close the stage before and open this one, with its first progress record."""
        now = time.perf_counter()
        if self._stage:
            self.seconds[self._stage] = round(now - self._since, 4)
        self._stage, self._since = stage, now
        return Progress(stage, 0, total)


@dataclass(frozen=True)
class Ranked:
    """Codes as trained, the same weighted by attention flow, and the scores that candidates come from.

    `metric` is that of the compared texts, None where nothing asked for it; `comparison` is there where effects were
    looked at. `screen` is the gradient screen, `ranking` what else the scores come from; each None where it was not
    asked for. `why_none` says why the texts have no metric where one was wanted. `blocks` are the effects of whole
    blocks, None where they were not measured.
    """

    codes: Codes
    weighted: Codes
    scores: Scores
    metric: Metric | None = None
    comparison: Comparison | None = None
    screen: GradientScreen | None = None
    ranking: Ranking | None = None
    why_none: str = ""
    blocks: BlockEffects | None = None

    @property
    def forward_passes(self) -> int:
        """Forward passes of the screen or the ranking, and of the exchanged blocks."""
        parts = (self.screen, self.ranking, self.blocks)
        return sum(part.forward_passes for part in parts if part is not None)

    @property
    def measured(self) -> dict[str, Any]:
        """What the evidence need not measure again, and what it may go by, as its keywords."""
        comparison = self.comparison
        if comparison is None or self.ranking is None or not comparison.fits:
            return {}
        signals = self.ranking.signals.mean_gradient
        gradient = {} if signals is None else {"gradient": signals}
        return {"comparison": comparison, "measured": self.ranking.effects, "signals": gradient}

    def notes(self) -> list[Note]:
        """What a reader must know of what the scores come from, beside the codes."""
        if self.screen is not None:
            return [self.screen.note()]
        if self.ranking is not None:
            return self.ranking.notes()
        if self.why_none:
            return [Note(key="ranking_no_metric", values={"reason": self.why_none})]
        return [] if self.comparison is None else [Note(key="ranking_no_difference")]


def observe_texts(
    config: RunConfig, loaded: LoadedModel, opened: Opened, clock: Clock
) -> Generator[Progress, None, Observations]:
    """Tokenise, align and read the texts, once for every stage that follows."""
    yield clock.start("tokens")
    ids = tokenise(loaded, config.examples)
    size = {"tokens": sum(map(len, ids)), "heads": len(loaded.heads)}
    yield Progress("tokens", 1, 1, size)
    yield clock.start("capture", len(ids))
    reading = _read(config, loaded, ids, opened)
    observed = yield from relayed(reading, lambda done: Progress("capture", done, len(ids)))
    yield Progress("capture", len(ids), len(ids), {"cached": observed.compared.cached_texts})
    return observed


def _read(
    config: RunConfig, loaded: LoadedModel, ids: list[list[int]], opened: Opened
) -> Generator[int, None, Observations]:
    """Align and read the texts, through the store; yields how many are read."""
    with opened() as store:
        return (
            yield from observe_aligned(
                loaded,
                ids,
                aligned(loaded, config, ids),
                attention=not config.autoencoder.shared,
                streams=config.evidence or config.ranked_by != "codes",
                store=store,
            )
        )


def with_partners(
    config: RunConfig, observed: Observations, opened: Opened, clock: Clock
) -> Generator[Progress, None, tuple[RunConfig, Observations, PartnersRecord | None]]:
    """Make partners for the texts that have none; then the settings and observations with these texts among them."""
    recording, loaded = observed.recording, observed.loaded
    wanted = texts_without_partner(config, observed.alignment, recording.texts)
    if not wanted and not config.examples.made:
        return config, observed, None
    yield clock.start("partners", len(wanted))
    running = made_partners(recording, config, wanted)
    partners = yield from relayed(running, lambda done: Progress("partners", done, len(wanted)))
    if partners.examples == config.examples:
        return config, observed, partners.record
    config = config.model_copy(update={"examples": partners.examples})
    ids = tokenise(loaded, config.examples)
    again = yield from relayed(
        _read(config, loaded, ids, opened), lambda _: Progress("partners", len(wanted), len(wanted))
    )
    passes = observed.forward_passes + again.forward_passes + partners.record.forward_passes
    return config, replace(again, forward_passes=passes), partners.record


def ranked_heads(
    config: RunConfig, observed: Observations, clock: Clock, blocks: bool = False
) -> Generator[Progress, None, Ranked]:
    """Train, score, and combine the scores with what gradients and effects say.

    With `blocks` it is measured first how much passes through attention and MLP block of each layer.
    """
    alignment, recording, metric = observed.alignment, observed.recording, None
    why_none = ""
    if config.evidence or config.ranked_by != "codes":
        try:
            metric = metric_on(recording, config.examples, alignment, config.seed)
        except ExamplesError as error:
            if config.evidence or config.ranked_by == "screened":
                raise
            why_none = str(error)
    comparison = None
    if metric is not None and (blocks or config.ranked_by not in ("screened", "codes")):
        comparison = Comparison(recording, config.examples, alignment, config.seed, metric, ())
    of_blocks = (yield from _blocks(comparison, clock)) if blocks and comparison else None
    by_codes = yield from _by_codes(config, observed, clock)
    by_codes = replace(by_codes, metric=metric, why_none=why_none, blocks=of_blocks)
    if config.ranked_by == "screened":
        return (yield from _screened(config, observed, by_codes, clock))
    if config.ranked_by == "codes" or comparison is None:
        return by_codes
    by_codes = replace(by_codes, comparison=comparison)
    if not rankable(comparison):
        return by_codes
    total = steps_of(comparison, config.evidence)
    yield clock.start("screen", total)
    running = ranked(by_codes.scores, comparison, config.examples, config.seed, config.evidence)
    ranking = yield from relayed(running, lambda step: Progress("screen", min(step, total), total))
    return replace(by_codes, scores=ranking.scores, ranking=ranking)


def _blocks(comparison: Comparison, clock: Clock) -> Generator[Progress, None, BlockEffects | None]:
    """How much of the gap passes through the blocks, told as metrics of the stage's last record; None without a gap."""
    if not comparison.differs:
        return None
    used = comparison.first(max(1, every_head_rounds(comparison.recording.loaded, comparison)))
    total = block_runs(used)
    yield clock.start("blocks", total)
    blocks = yield from relayed(block_effects(used), lambda step: Progress("blocks", step, total))
    yield Progress("blocks", total, total, blocks.shares())
    return blocks


def _by_codes(config: RunConfig, observed: Observations, clock: Clock) -> Generator[Progress, None, Ranked]:
    settings = config.autoencoder
    yield clock.start("train", settings.epochs)
    codes = yield from relayed(train_codes(observed, settings, config.seed), _train_progress)
    yield clock.start("codes")
    flow = observed.flow()
    weighted = flow.weigh(codes)
    yield clock.start("score")
    return Ranked(codes, weighted, scores_of(observed, weighted, flow, settings))


def _screened(
    config: RunConfig, observed: Observations, by_codes: Ranked, clock: Clock
) -> Generator[Progress, None, Ranked]:
    """The gradient screen of former versions."""
    alignment, total = observed.alignment, screen_steps(observed.alignment)
    yield clock.start("screen", total)
    running = gradient_screen(observed.recording, config.examples, alignment, config.seed, by_codes.metric)
    screen = yield from relayed(running, lambda step: Progress("screen", step, total))
    if screen.attributed is None:
        return replace(by_codes, screen=screen)
    signals = Signals(screen.attributed.by_pair, rule="screened")
    scores = with_signals(by_codes.scores, signals, screen.attributed.edges)
    return replace(by_codes, scores=scores, screen=screen)


def _train_progress(step: TrainStep) -> Progress:
    return Progress("train", step.epoch, step.epochs, {"loss": step.loss, "changed": step.changed})
