"""What the model says next on each example."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypedDict

import torch
from torch import Tensor, nn

from core.model.loaded_model import LoadedModel
from core.model.memory import in_place
from core.model.prefixes.kept_prefix import WHOLE, Prefix, hidden_states

UNEMBEDDING_BYTES = 2**26
"""Memory for rows of an unembedding in half precision that are multiplied at a time."""


class NextWord(TypedDict):
    """A token that may come next, as readable text, with its probability: plain JSON."""

    token: int
    piece: str
    probability: float


def last_logits(loaded: LoadedModel, texts: Sequence[Sequence[int]]) -> Tensor:
    """Logits (text, vocabulary) after each text, in one forward pass. Gradients flow where the caller lets them."""
    return head_logits(loaded, hidden_at(loaded, texts, [[len(text) - 1] for text in texts]))


def hidden_at(
    loaded: LoadedModel,
    texts: Sequence[Sequence[int]],
    positions: Sequence[Sequence[int]],
    prefix: Prefix = WHOLE,
) -> Tensor:
    """Final hidden states (place, d_model) at these positions of each text, in their order, in one forward pass.

    What lies in front of the positions may be kept in a prefix.
    """
    hidden = hidden_states(loaded, texts, prefix)
    return at_places(hidden, [[position - prefix.width for position in own] for own in positions])


def at_places(hidden: Tensor, positions: Sequence[Sequence[int]]) -> Tensor:
    """What stands at these positions of each row of (row, position, ...): (place, ...)."""
    rows = torch.tensor([row for row, own in enumerate(positions) for _ in own], dtype=torch.long)
    places = torch.tensor([position for own in positions for position in own], dtype=torch.long)
    return hidden[rows.to(hidden.device), places.to(hidden.device)]


def head_logits(loaded: LoadedModel, hidden: Tensor, words: Tensor | None = None) -> Tensor:
    """Logits of final hidden states (..., d_model), float32 or finer, scaled and capped as the model does.

    Of all words (..., vocabulary), or of these (..., word) alone. Effects are differences of logits, which half
    precision would round to steps as large as the effects themselves.
    """
    scale = loaded.abilities.logit_scale
    if scale is None:
        logits = own_logits(loaded, hidden)
        return logits if words is None else logits.gather(-1, words.to(logits.device))
    with in_place(loaded.model.get_output_embeddings()) as unembedding:
        bias = getattr(unembedding, "bias", None)
        if words is None:
            logits = multiplied(loaded, hidden)
        else:
            given, words = (
                values.to(unembedding.weight.device) for values in (at_least_float(hidden), words)
            )
            logits = (unembedding.weight[words].to(given.dtype) @ given[..., None])[..., 0]
            bias = bias if bias is None else bias[words]
        if bias is not None:
            logits = logits + bias.to(logits.dtype)
    logits = logits * scale
    cap = getattr(loaded.model.config.get_text_config(), "final_logit_softcapping", None)
    return torch.tanh(logits / cap) * cap if cap else logits


def own_logits(loaded: LoadedModel, hidden: Tensor) -> Tensor:
    """Logits (..., vocabulary) that the model's own code makes of final hidden states (..., d_model).

    For models in which more than a product with the unembedding lies between the two: their forward pass runs with
    these states in place of those of its layers.
    """
    base = loaded.model.base_model
    rows = hidden.reshape(1, -1, hidden.shape[-1]).to(next(loaded.model.parameters()).dtype)

    def given(_module: nn.Module, _args: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (rows, *output[1:])
        output["last_hidden_state"] = rows
        return output

    ids = torch.zeros(1, 1, dtype=torch.long, device=loaded.device)
    with after_call(base, given):
        logits: Tensor = loaded.model(
            input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False
        ).logits
    return at_least_float(logits).reshape(*hidden.shape[:-1], logits.shape[-1])


@contextmanager
def after_call(module: nn.Module, change: Callable[[nn.Module, Any, Any], Any]) -> Iterator[None]:
    """Outputs of the module inside are what `change` makes of them."""
    handle = module.register_forward_hook(change)
    try:
        yield
    finally:
        handle.remove()


def multiplied(loaded: LoadedModel, hidden: Tensor) -> Tensor:
    """Products with the rows of the unembedding (..., vocabulary), in float32 or finer."""
    with in_place(loaded.model.get_output_embeddings()) as unembedding:
        weight = unembedding.weight
        hidden = at_least_float(hidden).to(weight.device)
        if weight.dtype == hidden.dtype:
            return nn.functional.linear(hidden, weight)
        product: Tensor = _ByRows.apply(hidden, weight)
        return product


class _ByRows(torch.autograd.Function):
    """hidden @ weight.T in the numbers of `hidden`, some rows of the weight at a time.

    So no copy of the whole unembedding in float32 is held, not for the way back either. Gradients pass to `hidden`.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor) -> Tensor:
        """(..., vocabulary) of (..., d_model) and (vocabulary, d_model)."""
        ctx.save_for_backward(weight)
        blocks = [nn.functional.linear(hidden, rows.to(hidden.dtype)) for rows in _rows(hidden, weight)]
        return torch.cat(blocks, dim=-1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The gradient (..., d_model), and none for the weight."""
        (weight,) = ctx.saved_tensors
        total = gradients[0].new_zeros(*gradients[0].shape[:-1], weight.shape[1])
        first = 0
        for rows in _rows(total, weight):
            total += gradients[0][..., first : first + len(rows)] @ rows.to(total.dtype)
            first += len(rows)
        return total, None


def _rows(hidden: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
    """The rows of a weight in parts that fit the memory set aside in the numbers of `hidden`."""
    return weight.split(max(1, UNEMBEDDING_BYTES // (weight.shape[1] * hidden.element_size())))


def at_least_float(values: Tensor) -> Tensor:
    """The values in float32, or in double precision where they are."""
    return values if values.dtype == torch.float64 else values.float()


def most_likely(loaded: LoadedModel, log_probabilities: Tensor, count: int = 5) -> list[NextWord]:
    """The likeliest next tokens of one row (vocabulary,)."""
    top = log_probabilities.topk(min(count, len(log_probabilities)))
    pairs = zip(top.indices.tolist(), top.values.exp().tolist(), strict=True)
    return [
        {"token": token, "piece": loaded.pieces([token])[0], "probability": probability}
        for token, probability in pairs
    ]
