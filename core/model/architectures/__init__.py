"""Where a model keeps its attention heads, found in one short pass; and the numbers that tell its shape."""

from core.model.architectures.checking import Abilities, measured, self_test
from core.model.architectures.kept import checked, kept_abilities
from core.model.architectures.reading import HeadsOfLayer, Reading, read_heads
from core.model.architectures.refusals import refuse_by_config, text_part_notes
from core.model.architectures.shape import ModelShape, shape_of
from core.model.architectures.stream import StreamRule, stream_rule_of

__all__ = [
    "Abilities",
    "HeadsOfLayer",
    "ModelShape",
    "Reading",
    "StreamRule",
    "checked",
    "kept_abilities",
    "measured",
    "read_heads",
    "refuse_by_config",
    "self_test",
    "shape_of",
    "stream_rule_of",
    "text_part_notes",
]
