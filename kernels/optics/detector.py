"""CPU twin of detector.cu."""

import numpy as np

from .._jit import njit


@njit
def pnn_detector_powers(batch, pixels, regions, start, pixel, field, power, fault):
    """power[b, r] = sum over the pixels of region r of |field[b]|^2, in float64. Flags fault 5 for one that is NaN or infinite."""
    for b in range(batch):
        for r in range(regions):
            total = 0.0
            for k in range(start[r], start[r + 1]):
                u = complex(field[b * pixels + pixel[k]])
                total += u.real * u.real + u.imag * u.imag
            power[b * regions + r] = total
            if not np.isfinite(power[b * regions + r]):
                fault[0] = max(fault[0], 5)


@njit
def pnn_detector_powers_vjp(batch, pixels, regions, label, cotangent, field, out):
    """out[b, p] = 2 cotangent[b, label[p]] field[b, p]; label -1 lies in no region."""
    for b in range(batch):
        for p in range(pixels):
            r = label[p]
            i = b * pixels + p
            out[i] = 2 * cotangent[b * regions + r] * field[i] if r >= 0 else 0


@njit
def pnn_detector_intensity(pixels, field, out):
    """out = |field|^2."""
    for p in range(pixels):
        out[p] = field[p].real * field[p].real + field[p].imag * field[p].imag
