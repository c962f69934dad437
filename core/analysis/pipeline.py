"""One analysis from settings to result: a generator that the dashboard's worker, the CLI and the tests all use.

load → tokens → capture (outputs, attention) → partners (where texts have none) → train → codes → score → screen
(gradients and effects) → statistics → evidence → mechanisms → report. Each step is a function of another module, those
up to the scores of `core.analysis.steps`; here is their order, and the progress records.
"""

from collections.abc import Generator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from core.analysis import block_tables
from core.analysis import result_tables as tables
from core.analysis.candidates import candidate_edges, candidate_heads
from core.analysis.example_rows import ExampleRow, example_rows
from core.analysis.manifest import manifest_of, stability_record
from core.analysis.observations import Observations, statistic_of
from core.analysis.steps import Clock, Opened, observe_texts, ranked_heads, with_partners
from core.analysis.text_groups import text_groups, with_groups
from core.causal.evidence import Evidence, gather
from core.causal.metric import Metric
from core.causal.verdicts import Findings
from core.config import RunConfig
from core.discovery.autoencoder import Codes
from core.discovery.label_permutation import label_permutations
from core.discovery.stability import stability_of
from core.errors import ModelError
from core.generators import relayed
from core.mechanisms import mechanisms, steps_of
from core.model.activation_store import ActivationStore
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool
from core.model.memory import is_out_of_memory, within_memory
from core.schema import MechanismsRecord, Progress, RunResult


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
    with (models or ModelPool(size=1)).lease(config.model, config.device, config.adapter) as loaded:
        yield from _stages(config, loaded, store, clock)


def _stages(
    config: RunConfig, loaded: LoadedModel, store: ActivationStore | None, clock: Clock
) -> Generator[Progress | RunResult, None, None]:
    """Everything behind the loading of the model."""
    opened = partial(_opened, store)
    observed = yield from observe_texts(config, loaded, opened, clock)
    config, observed, partners = yield from with_partners(config, observed, opened, clock)
    observed, rows = yield from _rows(config, observed, opened)
    recording, alignment, ids = observed.recording, observed.alignment, observed.recording.texts
    ranked = yield from ranked_heads(config, observed, clock, blocks=config.evidence)
    codes, weighted, scores = ranked.codes, ranked.weighted, ranked.scores
    yield clock.start("statistics")
    label_p = yield from _label_permutations(config, observed, weighted)
    code_heads = (scores.codes or scores).heads
    texts = observed.compared.texts, alignment.n_anomalous, alignment.paired
    statistic = statistic_of(config.autoencoder)
    stability = stability_of(weighted, code_heads, *texts, statistic, config.seed, scores.signals)
    every = loaded.heads
    heads, edges = tables.head_table(scores, label_p, every), tables.edge_table(scores, every)
    evidence = Evidence()
    if config.evidence:
        yield clock.start("evidence")
        about = recording, config.examples, alignment, candidate_heads(heads), candidate_edges(edges)
        evidence = yield from gather(*about, config.seed, ranked.metric, **ranked.measured)
        if evidence.state == "no_difference":
            heads, edges = tables.without_candidates(heads), tables.without_candidates(edges)
    of_mlps = ranked.blocks.findings(config.seed, alignment.made) if ranked.blocks else None
    evidence, told = yield from _mechanisms(
        config, observed, (evidence, of_mlps), ranked.metric, opened, clock
    )
    yield clock.start("report")
    groups = text_groups(evidence, alignment)
    examples = tables.example_table(config.examples, ids, rows, alignment.source_of)
    examples = with_groups(examples, groups)
    judged = stability_record(config, observed, weighted, scores, stability, evidence, rows)
    clock.start("done")
    heads = tables.with_findings(heads, evidence.heads, tables.HEAD_KEYS)
    blocks = block_tables.blocks_record(ranked.blocks, of_mlps, evidence.heads, every)
    effects = tables.effect_table(evidence, alignment)
    details = tables.evidence_record(evidence, stability, judged, every)
    yield RunResult(
        heads=tables.with_attribution(heads, evidence.attribution, every),
        edges=tables.with_findings(edges, evidence.edges, tables.EDGE_KEYS),
        codes=tables.code_table(codes, scores.heads.best_slot, config.examples, alignment, every),
        examples=examples,
        manifest=manifest_of(
            config, observed, rows, ranked, evidence, stability, judged, clock.seconds, partners
        ).model_copy(update={"groups": groups, "blocks": blocks}),
        tensors={
            "codes": codes.latent.to(torch.int16),
            "strengths": codes.strength,
            "attention_flow": observed.flow().weights,
            "head_score": scores.heads.per_member.float(),
        },
        effects=block_tables.with_mlp_effects(effects, of_mlps, alignment),
        evidence=details.model_copy(update={"mlps": block_tables.mlp_records(of_mlps)}),
        partners=partners,
        mlps=block_tables.mlp_table(of_mlps),
        mechanisms=told,
    )


def _mechanisms(
    config: RunConfig,
    observed: Observations,
    found: tuple[Evidence, Findings | None],
    metric: Metric | None,
    opened: Opened,
    clock: Clock,
) -> Generator[Progress, None, tuple[Evidence, MechanismsRecord | None]]:
    """What the heads and MLP blocks that matter do; None where no effect was measured, or memory does not do.

    The evidence comes back with the forward passes that this took counted in.
    """
    evidence, mlps = found
    if evidence.heads is None or metric is None:
        return evidence, None
    total = steps_of(evidence.heads, mlps, metric, len(config.examples.examples))
    yield clock.start("mechanisms", total)
    about = config, observed.recording, observed.alignment, evidence.heads, mlps, metric
    try:
        with opened() as store:
            running = mechanisms(*about, store)
            told = yield from relayed(running, lambda step: Progress("mechanisms", min(step, total), total))
    except (RuntimeError, MemoryError, ModelError) as error:
        if not is_out_of_memory(error):
            raise
        return evidence, None
    passes = evidence.forward_passes + told.forward_passes
    return replace(evidence, forward_passes=passes), told.record


def _rows(
    config: RunConfig, observed: Observations, opened: Opened
) -> Generator[Progress, None, tuple[Observations, list[ExampleRow]]]:
    """What the model says on each text; the observations with the forward passes that this took counted in."""
    recording, passes = observed.recording, 0
    total = len(recording.texts)

    def counted(_step: int) -> Progress:
        nonlocal passes
        passes += 1
        return Progress("capture", total, total)

    about = observed.loaded, config.examples, recording.texts, observed.alignment
    with opened() as cache:
        running = example_rows(*about, recording.log_probabilities(), config.match, cache)
        rows = yield from relayed(running, counted)
    return replace(observed, forward_passes=observed.forward_passes + passes), rows


def _opened(store: ActivationStore | None) -> AbstractContextManager[ActivationStore]:
    """This store, which stays open, or the one in the home folder."""
    return nullcontext(store) if store is not None else closing(ActivationStore())


def _label_permutations(
    config: RunConfig, observed: Observations, codes: Codes
) -> Generator[Progress, None, np.ndarray | None]:
    """p-values (head,) under shuffled labels, for texts without pairs alone, where they mean something."""
    if observed.alignment.paired or config.autoencoder.shared:
        return None
    total = config.permutations
    running = label_permutations(codes, observed.n_anomalous, total, config.seed)
    return (yield from relayed(running, lambda step: Progress("statistics", step, total)))
