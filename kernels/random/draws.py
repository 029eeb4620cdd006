"""CPU twin of draws.cu: same names (without the type suffix), same arguments, same bits. The maths is explained in philox.cuh.

No fastmath here: then Numba emits no `contract` flag and LLVM fuses nothing; `fma` below is LLVM's llvm.fma, one rounding by definition.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.extending import intrinsic

from .._jit import by_precision, inner, njit

# Forced into their callers, or the callers' loops do not vectorise.
inline = inner(forceinline=True, error_model="numpy")
f4, u4, i4, f8, u8, i8 = np.float32, np.uint32, np.int32, np.float64, np.uint64, np.int64


# ------------------------------------------------------------------------------------------------- arithmetic, one rounding each
@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c rounded once (float32 or float64)."""
    if not (isinstance(a, types.Float) and a == b == c):
        return None
    return a(a, a, a), lambda context, builder, signature, args: builder.fma(*args)


@intrinsic
def clz(typingctx: Any, x: Any) -> Any:
    """Leading zeros of a uint64 that is not 0."""
    return types.uint64(types.uint64), lambda context, builder, signature, args: builder.ctlz(
        args[0], ir.Constant(ir.IntType(1), 1)
    )


@intrinsic
def bits(typingctx: Any, x: Any) -> Any:
    """The bits of a float64 as uint64."""
    return types.uint64(types.float64), lambda context, builder, signature, args: builder.bitcast(args[0], ir.IntType(64))


@intrinsic
def f64(typingctx: Any, x: Any) -> Any:
    """The float64 that has these bits."""
    return types.float64(types.uint64), lambda context, builder, signature, args: builder.bitcast(args[0], ir.DoubleType())


# -------------------------------------------------------------------------------------------------------------- Philox4x32-10
MASK, S32, ONE = u8(0xFFFFFFFF), u8(32), u8(1)
M0, M1, W0, W1 = u8(0xD2511F53), u8(0xCD9E8D57), u8(0x9E3779B9), u8(0xBB67AE85)


@intrinsic
def philox(typingctx: Any, k0: Any, k1: Any, c0: Any, c1: Any, c2: Any, c3: Any) -> Any:
    """Four words. 32-bit words held in uint64: what AVX multiplies. The ten rounds are emitted one after the other, or the callers' loops do
    not vectorise; as functions each of them would be compiled by itself."""

    def rounds(context: Any, b: Any, signature: Any, args: Any) -> Any:
        def constant(x: Any) -> Any:
            return ir.Constant(ir.IntType(64), int(x))

        k, c = args[:2], args[2:]
        for i in range(10):
            low, high = (b.and_(b.add(key, constant(i * int(w))), constant(MASK)) for key, w in zip(k, (W0, W1), strict=True))
            p, q = b.mul(constant(M0), c[0]), b.mul(constant(M1), c[2])
            c = [b.xor(b.xor(b.lshr(q, constant(S32)), c[1]), low), b.and_(q, constant(MASK)),
                 b.xor(b.xor(b.lshr(p, constant(S32)), c[3]), high), b.and_(p, constant(MASK))]  # fmt: skip
        return context.make_tuple(b, signature.return_type, c)

    return types.UniTuple(types.uint64, 4)(*[types.uint64] * 6), rounds


@inline
def block(k0, k1, n, sample):
    n = u8(n)
    sample = u8(sample)
    return philox(u8(k0), u8(k1), n & MASK, n >> S32, sample & MASK, sample >> S32)


@inline
def folded(k0, k1, n):
    """The words of the key for purpose n."""
    w = block(k0, k1, n, u8(2**64 - 1))
    return w[0], w[1]


@inline
def attempt(k0, k1, element, sample, d):
    return block(k0, k1, u8(element) | (u8(0x8000) | u8(d)) << u8(48), sample)


# ------------------------------------------------------------------------------------------------------------- uniform, Bernoulli
@inline
def uniform(w):
    return f4(i4(w >> u8(8) | ONE)) * f4(2.0**-24)


@inline
def uniform64(lo, hi):
    return f8(i8((hi << S32 | lo) >> u8(11) | ONE)) * 2.0**-53


@inline
def bernoulli(p, w, w2):
    p = f8(p)
    q = p if (p > 0.0) & (p < 1.0) else 0.0
    return ((w << S32 | w2) < u8(q * 2.0**64)) | (p >= 1.0)


# --------------------------------------------------------------------------------------------------------------------- logarithm
def _hex(kind: type, *texts: str) -> tuple[Any, ...]:
    return tuple(kind(float.fromhex(t)) for t in texts)


LOG = _hex(
    f8, "0x1.2b5baa78ffb4dp-3", "0x1.39fe1427e346bp-3", "0x1.7462b73117972p-3", "0x1.c71c62dba64fbp-3", "0x1.2492492df9f95p-2",
    "0x1.9999999995288p-2", "0x1.5555555555558p-1",
)  # fmt: skip
LN2, LN2_LOW = _hex(f8, "0x1.62e42fefa39efp-1", "0x1.abc9e3b39803fp-56")
SQRT_HALF = u8(0x3FE6A09E667F3BCD)  # the bits of sqrt(1/2)


@inline
def log_parts(e, f):
    """ln(2^e (1 + f)), sqrt(1/2) <= 1 + f <= sqrt(2)."""
    s = f / (2.0 + f)
    z = s * s
    h = 0.5 * f * f
    r = fma(LOG[0], z, LOG[1])
    r = fma(r, z, LOG[2])
    r = fma(r, z, LOG[3])
    r = fma(r, z, LOG[4])
    r = fma(r, z, LOG[5])
    r = fma(r, z, LOG[6])
    r = s * fma(r, z, h)
    return fma(e, LN2, f - (h - fma(e, LN2_LOW, r)))


@inline
def log(x):
    b = bits(x) + (u8(0x3FF0000000000000) - SQRT_HALF)
    return log_parts(f8(i8(b >> u8(52)) - 1023), f64((b & u8(0xFFFFFFFFFFFFF)) + SQRT_HALF) - 1.0)


# ----------------------------------------------------------------------------------------------------------------------- normals
L = _hex(
    f4, "0x1.38c9dep-3", "-0x1.055ec6p-2", "0x1.0d8242p-2", "-0x1.22d92ep-2", "0x1.54728ap-2", "-0x1.99a01cp-2", "0x1.000226p-1",
    "-0x1.555554p-1",
)  # fmt: skip
A = _hex(f4, "-0x1.33199p-8", "0x1.4680a4p-4", "-0x1.4abc24p-1", "0x1.921fb6p0")
B = _hex(f4, "0x1.d4f7eep-11", "-0x1.55b2b6p-6", "0x1.03c1bp-2", "-0x1.3bd3ccp0")
A64 = _hex(
    f8, "0x1.e3f390d5199c7p-25", "-0x1.e30071d77794ep-19", "0x1.50782fda3f841p-13", "-0x1.32d2cce2e5dffp-8", "0x1.466bc677587fap-4",
    "-0x1.4abbce625be41p-1", "0x1.921fb54442d18p0",
)  # fmt: skip
B64 = _hex(
    f8, "-0x1.b2f3f4445292bp-28", "0x1.f9ce24786af4fp-22", "-0x1.a6d1eef498f36p-16", "0x1.e1f5068688f61p-11", "-0x1.55d3c7e3cb242p-6",
    "0x1.03c1f081b5ac0p-2", "-0x1.3bd3cc9be45dep0",
)  # fmt: skip
(LN4,) = _hex(f4, "0x1.62e43p0")
F1, MINUS2, TINY = f4(1), f4(-2), f4(2.0**-32)


@inline
def radius(w0, w1):
    v = w0 << S32 | (w1 << u8(24) & MASK) | u8(0x800000)
    e = clz(v)
    m = u4(v << e >> S32)
    b = i4(m < u4(3037000500))
    f = f4(i4(u4(m << u4(b)))) * TINY
    p = fma(L[0], f, L[1])
    p = fma(p, f, L[2])
    p = fma(p, f, L[3])
    p = fma(p, f, L[4])
    p = fma(p, f, L[5])
    p = fma(p, f, L[6])
    p = fma(p, f, L[7])
    p = fma(p, f, F1)
    p = fma(f * f, p, MINUS2 * f)
    return f4(math.sqrt(fma(f4(i4(i4(e) + b)), LN4, p)))


@inline
def circle(w):
    w = u4(w)
    x = f4(i4(u4(w << u4(2) & u4(0xFFFFFC00) | u4(0x200)))) * TINY
    y = x * x
    a = fma(fma(fma(A[0], y, A[1]), y, A[2]), y, A[3]) * x
    b = fma(fma(fma(fma(B[0], y, B[1]), y, B[2]), y, B[3]), y, F1)
    swap = (w >> u4(30)) & u4(1) != 0
    return (a, b) if swap else (b, a)


@inline
def normal2(w0, w1):
    r = radius(w0, w1)
    c, s = circle(w1)
    r = -r if i4(u4(w1)) < 0 else r
    return r * c, r * s


@inline
def radius64(v):
    v = v | ONE
    n = clz(v)
    v = v << n
    b = u8(v < u8(0xB504F333F9DE6485))
    f = f8(i8(v << b)) * 2.0**-64
    return math.sqrt(-2.0 * log_parts(f8(-i8(n + b)), f))


@inline
def quarter(x):
    """Sine and cosine of x quarter turns, |x| <= 1/2."""
    y = x * x
    a = fma(fma(fma(A64[0], y, A64[1]), y, A64[2]), y, A64[3])
    a = fma(fma(fma(a, y, A64[4]), y, A64[5]), y, A64[6]) * x
    b = fma(fma(fma(B64[0], y, B64[1]), y, B64[2]), y, B64[3])
    b = fma(fma(fma(fma(b, y, B64[4]), y, B64[5]), y, B64[6]), y, 1.0)
    return a, b


@inline
def circle64(w):
    a, b = quarter(f8(i8(w << u8(2) & u8(0xFFFFFFFFFFFFF800) | u8(0x400))) * 2.0**-64)
    swap = (w >> u8(62)) & ONE != u8(0)
    return (a, b) if swap else (b, a)


@inline
def normal2_64(v, w):
    r = radius64(v)
    c, s = circle64(w)
    r = -r if i8(w) < 0 else r
    return r * c, r * s


# ------------------------------------------------------------------------------- the four draws of a quad; p are its parameters
@inline
def _words4(k0, k1, quad, sample, p):
    w = block(k0, k1, quad, sample)
    return u4(w[0]), u4(w[1]), u4(w[2]), u4(w[3])


@inline
def _uniform4(k0, k1, quad, sample, p):
    w = block(k0, k1, quad, sample)
    return uniform(w[0]), uniform(w[1]), uniform(w[2]), uniform(w[3])


@inline
def _uniform4_64(k0, k1, quad, sample, p):
    v = block(k0, k1, u8(2) * u8(quad), sample)
    w = block(k0, k1, u8(2) * u8(quad) + ONE, sample)
    return uniform64(v[0], v[1]), uniform64(v[2], v[3]), uniform64(w[0], w[1]), uniform64(w[2], w[3])


@inline
def _normal4(k0, k1, quad, sample, p):
    w = block(k0, k1, quad, sample)
    a, b = normal2(w[0], w[1])
    c, d = normal2(w[2], w[3])
    return a, b, c, d


@inline
def _normal4_64(k0, k1, quad, sample, p):
    v = block(k0, k1, u8(2) * u8(quad), sample)
    w = block(k0, k1, u8(2) * u8(quad) + ONE, sample)
    a, b = normal2_64(v[1] << S32 | v[0], v[3] << S32 | v[2])
    c, d = normal2_64(w[1] << S32 | w[0], w[3] << S32 | w[2])
    return a, b, c, d


@inline
def _bernoulli4(k0, k1, quad, sample, p):
    w = block(k0, k1, quad, sample)
    return bernoulli(p[0], w[0], w[1]), bernoulli(p[1], w[1], w[2]), bernoulli(p[2], w[2], w[3]), bernoulli(p[3], w[3], w[0])


# ----------------------------------------------------------------------------------------------------- rows of draws, in pieces
PIECE = 4096  # quads of a row that are one task for a thread


def _drawn(samples, elements, *_):
    return samples * elements  # those of a row are one task, up to 4 PIECE = SMALL of them


@inline
def _tasks(samples, elements, element0):
    quads = ((element0 + elements + 3) >> 2) - (element0 >> 2)
    return samples * ((quads + PIECE - 1) // PIECE)


@inline
def _at(p, i):  # lanes outside the row are dropped, so they may read anything but foreign memory
    return p[i] if 0 <= i < p.size else p[0]


@inline
def _whole(draw, key0, key1, first, quads, sample, p, out):
    for q in range(quads):
        z = draw(key0, key1, first + q, sample, (p[4 * q], p[4 * q + 1], p[4 * q + 2], p[4 * q + 3]))
        out[4 * q] = z[0]
        out[4 * q + 1] = z[1]
        out[4 * q + 2] = z[2]
        out[4 * q + 3] = z[3]


@inline
def _piece(draw, task, elements, key0, key1, element0, sample0, index, p, out):
    """Draw one task: whole quads in a loop that vectorises, then the cut ones at the ends of the row.

    p : parameters of the draws, as many as `out`; draws without parameters pass `out`, which is then not read.
    """
    first = element0 >> 2
    quads = ((element0 + elements + 3) >> 2) - first
    pieces = (quads + PIECE - 1) // PIECE
    s = task // pieces
    start = (task - s * pieces) * PIECE
    stop = min(start + PIECE, quads)
    sample = index[s] if index.size else sample0 + s
    row = out[s * elements : (s + 1) * elements]
    chance = p[s * elements : (s + 1) * elements]
    column = 4 * first - element0  # of lane 0 of quad 0: -3 to 0
    cut_left = column + 4 * start < 0
    cut_right = column + 4 * stop > elements
    a, b = start + cut_left, stop - cut_right
    if b > a:
        inner = slice(column + 4 * a, column + 4 * b)
        _whole(draw, key0, key1, first + a, b - a, sample, chance[inner], row[inner])
    for cut in range(min(cut_left + cut_right, stop - start)):
        q = start if cut_left and cut == 0 else stop - 1
        i = column + 4 * q
        z = draw(key0, key1, first + q, sample, (_at(chance, i), _at(chance, i + 1), _at(chance, i + 2), _at(chance, i + 3)))
        for j in range(4):
            if 0 <= i + j < elements:
                row[i + j] = z[j]


@inline
def _flag(index, fault):
    for s in range(index.size):
        if index[s] < 0:
            fault[0] = max(fault[0], 4)


# ----------------------------------------------------------------------------------------------------------------------- kernels
@njit(parallel=True, work=_drawn, error_model="numpy")
def pnn_draws_words(samples, elements, key0, key1, key, element0, sample0, index, out, fault):
    if key.size:
        key0, key1 = key[0], key[1]
    _flag(index, fault)
    for task in prange(_tasks(samples, elements, element0)):
        _piece(_words4, task, elements, key0, key1, element0, sample0, index, out, out)


@njit(parallel=True, work=_drawn, error_model="numpy")
def _uniform(samples, elements, key0, key1, key, element0, sample0, index, out, fault):
    if key.size:
        key0, key1 = key[0], key[1]
    _flag(index, fault)
    for task in prange(_tasks(samples, elements, element0)):
        _piece(_uniform4, task, elements, key0, key1, element0, sample0, index, out, out)


@njit(parallel=True, work=_drawn, error_model="numpy")
def _uniform_64(samples, elements, key0, key1, key, element0, sample0, index, out, fault):
    if key.size:
        key0, key1 = key[0], key[1]
    _flag(index, fault)
    for task in prange(_tasks(samples, elements, element0)):
        _piece(_uniform4_64, task, elements, key0, key1, element0, sample0, index, out, out)


@njit(parallel=True, work=_drawn, error_model="numpy")
def _normal(samples, elements, key0, key1, key, element0, sample0, index, out, fault):
    if key.size:
        key0, key1 = key[0], key[1]
    _flag(index, fault)
    for task in prange(_tasks(samples, elements, element0)):
        _piece(_normal4, task, elements, key0, key1, element0, sample0, index, out, out)


@njit(parallel=True, work=_drawn, error_model="numpy")
def _normal_64(samples, elements, key0, key1, key, element0, sample0, index, out, fault):
    if key.size:
        key0, key1 = key[0], key[1]
    _flag(index, fault)
    for task in prange(_tasks(samples, elements, element0)):
        _piece(_normal4_64, task, elements, key0, key1, element0, sample0, index, out, out)


pnn_draws_uniform = by_precision(_uniform, _uniform_64, out=-2)
pnn_draws_normal = by_precision(_normal, _normal_64, out=-2)


@njit(parallel=True, work=_drawn, error_model="numpy")
def pnn_draws_bernoulli(samples, elements, key0, key1, key, element0, sample0, index, p, out, fault):
    if key.size:
        key0, key1 = key[0], key[1]
    _flag(index, fault)
    bad = 0
    for i in range(p.size):
        bad += not (p[i] >= 0.0 and p[i] <= 1.0)
    if bad:
        fault[0] = max(fault[0], 3)
    for task in prange(_tasks(samples, elements, element0)):
        _piece(_bernoulli4, task, elements, key0, key1, element0, sample0, index, p, out)


# ----------------------------------------------------------------------------------------------------------------------- Poisson
@inline
def exp_neg(x):
    n = i8(fma(x, 1.4426950408889634, 0.5))
    r = -fma(f8(n), -LN2_LOW, fma(f8(n), -LN2, x))
    p = fma(1.0 / 6227020800.0, r, 1.0 / 479001600.0)
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
    return p * f64(u8(1023 - n) << u8(52))


@inline
def log_poisson(k, m):
    c = 0.0
    j = k
    while j < 10.0:
        j += 1.0
        c += log(j / m)
    i = 1.0 / j
    q = i * i
    t = fma(fma(fma(-1.0 / 1680.0, q, 1.0 / 1260.0), q, -1.0 / 360.0), q, 1.0 / 12.0) * i
    a = fma(j, log(m / j), j - m)
    return c + (fma(-0.5, log(6.283185307179586 * j), a) - t)


@inline
def poisson(k0, k1, element, sample, mean):
    m = f8(mean)
    if not (m >= 0.0 and m <= 2e9):
        return i4(-1)
    if m < 10.0:
        w = attempt(k0, k1, element, sample, 0)
        u = uniform64(w[0], w[1])
        p = exp_neg(m)
        n = 0
        while u > p and n < 100:
            n += 1
            u -= p
            p = p * m / f8(n)
        return i4(n)
    b = fma(2.53, math.sqrt(m), 0.931)
    a = fma(0.02483, b, -0.059)
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    vr = 0.9277 - 3.6224 / (b - 2.0)
    for d in range(256):
        w = attempt(k0, k1, element, sample, d)
        u = uniform64(w[0], w[1]) - 0.5
        v = uniform64(w[2], w[3])
        us = 0.5 - abs(u)
        x = fma(2.0 * a / us + b, u, m) + 0.43
        if not (x >= 0.0 and x < 2147483648.0):
            continue
        k = i8(x)
        if us >= 0.07 and v <= vr:
            return i4(k)
        if us < 0.013 and v > us:
            continue
        if log(v * inverse_alpha / (a / (us * us) + b)) <= log_poisson(f8(k), m):
            return i4(k)
    return i4(m)


@njit(parallel=True, work=_drawn, error_model="numpy")
def pnn_draws_poisson(samples, elements, key0, key1, key, element0, sample0, index, mean, out, fault):
    if key.size:
        key0, key1 = key[0], key[1]
    _flag(index, fault)
    bad = 0
    for i in prange(samples * elements):
        s = i // elements
        n = poisson(key0, key1, element0 + (i - s * elements), index[s] if index.size else sample0 + s, mean[i])
        bad += n < 0
        out[i] = n
    if bad:
        fault[0] = max(fault[0], 2)
