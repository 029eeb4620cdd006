"""Checks of what users give: one sentence that says what was wrong and what is right."""

from typing import Any

import numpy as np

from .. import _array
from .._array import Array, Pair, Values
from .._checks import numbers, warn
from .._errors import UnitWarning


def pair(name: str, value: Any, *, positive: bool = True, unit: str = "metres") -> tuple[float, float]:
    """A number, or a pair in the order (y, x), as a pair of floats."""
    values = numbers(name, value)
    if values.shape not in ((), (2,)):
        raise ValueError(f"{name} must be a number or a pair (y, x) in {unit}, got {value!r:.80}")
    if not np.isfinite(values).all() or (positive and not (values > 0).all()):
        raise ValueError(f"{name} must be {'positive and ' if positive else ''}finite ({unit}), got {value!r:.80}")
    y, x = np.broadcast_to(values, (2,))
    return float(y), float(x)


def pairs(name: str, value: Any, *, positive: bool = False, unit: str = "metres") -> tuple[np.ndarray, np.ndarray]:
    """A number, a pair (y, x), or an array of pairs (..., 2), as two arrays of y and x."""
    values = numbers(name, value)
    if values.ndim and values.shape[-1] != 2:
        raise ValueError(f"{name} must be a number, a pair (y, x) or an array of pairs (..., 2) in {unit}, got shape {values.shape}")
    if not np.isfinite(values).all() or (positive and not (values > 0).all()):
        raise ValueError(f"{name} must be {'positive and ' if positive else ''}finite ({unit}), got {value!r:.80}")
    return (values[..., 0], values[..., 1]) if values.ndim else (values, values)


def plane(name: str, shape: Any) -> tuple[int, int]:
    """(ny, nx), at least one pixel each."""
    sides = tuple(shape) if isinstance(shape, (tuple, list)) else ()
    if len(sides) != 2 or not all(isinstance(n, (int, np.integer)) and n >= 1 for n in sides):
        raise ValueError(f"{name} must be (ny, nx) with at least one pixel each, got {shape!r:.80}")
    return int(sides[0]), int(sides[1])


def positive(name: str, value: Any, unit: str = "metres") -> float:
    """One positive, finite number."""
    values = numbers(name, value)
    if values.shape != () or not np.isfinite(values) or not values > 0:
        raise ValueError(f"{name} must be one positive, finite number ({unit}), got {value!r:.80}")
    return float(values)


def positives(name: str, value: Any) -> np.ndarray:
    """Lengths as float64; each positive and finite."""
    values = numbers(name, value)
    if not np.all(np.isfinite(values)) or not np.all(values > 0):
        raise ValueError(f"{name} must be positive and finite (metres), got {value!r:.80}")
    return values


def wavelengths(value: Any) -> np.ndarray:
    """Wavelengths as float64; each positive and finite."""
    return positives("wavelength", value)


def distances(value: Any) -> np.ndarray:
    """Distances as float64; each finite, of either sign."""
    values = numbers("distance", value)
    if not np.all(np.isfinite(values)):
        raise ValueError(f"distance must be finite (metres), got {value!r:.80}")
    return values


def pitch(value: Any, wavelength: np.ndarray, distance: Values | None = None) -> tuple[float, float]:
    """Pixel pitch (dy, dx) in metres; warns when it looks as if it were given in another unit.

    That is below 1/20 of a wavelength, unless it is a millimetre or more (radio waves); and above 1000 wavelengths, unless light that goes
    `distance`, how far it travels from or to here, leaves its pixel, or travels so far that this is a telescope.
    """
    pitches = pair("pitch", value)
    shortest, longest = float(wavelength.min()), float(wavelength.max())
    for p in pitches:
        below, above = p < min(0.05 * longest, 1e-3), p > 1000 * shortest and _stays(p, longest, distance)
        if below or above:
            ratio = p / (longest if below else shortest)
            warn(
                f"pitch / wavelength = {ratio:.3g}: both are in metres (8 um is 8e-6); expected a ratio between 0.05 and 1000",
                UnitWarning,
            )
            break
    return pitches


def _stays(pitch: float, wavelength: float, distance: Any) -> bool:
    """True if light that goes `distance` (metres; the farthest counts, None is unknown) is within 1/100 of a pixel of where it was, and not
    because a telescope's pixels of up to a metre are wide."""
    if distance is None:
        return True
    z = float(np.abs(distance).max())
    return 0 < wavelength * z < pitch * pitch / 50 and (z < 1 or pitch > 1)  # what the pitch samples is bent by wavelength / (2 pitch) at most


def complex_field(name: str, field: Any) -> Array:
    """A C-contiguous complex field (..., ny, nx)."""
    if not _array.is_array(field):
        raise TypeError(f"{name} must be an array (..., ny, nx) of complex64 or complex128, got {type(field).__name__}")
    if field.dtype not in (np.complex64, np.complex128):
        raise TypeError(f"{name} must be complex64 or complex128, got {field.dtype}: use field.astype(numpy.complex64)")
    if field.ndim < 2 or field.size == 0:
        raise ValueError(f"{name} must have shape (..., ny, nx) with at least one pixel, got {field.shape}")
    return _array.contiguous(field)


def real(name: str, array: Any) -> Array:
    """An array of float32 or float64."""
    if not _array.is_array(array) or array.dtype not in (np.float32, np.float64):
        got = array.dtype if _array.is_array(array) else type(array).__name__
        raise TypeError(f"{name} must be an array of float32 or float64, got {got}")
    return array


def like(name: str, array: Any, other: str, shape: tuple[int, ...], dtype: Any) -> Array:
    """`array`, C-contiguous, if it has the shape and dtype of something else, described by `other`."""
    if not _array.is_array(array) or array.shape != shape or array.dtype != dtype:
        got = f"{array.dtype} {array.shape}" if _array.is_array(array) else type(array).__name__
        raise ValueError(f"{name} must be {dtype} {shape} like {other}, got {got}")
    return _array.contiguous(array)


def padding(pad: Pair) -> float:
    """The linear size of a padded window in fields."""
    value = float(numbers("pad", pad).reshape(-1)[0]) if np.size(pad) == 1 else np.nan
    if not np.isfinite(value) or value < 1:
        raise ValueError(f"pad must be at least 1 (1 is no padding), got {pad!r:.80}")
    return value
