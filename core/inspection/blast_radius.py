"""Blast radius: what else changes with heads ablated, on text that the model writes itself and on the normal texts.

Both runs read the same texts, which the unchanged model wrote or the user gave (teacher forcing): a next word is
changed where another one is now the likeliest, and perplexity is that of the text's own next tokens. Such a text has
no answer, so the heads write what the ablation file has them write everywhere else: the mean over all tokens, or
nothing. What becomes of the answers is compared elsewhere.
"""

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

import torch
from torch import Tensor

from core.causal.ablation_file import AblationFile, Mode, ablated
from core.config import RunConfig
from core.errors import ModelError
from core.generators import relayed
from core.heads import UnitId
from core.inspection.ablated_generation import ablation_file_of
from core.model.batching import batches_of, tokens_for
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool
from core.model.next_token import head_logits
from core.model.prefixes.kept_prefix import hidden_states
from core.model.tokens.own_text import PIECE_TOKENS, ROUNDS, own_text
from core.model.tokens.tokenising import tokenise
from core.schema import BlastRadius, BlastRow, Progress, json_number

STAGE = "blast_radius"
TIE = 1e-4
"""Logits that lie no further apart count as equal, so that rounding changes no word."""
ROWS = 64
"""Positions whose logits are held at a time."""

Source = Literal["own", "normal"]


@dataclass(frozen=True)
class ReadText:
    """Token ids of a text; next tokens count from position `first` on."""

    tokens: Sequence[int]
    first: int = 0


@dataclass
class Tally:
    """Next tokens that were looked at, how many changed, and the sums of their losses in nats."""

    tokens: int = 0
    changed: int = 0
    loss_before: float = 0.0
    loss_after: float = 0.0

    def add(self, before: Tensor, after: Tensor, own: Tensor) -> None:
        """Add logits (position, vocabulary) of both runs, and the tokens (position,) that come next in the text."""
        likeliest = before.argmax(dim=-1, keepdim=True)
        behind = after.max(dim=-1).values - after.gather(-1, likeliest)[:, 0]
        self.tokens += len(own)
        self.changed += int((behind > TIE).sum())
        self.loss_before += _loss(before, own)
        self.loss_after += _loss(after, own)

    def row(self, source: Source) -> BlastRow:
        """Share of changed next tokens and perplexities; None without a token, or where a number is infinite."""
        count = self.tokens
        return BlastRow(
            source=source,
            tokens=count,
            changed=json_number(self.changed / count) if count else None,
            perplexity_before=_perplexity(self.loss_before, count),
            perplexity_after=_perplexity(self.loss_after, count),
        )


def blast_radius(
    config: RunConfig, heads: Sequence[UnitId], mode: Mode, models: ModelPool | None = None
) -> Generator[Progress, None, BlastRadius]:
    """What changes with heads and MLP blocks ablated, on both sources; without any nothing does.

    Yields after each forward pass. Raises HeadlightError for a head that is not there, and for numbers that break.
    """
    loaded = (models or ModelPool(size=1)).get(config.model, config.device, config.adapter)
    ids = tokenise(loaded, config.examples)
    file = ablation_file_of(loaded, config, ids, heads, mode)
    normal = [
        text for text, example in zip(ids, config.examples.examples, strict=True) if example.label == "normal"
    ]
    most = PIECE_TOKENS * ROUNDS
    pieces = yield from relayed(
        own_text(loaded, normal, config.seed), lambda passes: Progress(STAGE, passes, most)
    )
    own = [ReadText(piece.tokens, piece.begins - 1) for piece in pieces]
    sources: list[tuple[Source, list[ReadText]]] = [("own", own), ("normal", given(normal))]
    rows = []
    for source, texts in sources:
        tally = Tally()
        for done in measured(loaded, texts, file, tally):
            yield Progress(STAGE, done, len(texts))
        rows.append(tally.row(source))
    return BlastRadius(heads=tuple(map(str, file.units)), mode=mode, rows=tuple(rows))


def given(texts: Sequence[Sequence[int]]) -> list[ReadText]:
    """Texts as they are read; tokens that all of them begin with (a frame, a chat template) count once."""
    columns = zip(*texts, strict=False)
    shared = len(list(takewhile(lambda column: len(set(column)) == 1, columns)))
    return [ReadText(text, max(0, shared - 1) if place else 0) for place, text in enumerate(texts)]


def measured(
    loaded: LoadedModel, texts: Sequence[ReadText], file: AblationFile, tally: Tally
) -> Iterator[int]:
    """Add every next token of the texts to the tally; yields how many texts are done, without an open context."""
    done = 0
    lengths = [len(text.tokens) for text in texts]
    for batch in batches_of(lengths, range(len(texts)), tokens_for(loaded.device)):
        asked = [texts[i] for i in batch]

        # the last token is the place of an answer, and no next token of the text is read there
        def changed(
            ends: Sequence[int] = tuple(map(lengths.__getitem__, batch)),
        ) -> AbstractContextManager[Any]:
            return ablated(loaded, file, ends)

        before, after = (_hidden(loaded, asked, inside) for inside in (nullcontext, changed))
        for row, text in enumerate(asked):
            for places in torch.arange(text.first, len(text.tokens) - 1).split(ROWS):
                own = torch.tensor(text.tokens)[places + 1]
                plain, without = (_logits(loaded, run[row], places) for run in (before, after))
                tally.add(plain, without, own)
        done += len(batch)
        yield done


def _hidden(
    loaded: LoadedModel, texts: Sequence[ReadText], inside: Callable[[], AbstractContextManager[Any]]
) -> Tensor:
    """Final hidden states (text, position, d_model) of one forward pass in a context."""
    with inside(), torch.no_grad():
        return hidden_states(loaded, [text.tokens for text in texts])


def _logits(loaded: LoadedModel, hidden: Tensor, places: Tensor) -> Tensor:
    """Logits (place, vocabulary) of hidden states (position, d_model), which no ablation changes further."""
    with torch.no_grad():
        logits = head_logits(loaded, hidden[places.to(hidden.device)]).float().cpu()
    if not bool(torch.isfinite(logits).all()):
        raise ModelError("bad_numbers_after_ablation")
    return logits


def _loss(logits: Tensor, own: Tensor) -> float:
    """Sum of the losses of the text's own next tokens, in nats."""
    return float(torch.nn.functional.cross_entropy(logits.double(), own, reduction="sum"))


def _perplexity(loss: float, count: int) -> float | None:
    """exp of the mean loss; None where it is beyond all numbers."""
    mean = loss / count if count else math.inf
    return json_number(math.exp(mean)) if mean < math.log(1e300) else None
