"""Dense systems of equations, solved in the same way everywhere: a GPU finds that a matrix has no inverse, but does not wait to say so."""

import numpy as np

from .. import _array, _launch
from .._array import Array, Numbers

SINGULAR = _launch.fault(65, "the equations of a network have no solution: a matrix is singular, or not finite")


def solved(matrix: Numbers, rhs: Numbers) -> Array:
    """x of ``matrix x = rhs``, (..., n, columns); NaN where a matrix has no inverse."""
    if _array.namespace(matrix, rhs) is not np:
        return _array.namespace(matrix).linalg.solve(matrix, rhs)
    try:
        return np.linalg.solve(matrix, rhs)
    except np.linalg.LinAlgError:
        if matrix.ndim == 2:
            return np.full(rhs.shape, np.nan, rhs.dtype)
        return np.stack([solved(a, b) for a, b in zip(matrix, rhs, strict=True)])


def solution(matrix: Numbers, rhs: Numbers) -> Array:
    """The same. Raises FaultError, a ValueError, where a matrix has no inverse; on a GPU at `pnnkern.check()`."""
    x = solved(matrix, rhs)
    _launch.flag(~_array.namespace(x).isfinite(x).all(), SINGULAR)
    return x


__all__ = ["solution", "solved"]
