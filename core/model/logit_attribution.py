"""What an addition to the residual stream does to the logits by itself (direct logit attribution).

Nostalgebraist 2020 (logit lens), Elhage et al. 2021. The final norm divides the whole residual stream by one
number; with this number held as it is in the forward pass, norm and unembedding are linear:

1. x is centred where the norm is a LayerNorm, divided by the scale of the whole stream, and weighted.
2. The unembedding turns it into a change of every word's logit.

So the direct effects of all parts of the stream add up to the logits, less the biases of norm and unembedding and
before the soft cap of models that have one. What later layers make of the addition is left out.
"""

from typing import Any

import torch
from torch import Tensor, nn

from core.errors import ModelError
from core.model.loaded_model import LoadedModel
from core.model.memory import in_place
from core.model.next_token import multiplied


def through_norm(norm: Any, part: Tensor, whole: Tensor) -> Tensor:
    """What a norm makes of a part (..., d_model) of its input, with the scale that it has on the whole.

    The bias of the norm belongs to no part and is left out. Without a norm the part stays as it is.
    """
    if norm is None:
        return part
    centred = isinstance(norm, nn.LayerNorm)
    if centred:
        part = part - part.mean(-1, keepdim=True)
        whole = whole - whole.mean(-1, keepdim=True)
    mean_square = whole.square().mean(-1, keepdim=True)
    return part / (mean_square + _epsilon(norm)).sqrt() * _gain(norm, centred)


def logit_changes(loaded: LoadedModel, part: Tensor, stream: Tensor) -> Tensor:
    """Change of every logit (..., vocabulary), float32, by a part (..., d_model) of the final residual stream.

    Raises ModelError where the model normalises the stream itself, so that no part of it stays what it was.
    """
    check_plain_stream(loaded)
    decoder, norm = final_norm(loaded)
    with in_place(norm):
        device = loaded.device if norm is None or norm.weight is None else norm.weight.device
        normed = through_norm(norm, part.to(device), stream.to(device))
    project_out = getattr(decoder, "project_out", None)
    if project_out is not None:
        normed = project_out(normed.to(project_out.weight.dtype))
    return multiplied(loaded, normed).float().cpu()


def final_norm(loaded: LoadedModel) -> tuple[Any, Any]:
    """The module that holds the final norm, and the norm, None for a model without one."""
    path = loaded.reading.final_norm or loaded.reading.blocks
    return loaded.model.get_submodule(path.rpartition(".")[0]), loaded.final_norm()


def has_plain_stream(loaded: LoadedModel) -> bool:
    """Whether every layer only adds to the residual stream, but for constant scales; measured, not known by name."""
    return loaded.stream.plain


def check_plain_stream(loaded: LoadedModel) -> None:
    """Raise ModelError for a model in which a layer normalises the residual stream that it hands on."""
    if not has_plain_stream(loaded):
        raise ModelError("no_direct_effect", architecture=loaded.shape.architecture)


def _epsilon(norm: Any) -> float:
    return float(getattr(norm, "variance_epsilon", getattr(norm, "eps", 0.0)))


def _gain(norm: Any, centred: bool) -> Tensor:
    """The weight of each coordinate; some RMS norms hold it less 1, so it is read off what they make of ones."""
    if centred:
        return torch.ones(()) if norm.weight is None else norm.weight.float()
    ones = torch.ones_like(norm.weight)[None]
    return norm(ones)[0].float() * (1 + _epsilon(norm)) ** 0.5
