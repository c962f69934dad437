"""Scores of heads and edges, and which are candidates: by codes alone, or by codes and the gradient screen."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.causal.edge_attribution import Attributed
from core.discovery import scoring
from core.discovery.autoencoder import Codes
from core.discovery.scoring import HeadScores, Statistic
from core.discovery.selection import EDGE_RULE, HEAD_RULE, select, threshold
from core.heads import EdgeId, HeadId


@dataclass(frozen=True)
class Scores:
    """Scores of heads and edges over flat heads, and which of them are candidates, by member and in all.

    Where a screen was combined with them, `codes` are the scores of the codes alone and `attributed` is the screen.
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
    attributed: Attributed | None = None


def score(
    codes: Codes,
    n_anomalous: int,
    n_heads: int,
    statistic: Statistic = "strength",
    links: np.ndarray | None = None,
) -> Scores:
    """Scores and candidates from codes (member, example, slot, head).

    With `links` (source, target) of `core.discovery.attention_flow`, an edge's score is the geometric mean of
    its link and the strength of the joint codes.
    """
    heads = scoring.head_scores(codes, n_anomalous, statistic)
    at_best = scoring.at_best(codes, heads.best_slot)
    by_member = scoring.edge_scores_by_member(at_best, n_anomalous, n_heads, statistic)
    if links is not None:
        by_member = np.sqrt(by_member * links)
    return _with_candidates(heads, by_member.mean(axis=0), by_member)


def screened(scores: Scores, attributed: Attributed) -> Scores:
    """The same with the screen: every member's scores are combined with the same attribution."""
    heads = scoring.combined_heads(scores.heads, attributed.heads)
    parts = scores.edges, scores.edges_by_member
    edges, by_member = (scoring.combined(part, attributed.edges) for part in parts)
    return _with_candidates(heads, edges, by_member, codes=scores, attributed=attributed)


def _with_candidates(
    heads: HeadScores,
    edges: np.ndarray,
    edges_by_member: np.ndarray,
    codes: Scores | None = None,
    attributed: Attributed | None = None,
) -> Scores:
    """Candidates by the rules of `core.discovery.selection`, in all and for each member."""
    head_score = heads.score.numpy()
    selected = select(head_score, HEAD_RULE)
    by_member = np.stack([select(member, HEAD_RULE) for member in heads.per_member.numpy()])
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
        codes=codes,
        attributed=attributed,
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
