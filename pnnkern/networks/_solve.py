"""Dense systems of equations, and products, solved in the same way everywhere. A GPU finds that a matrix has no inverse, but does not wait to
say so, and does it all by kernels that can be captured, where one system fits a block's shared memory."""

import numpy as np

from .. import _array, _dense, _launch
from .._array import Array, Numbers

SINGULAR = _launch.fault(65, "the equations of a network have no solution: a matrix is singular, or not finite")
WIDE = 32  # columns of right sides that a block works on


def solved(matrix: Numbers, rhs: Numbers) -> Array:
    """x of ``matrix x = rhs``, (..., n, columns); NaN where a matrix has no inverse."""
    if _array.on_device(matrix, rhs) and _fits(matrix, rhs):
        return _eliminated(matrix, rhs)
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


def product(a: Numbers, b: Numbers) -> Array:
    """a @ b of two matrices."""
    return _dense.layer(a, b) if _array.on_device(a, b) else a @ b


def inner(a: Numbers, b: Numbers) -> Array:
    """a.T @ b of two matrices."""
    return _dense.outer(a, b) if _array.on_device(a, b) else a.T @ b


def _memory(n: int, wide: int) -> int:
    """Bytes of shared memory of a system, as in elimination.cuh."""
    return 8 * n * (n + wide + 1)


def _fits(matrix: Numbers, rhs: Numbers) -> bool:
    n, columns = rhs.shape[-2:]
    return matrix.dtype == rhs.dtype == np.float64 and rhs.size > 0 and _memory(n, min(WIDE, columns)) <= _launch.shared_limit(matrix)


def _eliminated(matrix: Array, rhs: Array) -> Array:
    matrix, rhs = _array.contiguous(matrix), _array.contiguous(rhs)
    out, (n, columns) = _array.namespace(rhs).empty(rhs.shape), rhs.shape[-2:]
    wide, matrices = min(WIDE, columns), rhs.size // (n * columns)
    _launch.launch("networks/elimination", "solve", "float64", matrices, n, columns, wide, matrix, rhs, out,
                   grid=(min(matrices * -(-columns // wide), _launch.MAX_BLOCKS),), block=(256,), shared=_memory(n, wide))  # fmt: skip
    return out


__all__ = ["inner", "product", "solution", "solved"]
