"""Scores of heads under many labellings of the same texts at once.

1. Texts that show the same code of a head (in one member, at one slot) form a group. Under a labelling a group is
   anomalous-only where none of its texts stands on the normal side.
2. The same groups occur again and again over members, slots and heads. For each different one it is looked up once
   under which labellings it counts: a table (group, labelling).
3. Scores are the product of a sparse matrix (slot and head, group) of summed strengths with that table.

No loop runs over heads or labellings but in blocks; the time is linear in members, slots, heads, texts and labellings.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_matrix

from core.discovery.autoencoder import NO_CODE, SILENT, Codes
from core.discovery.scoring import WORD

BLOCK_NUMBERS = 2**22
"""Numbers that one block may hold: of heads while groups are formed, of labellings when they are looked up."""


@dataclass(frozen=True)
class Groups:
    """The different groups of a set of codes, and what they weigh.

    `texts` (group, text), float32, is 1 where a text belongs to a group. `weights` (slot * head, group) is the mean
    over members of the summed strengths of a group's codes. `there` (slot, text) is 1 where a text has the slot.
    """

    texts: np.ndarray
    weights: csr_matrix
    there: np.ndarray

    def scores(self, anomalous: np.ndarray) -> Iterator[np.ndarray]:
        """Mean strength of anomalous-only codes over the anomalous texts: blocks (slot, head, labelling), float64.

        It is the mean over those that have the slot.

        `anomalous` (labelling, text) is 1 for texts on the anomalous side and 0 for the others.
        """
        block = max(1, BLOCK_NUMBERS // max(1, len(self.texts)))
        for start in range(0, len(anomalous), block):
            sides = anomalous[start : start + block].astype(np.float32)
            alone = (self.texts @ (1 - sides).T == 0).astype(np.float64)
            strength = (self.weights @ alone).reshape(len(self.there), -1, len(sides))
            yield strength / np.maximum(self.there @ sides.T, 1)[:, None]


def groups(codes: Codes) -> Groups:
    """The groups of codes (member, example, slot, head); silence forms none."""
    members, examples, slots, heads = codes.latent.shape
    latents = max(SILENT, int(codes.latent.max())) + 2
    block = max(1, BLOCK_NUMBERS // (members * slots * max(latents, examples)))
    parts = [_of_block(codes, start, min(start + block, heads), latents) for start in range(0, heads, block)]
    rows, words, strength = (np.concatenate(field) for field in zip(*parts, strict=True))
    different, group = _different(words)
    weights = csr_matrix((strength / members, (rows, group)), shape=(slots * heads, len(different)))
    bits = different[:, :, None] >> np.arange(WORD) & 1
    texts = bits.reshape(len(different), different.shape[1] * WORD)[:, :examples].astype(np.float32)
    there = (codes.latent[0, :, :, 0] != NO_CODE).float().numpy().T
    return Groups(texts, weights, there)


def _of_block(codes: Codes, start: int, end: int, latents: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every code that fires, (entry,): its row of slot and head, its group (entry, word), its strength."""
    index, strength = (field[..., start:end].permute(0, 2, 3, 1) for field in codes)
    column = index.flatten(0, 2).clamp(min=SILENT) + 1
    text = torch.arange(index.shape[-1])
    words = []
    for word in range(-(-len(text) // WORD)):
        bits = torch.where(text // WORD == word, 2 ** (text % WORD), 0)
        table = torch.zeros(len(column), latents, dtype=torch.long)
        words.append(table.scatter_add_(1, column, bits.expand_as(column)).gather(1, column))
    fires = index > SILENT
    _, slot, head, _ = fires.nonzero(as_tuple=True)
    group = torch.stack(words, dim=-1)[fires.flatten(0, 2)]
    row = slot * codes.latent.shape[3] + start + head
    return row.numpy(), group.numpy(), strength[fires].double().numpy()


def _different(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different rows of words (entry, word), and which of them each entry is."""
    key = np.zeros(len(words), dtype=np.int64)
    for column in words.T:
        values, index = np.unique(column, return_inverse=True)
        _, first, key = np.unique(key * len(values) + index, return_index=True, return_inverse=True)
    return words[first], key


def label_permutations(
    codes: Codes, n_anomalous: int, permutations: int, seed: int
) -> Generator[int, None, np.ndarray]:
    """p-value of each head's score under shuffled labels, for unpaired data alone: (head,).

    A generator of the shuffles done so far that returns the p-values. `codes` (member, example, slot, head), anomalous
    first. The statistic is the head score: strength of the anomalous-only codes, mean over members, at the best slot;
    p = (1 + shuffles at least as high) / (1 + shuffles). For paired data the labels are not
    exchangeable across examples and the number means nothing.
    """
    examples = codes.latent.shape[1]
    generator = torch.Generator().manual_seed(seed)
    shuffles = torch.stack([torch.randperm(examples, generator=generator) for _ in range(permutations)])
    sides = torch.zeros(permutations + 1, examples)
    sides[0, :n_anomalous] = 1
    sides[1:].scatter_(1, shuffles[:, :n_anomalous], 1.0)
    yield 0
    observed, reached, done = None, np.zeros(codes.latent.shape[3]), -1
    for by_slot in groups(codes).scores(sides.numpy()):
        statistics = by_slot.max(axis=0)
        observed = statistics[:, :1] if observed is None else observed
        # The true labelling reaches itself: it is the 1 of both sums.
        reached += (statistics >= observed - 1e-9).sum(axis=1)
        done += statistics.shape[1]
        yield done
    return reached / (1 + permutations)
