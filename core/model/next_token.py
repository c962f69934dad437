"""What the model says next on each example."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import ModelError
from core.model.head_outputs import batches_of, pad
from core.model.loaded_model import LoadedModel


@dataclass(frozen=True)
class NextWord:
    """A token that may come next, as readable text, with its probability."""

    token: int
    piece: str
    probability: float


def last_logits(loaded: LoadedModel, texts: Sequence[Sequence[int]]) -> Tensor:
    """Logits (text, vocabulary) after each text, in one forward pass; raises ModelError where memory does not suffice.

    Gradients flow where the caller lets them.
    """
    ids, mask = pad(texts, loaded.device)
    try:
        hidden = loaded.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)[0]
        last = torch.tensor([len(text) - 1 for text in texts], device=hidden.device)
        return head_logits(loaded, hidden[torch.arange(len(texts), device=hidden.device), last])
    except torch.OutOfMemoryError:
        raise ModelError("out_of_memory", device=loaded.device) from None


@torch.inference_mode()
def next_log_probabilities(loaded: LoadedModel, ids: Sequence[Sequence[int]]) -> Tensor:
    """Log-probabilities (text, vocabulary) of the token after each text, float32 on the CPU."""
    rows: list[Tensor | None] = [None] * len(ids)
    for batch in batches_of([len(text) for text in ids], range(len(ids))):
        logits = last_logits(loaded, [ids[i] for i in batch])
        for row, index in zip(logits.float().log_softmax(dim=-1).cpu(), batch, strict=True):
            rows[index] = row
    return torch.stack([row for row in rows if row is not None])


def head_logits(loaded: LoadedModel, hidden: Tensor) -> Tensor:
    """Logits of final hidden states (..., d_model), with the soft cap of models that have one."""
    logits = loaded.model.get_output_embeddings()(hidden)
    cap = getattr(loaded.model.config.get_text_config(), "final_logit_softcapping", None)
    return torch.tanh(logits / cap) * cap if cap else logits


def most_likely(loaded: LoadedModel, log_probabilities: Tensor, count: int = 5) -> list[NextWord]:
    """The likeliest next tokens of one row (vocabulary,)."""
    top = log_probabilities.topk(min(count, len(log_probabilities)))
    pairs = zip(top.indices.tolist(), top.values.exp().tolist(), strict=True)
    return [NextWord(token, loaded.pieces([token])[0], probability) for token, probability in pairs]
