"""Layer chains and their adjoints as complex128 fft2 expressions: the truth for the fused kernels of both devices."""

import numpy as np


def propagate(u: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Pad to the sides of h, circular convolution, crop."""
    ny, nx = u.shape[-2:]
    return np.fft.ifft2(h * np.fft.fft2(u, h.shape))[..., :ny, :nx]


def truth(
    u: np.ndarray, phases: np.ndarray, transfers: np.ndarray, cotangent: np.ndarray
) -> tuple[np.ndarray, list, list, np.ndarray]:
    """Field behind the chain, fields after each mask, phase gradients and the cotangent of the incoming field."""
    after = []
    for phase, h in zip(phases, transfers[:-1], strict=True):
        u = propagate(u, h) * np.exp(1j * phase[..., None, :, :])
        after.append(u)
    u = propagate(u, transfers[-1])
    g, gradients = propagate(cotangent, transfers[-1].conj()), []
    for phase, h, v in zip(phases[::-1], transfers[-2::-1], after[::-1], strict=True):
        gradients.insert(0, (g * v.conj()).imag.sum(axis=-3))
        g = propagate(g * np.exp(-1j * phase[..., None, :, :]), h.conj())
    return u, after, gradients, g


def error(got: np.ndarray, want: np.ndarray) -> float:
    assert got.shape == want.shape
    return float(np.linalg.norm((got - want).ravel()) / np.linalg.norm(want.ravel()))  # a value never written is NaN and fails


def problem(n: int, side: int, lead: tuple[int, ...], layers: int, dtype: str) -> tuple[np.ndarray, ...]:
    return rectangular((n, n), (side, side), lead, layers, dtype)


def rectangular(
    shape: tuple[int, int], window: tuple[int, int], lead: tuple[int, ...], layers: int, dtype: str
) -> tuple[np.ndarray, ...]:
    """Fields, cotangents, phases and transfer functions: of any phases, harsher than a propagator, and not symmetric."""
    rng = np.random.default_rng(shape[0] * window[1] + layers)
    u, g = ((rng.standard_normal((*lead, *shape)) + 1j * rng.standard_normal((*lead, *shape))).astype(dtype) for _ in range(2))
    phases = rng.uniform(-np.pi, np.pi, (layers, *lead[:-1], *shape))
    transfers = np.exp(2j * np.pi * rng.random((layers + 1, *window)))
    return u, g, phases, transfers


CASES = [  # n, side, (population, batch), layers, dtype
    (128, 256, (3,), 5, "complex64"),
    (101, 256, (1,), 1, "complex64"),
    (160, 320, (2,), 1, "complex64"),
    (192, 384, (2,), 1, "complex64"),
    (200, 400, (5,), 2, "complex64"),
    (200, 400, (1,), 5, "complex64"),  # the published network: six propagations
    (224, 448, (2,), 1, "complex64"),
    (256, 512, (2,), 2, "complex64"),
    (101, 256, (9,), 1, "complex64"),  # more samples than a block has rows of
    (512, 512, (5,), 1, "complex64"),  # rows of four samples
    (128, 256, (3, 2), 2, "complex64"),
    (128, 256, (2, 3), 2, "complex128"),
    (256, 256, (2,), 1, "complex128"),
]
