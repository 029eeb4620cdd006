"""What arrays of networks must be: real numbers, in the shape that the network's size and the other arrays leave them.

Looks at dtypes and shapes alone, which a GPU need not be waited for.
"""

from typing import Any

import numpy as np

from .. import _array
from .._array import Array


def shaped(name: str, x: Array, *shape: int | str) -> Array:
    """`x` itself, if it is of this shape; a word stands for any size. Raises ValueError."""
    if x.ndim != len(shape) or any(n != m for n, m in zip(shape, x.shape, strict=True) if not isinstance(n, str)):
        wanted = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
        raise ValueError(f"{name} must be ({wanted}), got shape {x.shape}")
    return x


def real(name: str, x: Array) -> Array:
    """`x` itself, if it holds real numbers. Raises TypeError."""
    if x.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be real numbers, got {x.dtype}")
    return x


def double(name: str, values: Any, like: Array) -> Array:
    """Real numbers, an array or not, as a float64 array on the device of `like`. Raises TypeError."""
    values = values if _array.is_array(values) else np.asarray(values)
    return _array.namespace(like).asarray(real(name, values), np.float64)


def plain(name: str, arrays: Any) -> Any:
    """A list of arrays of floating point numbers, real or complex, such as a record holds. Raises TypeError."""
    for x in arrays:
        if type(x) is not np.ndarray and not _array.is_on_gpu(x):
            raise TypeError(f"{name} must be arrays, got {type(x).__name__}")
        if x.dtype.kind not in "fc":
            raise TypeError(f"{name} must be floating point numbers, got {x.dtype}")
    return arrays


__all__ = ["double", "plain", "real", "shaped"]
