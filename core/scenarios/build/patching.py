"""Effects of heads and pairs of heads on paired texts, by resample patching between the two texts of a pair.

1. The measure is the mean logit of a pair's good words minus that of its bad words, at the last position.
2. The gap is its mean on the anomalous texts minus its mean on the normal ones.
3. noising: the anomalous run with the normal text's value at the head or edge; its effect is what the measure
   loses. denoising: the normal run with the anomalous text's value; its effect is what the measure gains. Both
   by the gap.

Pairs of one length run together, many interventions in one batch.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from core.causal.interventions import choose_heads, patch_edges, record, replace_heads
from core.heads import EdgeId, HeadId
from core.model.loaded_model import LoadedModel
from core.model.next_token import head_logits
from core.scenarios import Effect
from core.scenarios.build.tasks import TaskPair

Target = tuple[HeadId, ...] | EdgeId
_ROWS = 256


@dataclass(frozen=True)
class _Group:
    """Pairs of one length: `ids` (side, pair, position), `z` (side, layer, pair, position, head, d_head)."""

    ids: Tensor
    z: Tensor
    good: list[list[int]]
    bad: list[list[int]]


class PairPatching:
    """Patching between the two texts of every pair, for one model."""

    def __init__(self, loaded: LoadedModel, pairs: Sequence[TaskPair]) -> None:
        self._loaded, self._count = loaded, len(pairs)
        self._groups = list(self._grouped(pairs))
        self.anomalous, self.normal = (
            torch.cat([self._plain(group, side) for group in self._groups]).mean().item() for side in (0, 1)
        )

    def effects(self, targets: Sequence[Target]) -> list[Effect]:
        """The effect of every target: a tuple of heads patched together, or an edge."""
        gap = self.anomalous - self.normal
        noising = self.anomalous - self._measures(targets, side=0)
        denoising = self._measures(targets, side=1) - self.normal
        rows = zip((noising / gap).tolist(), (denoising / gap).tolist(), strict=True)
        return [Effect(round(lost, 4), round(won, 4), self._count) for lost, won in rows]

    def _grouped(self, pairs: Sequence[TaskPair]) -> Iterator[_Group]:
        encoded = [(self._loaded.encode(p.anomalous), self._loaded.encode(p.normal), p) for p in pairs]
        for _, found in groupby(
            sorted(encoded, key=lambda item: len(item[0])), key=lambda item: len(item[0])
        ):
            items = list(found)
            ids = torch.tensor([[first for first, _, _ in items], [second for _, second, _ in items]])
            yield _Group(
                ids=ids,
                z=torch.stack([self._record(side) for side in ids]),
                good=[self._tokens(pair.good) for _, _, pair in items],
                bad=[self._tokens(pair.bad) for _, _, pair in items],
            )

    def _tokens(self, words: Sequence[str]) -> list[int]:
        return [token for token in map(self._loaded.word_token, words) if token is not None]

    def _record(self, ids: Tensor) -> Tensor:
        with record(self._loaded) as recording:
            self._logits(ids)
        return recording.z

    @torch.no_grad()
    def _logits(self, ids: Tensor) -> Tensor:
        """Logits (row, word) at the last position."""
        hidden = self._loaded.model.base_model(input_ids=ids, use_cache=False)[0][:, -1]
        return head_logits(self._loaded, hidden)

    def _plain(self, group: _Group, side: int) -> Tensor:
        return _measure(self._logits(group.ids[side]), group, list(range(len(group.good))))

    def _measures(self, targets: Sequence[Target], side: int) -> Tensor:
        """The mean measure (target,) of the runs of one side with the other side's value at the target."""
        total = torch.zeros(len(targets), dtype=torch.float64)
        for group in self._groups:
            items = [(index, pair) for index in range(len(targets)) for pair in range(len(group.good))]
            for start in range(0, len(items), _ROWS):
                chunk = items[start : start + _ROWS]
                rows = [pair for _, pair in chunk]
                with self._patch([targets[index] for index, _ in chunk], group.z[1 - side][:, rows]):
                    logits = self._logits(group.ids[side][rows])
                places = torch.tensor([index for index, _ in chunk])
                total.index_add_(0, places, _measure(logits, group, rows).double())
        return total / self._count

    def _patch(self, targets: list[Target], values: Tensor) -> AbstractContextManager[None]:
        edges = [target for target in targets if isinstance(target, EdgeId)]
        if edges:
            return patch_edges(self._loaded, [[edge] for edge in edges], values)
        heads = [target for target in targets if not isinstance(target, EdgeId)]
        return replace_heads(self._loaded, choose_heads(self._loaded, heads), values)


def _measure(logits: Tensor, group: _Group, rows: Sequence[int]) -> Tensor:
    """Mean logit of the good words minus that of the bad words, (row,)."""
    values = [
        logits[row, group.good[pair]].mean() - logits[row, group.bad[pair]].mean()
        for row, pair in enumerate(rows)
    ]
    return torch.stack(values)
