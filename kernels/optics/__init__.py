"""Kernels of `pnnkern.optics`."""
