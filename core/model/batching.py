"""Texts of unequal length in batches: padded on the right with a mask, which changes nothing for earlier positions."""

from collections.abc import Sequence

import torch
from torch import Tensor

BATCH_TOKENS = 4096
"""Tokens, with padding, that one forward pass reads."""

PROCESSOR_TOKENS = 1024
"""The same where there is no GPU: larger batches leave the processor's cache and take longer a row."""

BATCH_ROWS = 256

TOKENS_OF_A_PASS = 64
"""Tokens that may be read without need to spare a forward pass, which costs about as much by itself."""


def batches_of(
    lengths: Sequence[int], indices: Sequence[int], budget: int = BATCH_TOKENS, rows: int = BATCH_ROWS
) -> list[list[int]]:
    """Indices in batches of similar length with at most `rows` rows, and `budget` tokens when padded."""
    batches: list[list[int]] = []
    for index in sorted(indices, key=lambda i: lengths[i], reverse=True):
        size = len(batches[-1]) + 1 if batches else rows + 1
        if size <= rows and lengths[batches[-1][0]] * size <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def batches_from(
    lengths: Sequence[int], starts: Sequence[int], indices: Sequence[int], budget: int = BATCH_TOKENS
) -> list[list[int]]:
    """The same of texts that are read from a position on; one whose start is far from those of a batch stays apart."""
    groups: list[list[int]] = []
    for index in sorted(indices, key=lambda i: starts[i]):
        first = groups[-1][0] if groups else index
        if groups and (starts[index] - starts[first]) * len(groups[-1]) <= TOKENS_OF_A_PASS:
            groups[-1].append(index)
        else:
            groups.append([index])
    read = [length - start for length, start in zip(lengths, starts, strict=True)]
    return [batch for group in groups for batch in batches_of(read, group, budget)]


def tokens_for(device: torch.device) -> int:
    """Tokens that a batch on this device holds at most."""
    return PROCESSOR_TOKENS if device.type == "cpu" else BATCH_TOKENS


def pad(texts: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask (text, position), padded on the right."""
    width = max(len(text) for text in texts)
    ids = torch.zeros(len(texts), width, dtype=torch.long)
    mask = torch.zeros(len(texts), width, dtype=torch.long)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = 1
    return ids.to(device), mask.to(device)


def padded(values: Sequence[Tensor]) -> Tensor:
    """(row, position, ...) from tensors (position, ...) of each row, 0 behind the end of a text."""
    width = max(len(value) for value in values)
    first = values[0]
    together = first.new_zeros(len(values), width, *first.shape[1:])
    for row, value in enumerate(values):
        together[row, : len(value)] = value
    return together
