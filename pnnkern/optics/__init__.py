"""Optics: fields on planes. Lengths in metres, axes (..., y, x), pairs (dy, dx), origin at index n // 2, exp(-i omega t).

Axes: one rule for every function, NumPy's. A field has any leading axes and its plane, (..., ny, nx).

- What is given per plane (distance, wavelength, focal length, index, waist, radius, ...) is a scalar, or an array that broadcasts with the
  *leading* axes of the field, matched from the last: wavelengths (colours,) for a field (samples, colours, ny, nx), or distances
  (samples, 1).
- Pairs (tilt, centre, size, output pitch) have a last axis of two, (y, x), and before it leading axes in the same way: (2,) for all planes,
  (colours, 2).
- What is given per pixel (phases, heights, amplitudes, transmissions) broadcasts with the *whole* field: (ny, nx), (colours, ny, nx),
  (samples, 1, ny, nx); a side of one pixel is uniform along it.

Where the field itself is shorter, it goes through each: one field and five distances give five fields, one field and three masks give three.
Derivatives come back in the shape of what they are by. The pitch of the field, shapes, detectors and cameras are the same for all planes of
a call.
So the same arrays take a field (samples, colours, ny, nx) through a lens, masks and propagation onto detectors (samples, colours, detectors).
"""

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
