"""CPU twin of draws.cu: same names (without the type suffix), same arguments, same bits. The maths and its comments are in philox.cuh.

No fastmath here: then Numba emits no `contract` flag and LLVM fuses nothing; `fma` below is LLVM's llvm.fma, one rounding by definition.
"""
import math

import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.extending import intrinsic

from .._jit import njit

f4, u4, i4 = np.float32, np.uint32, np.int32


@intrinsic
def fma(typingctx, a, b, c):
    """a * b + c rounded once (float32 or float64)."""
    if not (isinstance(a, types.Float) and a == b == c):
        return None
    return a(a, a, a), lambda context, builder, signature, args: builder.fma(*args)


@intrinsic
def clz(typingctx, x):
    """Leading zeros of a uint64."""
    return types.uint64(types.uint64), lambda context, builder, signature, args: builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))


@intrinsic
def bits(typingctx, x):
    return types.uint64(types.float64), lambda context, builder, signature, args: builder.bitcast(args[0], ir.IntType(64))


@intrinsic
def f64(typingctx, x):
    return types.float64(types.uint64), lambda context, builder, signature, args: builder.bitcast(args[0], ir.DoubleType())


inline = njit(forceinline=True, error_model="numpy")
MASK = np.uint64(0xFFFFFFFF)
S32 = np.uint64(32)
M0, M1, W0, W1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57), np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


@inline
def _round(c0, c1, c2, c3, k0, k1, i):
    p = M0 * c0
    q = M1 * c2
    return (q >> S32) ^ c1 ^ ((k0 + np.uint64(i) * W0) & MASK), q & MASK, (p >> S32) ^ c3 ^ ((k1 + np.uint64(i) * W1) & MASK), p & MASK


@inline
def philox(k0, k1, c0, c1, c2, c3):
    """32-bit words held in uint64 lanes: what AVX multiplies. Unrolled by hand, or the callers' loops do not vectorise."""
    c = _round(c0, c1, c2, c3, k0, k1, 0)
    c = _round(c[0], c[1], c[2], c[3], k0, k1, 1)
    c = _round(c[0], c[1], c[2], c[3], k0, k1, 2)
    c = _round(c[0], c[1], c[2], c[3], k0, k1, 3)
    c = _round(c[0], c[1], c[2], c[3], k0, k1, 4)
    c = _round(c[0], c[1], c[2], c[3], k0, k1, 5)
    c = _round(c[0], c[1], c[2], c[3], k0, k1, 6)
    c = _round(c[0], c[1], c[2], c[3], k0, k1, 7)
    c = _round(c[0], c[1], c[2], c[3], k0, k1, 8)
    return _round(c[0], c[1], c[2], c[3], k0, k1, 9)


@inline
def block4(k0, k1, quad, sample):
    quad = np.uint64(quad)
    sample = np.uint64(sample)
    return philox(np.uint64(k0), np.uint64(k1), quad & MASK, quad >> S32, sample & MASK, sample >> S32)


@inline
def subdraw(k0, k1, e, sample, d):
    return block4(k0, k1, np.uint64(e) | (np.uint64(0x8000) | np.uint64(d)) << np.uint64(48), sample)


@inline
def fold_in(k0, k1, n):
    w = block4(k0, k1, n, np.uint64(0xFFFFFFFFFFFFFFFF))
    return u4(w[0]), u4(w[1])


@inline
def uniform(w):
    return f4(i4(w >> np.uint64(8) | np.uint64(1))) * f4(2.0**-24)


@inline
def uniform64(lo, hi):
    return np.float64(np.int64((hi << S32 | lo) >> np.uint64(11) | np.uint64(1))) * 2.0**-53


@inline
def bernoulli(p, w, w2):
    q = p if (p > 0.0) & (p < 1.0) else 0.0
    return ((w << S32 | w2) < np.uint64(q * 2.0**64)) | (p >= 1.0)


def _c(hexadecimal):
    return f4(float.fromhex(hexadecimal))


L = tuple(map(_c, ("0x1.38c9dep-3", "-0x1.055ec6p-2", "0x1.0d8242p-2", "-0x1.22d92ep-2", "0x1.54728ap-2", "-0x1.99a01cp-2", "0x1.000226p-1", "-0x1.555554p-1")))
A = tuple(map(_c, ("-0x1.33199p-8", "0x1.4680a4p-4", "-0x1.4abc24p-1", "0x1.921fb6p0")))
B = tuple(map(_c, ("0x1.d4f7eep-11", "-0x1.55b2b6p-6", "0x1.03c1bp-2", "-0x1.3bd3ccp0")))
LN4 = _c("0x1.62e43p0")
ONE, TWO, HALF_ULP = f4(1), f4(-2), f4(2.0**-32)


@inline
def radius(w0, w1):
    v = w0 << S32 | (w1 << np.uint64(24) & MASK) | np.uint64(0x800000)
    e = clz(v)
    m = u4(v << e >> S32)
    b = i4(m < u4(3037000500))
    f = f4(i4(u4(m << u4(b)))) * HALF_ULP
    p = fma(L[0], f, L[1])
    p = fma(p, f, L[2])
    p = fma(p, f, L[3])
    p = fma(p, f, L[4])
    p = fma(p, f, L[5])
    p = fma(p, f, L[6])
    p = fma(p, f, L[7])
    p = fma(p, f, ONE)
    g = fma(f * f, p, TWO * f)
    return f4(math.sqrt(fma(f4(i4(i4(e) + b)), LN4, g)))


@inline
def circle(w):
    w = u4(w)
    x = f4(i4(u4(w << u4(2) & u4(0xFFFFFC00) | u4(0x200)))) * HALF_ULP
    y = x * x
    a = fma(fma(fma(A[0], y, A[1]), y, A[2]), y, A[3]) * x
    b = fma(fma(fma(fma(B[0], y, B[1]), y, B[2]), y, B[3]), y, ONE)
    swap = (w >> u4(30)) & u4(1) != 0
    return (a, b) if swap else (b, a)


@inline
def normal2(w0, w1):
    r = radius(w0, w1)
    c, s = circle(w1)
    r = -r if i4(u4(w1)) < 0 else r
    return r * c, r * s


@inline
def exp_neg(x):
    n = np.int64(fma(x, 1.4426950408889634, 0.5))
    r = -fma(np.float64(n), -2.3190468138462996e-17, fma(np.float64(n), -0.6931471805599453, x))
    p = 1.0 / 6227020800.0
    p = fma(p, r, 1.0 / 479001600.0)
    p = fma(p, r, 1.0 / 39916800.0)
    p = fma(p, r, 1.0 / 3628800.0)
    p = fma(p, r, 1.0 / 362880.0)
    p = fma(p, r, 1.0 / 40320.0)
    p = fma(p, r, 1.0 / 5040.0)
    p = fma(p, r, 1.0 / 720.0)
    p = fma(p, r, 1.0 / 120.0)
    p = fma(p, r, 1.0 / 24.0)
    p = fma(p, r, 1.0 / 6.0)
    p = fma(p, r, 0.5)
    p = fma(p, r, 1.0)
    p = fma(p, r, 1.0)
    return p * f64(np.uint64(1023 - n) << np.uint64(52))


SQH = np.uint64(0x3FE6A09E667F3BCD)


@inline
def log(x):
    b = bits(x) + (np.uint64(0x3FF0000000000000) - SQH)
    e = np.float64(np.int64(b >> np.uint64(52)) - 1023)
    f = f64((b & np.uint64(0xFFFFFFFFFFFFF)) + SQH) - 1.0
    s = f / (2.0 + f)
    z = s * s
    p = fma(1.479819860511658591e-01, z, 1.531383769920937332e-01)
    p = fma(p, z, 1.818357216161805012e-01)
    p = fma(p, z, 2.222219843214978396e-01)
    p = fma(p, z, 2.857142874366239149e-01)
    p = fma(p, z, 3.999999999940941908e-01)
    p = fma(p, z, 6.666666666666735130e-01)
    h = 0.5 * f * f
    p = s * fma(p, z, h)
    return fma(e, 0.6931471805599453, f - (h - fma(e, 2.3190468138462996e-17, p)))


@inline
def log_poisson(k, m):
    c = 0.0
    j = k
    while j < 10.0:
        j += 1.0
        c += log(j / m)
    i = 1.0 / j
    q = i * i
    t = i * fma(q, fma(q, fma(q, -1.0 / 1680.0, 1.0 / 1260.0), -1.0 / 360.0), 1.0 / 12.0)
    a = fma(j, log(m / j), j - m)
    return c + (fma(-0.5, log(6.283185307179586 * j), a) - t)


@inline
def poisson(k0, k1, e, sample, mean):
    m = np.float64(mean)
    if not (m >= 0.0 and m <= 2e9):
        return i4(-1)
    if m < 10.0:
        w = subdraw(k0, k1, e, sample, 0)
        u = uniform64(w[0], w[1])
        p = exp_neg(m)
        n = 0
        while u > p and n < 100:
            n += 1
            u -= p
            p = p * m / np.float64(n)
        return i4(n)
    b = fma(2.53, math.sqrt(m), 0.931)
    a = fma(0.02483, b, -0.059)
    ia = 1.1239 + 1.1328 / (b - 3.4)
    vr = 0.9277 - 3.6224 / (b - 2.0)
    for d in range(256):
        w = subdraw(k0, k1, e, sample, d)
        u = uniform64(w[0], w[1]) - 0.5
        v = uniform64(w[2], w[3])
        us = 0.5 - abs(u)
        x = fma(2.0 * a / us + b, u, m) + 0.43
        if not (x >= 0.0 and x < 2147483648.0):
            continue
        n = np.int64(x)
        if us >= 0.07 and v <= vr:
            return i4(n)
        if us < 0.013 and v > us:
            continue
        if log(v * ia / (a / (us * us) + b)) <= log_poisson(np.float64(n), m):
            return i4(n)
    return i4(m)


# ---- fills. One task = one row x at most CHUNK blocks of four; whole blocks take the vector loop, cut ones the scalar branch.
CHUNK = 4096


@inline
def _words4(w, p):
    return u4(w[0]), u4(w[1]), u4(w[2]), u4(w[3])


@inline
def _uniform4(w, p):
    return uniform(w[0]), uniform(w[1]), uniform(w[2]), uniform(w[3])


@inline
def _normal4(w, p):
    a, b = normal2(w[0], w[1])
    c, d = normal2(w[2], w[3])
    return a, b, c, d


@inline
def _coin4(w, p):
    return bernoulli(p[0], w[0], w[1]), bernoulli(p[1], w[1], w[2]), bernoulli(p[2], w[2], w[3]), bernoulli(p[3], w[3], w[0])


@inline
def _at(p, i):      # lanes outside the row are dropped, so they may read anything but memory
    return np.float64(p[i]) if 0 <= i < p.size else 0.0


def _fill(draw4, parameter=False):
    @inline
    def _whole(key0, key1, first, blocks, sample, p, out):
        for q in range(blocks):
            if parameter:
                z = draw4(block4(key0, key1, first + q, sample),
                          (np.float64(p[4 * q]), np.float64(p[4 * q + 1]), np.float64(p[4 * q + 2]), np.float64(p[4 * q + 3])))
            else:
                z = draw4(block4(key0, key1, first + q, sample), (0.0, 0.0, 0.0, 0.0))
            out[4 * q] = z[0]
            out[4 * q + 1] = z[1]
            out[4 * q + 2] = z[2]
            out[4 * q + 3] = z[3]

    @njit(parallel=True, error_model="numpy")
    def fill(samples, elements, key0, key1, element0, sample0, index, p, out):
        first = element0 >> 2
        quads = ((element0 + elements + 3) >> 2) - first
        chunks = (quads + CHUNK - 1) // CHUNK
        for task in prange(samples * chunks):
            s = task // chunks
            start = (task - s * chunks) * CHUNK
            sample = index[s] if index.size else sample0 + s
            row = out[s * elements:(s + 1) * elements]
            prow = p[s * elements:(s + 1) * elements] if p.size else p
            stop = min(start + CHUNK, quads)
            whole0 = start if 4 * (first + start) >= element0 else start + 1
            whole1 = stop if 4 * (first + stop) <= element0 + elements else stop - 1
            base = 4 * first - element0
            if whole1 > whole0:
                _whole(key0, key1, first + whole0, whole1 - whole0, sample, prow[base + 4 * whole0:base + 4 * whole1], row[base + 4 * whole0:base + 4 * whole1])
            for cut in range(2):
                q = start if cut == 0 else stop - 1
                if (cut == 0 and whole0 > start) or (cut == 1 and whole1 < stop and not (whole0 > start and stop - 1 == start)):
                    o = base + 4 * q
                    z = draw4(block4(key0, key1, first + q, sample), (_at(prow, o), _at(prow, o + 1), _at(prow, o + 2), _at(prow, o + 3)))
                    for j in range(4):
                        if 0 <= o + j < elements:
                            row[o + j] = z[j]
    return fill


_fill_words, _fill_uniform, _fill_normal, _fill_coin = _fill(_words4), _fill(_uniform4), _fill(_normal4), _fill(_coin4, True)
_NONE = np.empty(0, f4)


def pnn_draws_words(samples, elements, key0, key1, element0, sample0, index, out):
    _fill_words(samples, elements, key0, key1, element0, sample0, index, _NONE, out)


def pnn_draws_uniform(samples, elements, key0, key1, element0, sample0, index, out):
    _fill_uniform(samples, elements, key0, key1, element0, sample0, index, _NONE, out)


def pnn_draws_normal(samples, elements, key0, key1, element0, sample0, index, out):
    _fill_normal(samples, elements, key0, key1, element0, sample0, index, _NONE, out)


def pnn_draws_bernoulli(samples, elements, key0, key1, element0, sample0, index, p, out):
    _fill_coin(samples, elements, key0, key1, element0, sample0, index, p, out)


@njit(parallel=True, error_model="numpy")
def pnn_draws_poisson(samples, elements, key0, key1, element0, sample0, index, mean, out, fault):
    bad = 0
    for i in prange(samples * elements):
        s = i // elements
        n = poisson(key0, key1, element0 + (i - s * elements), index[s] if index.size else sample0 + s, mean[i])
        bad += n < 0
        out[i] = n
    if bad:
        fault[0] = max(fault[0], 2)
