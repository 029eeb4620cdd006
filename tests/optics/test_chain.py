"""Light through a stack of masks whose planes lie at unequal distances: against sums over all pixels, and differences."""

from collections.abc import Sequence

import numpy as np
import pytest

from pnnkern.optics import Propagator, _layer, chain

WAVELENGTH, PITCH = 1.0, 2.0
DISTANCES = (1200.0, 1900.0, 2500.0, 1650.0)


def through(u: np.ndarray, distance: float) -> np.ndarray:
    """The Rayleigh-Sommerfeld sum over all pixels, as a convolution."""
    n, k = u.shape[-1], 2 * np.pi / WAVELENGTH
    x = np.fft.fftfreq(2 * n, 1 / (2 * n)) * PITCH
    r = np.sqrt(x[:, None] ** 2 + x**2 + distance**2)
    h = distance / (2 * np.pi * r**2) * (1 / r - 1j * k) * np.exp(1j * k * r) * PITCH**2
    return np.fft.ifft2(np.fft.fft2(h) * np.fft.fft2(u, (2 * n, 2 * n)))[..., :n, :n]


def behind(u: np.ndarray, phases: np.ndarray, distances: Sequence[float] = DISTANCES) -> np.ndarray:
    for phase, distance in zip(phases, distances[:-1], strict=True):
        u = through(u, distance) * np.exp(1j * phase)
    return through(u, distances[-1])


@pytest.mark.parametrize("n", [21, 128], ids=["library transforms", "fused kernels"])
def test_planes_at_unequal_distances(backend, n: int, rng: np.random.Generator) -> None:
    """L = Re sum conj(g) u_out: gradients of phases by differences of the sums, the cotangent of the incoming field by the dot product."""
    batch, layers = 2, len(DISTANCES) - 1
    if backend.device == "host" and n == 128:
        assert _layer.supported((n, n), 2 * n, np.complex128)
    u, g = (rng.standard_normal((batch, n, n)) + 1j * rng.standard_normal((batch, n, n)) for _ in range(2))
    phases = rng.uniform(0, 2 * np.pi, (layers, n, n))
    plans = [Propagator((n, n), pitch=PITCH, wavelength=WAVELENGTH, distance=z) for z in DISTANCES]
    masks = backend.array(np.exp(1j * phases))
    out, saved = chain.forward(backend.array(u), masks, plans, save=True)
    expected = behind(u, phases)
    assert np.abs(backend.numpy(out) - expected).max() < 1e-10 * abs(expected).max()
    gradient, incoming = chain.phase_adjoint(backend.array(g), saved, masks, plans, to_field=True)
    dot = (g.conj() * expected).sum().real
    assert (backend.numpy(incoming).conj() * u).sum().real == pytest.approx(dot, rel=1e-9)
    direction, step = rng.standard_normal(phases.shape), 1e-6
    for layer in range(layers):
        one = np.zeros_like(direction)
        one[layer] = direction[layer]
        ends = [(g.conj() * behind(u, phases + sign * step * one)).sum().real for sign in (1, -1)]
        slope = (backend.numpy(gradient)[layer] * direction[layer]).sum()
        assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)
