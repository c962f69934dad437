"""A tiny random model of every causal type that the installed transformers knows; nothing is downloaded.

`tiny(kind)` builds one from the type's own config with its sizes shrunk (`_shrinking`) and a few corrections by type
(`_corrections`). Weights are drawn anew, large enough that every head writes something.
"""

import warnings
from typing import Any

import torch
from torch import nn
from transformers import CONFIG_MAPPING, AutoModelForCausalLM
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging

from tests.support.every_type._corrections import CORRECTIONS, REASONS
from tests.support.every_type._shrinking import shrunk

KINDS: tuple[str, ...] = tuple(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
"""Every model type that transformers builds as a causal language model."""
TOKENS = range(4, 64)
"""Ids of ordinary tokens in every tiny model; those below are special ones."""


class CannotBuild(Exception):  # noqa: N818
    """No tiny model of this type can be built here; the reason is one plain line."""


def tiny_config(kind: str, **settings: Any) -> Any:
    """The config of the tiny model, with these fields changed."""
    if kind in REASONS:
        raise CannotBuild(REASONS[kind])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fields = shrunk(CONFIG_MAPPING[kind]().to_dict())
        return CONFIG_MAPPING[kind](**_merged(_merged(fields, CORRECTIONS.get(kind, {})), settings))


def tiny(kind: str, seed: int = 0, **settings: Any) -> nn.Module:
    """A tiny model of this type in float32 on the CPU, ready to read texts. Raises CannotBuild with the reason."""
    config = tiny_config(kind, **settings)
    logging.set_verbosity_error()
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    draw(model, seed)
    return model.eval()


@torch.no_grad()
def draw(model: nn.Module, seed: int) -> None:
    """Weights from the seed: matrices anew, scaled so that sizes stay about the same from layer to layer; vectors
    (gains, biases, gates, decays) as they were and a little, so that none is left at zero."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim > 1:
            parameter.copy_(0.2 * noise)
        else:
            parameter.add_(0.1 * noise)


def _merged(fields: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`fields` with `changes`; sub configs field by field."""
    both = dict(fields)
    for name, value in changes.items():
        old = both.get(name)
        both[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both
