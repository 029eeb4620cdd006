"""CPU twin of read.cu: the product by BLAS, everything around it in one pass before and one pass after."""

import math

import numpy as np
from numba import prange
from numba.extending import overload

from .._jit import njit
from .._loops import copy
from ..random.draws import _normal4, _normal4_64, _uniform4, _uniform4_64, fma

ROWS = 256  # of a batch at a time: what is between the passes stays in the cache
SLICE = 64  # inputs whose products are summed up first, as in product.cuh


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


def _key_of(key0, key1, key):
    """The words of a key, from where they lie if they do."""
    return (int(key[0]), int(key[1])) if key.size else (key0, key1)


# --------------------------------------------------------------------------------------------------------------------- inputs
@njit(parallel=True, work=lambda batch, n_in, *_: 30 * batch * n_in, error_model="numpy")
def _dac(batch, n_in, step, low, high, stochastic, rounding0, rounding1, noise, noisy0, noisy1, sample0, index, v, out, squares):
    zero = v.dtype.type(0)
    for b in prange(batch):
        sample = index[b] if index.size else sample0 + b
        row, to = v[b * n_in : (b + 1) * n_in], out[b * n_in : (b + 1) * n_in]
        if step == zero:
            copy(row, to)
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


def pnn_read_dac(
    batch, n_in, step, low, high, stochastic, rounding0, rounding1, rounding, noise, noisy0, noisy1, noisy, sample0, index, v, out
):  # fmt: skip
    no_squares = v[:0]
    rounding0, rounding1 = _key_of(rounding0, rounding1, rounding)
    noisy0, noisy1 = _key_of(noisy0, noisy1, noisy)
    _dac(batch, n_in, step, low, high, stochastic, rounding0, rounding1, noise, noisy0, noisy1, sample0, index, v, out, no_squares)


@njit(parallel=True, work=lambda batch, n_in, *_: 5 * batch * n_in, error_model="numpy")
def pnn_read_scale(batch, n_in, given, v_max, x, scale, out):
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for b in prange(batch):
        row, to, most = x[b * n_in : (b + 1) * n_in], out[b * n_in : (b + 1) * n_in], given
        if not given > zero:
            most, bad = zero, False
            for i in range(n_in):
                size = abs(row[i])
                most = size if size > most else most
                bad |= size != size
            most = one if bad or not most > zero else most
        scale[b] = most
        for i in range(n_in):
            to[i] = row[i] / most * v_max


# -------------------------------------------------------------------------------------------------------------------- outputs
@njit(parallel=True, work=lambda arrays, slices, batch, n_out, *_: 4 * arrays * batch * n_out * (slices + 20), error_model="numpy")
def pnn_read_adc(
    arrays, slices, batch, n_out, extra, key0, key1, key, element0, sample0, index, mode, bits, low, high, lsb, step, offset, bow, table,
    current, variance, out,
):  # fmt: skip
    if key.size:
        key0, key1 = key[0], key[1]
    zero, half = current.dtype.type(0), current.dtype.type(0.5)
    middle = half * (high - low)
    quads, whole = (n_out + 3) // 4, arrays * batch * n_out
    for row in prange(arrays * batch):
        a, first = row // batch, row * n_out
        b, column = row - a * batch, a * n_out
        x = out[first : first + n_out]
        copy(current[first : first + n_out], x)
        for k in range(1, slices):
            more = current[k * whole + first : k * whole + first + n_out]
            for c in range(n_out):
                x[c] += more[c]
        if variance.size or extra != zero:
            z = np.empty(4 * quads, current.dtype)
            fill(0, key0, key1, (element0 >> 2) + a * quads, index[b] if index.size else sample0 + b, z)
            if variance.size:
                s = variance[first : first + n_out]
                if slices > 1:
                    s = s.copy()
                    for k in range(1, slices):
                        more = variance[k * whole + first : k * whole + first + n_out]
                        for c in range(n_out):
                            s[c] += more[c]
                for c in range(n_out):
                    x[c] = fma(current.dtype.type(math.sqrt(s[c] + extra)), z[c], x[c])
            else:
                sigma = current.dtype.type(math.sqrt(extra))
                for c in range(n_out):
                    x[c] = fma(sigma, z[c], x[c])
        if offset.size:
            mine = offset[column : column + n_out]
            for c in range(n_out):
                x[c] += mine[c]
        if mode == 0:
            continue
        mine = lsb[column : column + n_out]
        for c in range(n_out):
            x[c] /= mine[c]
        if bow.size:
            mine = bow[column : column + n_out]
            for c in range(n_out):
                x[c] = fma(mine[c] * ((high - x[c]) / middle), (x[c] - low) / middle, x[c])
        if mode == 2:
            for c in range(n_out):
                x[c] = np.rint(x[c])
        elif mode == 3:
            for c in range(n_out):
                if x[c] == x[c]:
                    x[c] = _successive(x[c] - low + half, table, (column + c) * bits, bits) + low
        mine = step[column : column + n_out]
        for c in range(n_out):
            code = low if x[c] < low else x[c]
            x[c] = (high if code > high else code) * mine[c]


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
@njit(error_model="numpy")
def rounded(x, bf16):
    """float32 to the nearest number of 8 significant bits (bf16, ties to even) or of 11 (tf32, ties away from zero): those of matrix units."""
    out = np.empty_like(x)
    given, bits = x.reshape(-1).view(np.uint32), out.reshape(-1).view(np.uint32)
    for i in range(given.size):
        u = given[i]
        if bf16:
            r = (u + np.uint32(0x7FFF) + (u >> np.uint32(16) & np.uint32(1))) & np.uint32(0xFFFF0000)
        else:
            r = (u + np.uint32(0x1000)) & np.uint32(0xFFFFE000)
        bits[i] = r if u & np.uint32(0x7FFFFFFF) <= np.uint32(0x7F800000) else np.uint32(0x7FFFE000)
    return out


def _same(x):
    return x


def _mvm(
    entering, arrays, batch, n_in, n_out, dac_step, dac_low, dac_high, stochastic, rounding0, rounding1, rounding, noise, noisy0, noisy1,
    noisy, extra, key0, key1, key, element0, sample0, index, mode, bits, low, high, lsb, step, offset, bow, table, v, w, s2, parts, out, fault,
):  # fmt: skip
    """entering : what becomes of all factors of the products."""
    rounding0, rounding1 = _key_of(rounding0, rounding1, rounding)
    noisy0, noisy1 = _key_of(noisy0, noisy1, noisy)
    if w.size and not w.min() >= 0:
        fault[0] = max(fault[0], 30)
    w, v, out = entering(w.reshape(arrays, n_in, n_out)), v.reshape(batch, n_in), out.reshape(arrays, out.size // max(1, arrays * n_out), n_out)
    s2 = entering(s2.reshape(arrays, n_in, n_out)) if s2.size else s2
    converts = dac_step != 0 or noise != 0 or s2.size > 0
    rows = min(batch, ROWS)
    inputs = np.empty((rows, n_in), v.dtype) if converts else v
    squares = np.empty((rows, n_in) if s2.size else (0, 0), v.dtype)
    variance = np.empty((rows, n_out) if s2.size else (0, 0), v.dtype)
    for at in range(0, batch, ROWS):
        n = min(batch - at, ROWS)
        which, these = index[at : at + n], slice(at, at + n)
        x = v[these]
        if converts:
            _dac(n, n_in, dac_step, dac_low, dac_high, stochastic, rounding0, rounding1, noise, noisy0, noisy1, sample0 + at, which,
                 x.reshape(-1), inputs[:n].reshape(-1), squares[:n].reshape(-1))  # fmt: skip
            x = inputs[:n]
        x, x2 = entering(x), entering(squares[:n]) if s2.size else x
        if parts.size:
            starts = range(0, n_in, SLICE)
            place = parts.reshape(-1, len(starts), arrays, batch, n_out)
            for left, right, to in ((x, w, place[0]), (x2, s2, place[-1]))[: len(place)]:
                for first, sums in zip(starts, to, strict=True):
                    some = slice(first, first + SLICE)
                    for a in range(arrays):
                        np.matmul(left[:, some], right[a, some], out=sums[a, these])
            continue
        for a in range(arrays):
            y = out[a, these]
            np.matmul(x, w[a], out=y)
            if s2.size:
                np.matmul(x2, s2[a], out=variance[:n])
            if mode or s2.size or extra != 0 or offset.size:
                y, columns = y.reshape(-1), (lsb, step, offset, bow, table)
                if arrays > 1:
                    some = slice(a * n_out, (a + 1) * n_out)
                    columns = (lsb[some], step[some], offset[some], bow[some], table[some.start * bits : some.stop * bits])
                pnn_read_adc(1, 1, n, n_out, extra, key0, key1, key, element0 + (n_out + 3) // 4 * 4 * a, sample0 + at, which, mode, bits, low,
                             high, *columns, y, variance[:n].reshape(-1), y)  # fmt: skip


def pnn_read_mvm(*arguments):
    _mvm(_same, *arguments)


pnn_read_mvm_large = pnn_read_mvm


def pnn_read_units(arrays, batch, n_in, n_out, bf16, *arguments):
    _mvm(lambda x: rounded(x, bf16), arrays, batch, n_in, n_out, *arguments)


pnn_read_units_large = pnn_read_units
