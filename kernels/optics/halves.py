"""CPU twin of halves.cu: loops without branches, on the bits of floats, which vectorise."""

import math

import numpy as np

from .._jit import njit

u4, f4 = np.uint32, np.float32
LEAST = -100  # exponent of the largest part of a row below which rows have the scale of such a row
SIGN, INFINITE, NAN, HALF = u4(0x80000000), u4(0x7F800000), u4(0x7E00), u4(0x3F000000)
LARGE, SMALL, SHIFT = u4(143 << 23), u4(113 << 23), u4(112 << 23)  # 2^16, 2^-14; and between the exponents of both kinds
MOST, TOP, REST, ONE, BITS, UP = u4(0x7FFF), u4(0x7C00), u4(0xFFF), u4(1), u4(13), u4(16)
WIDEN = f4(2.0**112)
LANES = 32  # largest parts that are looked for side by side


@njit
def pnn_halves_put(rows, nx, field, words, scale):
    """words[y, x] scale[y] = field[y, x], nearly."""
    parts, halves = field.view(scale.dtype), words.view(np.uint16)
    scaled, raised = np.empty(2 * nx, np.float32), np.empty(2 * nx, np.float32)
    most = np.empty(LANES, scale.dtype)
    bits, sums = scaled.view(np.uint32), raised.view(np.uint32)
    for y in range(rows):
        own, out = parts[y * 2 * nx : (y + 1) * 2 * nx], halves[y * 2 * nx : (y + 1) * 2 * nx]
        most[:] = 0
        for first in range(0, 2 * nx, LANES):
            for lane in range(min(LANES, 2 * nx - first)):
                size = abs(own[first + lane])
                most[lane] = size if size > most[lane] else most[lane]
        largest = most.max()
        k = 0
        if largest > 0 and largest < np.inf:
            k = max(math.frexp(largest)[1], LEAST) - 15
        scale[y], over = math.ldexp(1.0, k), own.dtype.type(math.ldexp(1.0, -k))
        for x in range(2 * nx):
            scaled[x] = own[x] * over
            raised[x] = abs(scaled[x]) + f4(0.5)
        for x in range(2 * nx):
            size = bits[x] & ~SIGN
            half = (size - SHIFT + REST + ((size >> BITS) & ONE)) >> BITS
            half = sums[x] - HALF if size < SMALL else half
            half = TOP if size >= LARGE else half
            half = NAN if size > INFINITE else half
            out[x] = half | (bits[x] & SIGN) >> UP


@njit
def pnn_halves_take(rows, nx, words, scale, field):
    """field[y, x] = words[y, x] scale[y]."""
    parts, halves = field.view(scale.dtype), words.view(np.uint16)
    wide = np.empty(2 * nx, np.float32)
    bits = wide.view(np.uint32)
    for y in range(rows):
        own, out = halves[y * 2 * nx : (y + 1) * 2 * nx], parts[y * 2 * nx : (y + 1) * 2 * nx]
        for x in range(2 * nx):
            half = u4(own[x])
            size = (half & MOST) << BITS
            size = size | INFINITE if half & TOP == TOP else size
            bits[x] = size | (half & u4(0x8000)) << UP
        for x in range(2 * nx):
            out[x] = wide[x] * WIDEN * scale[y]
