"""CPU twin of program.cu: the same bits."""

import numpy as np
from numba import prange

from .._jit import by_precision, njit
from ..random.draws import _normal4, _normal4_64, exp_neg, fma
from .read import fill

PIECE = 4096  # cells that are one task for a thread


@njit(parallel=True, work=lambda cells, *_: 10 * cells, error_model="numpy")
def pnn_program_perturb(cells, key0, key1, key, sample, sigma, g, out):
    if key.size:
        key0, key1 = key[0], key[1]
    zero = g.dtype.type(0)
    for piece in prange((cells + PIECE - 1) // PIECE):
        first = piece * PIECE
        count = min(PIECE, cells - first)
        z = np.empty(4 * ((count + 3) // 4), g.dtype)
        fill(0, key0, key1, first // 4, sample, z)
        for c in range(count):
            value = fma(sigma[first + c], z[c], g[first + c])
            out[first + c] = zero if value < zero else value


@njit(parallel=True, work=lambda cells, *_: 50 * cells, error_model="numpy")
def _drift(cells, key0, key1, sample, log_ratio, mean, std, g, out):
    for q in prange((cells + 3) // 4):
        z = _normal4(key0, key1, q, sample, 0)
        for j in range(min(4, cells - 4 * q)):
            c = 4 * q + j
            out[c] = g[c] * np.float32(exp_neg(min(abs(np.float64(fma(std[c], z[j], mean[c]))) * log_ratio, 690.0)))


@njit(parallel=True, work=lambda cells, *_: 100 * cells, error_model="numpy")
def _drift_64(cells, key0, key1, sample, log_ratio, mean, std, g, out):
    for q in prange((cells + 3) // 4):
        z = _normal4_64(key0, key1, q, sample, 0)
        for j in range(min(4, cells - 4 * q)):
            c = 4 * q + j
            out[c] = g[c] * exp_neg(min(abs(fma(std[c], z[j], mean[c])) * log_ratio, 690.0))


pnn_program_drift = by_precision(_drift, _drift_64, out=-1)
