"""Kernels of `pnnkern.learning`."""
