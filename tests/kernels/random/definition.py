"""The draws in plain NumPy and exact fractions, written from their definition: the truth that every backend answers to, bit by bit."""

from fractions import Fraction

import numpy as np
from pnnkern.kernels.random import draws  # for the coefficients of the polynomials only

# Counter, key and words of Random123's tests/kat_vectors for philox4x32-10.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def hexadecimal(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


def philox(key, counter) -> np.ndarray:
    """Words (..., 4) uint32 of Philox4x32-10 for arrays of counters."""
    mask, s32 = np.uint64(0xFFFFFFFF), np.uint64(32)
    c = [np.asarray(x, np.uint64) for x in counter]
    k = [np.uint64(int(x)) for x in key]
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(q >> s32) ^ c[1] ^ k[0], q & mask, (p >> s32) ^ c[3] ^ k[1], p & mask]
        k = [(k[0] + np.uint64(0x9E3779B9)) & mask, (k[1] + np.uint64(0xBB67AE85)) & mask]
    return np.stack(np.broadcast_arrays(*c), -1).astype(np.uint32)


def words(key, samples, element0: int, elements: int) -> np.ndarray:
    """(rows, elements) uint32: word e of a sample is lane e mod 4 of the block with counter (e div 4, sample)."""
    e = np.uint64(element0) + np.arange(elements, dtype=np.uint64)
    s = np.asarray(samples, np.uint64)[:, None]
    block, mask, s32 = e >> np.uint64(2), np.uint64(0xFFFFFFFF), np.uint64(32)
    four = philox(key, [block & mask, block >> s32, s & mask, s >> s32])
    return np.take_along_axis(four, np.broadcast_to((e & np.uint64(3)).astype(int), four.shape[:2])[..., None], -1)[..., 0]


def words64(key, samples, element0: int, elements: int) -> np.ndarray:
    """(rows, elements) uint64: words 2 e (low) and 2 e + 1 (high)."""
    w = words(key, samples, 2 * element0, 2 * elements).astype(np.uint64)
    return w[:, 1::2] << np.uint64(32) | w[:, ::2]


def uniform(key, samples, element0: int, elements: int, dtype=np.float32) -> np.ndarray:
    if dtype == np.float32:
        return ((words(key, samples, element0, elements) >> 8 | 1) * 2.0**-24).astype(np.float32)
    return (words64(key, samples, element0, elements) >> np.uint64(11) | np.uint64(1)).astype(np.float64) * 2.0**-53


def bernoulli(key, samples, element0: int, p: np.ndarray) -> np.ndarray:
    """A word and the next lane of its block make 64 bits, compared with p 2^64 in exact integers."""
    base = element0 // 4 * 4
    w = words(key, samples, base, (element0 - base + p.shape[1] + 3) // 4 * 4)
    following = np.roll(w.reshape(len(w), -1, 4), -1, axis=2).reshape(w.shape)
    chosen = slice(element0 - base, element0 - base + p.shape[1])
    joined = [[int(a) << 32 | int(b) for a, b in zip(*rows)] for rows in zip(w[:, chosen], following[:, chosen])]
    return np.array([[j < Fraction(float(x)) * 2**64 for j, x in zip(*rows)] for rows in zip(joined, p)], np.uint8)


def box_muller(key, samples, element0: int, elements: int, dtype) -> np.ndarray:
    """The normals these words stand for, in extended precision: r (cos t, sin t) with r = sqrt(-2 ln u); element0 and elements even."""
    real = np.longdouble
    if dtype == np.float32:
        w = words(key, samples, element0, elements)
        a, b = w[:, ::2].astype(np.uint64), w[:, 1::2]
        bits = (a << np.uint64(8) | (b & np.uint32(255))) << np.uint64(1) | np.uint64(1)  # 41 bits, of which the leading 32 count
        low = np.maximum(np.floor(np.log2(bits.astype(np.float64))).astype(int) - 31, 0).astype(np.uint64)
        u = (bits >> low << low).astype(real) / real(2) ** 41
        steps = ((b >> np.uint32(8) & np.uint32(0x3FFFFF)).astype(np.int64) + (1 << 21)) % (1 << 22) - (1 << 21)
        x, swap, sign = (steps + real(0.5)) / real(2) ** 22, b >> np.uint32(30) & np.uint32(1), b >> np.uint32(31)
    else:
        w = words64(key, samples, element0, elements)
        a, b = w[:, ::2], w[:, 1::2]
        u = (a | np.uint64(1)).astype(real) / real(2) ** 64
        steps = ((b >> np.uint64(9) & np.uint64(2**53 - 1)).astype(np.int64) + (1 << 52)) % (1 << 53) - (1 << 52)
        x, swap, sign = (steps + real(0.5)) / real(2) ** 53, b >> np.uint64(62) & np.uint64(1), b >> np.uint64(63)
    # u above 1/2 through 1 - u, which is exact
    r = np.sqrt(-2 * np.where(u < 0.5, np.log(u), np.log1p(-(1 - u)))) * np.where(sign == 1, -1, 1)
    t = real("1.5707963267948966192313216916397514") * x
    c, s = np.cos(t), np.sin(t)
    return np.stack([r * np.where(swap == 1, s, c), r * np.where(swap == 1, c, s)], -1).reshape(len(w), -1)


def _fma32(a, b, c) -> np.ndarray:
    """a b + c rounded once to float32: the exact product, a float64 sum rounded to odd, which leaves room for the last rounding."""
    product = np.float64(a) * np.float64(b)
    c = np.broadcast_to(np.float64(c), product.shape)
    total = product + c
    back = total - product
    lost = (product - (total - back)) + (c - back)  # total + lost is the exact sum (Knuth)
    i = total.view(np.int64)
    to_odd = (lost != 0) & (i & 1 == 0)
    away = (lost > 0) == (total > 0)
    return np.where(to_odd, i + np.where(away, 1, -1), i).view(np.float64).astype(np.float32)


def _horner32(coefficients, x, last=None) -> np.ndarray:
    p = np.float32(coefficients[0])
    for c in (*coefficients[1:], *([] if last is None else [last])):
        p = _fma32(p, x, np.float32(c))
    return p


def normal32(key, samples, element0: int, elements: int) -> np.ndarray:
    """float32 normals; element0 and elements even."""
    f4, u8 = np.float32, np.uint64
    w = words(key, samples, element0, elements).astype(u8)
    w0, w1 = w[:, ::2], w[:, 1::2]
    v = (w0 << u8(8) | w1 & u8(255)) << u8(1) | u8(1)  # 41 bits: exact in float64
    e = 40 - np.floor(np.log2(v.astype(np.float64))).astype(int)
    m = (v << e.astype(u8) >> u8(9)).astype(np.int64)
    small = m < 3037000500
    f = ((np.where(small, 2 * m, m) - 2**32).astype(f4) * f4(2.0**-32)).astype(f4)
    p = _horner32(draws.L, f, 1.0)
    r = np.sqrt(_fma32(f4(e + small), draws.LN4, _fma32(f * f, p, f4(-2) * f)))
    x = (((w1 << u8(2)) & u8(0xFFFFFC00)).astype(np.uint32) | np.uint32(512)).view(np.int32).astype(f4) * f4(2.0**-32)
    y = x * x
    s, c = _horner32(draws.A, y) * x, _horner32(draws.B, y, 1.0)
    swap = w1 >> u8(30) & u8(1) == 1
    r = np.where(w1 >> u8(31) == 1, -r, r)
    return np.stack([r * np.where(swap, s, c), r * np.where(swap, c, s)], -1).reshape(len(w), -1)


def _fma64(a: float, b: float, c: float) -> float:
    return float(Fraction(a) * Fraction(b) + Fraction(c))


def _horner64(coefficients, x: float) -> float:
    p = float(coefficients[0])
    for c in coefficients[1:]:
        p = _fma64(p, x, float(c))
    return p


def normal64(key, samples, element0: int, elements: int) -> np.ndarray:
    """float64 normals, one pair at a time; element0 and elements even."""
    out = np.empty((len(samples), elements))
    for row, w in zip(out, words64(key, samples, element0, elements)):
        for i in range(0, elements, 2):
            row[i : i + 2] = _normal64(int(w[i]), int(w[i + 1]))
    return out


def _normal64(v: int, w: int) -> tuple[float, float]:
    v |= 1
    n = 64 - v.bit_length()
    v <<= n
    small = v * v < 2**127
    f = float((2 * v if small else v) - 2**64) * 2.0**-64
    s = f / (2.0 + f)
    z = s * s
    h = 0.5 * f * f
    e = float(-(n + small))
    tail = _fma64(e, float(draws.LN2_LOW), s * _fma64(_horner64(draws.LOG, z), z, h))
    r = float(np.sqrt(-2.0 * _fma64(e, float(draws.LN2), f - (h - tail))))
    steps = (w >> 9) % 2**53
    x = (2 * (steps - 2**53 * (steps >> 52)) + 1) * 2.0**-54
    y = x * x
    sine, cosine = _horner64(draws.A64, y) * x, _horner64((*draws.B64, 1.0), y)
    r = -r if w >> 63 else r
    return (r * sine, r * cosine) if w >> 62 & 1 else (r * cosine, r * sine)
