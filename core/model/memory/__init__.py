"""Memory: what there is, what a model and a run need, and what happens where it does not suffice."""

from core.model.memory.available import available_bytes
from core.model.memory.halving import in_halves
from core.model.memory.out_of_memory import free_memory, is_out_of_memory, memory_errors, within_memory
from core.model.memory.placement import in_place, parameters_in_place, running_device, spread
from core.model.memory.plan import (
    ATTENTION_BYTES,
    GRADIENT_BYTES,
    KEPT_A_LAYER,
    MLP_BYTES,
    PREFIX_BYTES,
    SHORT,
    STREAM_BYTES,
    TYPICAL,
    Z_BYTES,
    MemoryPlan,
    Parts,
    TextSizes,
    Training,
    parts_of,
    plan_memory,
    planned,
)

__all__ = [
    "ATTENTION_BYTES",
    "GRADIENT_BYTES",
    "KEPT_A_LAYER",
    "MLP_BYTES",
    "PREFIX_BYTES",
    "SHORT",
    "STREAM_BYTES",
    "TYPICAL",
    "Z_BYTES",
    "MemoryPlan",
    "Parts",
    "TextSizes",
    "Training",
    "available_bytes",
    "free_memory",
    "in_halves",
    "in_place",
    "is_out_of_memory",
    "memory_errors",
    "parameters_in_place",
    "parts_of",
    "plan_memory",
    "planned",
    "running_device",
    "spread",
    "within_memory",
]
