"""CPU twin of noise.cu: the same draws and the same order of sums, so the same bits."""

import numpy as np
from numba import prange

from .._jit import njit
from .._loops import copy
from ..random.draws import bernoulli, block, exp_neg, f8, fma, inline
from .read import fill

GAUSSIAN, LOGNORMAL, TELEGRAPH = 0, 1, 2
SLICE = 64  # inputs that a sum takes together: noise.cuh


@inline
def _cells(kind, p, k0, k1, quad0, sample, z):
    """The random part of a row of cells: normals, or t - p."""
    if kind == TELEGRAPH:
        up, down = z.dtype.type(1) - p, -p
        for q in range(z.size // 4):
            w = block(k0, k1, quad0 + q, sample)
            z[4 * q] = up if bernoulli(p, w[0], w[1]) else down
            z[4 * q + 1] = up if bernoulli(p, w[1], w[2]) else down
            z[4 * q + 2] = up if bernoulli(p, w[2], w[3]) else down
            z[4 * q + 3] = up if bernoulli(p, w[3], w[0]) else down
    else:
        fill(0, k0, k1, quad0, sample, z)


@inline
def _factor(a, z):
    s = f8(a)
    x = fma(s, f8(z), -0.5 * (s * s))
    e = exp_neg(min(abs(x), 690.0))
    return 1.0 / e if x > 0.0 else e


@njit(parallel=True, work=lambda batch, n_in, n_out, *_: 50 * batch * n_in * n_out, error_model="numpy")
def pnn_noise_mvm(batch, n_in, n_out, kind, p, key0, key1, key, quad0, sample0, index, v, g, a, out):
    if key.size:
        key0, key1 = key[0], key[1]
    quads = (n_out + 3) // 4
    real = g.dtype.type
    for b in prange(batch):
        sample = index[b] if index.size else sample0 + b
        z = np.empty(4 * quads, g.dtype)
        total, part = np.zeros(n_out, g.dtype), np.empty(n_out, g.dtype)
        for first in range(0, n_in, SLICE):
            part[:] = 0
            for i in range(first, min(first + SLICE, n_in)):
                x = v[b * n_in + i]
                conductance, spread = g[i * n_out : (i + 1) * n_out], a[i * n_out : (i + 1) * n_out]
                _cells(kind, p, key0, key1, quad0 + i * quads, sample, z)
                if kind == LOGNORMAL:
                    for c in range(n_out):
                        part[c] = fma(x, conductance[c] * real(_factor(spread[c], z[c])), part[c])
                else:
                    for c in range(n_out):
                        y = fma(spread[c], z[c], conductance[c])
                        part[c] = fma(x, y if y > real(0) else real(0), part[c])
            for c in range(n_out):
                total[c] += part[c]
        copy(total, out[b * n_out : (b + 1) * n_out])


@njit(parallel=True, work=lambda batch, n_in, n_out, *_: 50 * batch * n_in * n_out, error_model="numpy")
def pnn_noise_vjp_v(batch, n_in, n_out, kind, p, key0, key1, key, quad0, sample0, index, cotangent, g, a, out):
    if key.size:
        key0, key1 = key[0], key[1]
    quads = (n_out + 3) // 4
    real = g.dtype.type
    for b in prange(batch):
        sample = index[b] if index.size else sample0 + b
        z = np.empty(4 * quads, g.dtype)
        for i in range(n_in):
            total = real(0)
            _cells(kind, p, key0, key1, quad0 + i * quads, sample, z)
            for c in range(n_out):
                k = i * n_out + c
                if kind == LOGNORMAL:
                    y = g[k] * real(_factor(a[k], z[c]))
                else:
                    y = fma(a[k], z[c], g[k])
                    y = y if y > real(0) else real(0)
                total = fma(cotangent[b * n_out + c], y, total)
            out[b * n_in + i] = total


@njit(parallel=True, work=lambda batch, n_in, n_out, *_: 50 * batch * n_in * n_out, error_model="numpy")
def pnn_noise_vjp_g(batch, n_in, n_out, kind, p, key0, key1, key, quad0, sample0, index, v, cotangent, g, a, da, out):
    if key.size:
        key0, key1 = key[0], key[1]
    quads = (n_out + 3) // 4
    real = g.dtype.type
    for i in prange(n_in):
        z = np.empty(4 * quads, g.dtype)
        total = np.zeros(n_out, g.dtype)
        for b in range(batch):
            _cells(kind, p, key0, key1, quad0 + i * quads, index[b] if index.size else sample0 + b, z)
            for c in range(n_out):
                k = i * n_out + c
                if kind == LOGNORMAL:
                    slope = real(_factor(a[k], z[c])) * fma(g[k] * (z[c] - a[k]), da[k], real(1))
                elif fma(a[k], z[c], g[k]) > real(0):
                    slope = fma(da[k], z[c], real(1))
                else:
                    slope = real(0)
                total[c] = fma(v[b * n_in + i] * cotangent[b * n_out + c], slope, total[c])
        copy(total, out[i * n_out : (i + 1) * n_out])
