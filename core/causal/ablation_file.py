"""Ablation file: which heads and MLP blocks of which model write something else, as a small JSON file.

It works outside of Headlight. A head or MLP block that is ablated by `zero` writes nothing. By `mean` it writes its
mean over normal texts: from the last token of the text on, where the answer is read, the mean over their last tokens;
before it the mean over all tokens.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from core.errors import ConfigError, HeadlightError, ModelError
from core.heads import HeadId, MlpId, UnitId, parse_unit
from core.model.hooks import on_z
from core.model.loaded_model import LoadedModel
from core.model.mlp_outputs import on_mlp
from core.storage import portable_model

FORMAT = 2
"""Of files with MLP blocks; those of heads alone are of format 1, which earlier versions read too."""

Mode = Literal["mean", "zero"]


@dataclass(frozen=True)
class HeadValue:
    """What is written instead, from the last token of the text on, and before it: z (d_head,) of a head, or the output
    (d_model,) of an MLP block.
    """

    everywhere: tuple[float, ...]
    last: tuple[float, ...]


@dataclass(frozen=True)
class AblationFile:
    """Heads and MLP blocks to ablate, with what they write instead; `weights_hash` names the model."""

    model: str
    weights_hash: str
    mode: Mode
    heads: Mapping[HeadId, HeadValue]
    about: Mapping[str, Any] = field(default_factory=dict)
    mlps: Mapping[MlpId, HeadValue] = field(default_factory=dict)

    @property
    def units(self) -> list[UnitId]:
        """Heads, then MLP blocks."""
        return [*self.heads, *self.mlps]

    def as_json(self) -> dict[str, Any]:
        """The content of the file; `mlps` is there where there are some."""
        content = {
            "format": FORMAT if self.mlps else 1,
            **vars(self),
            "heads": _as_lists(self.heads),
            "about": dict(self.about),
            "mlps": _as_lists(self.mlps),
        }
        return content if self.mlps else {name: part for name, part in content.items() if name != "mlps"}


def _as_lists(values: Mapping[Any, HeadValue]) -> dict[str, dict[str, list[float]]]:
    return {
        str(unit): {name: list(part) for name, part in vars(value).items()} for unit, value in values.items()
    }


def read_ablation_file(file: str | Path) -> AblationFile:
    """Read an ablation file; raises ConfigError where it is missing, damaged or newer."""
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8"))
        if content["format"] > FORMAT:
            raise ValueError(f"format {content['format']}, this version reads up to {FORMAT}")
        if content["mode"] not in ("mean", "zero"):
            raise ValueError(f"unknown mode {content['mode']}")
        units = {
            parse_unit(name): HeadValue(*(tuple(map(float, value[k])) for k in ("everywhere", "last")))
            for name, value in {**content["heads"], **content.get("mlps", {})}.items()
        }
        heads = {unit: value for unit, value in units.items() if isinstance(unit, HeadId)}
        mlps = {unit: value for unit, value in units.items() if isinstance(unit, MlpId)}
        model, weights_hash = str(content["model"]), str(content["weights_hash"])
        return AblationFile(
            model, weights_hash, content["mode"], heads, dict(content.get("about") or {}), mlps
        )
    except (OSError, KeyError, TypeError, ValueError, AttributeError, HeadlightError) as error:
        raise ConfigError("bad_ablation_file", detail=error) from None


def make_ablation_file(
    loaded: LoadedModel,
    units: Sequence[UnitId],
    mode: Mode,
    means: tuple[Sequence[Tensor], Sequence[Tensor]],
    about: Mapping[str, Any] | None = None,
    mlp_means: Callable[[int], tuple[Tensor, Tensor]] | None = None,
) -> AblationFile:
    """An ablation file from mean z by layer (head, d_head), everywhere and at the last token.

    `mlp_means` gives for a layer the mean outputs (d_model,) of its MLP block at the same places. Raises ConfigError
    for a head or MLP block that the model does not have.
    """
    shape = loaded.shape
    heads = [unit for unit in units if isinstance(unit, HeadId)]
    mlps = [unit for unit in units if isinstance(unit, MlpId)]
    for head in heads:
        if head not in loaded.heads:
            raise ConfigError("no_such_head", head=head, layers=shape.n_layers, heads=shape.n_heads)
    for mlp in mlps:
        if mlp.layer not in loaded.abilities.mlp_modules or mlp_means is None:
            raise ConfigError("no_such_mlp", mlp=mlp, layers=shape.n_layers)
    ends = [[z if mode == "mean" else torch.zeros_like(z) for z in of_place] for of_place in means]
    values = {
        head: HeadValue(*(tuple(z[head.layer][head.head].tolist()) for z in ends))
        for head in dict.fromkeys(heads)
    }
    of_mlps = {
        mlp: HeadValue(*(tuple((mean * (mode == "mean")).tolist()) for mean in mlp_means(mlp.layer)))
        for mlp in dict.fromkeys(mlps)
        if mlp_means
    }
    name = portable_model(loaded.name)
    return AblationFile(name, loaded.weights_hash, mode, values, dict(about or {}), of_mlps)


@contextmanager
def ablated(
    loaded: LoadedModel, ablation_file: AblationFile, starts: Sequence[int] | None = None
) -> Iterator[LoadedModel]:
    """Run the model with the heads and MLP blocks of the file ablated.

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
        for mlp, value in ablation_file.mlps.items():
            stack.enter_context(on_mlp(loaded, mlp.layer, partial(_instead, value, starts)))
        yield loaded


def _write_instead(
    ablation_file: AblationFile, heads: Sequence[HeadId], starts: Sequence[int] | None, z: Tensor
) -> Tensor:
    changed = z.clone()
    for head in heads:
        changed[:, :, head.head] = _instead(ablation_file.heads[head], starts, z[:, :, head.head])
    return changed


def _instead(value: HeadValue, starts: Sequence[int] | None, own: Tensor) -> Tensor:
    """What stands for `own` (row, position, number)."""
    width = own.shape[1]
    # a pass that is shorter than the text continues it from a cache
    first = [width - 1] * len(own) if starts is None else [min(start, width) - 1 for start in starts]
    behind = torch.arange(width)[None] >= torch.tensor(first)[:, None]
    everywhere, last = (torch.tensor(part).to(own) for part in (value.everywhere, value.last))
    return torch.where(behind.to(own.device)[..., None], last, everywhere)
