"""MLP blocks: what they add in place of their own output, and how much of the gap passes through each layer."""

from core.causal.mlp_blocks.outputs import MlpOutputs, mlps_of, replace_mlps

__all__ = ["MlpOutputs", "mlps_of", "replace_mlps"]
