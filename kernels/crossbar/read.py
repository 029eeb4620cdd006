"""CPU twin of read.cu: the product by BLAS, everything around it in one pass before and one pass after."""

import math

import numpy as np
from numba import prange
from numba.extending import overload

from .._jit import njit
from ..random.draws import _normal4, _normal4_64, _uniform4, _uniform4_64, fma

ROWS = 256  # of a batch at a time: what is between the passes stays in the cache


def fill(kind, k0, k1, quad0, sample, z):
    """z, whole quads long, with the draws of a row from quad0 on. kind 0: normals, 1: uniforms."""


@overload(fill, jit_options={"error_model": "numpy"})
def _fill(kind, k0, k1, quad0, sample, z):
    normals, uniforms = (_normal4, _uniform4) if z.dtype.bitwidth == 32 else (_normal4_64, _uniform4_64)

    def impl(kind, k0, k1, quad0, sample, z):
        if kind == 0:
            for q in range(z.size // 4):
                d = normals(k0, k1, quad0 + q, sample, 0)
                z[4 * q], z[4 * q + 1], z[4 * q + 2], z[4 * q + 3] = d[0], d[1], d[2], d[3]
        else:
            for q in range(z.size // 4):
                d = uniforms(k0, k1, quad0 + q, sample, 0)
                z[4 * q], z[4 * q + 1], z[4 * q + 2], z[4 * q + 3] = d[0], d[1], d[2], d[3]

    return impl


# --------------------------------------------------------------------------------------------------------------------- inputs
@njit(parallel=True, error_model="numpy")
def _dac(batch, n_in, step, low, high, stochastic, rounding0, rounding1, noise, noisy0, noisy1, sample0, index, v, out, squares):
    zero = v.dtype.type(0)
    for b in prange(batch):
        sample = index[b] if index.size else sample0 + b
        row, to = v[b * n_in : (b + 1) * n_in], out[b * n_in : (b + 1) * n_in]
        if step == zero:
            to[:] = row
        elif stochastic:
            u = np.empty(4 * ((n_in + 3) // 4), v.dtype)
            fill(1, rounding0, rounding1, 0, sample, u)
            for i in range(n_in):
                to[i] = min(max(np.floor(row[i] / step + u[i]), low), high) * step if row[i] == row[i] else row[i]
        else:
            for i in range(n_in):
                code = np.rint(row[i] / step)
                code = low if code < low else code
                to[i] = (high if code > high else code) * step
        if noise != zero:
            z = np.empty(4 * ((n_in + 3) // 4), v.dtype)
            fill(0, noisy0, noisy1, 0, sample, z)
            for i in range(n_in):
                to[i] = fma(noise, z[i], to[i])
        if squares.size:
            s = squares[b * n_in : (b + 1) * n_in]
            for i in range(n_in):
                s[i] = to[i] * to[i]


def pnn_read_dac(batch, n_in, step, low, high, stochastic, rounding0, rounding1, noise, noisy0, noisy1, sample0, index, v, out):
    no_squares = v[:0]
    _dac(batch, n_in, step, low, high, stochastic, rounding0, rounding1, noise, noisy0, noisy1, sample0, index, v, out, no_squares)


# -------------------------------------------------------------------------------------------------------------------- outputs
@njit(parallel=True, error_model="numpy")
def pnn_read_adc(
    batch, n_out, extra, key0, key1, element0, sample0, index, mode, bits, low, high, lsb, step, offset, bow, table, current, variance, out
):
    zero, half = current.dtype.type(0), current.dtype.type(0.5)
    middle = half * (high - low)
    for b in prange(batch):
        x = out[b * n_out : (b + 1) * n_out]
        x[:] = current[b * n_out : (b + 1) * n_out]
        if variance.size or extra != zero:
            z = np.empty(4 * ((n_out + 3) // 4), current.dtype)
            fill(0, key0, key1, element0 >> 2, index[b] if index.size else sample0 + b, z)
            if variance.size:
                s = variance[b * n_out : (b + 1) * n_out]
                for c in range(n_out):
                    x[c] = fma(current.dtype.type(math.sqrt(s[c] + extra)), z[c], x[c])
            else:
                sigma = current.dtype.type(math.sqrt(extra))
                for c in range(n_out):
                    x[c] = fma(sigma, z[c], x[c])
        if offset.size:
            for c in range(n_out):
                x[c] += offset[c]
        if mode == 0:
            continue
        for c in range(n_out):
            x[c] /= lsb[c]
        if bow.size:
            for c in range(n_out):
                x[c] = fma(bow[c] * ((high - x[c]) / middle), (x[c] - low) / middle, x[c])
        if mode == 2:
            for c in range(n_out):
                x[c] = np.rint(x[c])
        elif mode == 3:
            for c in range(n_out):
                if x[c] == x[c]:
                    x[c] = _successive(x[c] - low + half, table, c * bits, bits) + low
        for c in range(n_out):
            code = low if x[c] < low else x[c]
            x[c] = (high if code > high else code) * step[c]


@njit(error_model="numpy")
def _successive(rest, table, first, bits):
    charge = value = table.dtype.type(0)
    for k in range(bits - 1, -1, -1):
        tried = charge + table[first + k]
        if tried <= rest:
            charge = tried
            value += table.dtype.type(1 << k)
    return value


# ----------------------------------------------------------------------------------------------------------------- everything
def pnn_read_mvm(
    batch, n_in, n_out, dac_step, dac_low, dac_high, stochastic, rounding0, rounding1, noise, noisy0, noisy1, extra, key0, key1,
    element0, sample0, index, mode, bits, low, high, lsb, step, offset, bow, table, v, w, s2, out, fault,
):  # fmt: skip
    if w.size and not w.min() >= 0:
        fault[0] = max(fault[0], 30)
    w, v, out = w.reshape(n_in, n_out), v.reshape(batch, n_in), out.reshape(batch, n_out)
    converts = dac_step != 0 or noise != 0 or s2.size > 0
    rows = min(batch, ROWS)
    inputs = np.empty((rows, n_in), v.dtype) if converts else v
    squares = np.empty((rows, n_in) if s2.size else (0, 0), v.dtype)
    variance = np.empty((rows, n_out) if s2.size else (0, 0), v.dtype)
    for a in range(0, batch, ROWS):
        n = min(batch - a, ROWS)
        which = index[a : a + n]
        x, y = v[a : a + n], out[a : a + n]
        if converts:
            _dac(n, n_in, dac_step, dac_low, dac_high, stochastic, rounding0, rounding1, noise, noisy0, noisy1, sample0 + a, which,
                 x.reshape(-1), inputs[:n].reshape(-1), squares[:n].reshape(-1))  # fmt: skip
            x = inputs[:n]
        np.matmul(x, w, out=y)
        if s2.size:
            np.matmul(squares[:n], s2.reshape(n_in, n_out), out=variance[:n])
        if mode or s2.size or extra != 0 or offset.size:
            y = y.reshape(-1)
            pnn_read_adc(n, n_out, extra, key0, key1, element0, sample0 + a, which, mode, bits, low, high, lsb, step, offset, bow,
                         table, y, variance[:n].reshape(-1), y)  # fmt: skip
