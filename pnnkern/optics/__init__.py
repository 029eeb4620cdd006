"""Optics: fields on planes. Lengths in metres, axes (..., y, x), pairs (dy, dx), origin at index n // 2, exp(-i omega t)."""

from . import chain
from .camera import Camera, detect, detect_vjp
from .detectors import Regions, intensity, intensity_vjp, powers, powers_vjp
from .elements import (
    circular_aperture,
    gaussian_aperture,
    gaussian_beam,
    lens,
    lens_vjp,
    plane_wave,
    point_source,
    rectangular_aperture,
)
from .masks import (
    amplitude_mask,
    amplitude_mask_vjp,
    height_mask,
    height_mask_vjp,
    phase_mask,
    phase_mask_vjp,
    transmit,
    transmit_vjp,
)
from .propagation import Losses, Propagator, propagate, propagate_vjp
from .scaled import ScaledPropagator, fraunhofer, fraunhofer_pitch, fraunhofer_vjp, propagate_scaled, propagate_scaled_vjp

__all__ = [
    "Camera", "Losses", "Propagator", "Regions", "ScaledPropagator",
    "amplitude_mask", "amplitude_mask_vjp", "chain", "circular_aperture", "detect",
    "detect_vjp", "fraunhofer", "fraunhofer_pitch", "fraunhofer_vjp", "gaussian_aperture", "gaussian_beam", "height_mask",
    "height_mask_vjp", "intensity", "intensity_vjp", "lens", "lens_vjp", "phase_mask", "phase_mask_vjp", "plane_wave", "point_source",
    "powers", "powers_vjp", "propagate", "propagate_scaled", "propagate_scaled_vjp", "propagate_vjp", "rectangular_aperture", "transmit",
    "transmit_vjp",
]  # fmt: skip
