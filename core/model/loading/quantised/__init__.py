"""Quantised weights as the plain numbers that they stand for, one tensor at a time while the model is loaded."""

from core.model.loading.quantised.methods import plain_tensors

__all__ = ["plain_tensors"]
