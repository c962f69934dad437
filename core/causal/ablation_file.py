"""Ablation file: which heads and MLP blocks of which model write something else, as a small JSON file.

It works outside of Headlight. A head or MLP block that is ablated by `zero` writes nothing. By `mean` it writes its
mean over normal texts: at the last token of the text, where the answer begins, the mean over their last tokens;
everywhere else, before it and at every token that is written behind it, the mean over all tokens.
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
from core.model.hooks import on_z, tokens_in_front
from core.model.loaded_model import LoadedModel
from core.model.mlp_outputs import on_mlp
from core.storage import portable_model

FORMAT = 3
"""Of files whose `behind` is `everywhere`. Others are of format 2 with MLP blocks, else 1, as of earlier versions."""

Mode = Literal["mean", "zero"]
Behind = Literal["everywhere", "last"]


@dataclass(frozen=True)
class HeadValue:
    """What is written instead: z (d_head,) of a head, or the output (d_model,) of an MLP block.

    `last` at the last token of the text, `everywhere` elsewhere (`AblationFile.behind`).
    """

    everywhere: tuple[float, ...]
    last: tuple[float, ...]


@dataclass(frozen=True)
class AblationFile:
    """Heads and MLP blocks to ablate, with what they write instead; `weights_hash` names the model.

    `behind` says which value stands at tokens behind the text: files of earlier versions have the `last` one there.
    """

    model: str
    weights_hash: str
    mode: Mode
    heads: Mapping[HeadId, HeadValue]
    about: Mapping[str, Any] = field(default_factory=dict)
    mlps: Mapping[MlpId, HeadValue] = field(default_factory=dict)
    behind: Behind = "everywhere"

    @property
    def units(self) -> list[UnitId]:
        """Heads, then MLP blocks."""
        return [*self.heads, *self.mlps]

    def as_json(self) -> dict[str, Any]:
        """The content of the file; `mlps` is there where there are some, `behind` where earlier versions differ."""
        newer = self.mode == "mean" and self.behind == "everywhere"
        content: dict[str, Any] = {
            "format": FORMAT if newer else 2 if self.mlps else 1,
            "model": self.model,
            "weights_hash": self.weights_hash,
            "mode": self.mode,
            "heads": _as_lists(self.heads),
            "about": dict(self.about),
        }
        if self.mlps:
            content["mlps"] = _as_lists(self.mlps)
        if newer:
            content["behind"] = self.behind
        return content


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
        behind = content.get("behind", "last")
        if behind not in ("everywhere", "last"):
            raise ValueError(f"unknown behind {behind}")
        units = {
            parse_unit(name): HeadValue(*(tuple(map(float, value[k])) for k in ("everywhere", "last")))
            for name, value in {**content["heads"], **content.get("mlps", {})}.items()
        }
        heads = {unit: value for unit, value in units.items() if isinstance(unit, HeadId)}
        mlps = {unit: value for unit, value in units.items() if isinstance(unit, MlpId)}
        model, weights_hash = str(content["model"]), str(content["weights_hash"])
        return AblationFile(
            model, weights_hash, content["mode"], heads, dict(content.get("about") or {}), mlps, behind
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
    cache, whose later passes read one written token each; with them generation without a cache says the same. Raises
    ModelError where the file was made for other weights.
    """
    if ablation_file.weights_hash != loaded.weights_hash:
        raise ModelError("ablation_file_of_other_model", model=ablation_file.model)
    by_layer: dict[int, list[HeadId]] = {}
    for head in ablation_file.heads:
        by_layer.setdefault(head.layer, []).append(head)
    with ExitStack() as stack:
        places = partial(
            _last_values, ablation_file.behind, starts, stack.enter_context(tokens_in_front(loaded))
        )
        for layer, heads in by_layer.items():
            stack.enter_context(on_z(loaded, layer, partial(_write_instead, ablation_file, heads, places)))
        for mlp, value in ablation_file.mlps.items():
            stack.enter_context(on_mlp(loaded, mlp.layer, partial(_instead, value, places)))
        yield loaded


Places = Callable[[int, int], Tensor]
"""Of a pass of so many rows and positions: where `last` is written (row, position)."""


def _last_values(
    behind: Behind, starts: Sequence[int] | None, in_front: Callable[[], int], rows: int, width: int
) -> Tensor:
    front = in_front()
    if starts is None:
        # one token behind a cache was written by the model; more end a text whose beginning was read before
        ends = [-1 if front and width == 1 else width - 1] * rows
    else:
        ends = [start - 1 - front for start in starts]
    position, last = torch.arange(width)[None], torch.tensor(ends)[:, None]
    return position >= last if behind == "last" else position == last


def _write_instead(ablation_file: AblationFile, heads: Sequence[HeadId], places: Places, z: Tensor) -> Tensor:
    changed = z.clone()
    for head in heads:
        changed[:, :, head.head] = _instead(ablation_file.heads[head], places, z[:, :, head.head])
    return changed


def _instead(value: HeadValue, places: Places, own: Tensor) -> Tensor:
    """What stands for `own` (row, position, number)."""
    at_last = places(*own.shape[:2]).to(own.device)
    everywhere, last = (torch.tensor(part).to(own) for part in (value.everywhere, value.last))
    return torch.where(at_last[..., None], last, everywhere)
