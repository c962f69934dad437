"""The model's own attention weights, to hold those of the package against."""

from collections.abc import Iterator
from contextlib import contextmanager

from core.model.loaded_model import LoadedModel


@contextmanager
def attention_by(loaded: LoadedModel, implementation: str) -> Iterator[None]:
    """Let attention be computed by another implementation (`eager`: step by step, with weights); then as before."""
    usual = _usual(loaded)
    try:
        _use(loaded, implementation)
        yield
    finally:
        _use(loaded, usual)


def _use(loaded: LoadedModel, implementation: str) -> None:
    """Choose how attention is computed; Falcon follows its config but refuses the public way."""
    if _is_falcon(loaded):
        loaded.model.config._attn_implementation = implementation
    else:
        loaded.model.set_attn_implementation(implementation)


def _usual(loaded: LoadedModel) -> str:
    return str(loaded.model.config._attn_implementation)


def _is_falcon(loaded: LoadedModel) -> bool:
    return bool(loaded.model.config.model_type == "falcon")
