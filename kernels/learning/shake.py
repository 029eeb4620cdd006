"""CPU twin of shake.cu."""

import numpy as np
from numba import prange

from .._jit import njit
from ..random.draws import folded, pnn_draws_normal
from .optimizer import each

PARTS = 64
NO_INDEX, NO_KEY = np.empty(0, np.int64), np.empty(0, np.uint32)


def pnn_shake_largest(arrays, sizes, *pointers):
    """The largest |p| of each array, in the first of its parts, NaN if one is NaN. pointers : 8 arrays, parts."""
    parts = pointers[-1]
    parts[:] = 0
    for a in range(arrays):
        p = pointers[a]
        if p.size:
            parts[a * PARTS] = np.maximum(p.max(), -p.min())


@njit
def _words(key0, key1, purpose):
    w = folded(key0, key1, purpose)
    return np.uint32(w[0]), np.uint32(w[1])


@njit(parallel=True, work=lambda n, *_: n)
def _add(n, size, low, high, p, out):
    for i in prange(n):
        w = p[i] + size * out[i]
        w = low if w < low else w
        out[i] = high if w > high else w


def pnn_shake_add(arrays, sizes, limits, noise, key0, key1, key, purposes, parts, *pointers):
    """out = clamp(p + noise max|p| z, low, high). pointers : 8 arrays, 8 results."""
    key0, key1 = key if key.size else (key0, key1)
    one, fault = parts.dtype.type, np.zeros(1, np.int32)
    for a, (n, low, high) in each(arrays, sizes, limits, 2):
        words = _words(key0, key1, purposes[a]) if purposes.size else (key0, key1)
        most, out = parts[a * PARTS : (a + 1) * PARTS].max() if arrays else 0.0, pointers[8 + a]
        pnn_draws_normal(1, n, *words, NO_KEY, 0, 0, NO_INDEX, out, fault)
        _add(n, one(noise * float(most)), one(low), one(high), pointers[a], out)
