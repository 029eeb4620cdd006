"""CPU twin of spectrum.cu."""

import numpy as np

from .._jit import njit


def pnn_spectrum_multiply(batch: int, points: int, index: np.ndarray, transfer: np.ndarray, spectrum: np.ndarray) -> None:
    """spectrum[b, f] *= transfer[index[b], f], in place."""
    flat = spectrum.reshape(batch, points)
    np.multiply(flat, transfer.reshape(-1, max(1, points))[index], out=flat)


def pnn_spectrum_finite(batch: int, points: int, field: np.ndarray, fault: np.ndarray) -> None:
    """Flags fault 1 if a propagated field has NaN or infinite values; reads one value per field."""
    if not np.isfinite(field[:: max(1, points)]).all():
        fault[0] = max(fault[0], 1)


@njit
def pnn_spectrum_roll(batch, ny, nx, row_in, row_out, sy, sx, along_y, along_x, before, after):
    """after[b, (y + sy) % ny, (x + sx) % nx] = before[b, y, x] along_y[y] along_x[x]; rows lie `row_in` and `row_out` values apart."""
    for b in range(batch):
        for y in range(ny):
            start, to, f = (b * ny + y) * row_in, (b * ny + (y + sy) % ny) * row_out, along_y[y]
            for first, count, at in ((0, nx - sx, sx), (nx - sx, sx, 0)):  # two stretches, each a loop that vectorises
                u, g = before[start + first : start + first + count], along_x[first : first + count]
                out = after[to + at : to + at + count]
                for x in range(count):
                    re, im = f.real * g[x].real - f.imag * g[x].imag, f.real * g[x].imag + f.imag * g[x].real
                    out[x] = complex(re * u[x].real - im * u[x].imag, re * u[x].imag + im * u[x].real)
