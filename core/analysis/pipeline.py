"""One analysis from settings to result: a generator that the dashboard's worker, the CLI and the tests all use.

load → tokens → capture (outputs, attention) → train → codes → score → screen (where asked for) → statistics →
evidence → report. Each step is a function of another module; here is their order, the progress records and the tables.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from core.analysis import result_tables as tables
from core.analysis.candidates import Scores, score, screened
from core.analysis.confidence import judge_confidence
from core.analysis.example_rows import example_rows
from core.analysis.gradient_screen import GradientScreen, steps_of
from core.analysis.gradient_screen import screen as gradient_screen
from core.causal.evidence import CONFIRMED, HEAD_BOUND, Evidence, gather
from core.config import RunConfig
from core.discovery.attention_flow import AttentionFlow, flow_between
from core.discovery.autoencoder import Codes
from core.discovery.codes import centre, codes_of, published_codes, scale
from core.discovery.held_out import HeldOut, held_out
from core.discovery.label_permutation import label_permutations
from core.discovery.scoring import Statistic
from core.discovery.selection import EDGE_RULE, HEAD_RULE
from core.discovery.stability import Stability, plain, stability_of
from core.examples.alignment import Alignment, align, describe
from core.heads import EdgeId, HeadId
from core.model.activation_store import ActivationStore
from core.model.attention_weights import Attention, mean_attention
from core.model.head_outputs import Captured, capture
from core.model.loading import LoadedModel, ModelPool
from core.model.tokenising import tokenise
from core.schema import Manifest, Progress, RunResult

FEW_EXAMPLES = 5
"""Below this number a side the result says that it rests on little."""


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


def analyse(
    config: RunConfig, models: ModelPool | None = None, store: ActivationStore | None = None
) -> Iterator[Progress | RunResult]:
    """Walk the whole way: Progress records, and a RunResult at the end.

    Raises HeadlightError subclasses for whatever a user can mend. Activations go through `store`, by default the
    one in the home folder.
    """
    clock = Clock()
    yield clock.start("load")
    config.examples.check()
    loaded = (models or ModelPool(size=1)).get(config.model, config.device)
    yield clock.start("tokens")
    ids = tokenise(loaded, config.examples)
    mode = "mean" if config.autoencoder.shared and config.positions == "auto" else config.positions
    alignment = align(config.examples, ids, mode, config.pairing)
    rows = example_rows(loaded, config.examples, ids, alignment)
    yield clock.start("capture", len(alignment.kept))
    kept = [ids[i] for i in alignment.kept]
    with nullcontext(store) if store is not None else closing(ActivationStore()) as cache:
        captured = capture(loaded, kept, alignment.positions, cache)
        attention = None
        if not config.autoencoder.shared:
            attention = mean_attention(loaded, kept, alignment.positions, cache)
    yield Progress("capture", len(alignment.kept), len(alignment.kept), {"cached": captured.cached_texts})
    plain_codes = yield from codes_with_progress(config, loaded, captured.outputs, alignment, clock)
    yield clock.start("score")
    statistic: Statistic = "count" if config.autoencoder.shared else "strength"
    flow = AttentionFlow(torch.ones(captured.outputs.shape[1:3]))
    if attention is not None:
        flow = flow_between(captured.outputs, attention, alignment)
    codes = flow.weigh(plain_codes)
    scores = score(codes, alignment.n_anomalous, loaded.shape.n_heads, statistic, flow.links)
    screen = None
    if config.candidates == "screened":
        screen = yield from screen_with_progress(config, loaded, alignment, clock)
        if screen.attributed is not None:
            scores = screened(scores, screen.attributed)
    yield clock.start("statistics")
    label_p = None
    if not alignment.paired and not config.autoencoder.shared:
        label_p = yield from _label_permutations(config, codes, alignment.n_anomalous)
    by_pair = None if scores.attributed is None else scores.attributed.by_pair
    sure = stability_of(
        codes,
        (scores.codes or scores).heads,
        kept,
        alignment.n_anomalous,
        alignment.paired,
        statistic,
        config.seed,
        by_pair,
    )
    heads = tables.head_table(scores, label_p, loaded.shape.n_heads)
    edges = tables.edge_table(scores, loaded.shape.n_heads)
    evidence = Evidence()
    if config.evidence:
        yield clock.start("evidence")
        candidates = candidate_heads(heads), candidate_edges(edges)
        evidence = yield from gather(loaded, config.examples, ids, alignment, *candidates, config.seed)
    checked = _held_out(codes, evidence, alignment, loaded.shape.n_heads, statistic, config.seed, by_pair)
    yield clock.start("report")
    summary = _stability(sure, checked, evidence, scores)
    examples = tables.example_table(config.examples, ids, rows)
    clock.start("done")
    manifest = _manifest(
        config, loaded, alignment, captured, attention, scores, screen, evidence, clock, sure, summary
    )
    heads = tables.with_findings(heads, evidence.heads, tables.HEAD_KEYS)
    yield RunResult(
        heads=tables.with_attribution(heads, evidence.attribution),
        edges=tables.with_findings(edges, evidence.edges, tables.EDGE_KEYS),
        codes=tables.code_table(
            plain_codes, scores.heads.best_slot, config.examples, alignment, loaded.shape.n_heads
        ),
        examples=examples,
        manifest=manifest,
        tensors={
            "codes": plain_codes.latent.to(torch.int16),
            "strengths": plain_codes.strength,
            "reach": flow.weights,
            "head_score": scores.heads.per_member.float(),
        },
        effects=tables.effect_table(evidence, alignment),
        evidence=tables.evidence_record(evidence, sure, summary, loaded.shape.n_layers, loaded.shape.n_heads),
    )


def candidate_heads(heads: pd.DataFrame) -> list[HeadId]:
    """Candidates of a head table, best first."""
    chosen = heads.loc[heads["selected"], list(tables.HEAD_KEYS)]
    return [HeadId(*row) for row in chosen.to_numpy().tolist()]


def candidate_edges(edges: pd.DataFrame) -> list[EdgeId]:
    """Candidates of an edge table, best first."""
    chosen = edges.loc[edges["selected"], list(tables.EDGE_KEYS)]
    return [EdgeId(HeadId(*row[:2]), HeadId(*row[2:])) for row in chosen.to_numpy().tolist()]


def codes_with_progress(
    config: RunConfig, loaded: LoadedModel, outputs: Tensor, alignment: Alignment, clock: Clock
) -> Generator[Progress, None, Codes]:
    """Train on head outputs (example, slot, head, d_head); returns Codes (member, example, slot, head)."""
    settings = config.autoencoder
    yield clock.start("train", settings.epochs)
    if settings.shared:
        training = published_codes(loaded.to_d_model(outputs[:, 0]), settings, config.seed)
    else:
        values = (
            outputs if settings.centre == "none" else centre(outputs, alignment.n_anomalous, alignment.paired)
        )
        training = codes_of(scale(values).to(loaded.device), settings, config.seed)
    while True:
        try:
            step = next(training)
        except StopIteration as end:
            codes: Codes = end.value
            break
        yield Progress("train", step.epoch, step.epochs, {"loss": step.loss, "changed": step.changed})
    yield clock.start("codes")
    return codes


def screen_with_progress(
    config: RunConfig, loaded: LoadedModel, alignment: Alignment, clock: Clock
) -> Generator[Progress, None, GradientScreen]:
    """The causal screen on the texts that are compared."""
    total = steps_of(alignment)
    yield clock.start("screen", total)
    running = gradient_screen(loaded, config.examples, alignment, config.seed)
    while True:
        try:
            yield Progress("screen", next(running), total)
        except StopIteration as end:
            found: GradientScreen = end.value
            return found


def _label_permutations(
    config: RunConfig, codes: Codes, n_anomalous: int
) -> Generator[Progress, None, np.ndarray]:
    running = label_permutations(codes, n_anomalous, config.permutations, config.seed)
    while True:
        try:
            done = next(running)
        except StopIteration as end:
            found: np.ndarray = end.value
            return found
        yield Progress("statistics", done, config.permutations)


def _held_out(
    codes: Codes,
    evidence: Evidence,
    alignment: Alignment,
    n_heads: int,
    statistic: Statistic,
    seed: int,
    by_pair: np.ndarray | None,
) -> HeldOut:
    """Whether the effects of the tested heads hold on texts that their selection has not seen."""
    if evidence.heads is None:
        return HeldOut()
    flat = [
        target.layer * n_heads + target.head
        for target in evidence.heads.targets
        if isinstance(target, HeadId)
    ]
    effects = evidence.heads.per_example
    return held_out(codes, flat, effects, HEAD_BOUND, alignment.paired, statistic, seed, by_pair)


def _stability(sure: Stability, checked: HeldOut, evidence: Evidence, scores: Scores) -> dict[str, Any]:
    """Numbers of the whole run, and how far to trust it."""
    verdicts = evidence.heads.verdict if evidence.heads else []
    found = judge_confidence(
        state=evidence.state,
        candidates=int(scores.head_selected.sum()),
        tested=len(verdicts),
        confirmed=verdicts.count(CONFIRMED),
        examples=evidence.about.get("examples", 0),
        jaccard=sure.jaccard,
        held_out=checked.share,
        diversity=sure.diversity,
    )
    held = {"held_out": plain(checked.share), "held_out_checked": checked.checked}
    return {**sure.as_json(), **held, "confidence": found.as_json()}


def _manifest(
    config: RunConfig,
    loaded: LoadedModel,
    alignment: Alignment,
    captured: Captured,
    attention: Attention | None,
    scores: Scores,
    screen: GradientScreen | None,
    evidence: Evidence,
    clock: Clock,
    sure: Stability,
    summary: dict[str, Any],
) -> Manifest:
    shape = loaded.shape
    parts = captured, attention, screen, evidence
    passes = sum(part.forward_passes for part in parts if part is not None)
    counts = {label: config.examples.count(label) for label in ("anomalous", "normal")}
    edge_count = int((scores.edges > 0).sum())
    content = {
        "version": package_version(),
        "created": datetime.now().astimezone().isoformat(timespec="seconds"),
        "model": {"name": config.model, "weights_hash": loaded.weights_hash, **vars(shape)},
        "scenario": config.scenario,
        "settings": config.model_dump(mode="json", exclude={"examples"}),
        "alignment": describe(alignment),
        "counts": {
            **counts,
            "heads": shape.n_layers * shape.n_heads,
            "selected_heads": int(scores.head_selected.sum()),
            "scored_edges": edge_count,
            "selected_edges": int(scores.edge_selected.sum()),
        },
        "timings": clock.seconds,
        "forward_passes": passes,
        "cached_texts": captured.cached_texts,
        "device": str(loaded.device),
        "selection": {
            "candidates": "screened" if scores.attributed is not None else "codes",
            "statistic": "count" if config.autoencoder.shared else "strength",
            "attention_flow": attention.state if attention else "not_used",
            "rule": HEAD_RULE,
            "threshold": _finite(scores.head_threshold),
            "edge_rule": EDGE_RULE,
            "edge_threshold": _finite(scores.edge_threshold),
        },
        "gradient_screen": screen.as_json() if screen else None,
        "evidence": evidence.state,
        "evidence_about": {**evidence.about, "forward_passes": evidence.forward_passes},
        "notes": _notes(config, alignment, attention, scores)
        + ([screen.note()] if screen else [])
        + evidence.notes
        + sure.notes(),
        "stability": summary,
    }
    return Manifest.model_validate(content)


def _notes(
    config: RunConfig, alignment: Alignment, attention: Attention | None, scores: Scores
) -> list[dict[str, Any]]:
    """What a reader must know about this run, as keys and values for the catalogues."""
    notes: list[dict[str, Any]] = [{"key": f"positions_{alignment.mode}", "values": dict(alignment.values)}]
    notes.append({"key": f"pairs_{alignment.pairs_source}", "values": {"count": len(alignment.pairs)}})
    if attention is not None:
        notes.append({"key": f"attention_flow_{attention.state}", "values": {}})
    if alignment.left_out:
        notes.append({"key": "left_out", "values": {"count": len(alignment.left_out)}})
    fewest = min(config.examples.count("anomalous"), config.examples.count("normal"))
    if fewest < FEW_EXAMPLES:
        notes.append({"key": "few_examples", "values": {"count": fewest}})
    if not scores.head_selected.any():
        notes.append({"key": "no_candidates", "values": {}})
    return notes


def package_version() -> str:
    """Version of the installed package."""
    try:
        return version("headlight")
    except PackageNotFoundError:
        return "source"


def _finite(value: float) -> float | None:
    return None if np.isinf(value) else round(float(value), 6)
