"""CPU twin of mask.cu. Serial: callers run it on one field or chunk per thread."""

import numpy as np

from .._jit import njit
from ..random.draws import bits, f8, fma, quarter, u8

QUARTERS, QUARTERS_LOW = 2 / np.pi, float.fromhex("-0x1.6b01ec5417056p-55")  # 2 / pi, and what a float64 leaves out
MAGIC, LARGE = 1.5 * 2.0**52, 2.0**50  # float64 has no fractions at MAGIC: a sum with it is rounded to a whole number
ZERO, ONE, TWO = u8(0), u8(1), u8(2)
STRETCH = 1024  # pixels whose sums stay in the first-level cache while the batch goes by


@njit
def pnn_mask_phasor(pixels, phase, transmission):
    """transmission = exp(i phase); phase in radians. By quarter turns and their polynomials, in a loop that vectorises."""
    large = 0
    for p in range(pixels):
        phi = f8(phase[p])
        turns = phi * QUARTERS
        large += abs(turns) > LARGE
        near = turns + MAGIC  # whose last bits are the nearest whole number of quarters
        x = (turns - (near - MAGIC)) + fma(phi, QUARTERS, -turns) + phi * QUARTERS_LOW
        sine, cosine = quarter(x)
        swap, minus = bits(near) & ONE != ZERO, bits(near) & TWO != ZERO
        re, im = (-sine, cosine) if swap else (cosine, sine)
        transmission[p] = complex(-re, -im) if minus else complex(re, im)
    if large:
        for p in range(pixels):
            if abs(phase[p] * QUARTERS) > LARGE:
                transmission[p] = complex(np.cos(phase[p]), np.sin(phase[p]))


def pnn_mask_transmit(
    outer: int, masks: int, batch: int, pixels: int, transmission: np.ndarray, field: np.ndarray, out: np.ndarray
) -> None:
    """out[o, m, b, p] = field[o, m, b, p] transmission[m, p]; out may be field."""
    shape = (outer, masks, batch, pixels)
    np.multiply(field.reshape(shape), transmission.reshape(masks, 1, pixels), out=out.reshape(shape))


@njit
def pnn_mask_transmit_vjp(outer, masks, batch, pixels, cotangent, field, out):
    """out[m, p] = sum over o and b of cotangent conj(field), in order, in float64."""
    total = np.zeros(pixels, np.complex128)
    for m in range(masks):
        total[:] = 0
        for o in range(outer):
            for b in range(batch):
                first = ((o * masks + m) * batch + b) * pixels
                g, u = cotangent[first : first + pixels], field[first : first + pixels]
                for p in range(pixels):
                    total[p] += complex(g[p]) * complex(u[p]).conjugate()
        for p in range(pixels):
            out[m * pixels + p] = total[p]


@njit
def pnn_mask_phase_adjoint(masks, batch, pixels, transmission, after, cotangent, gradient):
    """gradient[m, p] = sum over b of Im(cotangent conj(after)), the batch in order, in float64; cotangent *= conj(transmission), in place."""
    total = np.empty(STRETCH, np.float64)
    for m in range(masks):
        for start in range(0, pixels, STRETCH):
            stop = min(pixels, start + STRETCH)
            total[:] = 0
            for b in range(batch):
                first = (m * batch + b) * pixels
                for p in range(start, stop):
                    g, v, t = cotangent[first + p], after[first + p], transmission[m * pixels + p]
                    total[p - start] += g.imag * v.real - g.real * v.imag
                    cotangent[first + p] = complex(g.real * t.real + g.imag * t.imag, g.imag * t.real - g.real * t.imag)
            for p in range(start, stop):
                gradient[m * pixels + p] = total[p - start]
