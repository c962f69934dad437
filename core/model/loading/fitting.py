"""Do the tensors of a checkpoint fit the model of its config? Asked on the meta device, before a weight is read.

transformers itself loads tensors without values into a model without values, so that its own rules of renaming,
splitting and merging tell which tensors the model lacks and which of the checkpoint it does not use. It hides some of
the latter (`_keys_to_ignore_on_load_unexpected`); here they are seen too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from core.errors import ModelError
from core.schema import Note

COMPUTED = re.compile(
    r"rotary_emb\.inv_freq$|(^|\.)(position_ids|token_type_ids|num_batches_tracked|masked_bias)$"
    r"|(^|\.)h\.\d+\.attn\.bias$|(^|\.)layers\.\d+\.attention\.(rotary_emb\.\w+|bias)$|\.attn\.attention\.bias$"
)
"""Tables and masks that older versions stored though the model computes them: nothing learned is in them."""

NAMED = 3
"""Tensors that are named; the others are counted."""


class Shaped(Protocol):
    """A tensor whose shape is known before it is read."""

    @property
    def shape(self) -> tuple[int, ...]: ...


@dataclass(frozen=True)
class Fit:
    """How the tensors of a checkpoint fit a model, by the names of the model; `unused` by those of the checkpoint."""

    model: Any
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    mismatched: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]
    """Name, shape in the file, shape in the model."""


def causal_class(config: Any) -> Any:
    """The class of the causal model of a config."""
    known: Any = AutoModelForCausalLM._model_mapping[type(config)]
    return known[0] if isinstance(known, tuple) else known


def fit(config: Any, tensors: Mapping[str, Shaped]) -> Fit:
    """How tensors, of which only the shapes are looked at, fit the causal model of a config."""
    seen: set[str] = set()
    causal = causal_class(config)

    def adjust(self: Any, report: Any) -> None:
        seen.update(map(str, report.unexpected_keys))
        causal._adjust_missing_and_unexpected_keys(self, report)

    watched: Any = type(
        causal.__name__,
        (causal,),
        {"__module__": causal.__module__, "_adjust_missing_and_unexpected_keys": adjust},
    )
    if causal.config_class is not type(config) and hasattr(config, "get_text_config"):
        config = config.get_text_config()  # as AutoModelForCausalLM does for the text tower of a larger model
    with _quiet():
        model, report = watched.from_pretrained(
            None,
            config=config,
            state_dict={
                key: torch.empty(tuple(tensor.shape), dtype=torch.float32, device="meta")
                for key, tensor in tensors.items()
            },
            device_map={"": "meta"},
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    mismatched = sorted(
        (str(key), tuple(first), tuple(second)) for key, first, second in report["mismatched_keys"]
    )
    unused = seen | set(map(str, report["unexpected_keys"]))
    return Fit(model, tuple(sorted(report["missing_keys"])), tuple(sorted(unused)), tuple(mismatched))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the report that transformers writes of what did not fit: the person gets one line of it."""
    level, bars, hook = (
        logging.get_verbosity(),
        logging.is_progress_bar_enabled(),
        logging.set_tqdm_hook(None),
    )
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        logging.set_tqdm_hook(hook)
        if bars:
            logging.enable_progress_bar()


def check_fit(found: Fit, name: str, architectures: Sequence[str]) -> list[Note]:
    """Notes of tensors that are not used; raises ModelError where the model lacks some, or part of it is not used."""
    inside = [key for key in found.unused if not COMPUTED.search(key) and _inside(found.model, key)]
    outside = [key for key in found.unused if not COMPUTED.search(key) and key not in inside]
    if adapter := [key for key in found.unused if "lora_" in key or ".base_layer." in key]:
        raise ModelError("adapter_in_weights", name=name, count=len(adapter), example=adapter[0])
    if any(key.startswith("lm_head") for key in found.missing) and not _is_causal(architectures):
        raise ModelError("no_language_head", name=name, architecture=", ".join(architectures) or "?")
    if found.missing:
        raise ModelError("weights_missing", name=name, count=len(found.missing), example=found.missing[0])
    if found.mismatched:
        key, stored, expected = found.mismatched[0]
        values = {
            "count": len(found.mismatched),
            "example": key,
            "stored": _by(stored),
            "expected": _by(expected),
        }
        raise ModelError("weights_of_other_shape", name=name, **values)
    if inside:
        raise ModelError("tensors_unused", name=name, count=len(inside), examples=_named(inside))
    return (
        [Note(key="tensors_beside", values={"count": len(outside), "examples": _named(outside)})]
        if outside
        else []
    )


def _is_causal(architectures: Sequence[str]) -> bool:
    return any(re.search(r"CausalLM|LMHead|ConditionalGeneration", kind) for kind in architectures)


def _inside(model: nn.Module, key: str) -> bool:
    """Whether an unused tensor belongs to the decoder: to one of its layers, or to a module that has weights itself.

    Others stand beside it: a vision tower, a value head, layers that predict further tokens.
    """
    hidden = getattr(type(model), "_keys_to_ignore_on_load_unexpected", None) or ()
    if any(re.search(pattern, key) for pattern in hidden):
        return False
    parts = key.split(".")
    modules = dict(model.named_modules())
    for length in range(len(parts) - 1, 0, -1):
        module = modules.get(".".join(parts[:length]))
        if module is not None:
            above = (modules.get(".".join(parts[:cut])) for cut in range(1, length + 1))
            return any(isinstance(each, nn.ModuleList) for each in above) or not list(module.children())
    return False


def _named(keys: Sequence[str]) -> str:
    return ", ".join(keys[:NAMED]) + (" …" if len(keys) > NAMED else "")


def _by(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))
