"""How large the made models and texts of the sections are, for a graphics card and for a test on any machine."""

from dataclasses import dataclass
from typing import Literal

from core.config import PresetName

DType = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Geometry:
    """The shape of a made model; a Llama where `kv_heads` is set, else a GPT-2."""

    name: str
    layers: int
    heads: int
    d_model: int
    kv_heads: int = 0
    inner: int = 0
    vocabulary: int = 50_257
    dtype: DType = "float32"


@dataclass(frozen=True)
class Sizes:
    """What is measured.

    `scenarios`: bundled models of the equality; `equal`: made models of the equality; `speed`: of the speed table,
    `memory`: of the memory table, which differ in their heads alone; `large`: the last section. `texts` a side,
    `words` a text.
    """

    scenarios: tuple[str, ...]
    equal: tuple[Geometry, ...]
    speed: Geometry
    memory: tuple[Geometry, ...]
    large: Geometry
    texts: int
    words: int
    memory_words: int
    preset: PresetName


def _same_width(heads: int) -> Geometry:
    """24 layers and 2,048 numbers a position, about a billion parameters, with so many heads a layer."""
    return Geometry(f"llama-1b-{heads}-heads", 24, heads, 2048, heads, 5504, 32_000, "bfloat16")


REAL = Sizes(
    scenarios=("planted-induction", "induction", "indirect-object", "greater-than", "docstring"),
    equal=(
        Geometry("gpt2-random", 6, 8, 256, vocabulary=2000),
        Geometry("llama-random", 6, 8, 256, 4, 704, 2000),
    ),
    speed=Geometry("gpt2-xl", 48, 25, 1600),
    memory=tuple(_same_width(heads) for heads in (8, 16, 32, 64)),
    large=Geometry("llama-7b", 32, 32, 4096, 32, 11_008, 32_000, "bfloat16"),
    texts=8,
    words=15,
    memory_words=200,
    preset="standard",
)
