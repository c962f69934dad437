"""How stable the selection of heads is: numbers from codes alone, no model is run.

- Mirror: the score with the sides exchanged, and which heads it would select. For texts compared in pairs the outputs
  of a pair are each other's negative, so the mirror score says how strongly a head responds, not for which side.
- Redrawn (`core.discovery.redrawn`): `again` is how often each head is selected on texts drawn anew, `jaccard` the mean
  overlap with the full selection, which should reach BAR.
- Members: mean overlap of the heads that two members of the ensemble would select.
- Variety (`core.discovery.variety`): `diversity` is the share of the candidates' score that does not come from a merely
  more varied anomalous side.

Where gradients and effects take part in the selection, they take part in every selection here: redrawn texts with what
was measured on these texts, the mirror and single members with that of all texts. Variety speaks of the codes alone.

Overlap is the Jaccard index: heads in both selections over heads in either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from core.discovery.autoencoder import Codes
from core.discovery.redrawn import Combining, draw_examples, redrawn_selections, selections
from core.discovery.scoring import HeadScores, Statistic, mirror_scores
from core.discovery.thresholds import BAR, DIVERSITY
from core.discovery.variety import diversity_left, equalised_scores, variety
from core.schema import Note, json_number
from core.text import percent


@dataclass(frozen=True)
class Stability:
    """Arrays (head,) over flat heads; numbers are NaN where nothing is selected or they mean nothing.

    `variety` (side, head) is the mean number of different codes a member shows at a head's best slot, silence counted
    in, anomalous side first. `tokens` counts the different tokens of each side's texts.
    """

    selected: np.ndarray
    mirror_score: np.ndarray
    mirror_selected: np.ndarray
    mirror_overlap: float
    again: np.ndarray
    jaccard: float
    draws: int
    members_overlap: float
    equalised_score: np.ndarray
    diversity: float
    variety: np.ndarray
    tokens: tuple[int, int]

    def as_json(self) -> dict[str, Any]:
        """The numbers of the whole run, for the manifest."""
        selected = self.selected
        variety = self.variety[:, selected].mean(axis=1) if selected.any() else np.full(2, np.nan)
        return {
            "mirror_selected": int(self.mirror_selected.sum()),
            "mirror_overlap": json_number(self.mirror_overlap),
            "jaccard": json_number(self.jaccard),
            "jaccard_bar": BAR,
            "draws": self.draws,
            "members_overlap": json_number(self.members_overlap),
            "diversity": json_number(self.diversity),
            "codes_anomalous": json_number(variety[0]),
            "codes_normal": json_number(variety[1]),
            "tokens_anomalous": self.tokens[0],
            "tokens_normal": self.tokens[1],
        }

    def of_heads(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The numbers of every head by its name, for evidence.json."""
        return {
            name: {
                "mirror_score": json_number(self.mirror_score[i]),
                "mirror_selected": bool(self.mirror_selected[i]),
                "selected_again": json_number(self.again[i]),
                "equalised_score": json_number(self.equalised_score[i]),
                "codes_anomalous": json_number(self.variety[0, i]),
                "codes_normal": json_number(self.variety[1, i]),
            }
            for i, name in enumerate(names)
        }

    def notes(self) -> list[Note]:
        """What a reader must know: a selection that changes with the texts, a side that is merely more varied."""
        notes = []
        if self.jaccard < BAR:
            values = {"jaccard": round(self.jaccard, 2), "bar": BAR}
            notes.append(Note(key="selection_unsteady", values=values))
        if self.diversity < DIVERSITY:
            notes.append(Note(key="anomalous_varied", values={"share": percent(self.diversity)}))
        return notes


def stability_of(
    codes: Codes,
    scores: HeadScores,
    texts: Sequence[Sequence[int]],
    n_anomalous: int,
    paired: bool,
    statistic: Statistic,
    seed: int,
    signals: Combining | None = None,
) -> Stability:
    """All that codes (member, example, slot, head) tell, anomalous examples first; `texts` are their tokens.

    `scores` are those of the codes alone; `signals` are what candidates were chosen by beside them.
    """
    mirror = mirror_scores(codes, n_anomalous, statistic).score.numpy()
    selected, mirrored = (selections(one[None], signals)[0] for one in (scores.score.numpy(), mirror))
    if signals is not None:
        mirror = signals.combined(mirror)
    times = draw_examples(codes.latent.shape[1], n_anomalous, paired, seed)
    again = redrawn_selections(codes, *times, statistic, signals)
    equalised = equalised_scores(codes, n_anomalous, statistic)
    sides = texts[:n_anomalous], texts[n_anomalous:]
    return Stability(
        selected=selected,
        mirror_score=mirror,
        mirror_selected=mirrored,
        mirror_overlap=jaccard(selected, mirrored) if selected.any() else float("nan"),
        again=again.mean(axis=0),
        jaccard=float(np.mean([jaccard(selected, one) for one in again])) if selected.any() else float("nan"),
        draws=len(again),
        members_overlap=members_overlap(selections(scores.per_member.numpy(), signals)),
        equalised_score=equalised,
        diversity=diversity_left(scores.score.numpy(), equalised, selected),
        variety=variety(codes, n_anomalous, scores.best_slot),
        tokens=(len({t for text in sides[0] for t in text}), len({t for text in sides[1] for t in text})),
    )


def jaccard(first: np.ndarray, second: np.ndarray) -> float:
    """Heads in both of two selections (head,) over heads in either; 1 where both are empty."""
    either = (first | second).sum()
    return float((first & second).sum() / either) if either else 1.0


def members_overlap(selected: np.ndarray) -> float:
    """Mean Jaccard overlap of what two members would select (member, head); NaN for one member."""
    pairs = [jaccard(first, second) for first, second in combinations(selected, 2)]
    return float(np.mean(pairs)) if pairs else float("nan")
