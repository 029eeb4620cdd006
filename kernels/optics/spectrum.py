"""CPU twin of spectrum.cu."""

import numpy as np


def pnn_spectrum_multiply(batch: int, points: int, index: np.ndarray, transfer: np.ndarray, spectrum: np.ndarray) -> None:
    """spectrum[b, f] *= transfer[index[b], f], in place."""
    flat = spectrum.reshape(batch, points)
    np.multiply(flat, transfer.reshape(-1, points)[index], out=flat)


def pnn_spectrum_finite(batch: int, points: int, field: np.ndarray, fault: np.ndarray) -> None:
    """Flags fault 1 if a propagated field has NaN or infinite values; reads one value per field."""
    if not np.isfinite(field.reshape(batch, points)[:, 0]).all():
        fault[0] = max(fault[0], 1)
