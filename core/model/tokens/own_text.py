"""Text that the model writes by itself: drawn from its own probabilities, by a seed, behind a beginning of one token.

The beginning is the token that begins a text where the tokenizer names one, else the first token of given texts.
"""

from collections.abc import Generator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from core.model.loaded_model import LoadedModel
from core.model.tokens.continuations import end_tokens
from core.model.tokens.stepping import steps

PIECES = 6
"""Pieces that are written side by side."""
PIECE_TOKENS = 40
"""Tokens of a piece at most; it ends earlier where the model ends it."""
ROUNDS = 3
"""Rounds of pieces at most, where the model ends them early."""


@dataclass(frozen=True)
class Piece:
    """One piece: its tokens with its beginning, which are the first `begins` of them."""

    tokens: tuple[int, ...]
    begins: int = 1


def own_text(
    loaded: LoadedModel, texts: Sequence[Sequence[int]], seed: int
) -> Generator[int, None, list[Piece]]:
    """Pieces of PIECES * PIECE_TOKENS tokens in all without beginnings; fewer where the model ends its texts early.

    `texts` (token ids) give the first tokens where the tokenizer names no beginning. Yields after each forward pass.
    The same seed gives the same pieces. Raises ModelError `bad_numbers_after_ablation` for logits that are no numbers.
    """
    generator = torch.Generator().manual_seed(seed)
    left, passes, count = PIECES * PIECE_TOKENS, 0, PIECE_TOKENS
    pieces: list[Piece] = []
    stops = end_tokens(loaded)
    if loaded.shape.context_length:
        count = min(count, loaded.shape.context_length - 1)
    for _ in range(ROUNDS):
        starts = _beginnings(loaded, texts)
        written: list[list[int]] = [[] for _ in starts]
        ended = [False] * len(starts)
        for logits in steps(loaded, starts, count, nullcontext, written):
            drawn = torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)[:, 0].tolist()
            for row, token in enumerate(drawn):
                ended[row] = ended[row] or token in stops
                if not ended[row]:
                    written[row].append(token)
            passes += 1
            yield passes
            if all(ended):
                break
        for start, tokens in zip(starts, written, strict=True):
            kept = tokens[:left]
            left -= len(kept)
            if kept:
                pieces.append(Piece((*start, *kept), len(start)))
        if left <= 0:
            break
    return pieces


def _beginnings(loaded: LoadedModel, texts: Sequence[Sequence[int]]) -> list[list[int]]:
    """What stands in front of each piece."""
    first = getattr(loaded.tokenizer, "bos_token_id", None)
    if first is not None:
        return [[int(first)]] * PIECES
    known = list(dict.fromkeys(text[0] for text in texts if len(text)))
    return [[known[place % len(known)]] for place in range(PIECES)]
