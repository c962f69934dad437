"""What a reader must know of the evidence: metric, gap, method and rule, as keys and values for the catalogues."""

import numpy as np

from core.causal.bounds import ALIKE, CERTAIN, EDGE_BOUND, HEAD_BOUND, LIKELY, RULE
from core.causal.comparison import Comparison
from core.causal.evidence._chosen import EVERY_HEAD_RUNS, STRONG, most_runs
from core.causal.metric import Metric, answer_places
from core.causal.statistics import smallest_sign_flip_p
from core.causal.verdicts import Findings
from core.heads import HeadId
from core.model.loaded_model import LoadedModel
from core.model.logit_attribution import has_plain_stream
from core.schema import EvidenceAbout, Note
from core.text import number, percent

FEWEST_TO_CORRELATE = 5
"""Tested heads from which a correlation of attribution and effect is given."""


def about_of(comparison: Comparison) -> EvidenceAbout:
    """Metric, gap, method and rule, for the manifest; what was tested is filled in behind."""
    metric, loaded = comparison.metric, comparison.recording.loaded
    return EvidenceAbout(
        metric=metric.kind,
        anomalous=round(metric.anomalous, 4),
        normal=round(metric.normal, 4),
        gap=round(metric.gap, 4),
        gap_p_value=None if metric.gap_p is None else round(metric.gap_p, 6),
        divergence=round(metric.divergence, 4),
        answer_places=answer_places(metric, loaded),
        method=comparison.method,
        directions=("noising", "denoising") if comparison.method == "resample" else ("noising",),
        examples=metric.n_anomalous,
        smallest_p=round(smallest_sign_flip_p(metric.n_anomalous), 6),
        rule=RULE,
        heads_in_model=len(loaded.heads),
        partners=sum(len(one.texts) for one in comparison.rounds) if comparison.alignment.paired else 0,
    )


def why_nothing(metric: Metric) -> Note:
    """The sides are alike, or what sets them apart could be chance."""
    gap = {"gap": number(round(metric.gap, 4))}
    if metric.too_small or metric.gap_p is None:
        return Note(key="evidence_no_difference", values=gap)
    return Note(key="evidence_chance", values={**gap, "p": number(metric.gap_p)})


def _carrying(metric: Metric, about: EvidenceAbout) -> list[Note]:
    """Which token of the answers carries most of the gap, where there are several."""
    if metric.kind != "answer_difference" or not about.answer_places:
        return []
    most = about.answer_places[0]
    pieces = " ".join(f"“{piece}”" for piece in most.pieces)
    more = " …" if most.different > len(most.pieces) else ""
    values = {"share": percent(most.share), "place": most.place + 1, "pieces": pieces + more}
    return [Note(key=f"answer_place_{most.side}", values=values)]


def notes_of(comparison: Comparison, loaded: LoadedModel, candidates: int, tested: int) -> list[Note]:
    """Metric, method, rule, and which of the `candidates` among the edges were tested."""
    metric, about = comparison.metric, about_of(comparison)
    smallest = smallest_sign_flip_p(metric.n_anomalous)
    rule = {
        "head_bound": percent(HEAD_BOUND),
        "edge_bound": percent(EDGE_BOUND),
        "confirmed_q": CERTAIN,
        "partly_q": LIKELY,
    }
    notes = [
        Note(key=f"evidence_{metric.kind}", values={"gap": number(round(metric.gap, 4))}),
        *_carrying(metric, about),
        *metric.notes,
        Note(key="evidence_divergence", values={"divergence": number(round(metric.divergence, 4))}),
        Note(key=f"evidence_{about.method}"),
        Note(key="evidence_rule", values=rule),
        *(
            [Note(key="evidence_rule_made", values={"share": percent(ALIKE)})]
            if comparison.alignment.made
            else []
        ),
        Note(
            key="smallest_p" if smallest <= CERTAIN else "smallest_p_too_few",
            values={"examples": metric.n_anomalous, "p": number(round(smallest, 6))},
        ),
    ]
    if not has_plain_stream(loaded):
        notes.append(Note(key="evidence_no_edges", values={"architecture": loaded.shape.architecture}))
    elif tested < candidates:
        values = {"tested": tested, "candidates": candidates}
        notes.append(Note(key="evidence_strongest_edges", values=values))
    return notes


def tested_notes(
    comparison: Comparison, tested: int, candidates: int, untested: int, fewer: bool
) -> list[Note]:
    """How many heads were tested, what kept others out, and with how many partners a text."""
    heads = len(comparison.recording.loaded.heads)
    values: dict[str, str | int | float | None] = {
        "tested": tested,
        "heads": heads,
        "candidates": candidates,
        "strong": percent(STRONG),
        "runs": most_runs(comparison),
    }
    notes = [Note(key="evidence_every_head" if tested == heads else "evidence_strong_heads", values=values)]
    if untested:
        notes.append(Note(key="evidence_untested", values={"count": untested, "bound": percent(HEAD_BOUND)}))
    if len(comparison.rounds) > 1 or fewer:
        partners = sum(len(one.texts) for one in comparison.rounds)
        key = "evidence_fewer_partners" if fewer else "evidence_partners"
        notes.append(
            Note(key=key, values={"partners": partners, "texts": comparison.count, "runs": EVERY_HEAD_RUNS})
        )
    return notes


def agreement(loaded: LoadedModel, guessed: np.ndarray, findings: Findings) -> dict[str, float]:
    """How well the attribution (flat head,) of the tested heads goes along with taking them out: a correlation."""
    exact = findings.per_example[0].mean(axis=-1)
    heads = [target for target in findings.targets if isinstance(target, HeadId)]
    of_heads = np.array([guessed[loaded.flat(head)] for head in heads])
    usable = np.isfinite(exact) & np.isfinite(of_heads)
    if usable.sum() < FEWEST_TO_CORRELATE or min(exact[usable].std(), of_heads[usable].std()) == 0:
        return {}
    return {"attribution_correlation": round(float(np.corrcoef(exact[usable], of_heads[usable])[0, 1]), 4)}
