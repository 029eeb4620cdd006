"""Optics: fields on planes. Lengths in metres, axes (..., y, x), pairs (dy, dx), origin at index n // 2, exp(-i omega t)."""

from . import chain
from .detectors import Regions, intensity, intensity_vjp, powers, powers_vjp
from .propagation import Losses, Propagator, propagate, propagate_vjp

__all__ = [
    "Losses", "Propagator", "Regions", "chain", "intensity", "intensity_vjp", "powers", "powers_vjp", "propagate", "propagate_vjp",
]  # fmt: skip
