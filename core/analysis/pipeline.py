"""One analysis from settings to result: a generator that the dashboard's worker, the CLI and the tests all use.

load → tokens → capture (outputs, attention) → partners (where texts have none) → train → codes → score → screen (where
asked for) → statistics → evidence → report. Each step is a function of another module; here is their order, and the
progress records.
"""

import time
from collections.abc import Generator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from core.analysis import result_tables as tables
from core.analysis.candidates import Scores, candidate_edges, candidate_heads, screened
from core.analysis.example_rows import ExampleRow, example_rows
from core.analysis.gradient_screen import GradientScreen, gradient_screen, steps_of
from core.analysis.manifest import manifest_of, stability_record
from core.analysis.observations import Observations, observe_aligned, scores_of, statistic_of, train_codes
from core.analysis.partners import made_partners, texts_without_partner
from core.analysis.text_groups import text_groups, with_groups
from core.causal.evidence import Evidence, gather
from core.causal.metric import Metric, metric_on
from core.config import RunConfig
from core.discovery.autoencoder import Codes, TrainStep
from core.discovery.label_permutation import label_permutations
from core.discovery.stability import stability_of
from core.generators import relayed
from core.model.activation_store import ActivationStore
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool
from core.model.memory import within_memory
from core.model.tokens.piece_kinds import aligned
from core.model.tokens.tokenising import tokenise
from core.schema import PartnersRecord, Progress, RunResult


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


@within_memory
def analyse(
    config: RunConfig, models: ModelPool | None = None, store: ActivationStore | None = None
) -> Generator[Progress | RunResult, None, None]:
    """Walk the whole way: Progress records, and a RunResult at the end.

    Raises HeadlightError subclasses for whatever a user can mend. Activations go through `store`, by default the
    one in the home folder.
    """
    clock = Clock()
    yield clock.start("load")
    config.examples.check()
    with (models or ModelPool(size=1)).lease(config.model, config.device) as loaded:
        yield from _stages(config, loaded, store, clock)


def _stages(
    config: RunConfig, loaded: LoadedModel, store: ActivationStore | None, clock: Clock
) -> Generator[Progress | RunResult, None, None]:
    """Everything behind the loading of the model."""
    observed = yield from _observe(config, loaded, store, clock)
    config, observed, partners = yield from _partners(config, observed, store, clock)
    observed, rows = yield from _rows(config, observed, store)
    recording, alignment, ids = observed.recording, observed.alignment, observed.recording.texts
    metric = None
    if config.evidence or config.candidates == "screened":
        metric = metric_on(observed.recording, config.examples, alignment, config.seed)
    codes, weighted, scores = yield from _scores(config, observed, clock)
    screen = yield from _screen(config, observed, metric, clock)
    if screen is not None and screen.attributed is not None:
        scores = screened(scores, screen.attributed)
    yield clock.start("statistics")
    label_p = yield from _label_permutations(config, observed, weighted)
    by_pair = None if scores.attributed is None else scores.attributed.by_pair
    code_heads = (scores.codes or scores).heads
    texts = observed.compared.texts, alignment.n_anomalous, alignment.paired
    statistic = statistic_of(config.autoencoder)
    stability = stability_of(weighted, code_heads, *texts, statistic, config.seed, by_pair)
    n_layers, n_heads = loaded.shape.n_layers, loaded.shape.n_heads
    heads, edges = tables.head_table(scores, label_p, n_heads), tables.edge_table(scores, n_heads)
    evidence = Evidence()
    if config.evidence:
        yield clock.start("evidence")
        candidates = candidate_heads(heads), candidate_edges(edges)
        evidence = yield from gather(recording, config.examples, alignment, *candidates, config.seed, metric)
        if evidence.state == "no_difference":
            heads, edges = tables.without_candidates(heads), tables.without_candidates(edges)
    yield clock.start("report")
    groups = text_groups(evidence, alignment)
    examples = tables.example_table(config.examples, ids, rows, alignment.source_of)
    examples = with_groups(examples, groups)
    judged = stability_record(config, observed, weighted, scores, stability, evidence, rows)
    clock.start("done")
    heads = tables.with_findings(heads, evidence.heads, tables.HEAD_KEYS)
    yield RunResult(
        heads=tables.with_attribution(heads, evidence.attribution),
        edges=tables.with_findings(edges, evidence.edges, tables.EDGE_KEYS),
        codes=tables.code_table(codes, scores.heads.best_slot, config.examples, alignment, n_heads),
        examples=examples,
        manifest=manifest_of(
            config, observed, rows, scores, screen, evidence, stability, judged, clock.seconds, partners
        ).model_copy(update={"groups": groups}),
        tensors={
            "codes": codes.latent.to(torch.int16),
            "strengths": codes.strength,
            "attention_flow": observed.flow().weights,
            "head_score": scores.heads.per_member.float(),
        },
        effects=tables.effect_table(evidence, alignment),
        evidence=tables.evidence_record(evidence, stability, judged, n_layers, n_heads),
        partners=partners,
    )


def _observe(
    config: RunConfig, loaded: LoadedModel, store: ActivationStore | None, clock: Clock
) -> Generator[Progress, None, Observations]:
    """Tokenise, align and read the texts, once for every stage that follows."""
    yield clock.start("tokens")
    ids = tokenise(loaded, config.examples)
    yield clock.start("capture", len(ids))
    reading = _read(config, loaded, ids, store)
    observed = yield from relayed(reading, lambda done: Progress("capture", done, len(ids)))
    yield Progress("capture", len(ids), len(ids), {"cached": observed.compared.cached_texts})
    return observed


def _read(
    config: RunConfig, loaded: LoadedModel, ids: list[list[int]], store: ActivationStore | None
) -> Generator[int, None, Observations]:
    """Align and read the texts, through the store; yields how many are read."""
    with nullcontext(store) if store is not None else closing(ActivationStore()) as cache:
        return (
            yield from observe_aligned(
                loaded,
                ids,
                aligned(loaded, config, ids),
                attention=not config.autoencoder.shared,
                streams=config.evidence or config.candidates == "screened",
                store=cache,
            )
        )


def _partners(
    config: RunConfig, observed: Observations, store: ActivationStore | None, clock: Clock
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
        _read(config, loaded, ids, store), lambda _: Progress("partners", len(wanted), len(wanted))
    )
    passes = observed.forward_passes + again.forward_passes + partners.record.forward_passes
    return config, replace(again, forward_passes=passes), partners.record


def _rows(
    config: RunConfig, observed: Observations, store: ActivationStore | None
) -> Generator[Progress, None, tuple[Observations, list[ExampleRow]]]:
    """What the model says on each text; the observations with the forward passes that this took counted in."""
    recording, passes = observed.recording, 0
    total = len(recording.texts)

    def counted(_step: int) -> Progress:
        nonlocal passes
        passes += 1
        return Progress("capture", total, total)

    about = observed.loaded, config.examples, recording.texts, observed.alignment
    with nullcontext(store) if store is not None else closing(ActivationStore()) as cache:
        running = example_rows(*about, recording.log_probabilities(), config.match, cache)
        rows = yield from relayed(running, counted)
    return replace(observed, forward_passes=observed.forward_passes + passes), rows


def _scores(
    config: RunConfig, observed: Observations, clock: Clock
) -> Generator[Progress, None, tuple[Codes, Codes, Scores]]:
    """Train and score: codes as trained, the same weighted by attention flow, and the scores of these."""
    settings = config.autoencoder
    yield clock.start("train", settings.epochs)
    codes = yield from relayed(train_codes(observed, settings, config.seed), _train_progress)
    yield clock.start("codes")
    flow = observed.flow()
    weighted = flow.weigh(codes)
    yield clock.start("score")
    return codes, weighted, scores_of(observed, weighted, flow, settings)


def _screen(
    config: RunConfig, observed: Observations, metric: Metric | None, clock: Clock
) -> Generator[Progress, None, GradientScreen | None]:
    """The gradient screen, where the settings ask for it."""
    if config.candidates != "screened":
        return None
    alignment, total = observed.alignment, steps_of(observed.alignment)
    yield clock.start("screen", total)
    running = gradient_screen(observed.recording, config.examples, alignment, config.seed, metric)
    return (yield from relayed(running, lambda step: Progress("screen", step, total)))


def _label_permutations(
    config: RunConfig, observed: Observations, codes: Codes
) -> Generator[Progress, None, np.ndarray | None]:
    """p-values (head,) under shuffled labels, for texts without pairs alone, where they mean something."""
    if observed.alignment.paired or config.autoencoder.shared:
        return None
    total = config.permutations
    running = label_permutations(codes, observed.n_anomalous, total, config.seed)
    return (yield from relayed(running, lambda step: Progress("statistics", step, total)))


def _train_progress(step: TrainStep) -> Progress:
    return Progress("train", step.epoch, step.epochs, {"loss": step.loss, "changed": step.changed})
