"""How far the selection of heads can be trusted: numbers from codes and effects alone, no model is run.

- Mirror: the score with the sides exchanged, from codes that only normal texts show, and which heads it would select.
  For texts compared in pairs the outputs of a pair are each other's negative, so a head that responds to the change
  shows about the same mirror score: then it says how strongly a head responds, not for which side.
- Drawn anew: texts are drawn with replacement (pairs together), scores are computed from the codes of the drawn ones,
  and heads selected by the same rule. `again` is how often each head is selected, `jaccard` the mean overlap with the
  full selection, which should reach BAR. Codes stay as they are, so what the autoencoders would learn from other texts
  is left out, and the true spread is larger.
- Members: mean overlap of the heads that two members of the ensemble would select.
- Variety: a side that is merely more varied shows more codes, and so more that the other lacks. Each score is scaled
  as if the anomalous side showed only as many different codes (silence counts as one) as the normal one: by their ratio
  where that is below 1, the expected rest when that many of its codes are kept at random. Sides of unequal size are
  thinned to the smaller one first (rarefaction, Hurlbert 1971). `diversity` is the share of the candidates' score left.
- Left out: with FEWEST texts a side or more, heads are selected on two thirds of the texts. Of those whose effect there
  reaches the bound, the share whose mean effect on the other third has the same sign and reaches the bound too, over
  SPLITS splits in thirds. The autoencoders, and the reach of positions, have seen all texts.

With the causal screen (`core.analysis.gradient_screen`) every selection above is one by combined scores: texts
drawn anew, and those of
the selection where some are left out, with the attribution of these texts, so that no gradient of a text left out is
seen; the mirror and single members with the attribution of all texts. Variety is told of the codes alone.

Overlap is the Jaccard index: heads in both selections over heads in either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.discovery.autoencoder import SILENT, Codes
from core.discovery.scoring import (
    HeadScores,
    Statistic,
    combined_draws,
    combined_heads,
    head_scores,
    mirror_scores,
    unique_codes,
)
from core.discovery.selection import HEAD_RULE, select
from core.discovery.thresholds import BAR, DIVERSITY
from core.text import percent

DRAWS = 200
FEWEST = 6
FOLDS = 3
SPLITS = 10
BLOCK_NUMBERS = 2**22
"""Numbers that one block of heads may hold; larger ones leave the processor's cache."""


@dataclass(frozen=True)
class HeldOut:
    """`share` of the effects that hold on texts left out, of `checked` (head, fold) cases; NaN where there are none."""

    share: float = float("nan")
    checked: int = 0


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
        chosen = self.selected
        variety = self.variety[:, chosen].mean(axis=1) if chosen.any() else np.full(2, np.nan)
        return {
            "mirror_selected": int(self.mirror_selected.sum()),
            "mirror_overlap": plain(self.mirror_overlap),
            "jaccard": plain(self.jaccard),
            "jaccard_bar": BAR,
            "draws": self.draws,
            "members_overlap": plain(self.members_overlap),
            "diversity": plain(self.diversity),
            "codes_anomalous": plain(variety[0]),
            "codes_normal": plain(variety[1]),
            "tokens_anomalous": self.tokens[0],
            "tokens_normal": self.tokens[1],
        }

    def of_heads(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The numbers of every head by its name, for evidence.json."""
        return {
            name: {
                "mirror_score": plain(self.mirror_score[i]),
                "mirror_selected": bool(self.mirror_selected[i]),
                "selected_again": plain(self.again[i]),
                "equalised_score": plain(self.equalised_score[i]),
                "codes_anomalous": plain(self.variety[0, i]),
                "codes_normal": plain(self.variety[1, i]),
            }
            for i, name in enumerate(names)
        }

    def notes(self) -> list[dict[str, Any]]:
        """What a reader must know: a selection that changes with the texts, a side that is merely more varied."""
        notes = []
        if self.jaccard < BAR:
            notes.append(
                {"key": "selection_unsteady", "values": {"jaccard": round(self.jaccard, 2), "bar": BAR}}
            )
        if self.diversity < DIVERSITY:
            notes.append({"key": "anomalous_varied", "values": {"share": percent(self.diversity)}})
        return notes


def stability_of(
    codes: Codes,
    scores: HeadScores,
    texts: Sequence[Sequence[int]],
    n_anomalous: int,
    paired: bool,
    statistic: Statistic,
    seed: int,
    screen: np.ndarray | None = None,
) -> Stability:
    """All that codes (member, example, slot, head) tell, anomalous examples first; `texts` are their tokens.

    `scores` are those of the codes alone; `screen` (pair, head) is the attribution that candidates were chosen by too.
    """
    mirror = mirror_scores(codes, n_anomalous, statistic)
    chosen = scores
    if screen is not None:
        chosen, mirror = (combined_heads(one, screen.mean(axis=0)) for one in (scores, mirror))
    selected = select(chosen.score.numpy(), HEAD_RULE)
    mirrored = select(mirror.score.numpy(), HEAD_RULE)
    times = draw_examples(codes.latent.shape[1], n_anomalous, paired, seed)
    again = np.stack([select(score, HEAD_RULE) for score in _drawn_scores(codes, *times, statistic, screen)])
    equalised = equalised_scores(codes, n_anomalous, statistic)
    sides = texts[:n_anomalous], texts[n_anomalous:]
    return Stability(
        selected=selected,
        mirror_score=mirror.score.numpy(),
        mirror_selected=mirrored,
        mirror_overlap=jaccard(selected, mirrored) if selected.any() else float("nan"),
        again=again.mean(axis=0),
        jaccard=float(np.mean([jaccard(selected, one) for one in again])) if selected.any() else float("nan"),
        draws=len(again),
        members_overlap=members_overlap(chosen.per_member),
        equalised_score=equalised,
        diversity=_diversity(scores.score.numpy(), equalised, selected),
        variety=variety(codes, n_anomalous, scores.best_slot),
        tokens=(len({t for text in sides[0] for t in text}), len({t for text in sides[1] for t in text})),
    )


def jaccard(first: np.ndarray, second: np.ndarray) -> float:
    """Heads in both of two selections (head,) over heads in either; 1 where both are empty."""
    either = (first | second).sum()
    return float((first & second).sum() / either) if either else 1.0


def members_overlap(per_member: Tensor) -> float:
    """Mean Jaccard overlap of what two members would select by their scores (member, head); NaN for one member."""
    chosen = [select(score, HEAD_RULE) for score in per_member.numpy()]
    pairs = [jaccard(first, second) for first, second in combinations(chosen, 2)]
    return float(np.mean(pairs)) if pairs else float("nan")


def draw_examples(
    count: int, n_anomalous: int, paired: bool, seed: int, draws: int = DRAWS
) -> tuple[np.ndarray, np.ndarray]:
    """How often each text is drawn, (draw, anomalous example) and (draw, normal example)."""
    generator = np.random.default_rng(seed)

    def times(size: int) -> np.ndarray:
        return generator.multinomial(size, np.full(size, 1 / size), size=draws)

    anomalous = times(n_anomalous)
    return anomalous, anomalous if paired else times(count - n_anomalous)


def drawn_scores(
    codes: Codes, anomalous: np.ndarray, normal: np.ndarray, statistic: Statistic = "strength"
) -> np.ndarray:
    """Head scores (draw, head) where each text counts as often as drawn, as
    `core.discovery.scoring.head_scores` of these texts.

    `anomalous` (draw, anomalous example) and `normal` (draw, normal example) say how often; a text drawn zero times is
    not there.
    """
    members, examples, slots, heads = codes.latent.shape
    times = torch.from_numpy(anomalous).float()
    present = torch.from_numpy(normal > 0).float()
    if statistic == "count":
        present = torch.cat([present, (times > 0).float()], dim=1)
        times = (times > 0).float()
    else:
        times = times / times.sum(dim=1, keepdim=True)
    size = max(1, BLOCK_NUMBERS // (members * slots * anomalous.shape[1] * (len(times) + examples)))
    parts = []
    for start in range(0, heads, size):
        index, strength = (field[..., start : start + size].permute(0, 2, 3, 1) for field in codes)
        parts.append(_drawn(index, strength, times, present, statistic))
    return torch.cat(parts, dim=1).double().numpy()


def _drawn_scores(
    codes: Codes, anomalous: np.ndarray, normal: np.ndarray, statistic: Statistic, screen: np.ndarray | None
) -> np.ndarray:
    """The same, combined with the attribution (pair, head) of the drawn texts where there is one."""
    scores = drawn_scores(codes, anomalous, normal, statistic)
    return scores if screen is None else combined_draws(scores, anomalous, screen)


def _drawn(index: Tensor, strength: Tensor, times: Tensor, present: Tensor, statistic: Statistic) -> Tensor:
    """Scores (draw, head) of a block; index and strength are (member, slot, head, example)."""
    n_anomalous = times.shape[1]
    own, other = index[..., :n_anomalous], index[..., n_anomalous:]
    equal = own[..., :, None] == other[..., None, :]
    weight = (own != SILENT).float()
    if statistic == "count":
        earlier = torch.ones(n_anomalous, n_anomalous, dtype=torch.bool).tril(-1)
        equal = torch.cat([equal, (own[..., :, None] == own[..., None, :]) & earlier], dim=-1)
    else:
        weight = weight * strength[..., :n_anomalous]
    shown = equal.float() @ present.T > 0
    by_slot = (weight[..., None] * ~shown * times.T).sum(dim=-2).mean(dim=0)
    return by_slot.amax(dim=0).T


def equalised_scores(codes: Codes, n_anomalous: int, statistic: Statistic = "strength") -> np.ndarray:
    """Head scores (head,) with as many different codes on the anomalous side as on the normal one, at most."""
    sides = different_codes(codes.latent[:, :n_anomalous], codes.latent[:, n_anomalous:])
    ratio = (sides[1] / sides[0]).clamp(max=1)
    if statistic == "count":
        index = codes.latent.permute(0, 2, 3, 1)
        return (unique_codes(index, n_anomalous) * ratio).mean(dim=0).amax(dim=0).double().numpy()
    thinned = Codes(codes.latent, codes.strength * ratio[:, None])
    return head_scores(thinned, n_anomalous).score.numpy()


def different_codes(anomalous: Tensor, normal: Tensor) -> Tensor:
    """Different codes of each side, silence counted in, expected where both have the smaller side's number of texts.

    Both are (member, example, slot, head); the result is (side, member, slot, head).
    """
    size = min(anomalous.shape[1], normal.shape[1])
    counts = []
    for side in (anomalous, normal):
        total = side.shape[1]
        same = torch.zeros_like(side)
        # Text by text: all pairs of texts at once would take gigabytes for a large model.
        for text in range(total):
            same += side == side[:, [text]]
        kept = [0.0] + [(1 - comb(total - c, size) / comb(total, size)) / c for c in range(1, total + 1)]
        counts.append(torch.tensor(kept)[same].sum(dim=1))
    return torch.stack(counts)


def variety(codes: Codes, n_anomalous: int, best_slot: Tensor) -> np.ndarray:
    """Mean over members of the different codes at each head's best slot: (side, head)."""
    sides = different_codes(codes.latent[:, :n_anomalous], codes.latent[:, n_anomalous:]).mean(dim=1)
    return sides.gather(1, best_slot.expand(2, 1, -1))[:, 0].numpy()


def held_out(
    codes: Codes,
    tested: Sequence[int],
    effects: np.ndarray,
    bound: float,
    paired: bool,
    statistic: Statistic,
    seed: int,
    screen: np.ndarray | None = None,
) -> HeldOut:
    """The check on texts left out, see above; `tested` are flat heads, `effects` (direction, tested head, example).

    `screen` (pair, head) is the attribution that candidates were chosen by too. The direction is chosen on the texts of
    the selection. Nothing is checked with fewer than FEWEST texts on a side.
    """
    count, n_anomalous = codes.latent.shape[1], effects.shape[-1]
    if min(n_anomalous, count - n_anomalous) < FEWEST or not len(tested):
        return HeldOut()
    generator = np.random.default_rng(seed)
    anomalous = _training(n_anomalous, generator)
    normal = anomalous if paired else _training(count - n_anomalous, generator)
    scores = _drawn_scores(codes, anomalous, normal, statistic, screen)
    chosen = np.stack([select(score, HEAD_RULE) for score in scores])[:, list(tested)]
    train = np.einsum("dte,fe->fdt", effects, anomalous / anomalous.sum(axis=1, keepdims=True))
    rest = np.einsum("dte,fe->fdt", effects, (1 - anomalous) / (1 - anomalous).sum(axis=1, keepdims=True))
    direction = np.abs(np.nan_to_num(train)).argmax(axis=1)[:, None]
    first, second = (np.take_along_axis(means, direction, axis=1)[:, 0] for means in (train, rest))
    checked = chosen & (np.abs(first) >= bound) & np.isfinite(second)
    holds = checked & (np.sign(first) * second >= bound)
    return HeldOut(float(holds.sum() / checked.sum()) if checked.any() else float("nan"), int(checked.sum()))


def plain(value: float) -> float | None:
    """A number for JSON."""
    return round(float(value), 6) if np.isfinite(value) else None


def _training(count: int, generator: np.random.Generator) -> np.ndarray:
    """Which texts the selection sees (split and fold, example): 1, or 0 for those left out."""
    orders = generator.random((SPLITS, count)).argsort(axis=1)
    return np.concatenate([(orders % FOLDS != fold).astype(int) for fold in range(FOLDS)])


def _diversity(scores: np.ndarray, equalised: np.ndarray, selected: np.ndarray) -> float:
    total = scores[selected].sum()
    return float(equalised[selected].sum() / total) if total > 0 else float("nan")
