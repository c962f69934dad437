"""How much the heads and MLPs of a GPT-2 write: the measure that training keeps small."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import GPT2LMHeadModel


class WriteLengths:
    """Collects how much heads and MLPs write in the forward passes inside the context.

    `heads` has a tensor (head,) and `mlps` a number for each layer: the mean length over tokens, in units of
    the mean length of the residual stream that the layer reads.
    """

    def __init__(self, model: GPT2LMHeadModel) -> None:
        self._blocks: list[Any] = list(model.transformer.h)
        self._n_heads = model.config.n_head
        self.start(torch.ones(1, 1))

    def start(self, mask: Tensor) -> None:
        """Forget what was collected; `mask` (example, position) belongs to the next forward pass."""
        self._mask, self._unit = mask.bool(), torch.ones(())
        self.heads: list[Tensor] = []
        self.mlps: list[Tensor] = []

    def __enter__(self) -> "WriteLengths":
        self._handles = []
        for block in self._blocks:
            self._handles.append(block.register_forward_pre_hook(self._read))
            self._handles.append(block.attn.c_proj.register_forward_pre_hook(self._write_heads))
            self._handles.append(block.mlp.register_forward_hook(self._write_mlp))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _length(self, written: Tensor) -> Tensor:
        return written.square().sum(-1).add(1e-8).sqrt()[self._mask].mean(0)

    def _read(self, block: nn.Module, args: tuple[Tensor, ...]) -> None:
        if torch.is_grad_enabled():
            self._unit = self._length(args[0].detach())

    def _write_heads(self, module: Any, args: tuple[Tensor, ...]) -> None:
        if torch.is_grad_enabled():
            z = args[0].unflatten(-1, (self._n_heads, -1))
            weight = module.weight.unflatten(0, (self._n_heads, -1))
            self.heads.append(self._length(torch.einsum("bphd,hde->bphe", z, weight)) / self._unit)

    def _write_mlp(self, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        if torch.is_grad_enabled():
            self.mlps.append(self._length(output) / self._unit)
