"""What systems make of images, features and labels, and of the parameters that they are given."""

from typing import Any

import numpy as np

from .. import _array, _launch
from .._array import Array, Real
from .._checks import floats
from .._classes import target_shares

OUTSIDE = _launch.fault(80, "images and features must be uint8, or numbers in [0, 1]")
NOT_FINITE = _launch.fault(82, "images and features must be uint8, or finite numbers")


def given(images: Any, *, what: str = "images", bounded: bool = True) -> Array:
    """Images or features as users give them, if they are uint8, or floating and in [0, 1] (with `bounded`, else finite).

    Raises TypeError for another dtype and ValueError for other values, of those on a GPU at `pnnkern.check()`.
    """
    if not _array.is_array(images):
        images = np.asarray(images)
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        raise TypeError(f"{what} must be uint8, or floating{' in [0, 1]' if bounded else ''}, got {images.dtype}")
    if images.size:
        low, high = images.min(), images.max()  # both are NaN if any value is
        finite = _array.namespace(images).isfinite
        fits = (low >= 0) & (high <= 1) if bounded else finite(low) & finite(high)
        _launch.flag(~fits, OUTSIDE if bounded else NOT_FINITE, lambda: _wrong(images, what, bounded))
    return images


def _wrong(images: np.ndarray, what: str, bounded: bool) -> str:
    """What is wrong with values."""
    missing = int(np.isnan(images).sum())
    if missing:
        return f"there are {missing} NaN value(s) in {what}"
    return f"floating {what} must {'lie in [0, 1]' if bounded else 'be finite'}, got {images.min():g} .. {images.max():g}"


def flat(images: Any, values: int, device: str, dtype: Any, *, bounded: bool = True) -> Array:
    """Images or features (batch, ...) as (batch, values) on `device`, uint8 as fractions of 255.

    Raises ValueError for another size, and as `given`.
    """
    images = given(images, bounded=bounded)
    rows = _array.device_namespace(device).asarray(images).reshape(len(images), -1)
    if rows.shape[1] != values:
        raise ValueError(f"each sample must have {values} values, got {rows.shape[1]}")
    return fractions(rows, dtype)


def fractions(images: Array, dtype: Any) -> Array:
    """uint8 as fractions of 255, numbers as they are, in the working precision."""
    if images.dtype == np.uint8:
        return images / np.dtype(dtype).type(255)
    return images.astype(dtype)


def shares(pixels: int, canvas: int, size: int) -> np.ndarray:
    """Which part of each of `size` squares, which tile a canvas, each of the pixels in its middle covers: (size, pixels) float64.

    Applied to an image, each square takes the mean over its own area, with 0 around the image. canvas : its length in pixels, at least as
    many as there are. Where squares divide pixels evenly these are 1 and 0 exactly.
    """
    square = 2 * canvas * np.arange(size)[:, None]  # where squares and pixels begin, in whole units: half pixels / size
    pixel = size * (2 * np.arange(pixels) + canvas - pixels)
    overlap = np.minimum(square + 2 * canvas, pixel + 2 * size) - np.maximum(square, pixel)
    covered: np.ndarray = overlap.clip(0) / (2 * canvas)
    return covered


def one_hot(labels: Array, classes: int, high: float, low: float, device: str, dtype: Any) -> Array:
    """(batch, classes): `high` at the label, `low` elsewhere; for labels (batch, classes) that are fractions, so far from low to high.

    One output alone is `high` for class 1. Raises TypeError and ValueError for other labels.
    """
    xp = _array.device_namespace(device)
    share = target_shares(labels, classes, len(labels) if labels.ndim == 2 else labels.size, xp)
    if labels.ndim == 2:
        return (low + (high - low) * share).astype(dtype)
    return xp.where(share, high, low).astype(dtype)


def resolve_target(target: Any, output: Real, nudges: tuple[float, ...]) -> Array:
    """The target (batch, outputs), which may be a function of the output, or the output where there is none.

    Raises ValueError for another shape, or a nudge towards nothing.
    """
    if callable(target):
        target = target(output)
    if target is None:
        if any(nudges):
            raise ValueError("a nudge other than 0 needs a target")
        return output
    target = floats("target", target)
    if target.shape != output.shape:
        raise ValueError(f"target must be {output.shape}, got shape {target.shape}")
    return target


def past_target(output: Real, target: Real, middle: float) -> Array:
    """Which outputs lie beyond their target on its own side of `middle`, and would be left alone by a hinge; boolean (batch, outputs)."""
    past: Array = (target < output) == (target > middle)
    return past


def check_parameters(parameters: dict[str, Array], shapes: dict[str, tuple[int, ...]], dtype: Any) -> None:
    """Raise ValueError for a parameter that is missing or has another shape or dtype."""
    for name, shape in shapes.items():
        p = parameters.get(name)
        if p is None or not _array.is_array(p) or p.shape != shape or p.dtype != dtype:
            got = "nothing" if p is None else f"{p.dtype} {p.shape}" if _array.is_array(p) else type(p).__name__
            raise ValueError(f"{name} must be {np.dtype(dtype)} {shape}, got {got}")
