"""Scores of heads and edges, and which are candidates: by codes alone, or by codes and further signals."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from core.analysis.signals import Rule, Signals, weighted_mean
from core.discovery import scoring
from core.discovery.autoencoder import Codes
from core.discovery.scoring import HeadScores, Statistic
from core.discovery.selection import EDGE_RULE, HEAD_RULE, select, threshold
from core.heads import EdgeId, HeadId


@dataclass(frozen=True)
class Scores:
    """Scores of heads and edges over flat heads, and which of them are candidates, by member and in all.

    Where they are combined with further `signals`, `codes` are the scores of the codes alone, and `edge_gradient`
    (source, target) is the first-order effect of every edge, None where there is none.
    """

    heads: HeadScores
    head_selected: np.ndarray
    head_frequency: np.ndarray
    head_threshold: float
    edges: np.ndarray
    edges_by_member: np.ndarray
    edge_selected: np.ndarray
    edge_frequency: np.ndarray
    edge_threshold: float
    codes: "Scores | None" = None
    signals: Signals | None = None
    edge_gradient: np.ndarray | None = None


def score(
    codes: Codes,
    n_anomalous: int,
    layers: np.ndarray,
    statistic: Statistic = "strength",
    links: np.ndarray | None = None,
) -> Scores:
    """Scores and candidates from codes (member, example, slot, head); `layers` (head,) are those of the heads.

    With `links` (source, target) of `core.discovery.attention_flow`, an edge's score is the geometric mean of
    its link and the strength of the joint codes.
    """
    heads = scoring.head_scores(codes, n_anomalous, statistic)
    at_best = scoring.at_best(codes, heads.best_slot)
    by_member = scoring.edge_scores_by_member(at_best, n_anomalous, layers, statistic)
    if links is not None:
        by_member = np.sqrt(by_member * links)
    return _with_candidates(heads, by_member.mean(axis=0), by_member)


def with_signals(codes: Scores, signals: Signals, edge_gradient: np.ndarray | None = None) -> Scores:
    """The same with further signals: every member's scores are combined with the same ones."""
    score, per_member = (
        torch.from_numpy(signals.combined(part.double().numpy()))
        for part in (codes.heads.score, codes.heads.per_member)
    )
    heads = HeadScores(score, per_member, codes.heads.best_slot)
    edges, by_member = (
        _edges(part, edge_gradient, signals.rule) for part in (codes.edges, codes.edges_by_member)
    )
    return replace(
        _with_candidates(heads, edges, by_member, signals.strong()),
        codes=codes,
        signals=signals,
        edge_gradient=edge_gradient,
    )


def _edges(codes: np.ndarray, gradient: np.ndarray | None, rule: Rule) -> np.ndarray:
    """Edge scores (..., source, target) from those of the codes and the first-order effects (source, target)."""
    if gradient is None:
        return codes
    sizes = np.abs(gradient)
    if rule == "screened":
        screened: np.ndarray = np.sqrt(codes * sizes)
        return screened
    flat = codes.reshape(*codes.shape[:-2], -1)
    return weighted_mean({"codes": flat, "gradient": sizes.ravel()}).reshape(codes.shape)


def _with_candidates(
    heads: HeadScores, edges: np.ndarray, edges_by_member: np.ndarray, strong: np.ndarray | None = None
) -> Scores:
    """Candidates by the rules of `core.discovery.selection`, in all and for each member, and `strong` heads."""
    head_score = heads.score.numpy()
    whatever = np.zeros(len(head_score), dtype=bool) if strong is None else strong
    selected = select(head_score, HEAD_RULE) | whatever
    by_member = np.stack([select(member, HEAD_RULE) | whatever for member in heads.per_member.numpy()])
    cut, edge_selected = _select_edges(edges, selected)
    edges_of = [_select_edges(e, h)[1] for e, h in zip(edges_by_member, by_member, strict=True)]
    return Scores(
        heads=heads,
        head_selected=selected,
        head_frequency=by_member.mean(axis=0),
        head_threshold=threshold(head_score, HEAD_RULE),
        edges=edges,
        edges_by_member=edges_by_member,
        edge_selected=edge_selected,
        edge_frequency=np.mean(edges_of, axis=0),
        edge_threshold=cut,
    )


def _select_edges(edges: np.ndarray, head_selected: np.ndarray) -> tuple[float, np.ndarray]:
    """Candidate edges run between candidate heads and pass the rule among these pairs: (threshold, matrix)."""
    between = np.outer(head_selected, head_selected) & (edges > 0)
    cut = threshold(edges[between], EDGE_RULE) if between.any() else float("inf")
    if np.isinf(cut) and between.any():
        cut = float(edges[between].min())
    return cut, between & (edges >= cut)


def candidate_heads(heads: pd.DataFrame) -> list[HeadId]:
    """Candidates of a head table, best first."""
    return heads_of(heads[heads["selected"]])


def heads_of(table: pd.DataFrame) -> list[HeadId]:
    """The heads of a head table, in its order."""
    return [HeadId(*row) for row in table[["layer", "head"]].to_numpy().tolist()]


def candidate_edges(edges: pd.DataFrame) -> list[EdgeId]:
    """Candidates of an edge table, best first."""
    rows = edges.loc[edges["selected"], ["source_layer", "source_head", "target_layer", "target_head"]]
    return [EdgeId(HeadId(*row[:2]), HeadId(*row[2:])) for row in rows.to_numpy().tolist()]
