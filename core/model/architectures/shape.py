"""Numbers of a model that its config and the reading of its heads tell."""

from dataclasses import dataclass, field
from typing import Any

from core.model.architectures.reading import Reading

_LENGTHS = ("max_position_embeddings", "n_positions", "max_sequence_length", "max_seq_len", "seq_length")


@dataclass(frozen=True)
class ModelShape:
    """`n_layers` counts all blocks; `n_heads` and `d_head` are the largest of any layer.

    `heads_by_layer` has a number for each block, 0 for one without attention heads. A `context_length` of 0 is no
    limit.
    """

    architecture: str
    n_layers: int
    n_heads: int
    d_head: int
    d_model: int
    n_parameters: int
    context_length: int
    vocabulary: int
    dtype: str
    heads_by_layer: tuple[int, ...] = field(default=())


def shape_of(model: Any, reading: Reading) -> ModelShape:
    """The shape of a model, also of one on the meta device."""
    config = model.config.get_text_config()
    of_layer = {of.layer: of.n_heads for of in reading.layers}
    return ModelShape(
        architecture=model.config.model_type,
        n_layers=reading.n_blocks,
        n_heads=max(of_layer.values()),
        d_head=max(of.d_head for of in reading.layers),
        d_model=reading.d_model,
        n_parameters=sum(parameter.numel() for parameter in model.parameters()),
        context_length=next(
            (int(getattr(config, name)) for name in _LENGTHS if getattr(config, name, None)), 0
        ),
        vocabulary=int(config.vocab_size),
        dtype=str(getattr(config, "dtype", None) or next(model.parameters()).dtype).removeprefix("torch."),
        heads_by_layer=tuple(of_layer.get(layer, 0) for layer in range(reading.n_blocks)),
    )
