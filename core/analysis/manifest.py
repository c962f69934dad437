"""The manifest of a run: what was read, with which settings, what came out, and what a reader must know."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from core.analysis.behaviour_notes import behaviour_notes, doubts
from core.analysis.block_tables import block_notes
from core.analysis.candidates import Scores
from core.analysis.confidence import judge_confidence
from core.analysis.example_rows import ExampleRow
from core.analysis.observations import Observations, statistic_of
from core.analysis.partners import partner_notes
from core.analysis.steps import Ranked
from core.causal.bounds import HEAD_BOUND
from core.causal.evidence import Evidence
from core.causal.verdicts import CONFIRMED
from core.config import RunConfig
from core.discovery.autoencoder import Codes
from core.discovery.held_out import HeldOut, held_out
from core.discovery.selection import EDGE_RULE, HEAD_RULE
from core.discovery.stability import Stability
from core.examples.alignment import Alignment, describe
from core.examples.example_set import LABELS
from core.examples.pairs_note import pairs_note
from core.examples.slots import MEAN
from core.examples.token_alignment import ABSENT
from core.heads import HeadId
from core.model.hub.origin import origin_of
from core.model.loaded_model import LoadedModel
from core.model.loading import device_notes
from core.model.tokens.tokenising import reading_notes
from core.schema import Manifest, Note, PartnersRecord, StabilityRecord, json_number

FEW_EXAMPLES = 5
"""Below this number a side the result says that it rests on little."""


def manifest_of(
    config: RunConfig,
    observed: Observations,
    rows: Sequence[ExampleRow],
    ranked: Ranked,
    evidence: Evidence,
    stability: Stability,
    judged: StabilityRecord,
    seconds: Mapping[str, float],
    partners: PartnersRecord | None = None,
) -> Manifest:
    """The manifest; `seconds` by stage, `judged` holds the confidence, `partners` the search for made ones."""
    scores, screen, ranking = ranked.scores, ranked.screen, ranked.ranking
    loaded, nothing = observed.loaded, evidence.state == "no_difference"
    content = {
        "version": package_version(),
        "created": datetime.now().astimezone().isoformat(timespec="seconds"),
        "model": _model(config, loaded),
        "scenario": config.scenario,
        "settings": {name: value for name, value in config.stored().items() if name != "examples"},
        "alignment": describe(observed.alignment),
        "counts": {
            **{label: config.examples.count(label) for label in ("anomalous", "normal")},
            "heads": len(loaded.heads),
            "selected_heads": 0 if nothing else int(scores.head_selected.sum()),
            "scored_edges": int((scores.edges > 0).sum()),
            "selected_edges": 0 if nothing else int(scores.edge_selected.sum()),
        },
        "timings": dict(seconds),
        "forward_passes": observed.forward_passes + ranked.forward_passes + evidence.forward_passes,
        "cached_texts": observed.compared.cached_texts,
        "device": str(loaded.device),
        "selection": _selection(config, observed, scores),
        "gradient_screen": screen.record() if screen else None,
        "ranking": ranking.record() if ranking else None,
        "evidence": evidence.state,
        "every_head": evidence.heads is not None and len(evidence.heads.targets) == len(loaded.heads),
        "evidence_about": evidence.about.model_copy(update={"forward_passes": evidence.forward_passes}),
        "notes": [
            *_notes(config, observed, rows, scores),
            *(partner_notes(partners) if partners else []),
            *ranked.notes(),
            *block_notes(ranked.blocks, loaded.shape.architecture),
            *evidence.notes,
            *stability.notes(),
        ],
        "stability": judged,
    }
    return Manifest.model_validate(content)


def _model(config: RunConfig, loaded: LoadedModel) -> dict[str, Any]:
    """Which model was read, and how."""
    return {
        "name": config.model,
        "adapter": config.adapter,
        "origin": origin_of(config.model),
        "weights_hash": loaded.weights_hash,
        **vars(loaded.shape),
        "precision": loaded.precision,
        "transformers": version("transformers"),
    }


def _selection(config: RunConfig, observed: Observations, scores: Scores) -> dict[str, Any]:
    """By which rules candidates were chosen."""
    return {
        "candidates": scores.signals.rule if scores.signals else "codes",
        "statistic": statistic_of(config.autoencoder),
        "attention_flow": observed.attention.state if observed.attention else "not_used",
        "rule": HEAD_RULE,
        "threshold": json_number(scores.head_threshold),
        "edge_rule": EDGE_RULE,
        "edge_threshold": json_number(scores.edge_threshold),
    }


def _notes(
    config: RunConfig, observed: Observations, rows: Sequence[ExampleRow], scores: Scores
) -> list[Note]:
    """What a reader must know about this run, as keys and values for the catalogues."""
    alignment = observed.alignment
    notes = [
        Note(key=f"positions_{alignment.mode}", values=dict(alignment.values)),
        pairs_note(alignment.pairs_source, alignment.sources, len(alignment.pairs)),
    ]
    if alignment.reason == "nothing_in_common":
        notes.append(Note(key="nothing_in_common"))
    compared = alignment.positions[alignment.positions != ABSENT]
    if (beginning := MEAN - int(compared.min())) > 0:
        notes.append(Note(key="mean_behind_beginning", values={"count": beginning}))
    if alignment.mode == "last_mean" and (ending := len(alignment.slots) - 1) > 1:
        notes.append(Note(key="ending_compared", values={"count": ending}))
    if observed.attention is not None:
        notes.append(Note(key=f"attention_flow_{observed.attention.state}"))
    loaded = observed.loaded
    if loaded.device.type == "cpu" and loaded.precision in ("bfloat16", "float16"):
        notes.append(Note(key="read_in_half_precision", values={"precision": loaded.precision}))
    notes += [loaded.device_note] if loaded.device_note else device_notes(config.device)
    notes += reading_notes(loaded, config.examples)
    notes += _unread_answers(config, rows)
    notes += _left_out(config, alignment)
    notes += behaviour_notes(config.examples, rows)
    fewest = _fewest(config, alignment)
    if fewest < FEW_EXAMPLES:
        notes.append(Note(key="few_examples", values={"count": fewest}))
    if not scores.head_selected.any():
        notes.append(Note(key="no_candidates"))
    return notes


def _left_out(config: RunConfig, alignment: Alignment) -> list[Note]:
    """Notes of texts that are not compared. Beside made partners, normal texts still set the level of the behaviour."""
    labels = Counter(config.examples.examples[i].label for i in alignment.left_out)
    level = labels.pop("normal", 0) if alignment.made else 0
    notes = [Note(key="normal_level", values={"count": level})] if level else []
    return [*notes, Note(key="left_out", values={"count": labels.total()})] if labels else notes


def _fewest(config: RunConfig, alignment: Alignment) -> int:
    """Texts that the result rests on at least: those of the smaller side, or pairs where these are fewer."""
    counts = [config.examples.count(label) for label in LABELS]
    if alignment.made or not alignment.paired:
        counts.append(alignment.n_anomalous)
        return min(counts)
    return len(alignment.pairs)


def _unread_answers(config: RunConfig, rows: Sequence[ExampleRow]) -> list[Note]:
    """A note of texts with an answer that could not be read behind them, so that its likelihood stays empty."""
    lines = [
        example.line or number
        for number, (example, row) in enumerate(zip(config.examples.examples, rows, strict=True), start=1)
        if (example.expected.strip() and row["expected"] is None)
        or (example.actual.strip() and row["actual"] is None)
    ]
    if not lines:
        return []
    values = {"count": len(lines), "lines": ", ".join(map(str, sorted(lines)))}
    return [Note(key="answers_unread", values=values)]


def stability_record(
    config: RunConfig,
    observed: Observations,
    codes: Codes,
    scores: Scores,
    stability: Stability,
    evidence: Evidence,
    rows: Sequence[ExampleRow],
) -> StabilityRecord:
    """Numbers of the whole run, and the confidence in it; `codes` are weighted by attention flow."""
    left_out = _held_out(config, observed, codes, scores, evidence)
    verdicts = evidence.heads.verdict if evidence.heads else []
    confidence = judge_confidence(
        state=evidence.state,
        candidates=int(scores.head_selected.sum()),
        tested=len(verdicts),
        confirmed=verdicts.count(CONFIRMED),
        examples=evidence.about.examples,
        jaccard=stability.jaccard,
        held_out=left_out.share,
        diversity=stability.diversity,
        untested=len(evidence.untested),
        joint=evidence.about.joint,
        doubts=doubts(behaviour_notes(config.examples, rows), observed.alignment.pairs_source),
        made=observed.alignment.made,
    )
    held = {"held_out": json_number(left_out.share), "held_out_checked": left_out.checked}
    return StabilityRecord.model_validate({**stability.as_json(), **held, "confidence": confidence})


def _held_out(
    config: RunConfig, observed: Observations, codes: Codes, scores: Scores, evidence: Evidence
) -> HeldOut:
    """Whether the effects of the tested heads hold on texts that their selection has not seen."""
    if evidence.heads is None:
        return HeldOut()
    heads = [target for target in evidence.heads.targets if isinstance(target, HeadId)]
    tested = [observed.loaded.flat(head) for head in heads]
    effects, paired = evidence.heads.per_example, observed.alignment.paired
    statistic = statistic_of(config.autoencoder)
    return held_out(codes, tested, effects, HEAD_BOUND, paired, statistic, config.seed, scores.signals)


def package_version() -> str:
    """Version of the installed package."""
    try:
        return version("headlight")
    except PackageNotFoundError:
        return "source"
