"""Kernels of `pnnkern.crossbar`."""
