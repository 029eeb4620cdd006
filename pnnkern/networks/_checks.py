"""What arrays of networks must be. Looks at dtypes and shapes alone, which a GPU need not be waited for."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _array
from .._array import Array
from .._checks import numbers, shaped
from .._gate import kind_of


def real(name: str, x: Array) -> Array:
    """`x` itself, if it holds real numbers. Raises TypeError."""
    if x.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be real numbers, got {x.dtype}")
    return x


def double(name: str, values: Any, like: Array) -> Array:
    """Real numbers, an array or not, as a float64 array on the device of `like`. Raises TypeError."""
    values = values if _array.is_array(values) else np.asarray(values)
    return _array.namespace(like).asarray(real(name, values), np.float64)


def floats(name: str, values: Any, like: Array | None = None) -> Array:
    """Real numbers: an array of float32 or float64 as it is, other arrays in float64, what is no array on the device of `like` too.

    Raises TypeError.
    """
    if not _array.is_array(values):
        host = numbers(name, values)
        return host if like is None else _array.namespace(like).asarray(host)
    return real(name, values) if values.dtype in (np.float32, np.float64) else real(name, values).astype(np.float64)


def plain(name: str, arrays: Sequence[Any]) -> list[Array]:
    """Arrays of floating point numbers, real or complex, that a record holds; subclasses of NumPy's as NumPy's. Raises TypeError."""
    for x in arrays:
        if kind_of(type(x)) not in ("numpy", "cupy", "subclass"):
            raise TypeError(f"{name} must be arrays, got {type(x).__name__}")
        if x.dtype.kind not in "fc":
            raise TypeError(f"{name} must be floating point numbers, got {x.dtype}")
    return [np.asarray(x) if isinstance(x, np.ndarray) else x for x in arrays]


__all__ = ["double", "floats", "plain", "real", "shaped"]
