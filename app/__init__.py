"""Gradwalk: walk the backward pass that PyTorch's autograd really recorded."""

__version__ = "0.1.0"
