"""What manifest.json says of whole blocks: how much of the gap passes through attention and MLP of each layer."""

from core.schema._stored import Direction, Stored


class LayerShares(Stored):
    """Shares of the gap that pass through the attention of a layer (all its heads together) and its MLP block.

    None where the layer has no such part, or it could not be measured. `clear` says that the 95 % interval of the MLP
    block's effect excludes 0; `whole` says that the layer has no heads, so
    that all that it adds counts as its MLP block.
    """

    layer: int
    attention: float | None = None
    mlp: float | None = None
    clear: bool = False
    whole: bool = False


class AddingUp(Stored):
    """One direction: what all heads, all MLP blocks and both pass on when exchanged together, beside the sums of rows.

    `interaction` is what both pass on together beyond the sums of the single heads and MLP blocks. With `sum_heads` it
    is None where not all heads of the model were tested.
    """

    direction: Direction
    heads: float | None = None
    mlps: float | None = None
    both: float | None = None
    sum_heads: float | None = None
    sum_mlps: float | None = None
    interaction: float | None = None


class BlocksRecord(Stored):
    """Layers in order; `reason` says why there are no MLP blocks to tell apart, empty where there are."""

    layers: tuple[LayerShares, ...] = ()
    adding_up: tuple[AddingUp, ...] = ()
    reason: str = ""
    forward_passes: int = 0
