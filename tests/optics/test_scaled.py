"""Scaled output and the far field: integrals summed point by point, closed forms, and adjoints."""

import itertools
import tracemalloc
from typing import Any

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import optics
from pnnkern.testing import check_linear, check_vjp

UM = 1e-6
W = 0.6 * UM
K = 2 * np.pi / W


def relative(got: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(got - expected) / np.linalg.norm(expected))


def field(rng: np.random.Generator, shape: tuple[int, ...], dtype: str = "complex128") -> np.ndarray:
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)


def lines(shape: tuple[int, int], pitch: tuple[float, float], at: tuple[float, float] = (0, 0)) -> tuple[np.ndarray, np.ndarray]:
    return tuple((np.arange(n) - n // 2) * d + a for n, d, a in zip(shape, pitch, at, strict=True))  # type: ignore[return-value]


@pytest.mark.parametrize("transform", ["matrix", "chirp_z"])
@pytest.mark.parametrize("method", ["fresnel", "fraunhofer"])
def test_integrals_summed_point_by_point(backend, transform: str, method: str, rng: np.random.Generator) -> None:
    """exp(ikz)/(i lambda z) sum u exp(ik((x-x')^2 + (y-y')^2)/2z) dx dy, or without x'^2."""
    shape, pitch, z = (7, 10), (3 * UM, 2 * UM), 2e-3
    out_shape, out_pitch, shift = (5, 12), (8 * UM, 5 * UM), (10 * UM, -7 * UM)
    u = field(rng, (2, *shape))
    y, x = lines(shape, pitch)
    yo, xo = lines(out_shape, out_pitch, shift)
    q = ((yo[:, None, None, None] - y[None, None, :, None]) ** 2 + (xo[None, :, None, None] - x[None, None, None, :]) ** 2) / 2
    if method == "fraunhofer":
        q = q - (y[None, None, :, None] ** 2 + x[None, None, None, :] ** 2) / 2
    kernel = np.exp(1j * K * z) / (1j * W * z) * np.exp(1j * K * q / z) * pitch[0] * pitch[1]
    expected = np.einsum("abcd,ncd->nab", kernel, u)
    window = {"out_pitch": out_pitch, "out_shape": out_shape, "shift": shift}
    got = optics.propagate_scaled(
        backend.array(u), distance=z, wavelength=W, pitch=pitch, method=method, transform=transform, **window
    )
    assert relative(backend.numpy(got), expected) < 1e-10


@pytest.mark.parametrize("transform", ["matrix", "chirp_z"])
def test_same_grid_is_propagate(backend, transform: str, rng: np.random.Generator) -> None:
    u = field(rng, (2, 21, 18))
    plan = {"distance": 50 * UM, "wavelength": W, "pitch": (0.8 * UM, 0.7 * UM), "shift": (2 * UM, 1 * UM)}
    expected = backend.numpy(optics.propagate(backend.array(u), pad=4, **plan))
    got = optics.propagate_scaled(backend.array(u), out_pitch=plan["pitch"], pad=4, transform=transform, **plan)
    assert relative(backend.numpy(got), expected) < 1e-9


def test_finer_grid_passes_through_the_coarse_one(backend) -> None:
    """Every third point of the zoomed result is a point of the plain one; between them, the closed form of a Gaussian beam."""
    shape, pitch, waist, z = (60, 60), 3 * UM, 20 * UM, 1e-3
    beam = optics.gaussian_beam(shape, waist=waist, wavelength=W, pitch=pitch, dtype="complex128")
    plan = {"distance": z, "wavelength": W, "pitch": pitch}
    zoom = backend.numpy(optics.propagate_scaled(backend.array(beam), out_pitch=pitch / 3, out_shape=(61, 61), **plan))
    coarse = backend.numpy(optics.propagate(backend.array(beam), **plan))
    assert relative(zoom[::3, ::3], coarse[20:41, 20:41]) < 1e-6
    expected = optics.gaussian_beam((61, 61), waist=waist, wavelength=W, pitch=pitch / 3, distance=z, dtype="complex128")
    assert relative(zoom, expected) < 2e-4


@pytest.mark.filterwarnings("ignore::pnnkern._errors.SamplingWarning")
def test_transforms_agree_and_keep_single_precision(backend, rng: np.random.Generator) -> None:
    u = field(rng, (40, 33))
    plan = {"distance": 3e-3, "wavelength": W, "pitch": 4 * UM, "out_pitch": 6.3 * UM, "out_shape": (31, 50)}
    for method in ("angular_spectrum", "fresnel"):
        dense, chirp = (
            backend.numpy(optics.propagate_scaled(backend.array(u), method=method, transform=t, **plan))
            for t in ("matrix", "chirp_z")
        )
        assert relative(chirp, dense) < 1e-11
        single = backend.numpy(
            optics.propagate_scaled(backend.array(u.astype(np.complex64)), method=method, transform="matrix", **plan)
        )
        assert single.dtype == np.complex64
        assert relative(single, dense) < 2e-6


@pytest.mark.parametrize("z", [0.5, -0.5])
def test_fraunhofer_of_a_slit(backend, z: float) -> None:
    """A slit's far field is its sinc, and the energy is kept: 1 / sqrt(i lambda z) for the one axis along which anything changes."""
    n, pitch, width = 64, 10 * UM, 21
    u = np.zeros((1, n), complex)
    u[0, n // 2 - 10 : n // 2 + 11] = 1
    got = backend.numpy(optics.fraunhofer(backend.array(u), distance=z, wavelength=W, pitch=pitch, pad=2))
    _, dx = optics.fraunhofer_pitch((1, n), distance=z, wavelength=W, pitch=pitch, pad=2)
    assert dx == pytest.approx(W * abs(z) / (got.shape[1] * pitch))
    assert got.shape == (1, 128)
    x = (np.arange(got.shape[1]) - got.shape[1] // 2) * dx
    t = np.pi * x * pitch / (W * abs(z))
    sinc = np.where(t == 0, width, np.sin(width * t) / np.where(t == 0, 1, np.sin(t)))
    phase = np.exp(1j * K * z) * np.exp(-0.25j * np.pi * np.sign(z)) / np.sqrt(W * abs(z)) * np.exp(1j * K * x**2 / (2 * z)) * pitch
    assert relative(got[0], phase * sinc) < 1e-9
    assert (np.abs(got) ** 2).sum() * dx == pytest.approx((np.abs(u) ** 2).sum() * pitch, rel=1e-12)
    block = np.repeat(u, 5, axis=0)  # the same slit, five samples high, has both prefactors
    got = backend.numpy(optics.fraunhofer(backend.array(block), distance=z, wavelength=W, pitch=pitch, pad=2))
    phase = np.exp(1j * K * z) / (1j * W * z) * np.exp(1j * K * x**2 / (2 * z)) * pitch**2
    assert relative(got[5], 5 * phase * sinc) < 1e-9


@pytest.mark.parametrize(("shape", "pad"), [((7, 9), 1), ((7, 5), 2), ((6, 9), 1.4)])
@pytest.mark.parametrize("z", [3e-3, -3e-3])
def test_fraunhofer_is_its_integral_for_odd_sides(backend, shape: tuple[int, int], pad: float, z: float, rng: np.random.Generator) -> None:
    """exp(ikz)/(i lambda z) exp(ik(x^2 + y^2)/2z) sum u exp(-ik(x x' + y y')/z) dy dx at each pixel of the result."""
    pitch = (3 * UM, 2 * UM)
    u = field(rng, shape)
    got = backend.numpy(optics.fraunhofer(backend.array(u), distance=z, wavelength=W, pitch=pitch, pad=pad))
    assert any(n % 2 for n in got.shape) or pad == 2
    dy, dx = optics.fraunhofer_pitch(shape, distance=z, wavelength=W, pitch=pitch, pad=pad)
    (y, x), (yo, xo) = lines(shape, pitch), lines(got.shape, (dy, dx))
    sums = np.exp(-1j * K / z * yo[:, None] * y) @ u @ np.exp(-1j * K / z * xo[:, None] * x).T
    bowl = np.exp(1j * K * (yo[:, None] ** 2 + xo**2) / (2 * z))
    expected = np.exp(1j * K * z) / (1j * W * z) * bowl * sums * pitch[0] * pitch[1]
    assert relative(got, expected) < 1e-9


def test_fraunhofer_of_several_distances_in_single_precision(backend, rng: np.random.Generator) -> None:
    """Each field by its own distance, whichever the threads, to the precision of one FFT."""
    u, plan = field(rng, (2, 3, 24, 33)), {"distance": np.array([[0.1], [-0.2]]), "wavelength": W, "pitch": UM}
    exact = backend.numpy(optics.fraunhofer(backend.array(u), **plan))
    single = backend.numpy(optics.fraunhofer(backend.array(u.astype(np.complex64)), **plan))
    assert single.dtype == np.complex64
    assert relative(single, exact) < 4e-7
    for i, z in enumerate((0.1, -0.2)):
        for j in range(3):
            alone = backend.numpy(optics.fraunhofer(backend.array(u[i, j]), **plan | {"distance": z}))
            assert relative(exact[i, j], alone) < 1e-14


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_fraunhofer_of_a_batch_needs_its_result_and_one_window(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PNNKERN_NUM_THREADS", "1")
    u, plan = np.ones((16, 128, 128), dtype), {"distance": 0.1, "wavelength": W, "pitch": UM}
    for run in (lambda: optics.fraunhofer(u, **plan), lambda: optics.fraunhofer_vjp(u, u, **plan)):
        run()
        tracemalloc.start()
        try:
            run()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < u.nbytes + 2 * u[0].nbytes


def test_fraunhofer_works_out_its_prefactors_by_lines(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """So many exponentials as the two sides have pixels, not as the window has: they would cost five times the transform."""
    exp, taken = np.exp, [0]

    def counted(x: Any, *args: Any, **kwargs: Any) -> Any:
        taken[0] += np.size(x)
        return exp(x, *args, **kwargs)

    monkeypatch.setattr(np, "exp", counted)
    optics.fraunhofer(field(rng, (512, 256), "complex64"), distance=0.1, wavelength=W, pitch=UM)
    assert taken[0] == 512 + 256


CASES = [
    {"method": "angular_spectrum"}, {"method": "angular_spectrum", "band_limit": False, "pad": 1, "evanescent": "drop"}, {"method": "fresnel"},
    {"method": "fraunhofer"}, {"method": "fresnel", "transform": "chirp_z"},
    {"method": "angular_spectrum", "transform": "chirp_z", "shift": 3 * UM},
]  # fmt: skip
PLAN = {"wavelength": W, "pitch": (1.1 * UM, 0.9 * UM), "out_pitch": 1.3 * UM, "out_shape": (11, 8)}


@pytest.mark.filterwarnings("ignore::pnnkern._errors.SamplingWarning")
@pytest.mark.parametrize("options", CASES, ids=str)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_adjoints(backend, options: dict, dtype: str, rng: np.random.Generator) -> None:
    u = backend.array(field(rng, (2, 9, 10), dtype))
    check_linear(
        optics.propagate_scaled, optics.propagate_scaled_vjp, u, distance=np.array([150 * UM, -90 * UM]), **options, **PLAN
    )
    if options == CASES[0]:
        for z, pad in itertools.product((0.1, -0.2), (1, 2)):  # an odd window, too
            check_linear(optics.fraunhofer, optics.fraunhofer_vjp, u, distance=z, wavelength=W, pitch=UM, pad=pad)


@pytest.mark.filterwarnings("ignore::pnnkern._errors.SamplingWarning")
@pytest.mark.parametrize("options", CASES, ids=str)
def test_derivatives(backend, options: dict, rng: np.random.Generator) -> None:
    y, x = lines((9, 10), (1.1 * UM, 0.9 * UM))
    u = backend.array(np.exp(-(y[:, None] ** 2 + x**2) / (3 * UM) ** 2) * np.exp(0.3j * field(rng, (2, 9, 10))))
    options = {**options, "band_limit": False}
    steps = {"distance": 2e-9, "wavelength": 5e-13, "field": 1e-3}
    check_vjp(optics.propagate_scaled, optics.propagate_scaled_vjp, u, wrt=("distance", "wavelength", "field"), steps=steps, rtol=2e-6,
              **{**PLAN, "distance": np.array([150 * UM, -90 * UM]), "wavelength": np.array(W)}, **options)  # fmt: skip
    if options["method"] == "fraunhofer":
        for z in (0.1, -0.1):
            steps = {"distance": 2e-9, "wavelength": 1e-16}
            plan = {"distance": z, "wavelength": W, "pitch": UM}
            check_vjp(optics.fraunhofer, optics.fraunhofer_vjp, u, wrt=("distance", "wavelength"), steps=steps, rtol=2e-6, **plan)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "czt"}, "method must be one of auto, angular_spectrum, rayleigh_sommerfeld, fresnel, fraunhofer, got 'czt'"),
        ({"transform": "fft"}, "transform must be one of matrix, chirp_z, got 'fft'"),
        ({"method": "fresnel", "distance": 0.0}, "distance must not be zero"),
        ({"out_pitch": -1.0}, "out_pitch must be positive and finite"),
        ({"out_shape": (0, 2)}, r"out_shape must be \(ny, nx\)"),
    ],
)
def test_bad_input_is_named(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        optics.propagate_scaled(np.ones((4, 4), np.complex64), **{**PLAN, "distance": 1e-3, **changes})


@pytest.mark.filterwarnings("ignore:.*along x:pnnkern._errors.SamplingWarning")
def test_repetition_is_warned_of() -> None:
    with pytest.warns(
        pnn._errors.SamplingWarning, match="the fresnel sum repeats itself along y every .* m, but the output reaches"
    ):
        optics.propagate_scaled(
            np.ones((64, 64), np.complex64), distance=1e-4, wavelength=W, pitch=5 * UM, out_pitch=5 * UM, method="fresnel"
        )
