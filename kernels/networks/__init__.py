"""Kernels of `pnnkern.networks`."""
