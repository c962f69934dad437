"""Where a model keeps its attention heads, found in one short pass; and the numbers that tell its shape."""

from core.model.architectures.reading import HeadsOfLayer, Reading, read_heads
from core.model.architectures.refusals import refuse_by_config
from core.model.architectures.shape import ModelShape, shape_of

__all__ = ["HeadsOfLayer", "ModelShape", "Reading", "read_heads", "refuse_by_config", "shape_of"]
