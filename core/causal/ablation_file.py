"""Ablation file: which heads of which model write something else, as a small JSON file that works outside of Headlight.

A head that is ablated by `zero` writes nothing. By `mean` it writes its mean over normal texts: from the last token
of the text on, where the answer is read, the mean over their last tokens; before it the mean over all tokens.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from core.errors import ConfigError, HeadlightError, ModelError
from core.heads import HeadId
from core.model.hooks import on_z
from core.model.loaded_model import LoadedModel
from core.storage import portable_model

FORMAT = 1
Mode = Literal["mean", "zero"]


@dataclass(frozen=True)
class HeadValue:
    """What a head writes instead, as z (d_head,): from the last token of the text on, and before it."""

    everywhere: tuple[float, ...]
    last: tuple[float, ...]


@dataclass(frozen=True)
class AblationFile:
    """Heads to ablate, with what they write instead; `weights_hash` names the model."""

    model: str
    weights_hash: str
    mode: Mode
    heads: Mapping[HeadId, HeadValue]
    about: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The content of the file."""
        heads = {
            str(head): {name: list(z) for name, z in vars(value).items()}
            for head, value in self.heads.items()
        }
        return {"format": FORMAT, **vars(self), "heads": heads, "about": dict(self.about)}


def read_ablation_file(file: str | Path) -> AblationFile:
    """Read an ablation file; raises ConfigError where it is missing, damaged or newer."""
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8"))
        if content["format"] > FORMAT:
            raise ValueError(f"format {content['format']}, this version reads up to {FORMAT}")
        if content["mode"] not in ("mean", "zero"):
            raise ValueError(f"unknown mode {content['mode']}")
        heads = {
            HeadId.parse(name): HeadValue(*(tuple(map(float, value[k])) for k in ("everywhere", "last")))
            for name, value in content["heads"].items()
        }
        model, weights_hash = str(content["model"]), str(content["weights_hash"])
        return AblationFile(model, weights_hash, content["mode"], heads, dict(content.get("about") or {}))
    except (OSError, KeyError, TypeError, ValueError, AttributeError, HeadlightError) as error:
        raise ConfigError("bad_ablation_file", detail=error) from None


def make_ablation_file(
    loaded: LoadedModel,
    heads: Sequence[HeadId],
    mode: Mode,
    means: tuple[Sequence[Tensor], Sequence[Tensor]],
    about: Mapping[str, Any] | None = None,
) -> AblationFile:
    """An ablation file from mean z by layer (head, d_head), everywhere and at the last token.

    Raises ConfigError for a head that the model does not have.
    """
    shape = loaded.shape
    for head in heads:
        if head not in loaded.heads:
            raise ConfigError("no_such_head", head=head, layers=shape.n_layers, heads=shape.n_heads)
    ends = [[z if mode == "mean" else torch.zeros_like(z) for z in of_place] for of_place in means]
    values = {
        head: HeadValue(*(tuple(z[head.layer][head.head].tolist()) for z in ends))
        for head in dict.fromkeys(heads)
    }
    return AblationFile(portable_model(loaded.name), loaded.weights_hash, mode, values, dict(about or {}))


@contextmanager
def ablated(
    loaded: LoadedModel, ablation_file: AblationFile, starts: Sequence[int] | None = None
) -> Iterator[LoadedModel]:
    """Run the model with the heads of the file ablated.

    `starts` are the tokens of the text in each row; what stands behind them is an answer, or padding. Without them
    the last position is the last of the text, which holds for a text alone and for generation with a key and value
    cache, whose later passes read one token each; with them generation without a cache says the same. Raises
    ModelError where the file was made for other weights.
    """
    if ablation_file.weights_hash != loaded.weights_hash:
        raise ModelError("ablation_file_of_other_model", model=ablation_file.model)
    by_layer: dict[int, list[HeadId]] = {}
    for head in ablation_file.heads:
        by_layer.setdefault(head.layer, []).append(head)
    with ExitStack() as stack:
        for layer, heads in by_layer.items():
            stack.enter_context(on_z(loaded, layer, partial(_write_instead, ablation_file, heads, starts)))
        yield loaded


def _write_instead(
    ablation_file: AblationFile, heads: Sequence[HeadId], starts: Sequence[int] | None, z: Tensor
) -> Tensor:
    changed, width = z.clone(), z.shape[1]
    # a pass that is shorter than the text continues it from a cache
    first = [width - 1] * len(z) if starts is None else [min(start, width) - 1 for start in starts]
    behind = torch.arange(width)[None] >= torch.tensor(first)[:, None]
    for head in heads:
        value = ablation_file.heads[head]
        everywhere, last = (torch.tensor(part).to(z) for part in (value.everywhere, value.last))
        changed[:, :, head.head] = torch.where(behind.to(z.device)[..., None], last, everywhere)
    return changed
