"""Kernels of `pnnkern.dynamics`."""
