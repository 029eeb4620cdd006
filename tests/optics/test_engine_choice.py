"""Which transforms serve which window on the CPU, and that the choice follows from the window alone."""

import copy
import importlib.util
import pickle
from typing import Any

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern.optics import Propagator, _fft, chain, propagate

SINGLE = np.dtype(np.complex64)
UM = 1e-6


def chosen(field: tuple[int, int], window: tuple[int, int], dtype: np.dtype = SINGLE) -> str:
    return "lanes" if _fft.by_lanes(field, window, dtype) else _fft.library(window)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_by_default(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PNNKERN_FFT", raising=False)
    fast = "fftw" if importlib.util.find_spec("pyfftw") else "scipy"
    for field, window, name in (
        ((200, 200), (400, 400), "lanes"), ((64, 64), (64, 64), "lanes"), ((33, 700), (75, 1400), "lanes"),
        ((2048, 2048), (4096, 4096), "lanes"),
        ((20, 20), (40, 40), fast), ((20, 200), (40, 400), fast), ((2200, 80), (4400, 160), fast),  # short sides, a factor of 11
        ((74, 74), (74, 74), "scipy"), ((64, 122), (64, 122), "scipy"), ((2042, 2042), (2042, 2042), fast),
    ):  # fmt: skip
        assert chosen(field, window, np.dtype(dtype)) == name, window


def test_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, package in (("scipy", "scipy"), ("fftw", "pyfftw"), ("mkl", "mkl_fft")):
        if importlib.util.find_spec(package):
            monkeypatch.setenv("PNNKERN_FFT", name)
            assert {chosen((n, n), (n, n)) for n in (16, 74, 400)} == {name}
            assert _fft.described() == name
    monkeypatch.setenv("PNNKERN_FFT", "lanes")
    assert {chosen((n, n), (n, n)) for n in (16, 64, 400)} == {"lanes"}
    assert chosen((74, 74), (74, 74)) == "scipy"
    assert _fft.described() == f"lanes, else {_fft.engine_name()}"


def test_largest_prime_factors() -> None:
    assert [_fft._largest_factor(n) for n in (1, 2, 13, 74, 360, 1021, 2042, 4096)] == [1, 2, 13, 37, 5, 1021, 1021, 2]


def test_a_field_alone_has_the_bits_it_has_in_a_batch(engine: str, rng: np.random.Generator) -> None:
    """Of one distance and of several, by one propagator and by another."""
    u = (rng.normal(size=(3, 40, 50)) + 1j * rng.normal(size=(3, 40, 50))).astype(np.complex64)
    where = {"wavelength": 0.6 * UM, "pitch": 5 * UM}
    z = np.array([1e-4, 2e-4, 3e-4])
    together = propagate(u[:, None], distance=z, **where)
    assert together.shape == (3, 3, 40, 50)
    for a in range(3):
        for b in range(3):
            assert np.array_equal(propagate(u[a], distance=float(z[b]), **where), together[a, b])
    plan = Propagator((40, 50), distance=float(z[1]), **where)
    masks = np.ones((0, 40, 50), np.complex64)
    assert np.array_equal(chain.forward(u, masks, [plan])[0], together[:, 1])


def test_a_stack_whose_windows_differ(rng: np.random.Generator) -> None:
    """One window of them has no plan: each propagation goes its own way."""
    u, g = ((rng.normal(size=(2, 40, 40)) + 1j * rng.normal(size=(2, 40, 40))) for _ in range(2))
    masks = np.exp(1j * rng.uniform(0, 6, (1, 40, 40)))
    near, far = (Propagator((40, 40), distance=1e-4, wavelength=0.6 * UM, pitch=5 * UM, method="angular_spectrum", pad=p) for p in (2, 4))
    assert near.grid.window != far.grid.window
    out, saved = chain.forward(u, masks, [near, far], save=True)
    assert np.abs(out - far(near(u) * masks[0])).max() < 1e-14
    assert saved is not None
    gradient, incoming = chain.phase_adjoint(g, saved, masks, [near, far], to_field=True)
    assert np.vdot(g, out).real == pytest.approx(np.vdot(incoming, u).real, rel=1e-12)
    assert gradient.shape == (1, 40, 40)
    added, _ = chain.phase_adjoint(g, saved, masks, [near, far], gradient=np.ones((1, 40, 40)))
    np.testing.assert_allclose(added, gradient + 1, rtol=1e-12)
    fixed = np.ones((1, 40, 40))
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="gradient is added to, but the array is read-only"):
        chain.phase_adjoint(g, saved, masks, [near, far], gradient=fixed)


def test_what_is_used_again_is_kept_in_order(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """Or brought into order for each field, a few columns at a time, with the same bits."""
    monkeypatch.setenv("PNNKERN_FFT", "lanes")
    u = (rng.normal(size=(4, 40, 45)) + 1j * rng.normal(size=(4, 40, 45))).astype(np.complex64)
    where = {"distance": np.linspace(1e-4, 2e-4, 4), "wavelength": 0.6 * UM, "pitch": 5 * UM, "shift": (2 * UM, 0)}
    pnn.clear_caches()
    plan = Propagator((40, 45), **where)
    first = plan(u)
    assert "lanes" not in vars(plan.transfer(u))
    back = plan.vjp(u, u)
    assert plan.transfer(u).lanes is not None
    assert np.array_equal(plan(u), first)
    assert np.array_equal(plan.vjp(u, u), back)
    pnn.clear_caches()
    monkeypatch.setattr(_fft, "LANES_KEPT", 1)
    other = Propagator((40, 45), **where)
    for _ in range(2):
        assert np.array_equal(other(u), first)
        assert np.array_equal(other.vjp(u, u), back)
    assert other.transfer(u).lanes is None
    assert np.array_equal(other.transfer(u).in_lanes(2), plan.transfer(u).in_lanes(2))


@pytest.mark.parametrize("how", [copy.deepcopy, copy.copy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deep", "shallow", "pickled"])
def test_copies_of_plans(how: Any, rng: np.random.Generator) -> None:
    """Tables that lie where vectors fit are made anew: a copy of one lies anywhere, and reading it ended the process."""
    u = (rng.normal(size=(2, 40, 40)) + 1j * rng.normal(size=(2, 40, 40))).astype(np.complex64)
    plan, masks = Propagator((40, 40), distance=1e-4, wavelength=0.6 * UM, pitch=5 * UM), np.ones((1, 40, 40), np.complex64)
    want, _ = chain.forward(u, masks, [plan, plan])
    keep = []  # so that copies lie at several places
    for _ in range(8):
        other = how(plan)
        keep.append(np.empty(len(keep) + 1, np.uint8))
        assert np.array_equal(chain.forward(u, masks, [other, other])[0], want)
        assert np.array_equal(other(u), plan(u))
