"""How much the heads and MLPs of a model write: what the penalty of a training keeps small."""

from typing import Any

import torch
from torch import Tensor, nn

from core.model.architectures import read_heads


class OutputNorms:
    """Collects mean lengths of what is written in the forward passes inside the context that take gradients.

    `heads` has a tensor (head,) for each layer. With `relative`, for a GPT-2, lengths are in units of the mean length
    of the residual stream that the layer reads, and `mlps` has a number for each layer.
    """

    def __init__(self, model: Any, relative: bool = False) -> None:
        reading = read_heads(model, model.config.model_type)
        self._blocks = list(model.get_submodule(reading.blocks))
        self.projections = [model.get_submodule(of_layer.projection) for of_layer in reading.layers]
        self._n_heads = model.config.num_attention_heads
        self._relative = relative
        # the bundled models were trained with these: the square root needs some slope at 0
        self._least_square = 1e-8 if relative else 1e-6
        self.start(torch.ones(1, 1))

    def start(self, mask: Tensor) -> None:
        """Forget what was collected; `mask` (example, position) belongs to the next forward pass."""
        self._mask, self._unit = mask.bool(), torch.ones(())
        self.heads: list[Tensor] = []
        self.mlps: list[Tensor] = []

    def __enter__(self) -> "OutputNorms":
        self._handles = [
            projection.register_forward_pre_hook(self._write_heads) for projection in self.projections
        ]
        if self._relative:
            self._handles += [block.register_forward_pre_hook(self._read) for block in self._blocks]
            self._handles += [block.mlp.register_forward_hook(self._write_mlp) for block in self._blocks]
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _length(self, written: Tensor) -> Tensor:
        return written.square().sum(-1).add(self._least_square).sqrt()[self._mask].mean(0)

    def _read(self, block: nn.Module, args: tuple[Tensor, ...]) -> None:
        if torch.is_grad_enabled():
            self._unit = self._length(args[0].detach())

    def _write_heads(self, module: Any, args: tuple[Tensor, ...]) -> None:
        if torch.is_grad_enabled():
            z = args[0].unflatten(-1, (self._n_heads, -1))
            weight = module.weight.T if isinstance(module, nn.Linear) else module.weight
            weight = weight.unflatten(0, (self._n_heads, -1))
            self.heads.append(self._length(torch.einsum("bphd,hde->bphe", z, weight)) / self._unit)

    def _write_mlp(self, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        if torch.is_grad_enabled():
            self.mlps.append(self._length(output) / self._unit)
