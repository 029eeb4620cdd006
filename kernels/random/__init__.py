"""Kernels of `pnnkern.random`."""
