"""How well scores find a true circuit. ROC and average precision are scikit-learn's."""

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from core.discovery.selection import Rule, select


def ranking(truth: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """(ROC AUC, average precision) of scores (n,) against truth (n,); NaN where all or none are true."""
    if truth.all() or not truth.any():
        return float("nan"), float("nan")
    return float(roc_auc_score(truth, scores)), float(average_precision_score(truth, scores))


def hits_among_best(truth: np.ndarray, scores: np.ndarray, best: int = 10) -> int:
    """How many true ones are among the `best` highest scores; of equal scores the first ones."""
    return int(truth[np.argsort(-scores, kind="stable")[:best]].sum())


def precision_recall(truth: np.ndarray, selected: np.ndarray) -> tuple[float, float]:
    """(precision, recall) of what is selected; precision is NaN where nothing is."""
    hits = int((truth & selected).sum())
    precision = hits / int(selected.sum()) if selected.any() else float("nan")
    recall = hits / int(truth.sum()) if truth.any() else float("nan")
    return precision, recall


def edge_selection(edges: np.ndarray, heads: np.ndarray, rule: Rule) -> np.ndarray:
    """Candidate edges under a rule: between candidate heads, and passing the rule among those pairs."""
    between = np.outer(heads, heads) & (edges > 0)
    selected = np.zeros_like(between)
    if between.any():
        passed = select(edges[between], rule)
        selected[between] = passed if passed.any() else True
    return selected
