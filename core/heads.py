"""Names of attention heads, of MLP blocks, and the pairs of heads that can be an edge."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from core.errors import ConfigError

_NAME = re.compile(r"^\s*L?(\d+)\s*[H.]\s*(\d+)\s*$", re.IGNORECASE)
_MLP_NAME = re.compile(r"^\s*MLP\s*(\d+)\s*$", re.IGNORECASE)


class HeadId(NamedTuple):
    """Attention head `head` of layer `layer`, both counted from 0. Written `L3H5`."""

    layer: int
    head: int

    def __str__(self) -> str:
        return f"L{self.layer}H{self.head}"

    @classmethod
    def parse(cls, text: str) -> "HeadId":
        """Read `L3H5`, `l3h5` or `3.5`; raises ConfigError for anything else."""
        name = _NAME.match(text)
        if not name:
            raise ConfigError("bad_setting", name="head", detail=f"expected a name like L3H5, found “{text}”")
        return cls(int(name[1]), int(name[2]))


class MlpId(NamedTuple):
    """The MLP block of layer `layer`, counted from 0: what the layer adds beside its attention. Written `MLP3`."""

    layer: int

    def __str__(self) -> str:
        return f"MLP{self.layer}"


UnitId = HeadId | MlpId
"""What an effect is measured of, and what can be switched off."""


def parse_unit(text: str) -> UnitId:
    """Read `L3H5` or `MLP3`; raises ConfigError for anything else."""
    mlp = _MLP_NAME.match(text)
    return MlpId(int(mlp[1])) if mlp else HeadId.parse(text)


class EdgeId(NamedTuple):
    """A directed edge between two heads, from an earlier to a later layer."""

    source: HeadId
    target: HeadId

    def __str__(self) -> str:
        return f"{self.source}→{self.target}"


def all_heads(n_layers: int, n_heads: int) -> list[HeadId]:
    """Every head of a model whose layers have equally many, layer by layer: the order of every flat head axis."""
    return [HeadId(layer, head) for layer in range(n_layers) for head in range(n_heads)]


def forward_pairs(heads: Sequence[HeadId]) -> Iterator[EdgeId]:
    """Every pair of these heads whose first can write what the second reads."""
    return (EdgeId(a, b) for a in heads for b in heads if a.layer < b.layer)
