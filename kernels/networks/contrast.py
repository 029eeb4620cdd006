"""CPU twin of contrast.cu: outer products of a few samples by a loop, of many by BLAS, in strips that stay in the cache."""

import numpy as np
from numba import prange

from .._jit import njit

FEW = 16  # samples up to which the loop beats a BLAS call per strip
STRIP = 1 << 15  # weights per strip


@njit(parallel=True, work=lambda rows, columns, samples, *_: rows * columns * (samples + 1), fastmath={"nsz", "contract"})
def _few(rows, columns, samples, rate, low, high, first, second, weight):
    one = weight.dtype.type
    step, bottom, top = one(rate), one(low), one(high)
    for i in prange(rows):
        w = weight[i * columns : (i + 1) * columns]
        for s in range(samples):
            a = step * first[s * rows + i]
            if a != one(0):  # black pixels
                for j in range(columns):
                    w[j] -= a * second[s * columns + j]
        for j in range(columns):
            w[j] = min(max(w[j], bottom), top)


@njit(fastmath={"nsz", "contract"})
def _strip(rows, columns, rate, low, high, product, weight):
    one = weight.dtype.type
    step, bottom, top = one(rate), one(low), one(high)
    for i in range(rows):
        for j in range(columns):
            weight[i, j] = min(max(weight[i, j] - step * product[i, j], bottom), top)


def _update(rows: int, columns: int, samples: int, rate: float, low: float, high: float, first: np.ndarray, second: np.ndarray,
            weight: np.ndarray) -> None:  # fmt: skip
    """weight[i, j] = clamp(weight[i, j] - rate sum_s first[s, i] second[s, j], low, high)."""
    if samples <= FEW:
        _few(rows, columns, samples, rate, low, high, first, second, weight)
        return
    a, b, w = first.reshape(samples, rows), second.reshape(samples, columns), weight.reshape(rows, columns)
    height = max(1, STRIP // max(1, columns))
    for i in range(0, rows, height):
        part = slice(i, min(i + height, rows))
        product = a[:, part].T @ b
        _strip(len(product), columns, rate, low, high, product, w[part])


def pnn_contrast_update(arrays: int, rate: float, now: np.ndarray, shape: np.ndarray, how: np.ndarray, *given: np.ndarray) -> None:
    """The update of each array.

    now : the rate, or empty. shape : rows, columns, samples of each; how : scale, low, high. given : first0 .. 7, second0 .. 7,
    weight0 .. 7.
    """
    sizes, limits = shape.reshape(-1, 3).tolist(), how.reshape(-1, 3).tolist()
    for k in range(arrays):
        scale, low, high = limits[k]
        _update(*sizes[k], (now[0] if now.size else rate) * scale, low, high, given[k], given[8 + k], given[16 + k])
