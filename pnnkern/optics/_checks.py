"""Checks of what users give: one sentence that says what was wrong and what is right."""

import warnings
from typing import Any

import numpy as np

from .. import _array
from .._array import Array
from .._errors import UnitWarning

Pair = float | tuple[float, float]


def pair(name: str, value: Any, *, positive: bool = True) -> tuple[float, float]:
    """A number, or a pair in the order (dy, dx), as a pair of floats."""
    values = tuple(float(v) for v in np.broadcast_to(np.asarray(value, dtype=float), (2,)))
    for v in values:
        if not np.isfinite(v) or (positive and v <= 0):
            raise ValueError(f"{name} must be {'positive and ' if positive else ''}finite (metres), got {value!r}")
    return values[0], values[1]


def wavelengths(value: Any) -> np.ndarray:
    """Wavelengths as float64; each positive and finite."""
    values = np.asarray(_array.to_numpy(value) if _array.is_array(value) else value, dtype=np.float64)
    if not np.all(np.isfinite(values)) or not np.all(values > 0):
        raise ValueError(f"wavelength must be positive and finite (metres), got {value!r}")
    return values


def distances(value: Any) -> np.ndarray:
    """Distances as float64; each finite, of either sign."""
    values = np.asarray(_array.to_numpy(value) if _array.is_array(value) else value, dtype=np.float64)
    if not np.all(np.isfinite(values)):
        raise ValueError(f"distance must be finite (metres), got {value!r}")
    return values


def pitch(value: Any, wavelength: np.ndarray) -> tuple[float, float]:
    """Pixel pitch (dy, dx) in metres; warns when its ratio to the wavelength says that it is in another unit."""
    pitches = pair("pitch", value)
    for p in pitches:
        for ratio in (p / float(wavelength.max()), p / float(wavelength.min())):
            if ratio > 1000 or ratio < 0.05:
                warnings.warn(
                    f"pitch / wavelength = {ratio:.3g}: both are in metres (8 um is 8e-6); expected a ratio between 0.05 and 1000",
                    UnitWarning,
                    stacklevel=4,
                )
                return pitches
    return pitches


def complex_field(name: str, field: Any) -> Array:
    """A C-contiguous complex field (..., ny, nx)."""
    if not _array.is_array(field):
        raise TypeError(f"{name} must be an array (..., ny, nx) of complex64 or complex128, got {type(field).__name__}")
    if field.dtype not in (np.complex64, np.complex128):
        raise TypeError(f"{name} must be complex64 or complex128, got {field.dtype}: use field.astype(numpy.complex64)")
    if field.ndim < 2 or field.size == 0:
        raise ValueError(f"{name} must have shape (..., ny, nx) with at least one pixel, got {field.shape}")
    return _array.contiguous(field)


def same_dtype(name: str, array: Array, other: str, reference: Array) -> Array:
    """`array`, contiguous, if it has the shape and dtype of `reference`."""
    if not _array.is_array(array) or array.shape != reference.shape or array.dtype != reference.dtype:
        got = f"{array.dtype} {array.shape}" if _array.is_array(array) else type(array).__name__
        raise ValueError(f"{name} must be {reference.dtype} {reference.shape} like {other}, got {got}")
    return _array.contiguous(array)


def chosen(wrt: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    """`wrt` as a tuple of known argument names."""
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    for name in names:
        if name not in known:
            raise ValueError(f"wrt names {name!r}: this derivative exists for {', '.join(known)}")
    return names


def only(results: dict[str, Any], names: tuple[str, ...]) -> Any:
    """The one result asked for, or a tuple in the order of `names`."""
    return results[names[0]] if len(names) == 1 else tuple(results[n] for n in names)
