"""The model behind texts, one token a step, over a key and value cache.

Texts of a batch are padded on the left, so that every architecture counts their positions rightly, and hooks see the
last token of every text at the last place of the first pass, and one new token in each later one.
"""

import inspect
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from core.errors import ModelError
from core.model.loaded_model import LoadedModel
from core.model.next_token import head_logits

Inside = Callable[[], AbstractContextManager[Any]]
"""Opens the context in which a forward pass is made, for example with heads ablated."""


def steps(
    loaded: LoadedModel,
    texts: Sequence[Sequence[int]],
    count: int,
    inside: Inside,
    given: Sequence[Sequence[int]] | None = None,
) -> Generator[Tensor, None, None]:
    """Logits (text, vocabulary), float32 on the CPU, behind each text, then behind each further token; `count` times.

    Further tokens are those `given` of each text, and the likeliest ones where there are none; they may grow between
    two steps. No context of `inside` is open at a yield. Raises ModelError `bad_numbers_after_ablation` for logits that
    are no numbers.
    """
    width, device, limit = max(map(len, texts)), loaded.device, loaded.shape.context_length
    ids = torch.tensor([[0] * (width - len(text)) + list(text) for text in texts], device=device)
    mask = torch.tensor([[0] * (width - len(text)) + [1] * len(text) for text in texts], device=device)
    body = loaded.model.base_model
    parameters = inspect.signature(body.forward).parameters
    cache_name = "cache" if "cache" in parameters else "past_key_values"
    cache: Any = None
    for step in range(count):
        # a text that fills the context is read on beside the others; whoever asked lets its logits go
        places = (mask.cumsum(dim=-1) - 1).clamp(min=0, max=limit - 1 if limit else None)
        positions = {"position_ids": places[:, -ids.shape[1] :]} if "position_ids" in parameters else {}
        with inside(), torch.no_grad():
            read = body(
                input_ids=ids, attention_mask=mask, use_cache=True, **{cache_name: cache}, **positions
            )
            logits = head_logits(loaded, read[0][:, -1]).float().cpu()
        if not bool(torch.isfinite(logits).all()):
            raise ModelError("bad_numbers_after_ablation")
        yield logits
        further = logits.argmax(dim=-1)
        for row, tokens in enumerate(given or ()):
            if step < len(tokens):
                further[row] = tokens[step]
        cache, ids = read[1], further[:, None].to(device)
        mask = torch.cat([mask, mask.new_ones(len(texts), 1)], dim=1)
