"""What systems make of images, features and labels, and of the parameters that they are given."""

from typing import Any

import numpy as np

from .. import _array
from .._array import Array


def flat(images: Array, values: int, device: str, dtype: Any) -> Array:
    """Images or features (batch, ...) as (batch, values) on `device`, uint8 as fractions of 255. Raises ValueError for another size."""
    rows = _array.device_namespace(device).asarray(images).reshape(len(images), -1)
    if rows.shape[1] != values:
        raise ValueError(f"each sample must have {values} values, got {rows.shape[1]}")
    return fractions(rows, dtype)


def fractions(images: Array, dtype: Any) -> Array:
    """uint8 as fractions of 255, numbers as they are, in the working precision."""
    if images.dtype == np.uint8:
        return images / np.dtype(dtype).type(255)
    return images.astype(dtype)


def one_hot(labels: Array, classes: int, high: float, low: float, device: str, dtype: Any) -> Array:
    """(batch, classes): `high` at the label, `low` elsewhere; for labels (batch, classes) that are fractions, so far from low to high."""
    xp = _array.device_namespace(device)
    labels = xp.asarray(labels)
    if labels.ndim == 2:
        return (low + (high - low) * labels).astype(dtype)
    return xp.where(xp.arange(classes)[None, :] == labels[:, None], high, low).astype(dtype)


def wanted(target: Array | None, output: Array, nudges: tuple[float, ...]) -> Array:
    """The target (batch, outputs), or the output where there is none. Raises ValueError for another shape, or a nudge towards nothing."""
    if target is None:
        if any(nudges):
            raise ValueError("a nudge other than 0 needs a target")
        return output
    if target.shape != output.shape:
        raise ValueError(f"target must be {output.shape}, got shape {target.shape}")
    return target


def beyond(output: Array, target: Array, middle: float) -> Array:
    """Which outputs lie beyond their target on its own side of `middle`, and would be left alone by a hinge; boolean (batch, outputs)."""
    past: Array = (target < output) == (target > middle)
    return past


def fitting(parameters: dict[str, Array], shapes: dict[str, tuple[int, ...]], dtype: Any) -> None:
    """Raise ValueError for a parameter that is missing or has another shape or dtype."""
    for name, shape in shapes.items():
        p = parameters.get(name)
        if p is None or p.shape != shape or p.dtype != dtype:
            got = "nothing" if p is None else f"{p.dtype} {p.shape}"
            raise ValueError(f"{name} must be {np.dtype(dtype)} {shape}, got {got}")
