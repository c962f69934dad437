"""What the model does on texts and on texts with words exchanged: the metric, its gradient, likelihoods of tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.causal.metric import Metric
from core.causal.partner_search._levels import answered
from core.model.batching import BATCH_TOKENS, batches_of, pad, tokens_for
from core.model.loaded_model import LoadedModel
from core.model.memory import GRADIENT_BYTES, KEPT_A_LAYER, in_halves
from core.model.next_token import at_least_float, at_places, head_logits

FOLLOWING = 8
"""Tokens behind an exchanged word whose likelihood is looked at."""

MOST_PLACES = 64
"""Places whose logits over the whole vocabulary are held at a time."""


@dataclass(frozen=True)
class Slopes:
    """Of one text: the gradient of its metric with respect to the embedding of each token (position, d_model), and
    the final hidden states (position, d_model). float32 or finer on the device.
    """

    gradient: Tensor
    hidden: Tensor


@dataclass(frozen=True)
class Changed:
    """A text of the metric with other tokens, as many; `places` are the first exchanged positions and those behind
    the last.
    """

    text: int
    ids: tuple[int, ...]
    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Read:
    """The metric of a changed text, nats of its exchanged tokens and of the FOLLOWING ones behind each place, the
    likeliest token after it, and log p that any of its answers begins there (nan without answers).
    """

    value: float
    exchanged: float
    following: float
    says: int
    answered: float


class Reader:
    """Reads texts of a metric, and counts the single texts that it reads."""

    def __init__(self, loaded: LoadedModel, metric: Metric) -> None:
        self.loaded, self.metric = loaded, metric
        self.forward_passes = self.backward_passes = 0

    def slopes(self, text: int) -> Slopes | None:
        """Gradient and hidden states of one text; None where no gradient comes back as finite numbers."""
        rows, shape = self.metric.rows_of([text]), self.loaded.shape
        start = self.metric.rows[rows[0]].start
        total: Tensor | None = None
        hidden: Tensor | None = None
        per_token = shape.n_layers * shape.d_model * self.loaded.number_bytes * KEPT_A_LAYER
        budget = max(1, min(BATCH_TOKENS, GRADIENT_BYTES // per_token))
        batches = batches_of([len(row.ids) for row in self.metric.rows], rows, budget)
        for _, (gradient, states) in in_halves(batches, self._backward):
            added = gradient[:, :start].sum(dim=0)
            total = added if total is None else total + added
            hidden = states[0, :start]
        if total is None or hidden is None or not bool(torch.isfinite(total).all()) or not bool(total.any()):
            return None
        return Slopes(total, hidden)

    def _backward(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Gradients at the embeddings and final hidden states, both (row, position, d_model)."""
        embeddings: list[Tensor] = []

        def keep(_module: object, _inputs: object, output: Tensor) -> Tensor:
            embeddings.append(output.detach().requires_grad_())
            return embeddings[-1]

        chosen = [self.metric.rows[row] for row in rows]
        handle = self.loaded.model.get_input_embeddings().register_forward_hook(keep)
        try:
            with torch.enable_grad():
                ids, mask = pad([row.ids for row in chosen], self.loaded.device)
                hidden = self.loaded.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)[0]
                read_at = [[read.position for read in row.reads] for row in chosen]
                metric = self.metric.read_hidden(self.loaded, at_places(hidden, read_at), rows).sum()
                (gradient,) = torch.autograd.grad(metric, embeddings)
        finally:
            handle.remove()
        self.forward_passes += len(rows)
        self.backward_passes += len(rows)
        return at_least_float(gradient), at_least_float(hidden.detach())

    @torch.no_grad()
    def read(self, changed: Sequence[Changed]) -> list[Read]:
        """The metric and the likelihoods of changed texts, each read along the directions of the text it belongs to."""
        jobs = [
            (number, row) for number, one in enumerate(changed) for row in self.metric.rows_of([one.text])
        ]
        ids = [(*changed[number].ids, *self.metric.rows[row].answer) for number, row in jobs]
        values = np.zeros(len(changed))
        likelihoods: dict[int, tuple[float, float]] = {}
        behind: dict[int, tuple[int, float]] = {}
        batches = batches_of(list(map(len, ids)), range(len(jobs)), tokens_for(self.loaded.device))
        for batch, hidden in in_halves(batches, lambda batch: self._hidden([ids[job] for job in batch])):
            rows = [jobs[job][1] for job in batch]
            read_at = [[read.position for read in self.metric.rows[row].reads] for row in rows]
            of_rows = self.metric.read_hidden(self.loaded, at_places(hidden, read_at), rows)
            np.add.at(values, [jobs[job][0] for job in batch], of_rows.double().cpu().numpy())
            firsts = [place for place, job in enumerate(batch) if jobs[job][0] not in likelihoods]
            texts = [changed[jobs[batch[place]][0]] for place in firsts]
            of_texts = self._likelihoods(texts, hidden[firsts])
            likelihoods |= {jobs[batch[p]][0]: of for p, of in zip(firsts, of_texts, strict=True)}
            numbers = [jobs[batch[place]][0] for place in firsts]
            behind |= dict(zip(numbers, self._behind(texts, hidden[firsts]), strict=True))
        return [
            Read(float(value), *likelihoods[number], *behind[number]) for number, value in enumerate(values)
        ]

    def _hidden(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Final hidden states (text, position, d_model) of a batch."""
        ids, mask = pad(texts, self.loaded.device)
        hidden: Tensor = self.loaded.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)[0]
        self.forward_passes += len(texts)
        return hidden

    def _behind(self, texts: Sequence[Changed], hidden: Tensor) -> list[tuple[int, float]]:
        """The likeliest token after each text, log p of its answers; from hidden states (text, position, d_model)."""
        last = torch.tensor([len(text.ids) - 1 for text in texts], device=hidden.device)
        states = hidden[torch.arange(len(texts), device=hidden.device), last]
        found: list[tuple[int, float]] = []
        for start in range(0, len(texts), MOST_PLACES):
            logits = head_logits(self.loaded, states[start : start + MOST_PLACES]).log_softmax(dim=-1)
            for text, of_text in zip(texts[start : start + MOST_PLACES], logits, strict=True):
                found.append((int(of_text.argmax()), answered(self.metric, text.text, of_text)))
        return found

    def _likelihoods(self, texts: Sequence[Changed], hidden: Tensor) -> list[tuple[float, float]]:
        """Nats of exchanged and of following tokens of each text, from hidden states (text, position, d_model)."""
        wanted = [
            (row, position, position < last)
            for row, text in enumerate(texts)
            for first, last in text.places
            for position in range(max(1, first), min(last + FOLLOWING, len(text.ids)))
        ]
        sums = [[0.0, 0.0] for _ in texts]
        rows = torch.tensor([row for row, _, _ in wanted], dtype=torch.long, device=hidden.device)
        before = torch.tensor(
            [position - 1 for _, position, _ in wanted], dtype=torch.long, device=hidden.device
        )
        tokens = [texts[row].ids[position] for row, position, _ in wanted]
        values = self.log_likelihood(hidden[rows, before], tokens)
        for (row, _, exchanged), value in zip(wanted, values.tolist(), strict=True):
            sums[row][not exchanged] += value
        return [(exchanged, following) for exchanged, following in sums]

    @torch.no_grad()
    def likelihoods(self, texts: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """log p of every token of each text (position,), nan for the first."""
        found: dict[int, np.ndarray] = {}
        batches = batches_of([len(ids) for ids in texts], range(len(texts)), tokens_for(self.loaded.device))
        for batch, hidden in in_halves(batches, lambda batch: self._hidden([texts[i] for i in batch])):
            for of_text, i in zip(hidden, batch, strict=True):
                values = self.log_likelihood(of_text[: len(texts[i]) - 1], texts[i][1:])
                found[i] = np.array([np.nan, *values.tolist()])
        return [found[i] for i in range(len(texts))]

    @torch.no_grad()
    def log_likelihood(self, hidden: Tensor, tokens: Sequence[int]) -> Tensor:
        """log p (place,) of these tokens behind final hidden states (place, d_model), on the CPU."""
        parts = []
        for start in range(0, len(tokens), MOST_PLACES):
            logits = head_logits(self.loaded, hidden[start : start + MOST_PLACES]).log_softmax(dim=-1)
            wanted = torch.tensor(tokens[start : start + MOST_PLACES], device=logits.device)
            parts.append(logits.gather(-1, wanted[:, None])[:, 0].float().cpu())
        return torch.cat(parts) if parts else torch.zeros(0)

    @torch.no_grad()
    def next_tokens(self, hidden: Tensor, tokens: Sequence[int], most: int) -> tuple[Tensor, Tensor]:
        """log p (place, token) of these tokens behind each state, and the `most` likeliest tokens (place, most)."""
        wanted = torch.tensor(tokens, dtype=torch.long, device=hidden.device)
        chosen, likeliest = [], []
        for part in hidden.split(MOST_PLACES):
            values = head_logits(self.loaded, part).log_softmax(dim=-1)
            chosen.append(values[:, wanted].float().cpu())
            likeliest.append(values.topk(min(most, values.shape[-1])).indices.cpu())
        return torch.cat(chosen), torch.cat(likeliest)
