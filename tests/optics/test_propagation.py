"""Free space: closed forms, quadrature of the Rayleigh-Sommerfeld integral, symmetries, and adjoints."""

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern.optics import Propagator, gaussian_beam, propagate, propagate_vjp
from pnnkern.testing import check_linear, check_vjp

UM = 1e-6
WAVELENGTH = 0.633 * UM
K = 2 * np.pi / WAVELENGTH


def relative(got: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(got - expected) / np.linalg.norm(expected))


def field(rng: np.random.Generator, shape: tuple[int, ...], dtype: str = "complex128") -> np.ndarray:
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)


def coordinates(shape: tuple[int, int], pitch: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    y, x = ((np.arange(n) - n // 2) * d for n, d in zip(shape, pitch, strict=True))
    return y[:, None], x[None, :]


def smooth(rng: np.random.Generator, shape: tuple[int, int], pitch: float, fraction: float = 0.9) -> np.ndarray:
    """A random field on a periodic window whose spectrum lies within `fraction` of the propagating disc."""
    fy, fx = np.fft.fftfreq(shape[0], pitch)[:, None], np.fft.fftfreq(shape[1], pitch)[None, :]
    spectrum = field(rng, shape) * (fx**2 + fy**2 < (fraction / WAVELENGTH) ** 2)
    assert 0 < np.count_nonzero(spectrum) < spectrum.size
    return np.fft.ifft2(spectrum)


# ---------------------------------------------------------------------------------------------------------------- closed forms
@pytest.mark.parametrize("method", ["angular_spectrum", "fresnel"])
@pytest.mark.parametrize(("start", "distance"), [(0.0, 3e-3), (-2e-3, 5e-3), (3e-3, -3e-3)])
def test_gaussian_beam(backend, method: str, start: float, distance: float) -> None:
    """The closed form, Saleh and Teich 3.1-7; its paraxial error is (lambda / pi w0)^2 z / zR ~ 1e-5 here, and zero for Fresnel."""
    waist, shape, pitch = 60 * UM, (120, 140), 5 * UM
    y, x = coordinates(shape, (pitch, pitch))
    rayleigh = np.pi * waist**2 / WAVELENGTH

    def beam(z: float) -> np.ndarray:
        q = z - 1j * rayleigh  # complex beam parameter for exp(-i omega t)
        return -1j * rayleigh / q * np.exp(1j * K * z + 1j * K * (x**2 + y**2) / (2 * q))

    assert (
        relative(
            gaussian_beam(shape, waist=waist, wavelength=WAVELENGTH, pitch=pitch, distance=start, dtype="complex128"), beam(start)
        )
        < 1e-9
    )
    got = backend.numpy(
        propagate(backend.array(beam(start)), distance=distance, wavelength=WAVELENGTH, pitch=pitch, method=method)
    )
    assert relative(got, beam(start + distance)) < (3e-5 if method == "angular_spectrum" else 1e-7)


def rayleigh_sommerfeld(
    u: np.ndarray, source: tuple[np.ndarray, np.ndarray], weight: np.ndarray, y: float, x: float, z: float
) -> complex:
    """sum over a quadrature of u z / (2 pi r^2) (1/r - i k) exp(i k r)."""
    r = np.sqrt((y - source[0]) ** 2 + (x - source[1]) ** 2 + z**2)
    return complex((u * weight * z / (2 * np.pi * r**2) * (1 / r - 1j * K) * np.exp(1j * K * r)).sum())


@pytest.mark.parametrize("method", ["angular_spectrum", "rayleigh_sommerfeld"])
def test_gaussian_aperture_by_quadrature(backend, method: str) -> None:
    """The trapezoidal rule converges exponentially on a Gaussian: the integral is exact to rounding."""
    n, pitch, radius = 64, 2 * WAVELENGTH, 14 * WAVELENGTH
    z = 2 * n * pitch**2 / WAVELENGTH
    y, x = coordinates((n, n), (pitch, pitch))
    u0 = np.exp(-(x**2 + y**2) / radius**2).astype(np.complex128)
    got = backend.numpy(propagate(backend.array(u0), distance=z, wavelength=WAVELENGTH, pitch=pitch, method=method, pad=4))
    line = np.linspace(-6 * radius, 6 * radius, 601)
    fine = line[:, None], line[None, :]
    weight = np.exp(-(fine[0] ** 2 + fine[1] ** 2) / radius**2) * (line[1] - line[0]) ** 2
    places = [(32, 32), (32, 40), (20, 25), (50, 32), (32, 60)]
    expected = [rayleigh_sommerfeld(np.array(1.0), fine, weight, float(y[i, 0]), float(x[0, j]), z) for i, j in places]
    error = np.abs(np.array([got[p] for p in places]) - expected) / abs(expected[0])
    assert error.max() < 1e-6


def test_circular_aperture_on_axis(backend) -> None:
    """exp(ikz) - (z/R) exp(ikR), R^2 = z^2 + a^2: the exact integral, through its maxima and minima; second order in the pitch."""
    radius, errors = 20 * UM, []
    for n, pitch in ((240, 0.35 * UM), (420, 0.2 * UM)):
        aperture = pnn.optics.circular_aperture((n, n), radius=radius, pitch=pitch, dtype="float64").astype(complex)
        z = np.array([100, 100.4, 200, 200.9]) * UM
        got = backend.numpy(propagate(backend.array(aperture), distance=z, wavelength=WAVELENGTH, pitch=pitch, pad=3))
        far = np.hypot(z, radius)
        expected = np.exp(1j * K * z) - z / far * np.exp(1j * K * far)
        errors.append(np.abs(got[:, n // 2, n // 2] - expected))
    assert np.all(errors[1] < [0.008, 0.008, 0.003, 0.003])
    assert np.all(errors[1][:2] < errors[0][:2] / 2.4)  # (0.35 / 0.2)^2 = 3.06


def test_talbot_image(backend) -> None:
    """A grating of period d repeats itself at 2 d^2 / lambda in paraxial light, and half-way is shifted by d / 2."""
    period, pitch = 16, 2 * UM
    row = np.tile(np.where(np.arange(period) < 5, 1.0, 0.2) * np.exp(0.3j * np.arange(period)), 4)
    u0 = np.broadcast_to(row, (6, 64)).astype(np.complex128)
    talbot = 2 * (period * pitch) ** 2 / WAVELENGTH
    plain = {"wavelength": WAVELENGTH, "pitch": pitch, "method": "fresnel", "pad": 1, "band_limit": False}
    image = backend.numpy(propagate(backend.array(u0), distance=talbot, **plain))
    assert relative(image, u0 * np.exp(1j * K * talbot)) < 1e-9
    half = backend.numpy(propagate(backend.array(u0), distance=talbot / 2, **plain))
    assert relative(half, np.roll(u0, period // 2, axis=1) * np.exp(1j * K * talbot / 2)) < 1e-9


@pytest.mark.parametrize("evanescent", ["decay", "drop"])
def test_evanescent_wave(backend, evanescent: str) -> None:
    """A grating finer than the wavelength: exp(-|z| sqrt(kx^2 - k^2)), in both directions; or nothing."""
    n, pitch, z = 32, 0.2 * UM, 0.1 * UM
    fx = 12 / (n * pitch)
    assert fx > 1 / WAVELENGTH
    u0 = np.exp(2j * np.pi * fx * np.arange(n) * pitch) * np.ones((n, 1))
    decay = np.exp(-z * np.sqrt((2 * np.pi * fx) ** 2 - K**2)) if evanescent == "decay" else 0.0
    for distance in (z, -z):
        got = propagate(backend.array(u0), distance=distance, wavelength=WAVELENGTH, pitch=pitch, pad=1, evanescent=evanescent)
        assert np.abs(backend.numpy(got) - decay * u0).max() < 1e-12


def test_plane_wave_gains_its_axial_phase(backend) -> None:
    n, pitch, z = 36, 1.1 * UM, 1e-3
    fy, fx = 3 / (n * pitch), -5 / (n * pitch)
    y, x = coordinates((n, n), (pitch, pitch))
    wave = np.exp(2j * np.pi * (fx * x + fy * y))
    got = backend.numpy(propagate(backend.array(wave), distance=z, wavelength=WAVELENGTH, pitch=pitch, pad=1, band_limit=False))
    kz = np.sqrt(K**2 - (2 * np.pi) ** 2 * (fx**2 + fy**2))
    assert relative(got, wave * np.exp(1j * kz * z)) < 1e-9


# ------------------------------------------------------------------------------------------------------------------ symmetries
PERIODIC = {"wavelength": WAVELENGTH, "pitch": 0.25 * UM, "pad": 1, "band_limit": False}


@pytest.mark.parametrize("shape", [(31, 33), (1, 40), (48, 48)])
def test_two_half_steps_are_one(backend, shape: tuple[int, int], rng: np.random.Generator) -> None:
    u = backend.array(field(rng, shape))
    whole = backend.numpy(propagate(u, distance=3 * UM, **PERIODIC))
    half = propagate(propagate(u, distance=1.2 * UM, **PERIODIC), distance=1.8 * UM, **PERIODIC)
    assert relative(backend.numpy(half), whole) < 1e-12


def test_there_and_back(backend, rng: np.random.Generator) -> None:
    u = smooth(rng, (40, 45), 0.25 * UM)
    there = propagate(backend.array(u), distance=40 * UM, **PERIODIC)
    assert relative(backend.numpy(propagate(there, distance=-40 * UM, **PERIODIC)), u) < 1e-11


@pytest.mark.parametrize("method", ["angular_spectrum", "fresnel"])
def test_shifted_window_sees_the_same_field(backend, method: str, rng: np.random.Generator) -> None:
    """A window moved by whole pixels sees a rolled field, and shifting the source shifts the result."""
    u = smooth(rng, (40, 44), 0.25 * UM)
    plan = {"distance": 15 * UM, "method": method, **PERIODIC}
    still = backend.numpy(propagate(backend.array(u), **plan))
    moved = backend.numpy(propagate(backend.array(u), shift=(3 * 0.25 * UM, -7 * 0.25 * UM), **plan))
    assert relative(moved, np.roll(still, (-3, 7), axis=(0, 1))) < 1e-10
    assert (
        relative(backend.numpy(propagate(backend.array(np.roll(u, (5, 2), (0, 1))), **plan)), np.roll(still, (5, 2), (0, 1)))
        < 1e-11
    )


@pytest.mark.filterwarnings("ignore::pnnkern._errors.SamplingWarning")  # a beam without high frequencies
@pytest.mark.parametrize("method", ["angular_spectrum", "rayleigh_sommerfeld"])
def test_shifted_window_of_a_padded_field(backend, method: str) -> None:
    """Light that leaves the window is found by the window beside it."""
    waist, pitch, z = 20 * UM, 2 * UM, 2e-3
    beam = gaussian_beam((80, 80), waist=waist, wavelength=WAVELENGTH, pitch=pitch, dtype="complex128")
    wide = np.zeros((240, 240), complex)
    wide[80:160, 80:160] = beam
    plan = {"distance": z, "wavelength": WAVELENGTH, "pitch": pitch, "method": method}
    everything = propagate(wide, pad=2, **plan)
    beside = backend.numpy(propagate(backend.array(beam), shift=(20 * pitch, -40 * pitch), pad=4, **plan))
    assert relative(beside, everything[100:180, 40:120]) < 1e-4
    assert np.linalg.norm(everything[100:180, 40:120]) > 0.1 * np.linalg.norm(everything)
    larger = backend.numpy(propagate(backend.array(beam), out_shape=(120, 100), pad=3, **plan))
    assert relative(larger, everything[60:180, 70:170]) < 1e-4


def test_energy_and_reciprocity(backend, rng: np.random.Generator) -> None:
    """Inside the propagating disc: sum |u|^2 is kept, and sum(v P u) = sum(u P v)."""
    u, v = smooth(rng, (36, 50), 0.25 * UM), smooth(rng, (36, 50), 0.25 * UM)
    pu, pv = (backend.numpy(propagate(backend.array(w), distance=30 * UM, **PERIODIC)) for w in (u, v))
    assert np.linalg.norm(pu) == pytest.approx(np.linalg.norm(u), rel=1e-12)
    assert (v * pu).sum() == pytest.approx((u * pv).sum(), rel=1e-9)


# ------------------------------------------------------------------------------------------------------------------ band limit
@pytest.mark.filterwarnings("ignore::pnnkern._errors.SamplingWarning")  # the band limit is for what is out of range
def test_band_limit_is_the_ellipse_of_both_axes() -> None:
    """keep f where fx^2 / u^2 + lambda^2 fy^2 <= 1 and likewise for y, u = 1 / (lambda sqrt((2 df z)^2 + 1))."""
    shape, pitch, z = (60, 84), (1.0 * UM, 0.7 * UM), 300 * UM
    plan = Propagator(shape, pitch=pitch, wavelength=WAVELENGTH, distance=z, method="angular_spectrum")
    kept = np.abs(plan.transfer(np.empty(0, np.complex128)).full[0]) > 0
    py, px = plan.grid.window
    fy, fx = np.fft.fftfreq(py, pitch[0])[:, None], np.fft.fftfreq(px, pitch[1])[None, :]
    uy, ux = (1 / (WAVELENGTH * np.sqrt((2 * z / (p * d)) ** 2 + 1)) for p, d in ((py, pitch[0]), (px, pitch[1])))
    ellipses = ((fx / ux) ** 2 + (WAVELENGTH * fy) ** 2 <= 1) & ((fy / uy) ** 2 + (WAVELENGTH * fx) ** 2 <= 1)
    rectangle = (abs(fx) <= ux) & (abs(fy) <= uy)
    assert np.array_equal(kept, ellipses)
    assert not np.array_equal(rectangle, ellipses)


@pytest.mark.filterwarnings("ignore::pnnkern._errors.SamplingWarning")  # the band limit is for what is out of range
def test_ellipse_is_closer_to_the_integral_than_the_rectangle(rng: np.random.Generator) -> None:
    """The geometry of diffractive networks (0.53 wavelengths per neuron, 40 wavelengths between planes), random masks, against the
    Rayleigh-Sommerfeld sum over the same samples."""
    n, wavelength, z, pitch = 100, 0.75e-3, 30e-3, 0.4e-3
    u = np.exp(2j * np.pi * rng.random((n, n)))
    offsets = (np.arange(2 * n) - n) * pitch
    r = np.sqrt(offsets[:, None] ** 2 + offsets[None, :] ** 2 + z**2)
    k = 2 * np.pi / wavelength
    kernel = z / (2 * np.pi * r**2) * (1 / r - 1j * k) * np.exp(1j * k * r) * pitch**2
    expected = np.fft.ifft2(np.fft.fft2(u, (3 * n, 3 * n)) * np.fft.fft2(kernel, (3 * n, 3 * n)))[n : 2 * n, n : 2 * n]
    spectral = {"pitch": pitch, "wavelength": wavelength, "distance": z, "method": "angular_spectrum"}
    plan = Propagator((n, n), **spectral)
    exact_band = relative(plan(u), expected)
    h = plan.transfer(u).full[0]
    f = np.fft.fftfreq(2 * n, pitch)
    limit = 1 / (wavelength * np.sqrt((2 * z / (2 * n * pitch)) ** 2 + 1))
    inside = abs(f) <= limit
    full = Propagator((n, n), band_limit=False, **spectral).transfer(u).full[0]
    rectangle = np.fft.ifft2(np.fft.fft2(u, h.shape) * full * inside[:, None] * inside[None, :])[:n, :n]
    assert exact_band < 0.7 * relative(rectangle, expected)


@pytest.mark.filterwarnings("ignore::pnnkern._errors.SamplingWarning")
def test_losses_add_up(backend) -> None:
    """A beam wider than the window: what is inside, outside, at the edge and dropped, against sums over a much larger window."""
    n, pitch, waist, z = 64, 2 * UM, 12 * UM, 5e-3
    beam = gaussian_beam((n, n), waist=waist, wavelength=WAVELENGTH, pitch=pitch, dtype="complex128")
    spectral = {"pitch": pitch, "wavelength": WAVELENGTH, "method": "angular_spectrum"}
    plan = Propagator((n, n), distance=z, pad=4, **spectral)
    lost = plan.losses(backend.array(beam))
    spread = waist * np.hypot(1, z * WAVELENGTH / (np.pi * waist**2))
    from scipy.special import erf

    half = n * pitch / 2
    inside = erf(np.sqrt(2) * half / spread) ** 2
    assert float(lost.outside) == pytest.approx(1 - inside, abs=0.02)
    assert float(lost.outside) > 0.05
    assert float(lost.band_limit) < 1e-3
    assert float(lost.evanescent) == pytest.approx(0, abs=1e-9)
    tight = Propagator((n, n), distance=z, pad=1.5, band_limit=False, **spectral).losses(backend.array(beam))
    assert float(tight.edge) > 10 * float(lost.edge)
    dropped = Propagator((n, n), distance=20 * z, **spectral).losses(backend.array(beam))
    assert 0.2 < float(dropped.band_limit) < 1
    fine = Propagator((n, n), pitch=0.2 * UM, wavelength=WAVELENGTH, distance=UM, pad=1, evanescent="drop")
    noise = np.random.default_rng(0).standard_normal((n, n)) + 0j
    f = np.fft.fftfreq(n, 0.2 * UM)
    power = np.abs(np.fft.fft2(noise)) ** 2
    beyond = power[np.hypot(f[:, None], f[None, :]) > 1 / WAVELENGTH].sum() / power.sum()
    assert float(fine.losses(noise).evanescent) + float(fine.losses(noise).band_limit) >= beyond * (1 - 1e-9)
    assert 0.1 < beyond < 0.9


# ------------------------------------------------------------------------------------------------------------------- precision
@pytest.mark.parametrize("distance", [0.05, 1.0])
def test_single_precision_keeps_the_phase(backend, distance: float, rng: np.random.Generator) -> None:
    """Half a million radians of k z would cost a float32 transfer function five digits."""
    plan = {"distance": distance, "wavelength": WAVELENGTH, "pitch": 8 * UM}
    u = field(rng, (2, 64, 64))
    double = backend.numpy(propagate(backend.array(u), **plan))
    single = backend.numpy(propagate(backend.array(u.astype(np.complex64)), **plan))
    assert single.dtype == np.complex64
    assert relative(single, double) < 5e-7


@pytest.mark.parametrize("shape", [(1, 1), (31, 33), (7, 128), (97, 50), (3, 256)])
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_every_shape_on_every_engine(engine: str, shape: tuple[int, int], dtype: str, rng: np.random.Generator) -> None:
    """Against fft2 of the whole padded window."""
    u = field(rng, (3, *shape), dtype)
    plan = Propagator(shape, pitch=(2 * UM, 3 * UM), wavelength=WAVELENGTH, distance=200 * UM)
    h = plan.transfer(np.empty(0, np.complex128)).full[0]
    expected = np.fft.ifft2(np.fft.fft2(u.astype(complex), h.shape) * h)[:, : shape[0], : shape[1]]
    got = plan(u)
    assert got.dtype == dtype
    assert relative(got, expected) < (5e-7 if dtype == "complex64" else 1e-14)


def test_bits_do_not_depend_on_batch_or_threads(engine: str, monkeypatch, rng: np.random.Generator) -> None:
    u = field(rng, (5, 33, 40), "complex64")
    plan = Propagator((33, 40), pitch=2 * UM, wavelength=WAVELENGTH, distance=200 * UM)
    expected = np.stack([plan(one) for one in u])
    for threads in ("1", "3"):
        monkeypatch.setenv("PNNKERN_NUM_THREADS", threads)
        pnn.clear_caches()  # and with them the arrays the engines work in, which then lie elsewhere
        assert np.array_equal(plan(u), expected), threads


def test_mkl_takes_one_thread_and_gives_the_others_back(monkeypatch, rng: np.random.Generator) -> None:
    pytest.importorskip("mkl_fft", reason="mkl comes with mkl_fft")
    from pnnkern.optics import _fft

    monkeypatch.setenv("PNNKERN_FFT", "mkl")
    monkeypatch.setenv("PNNKERN_NUM_THREADS", "1")  # in this thread, whose setting is looked at
    taken, set_threads = [], _fft._mkl_threads()
    monkeypatch.setattr(_fft, "_mkl_threads", lambda: lambda count: taken.append(count) or set_threads(count))
    before = set_threads(3)
    try:
        propagate(field(rng, (2, 9, 12)), distance=200 * UM, wavelength=WAVELENGTH, pitch=2 * UM)
        assert taken == [1, 3, 1, 3]  # of each field
        assert set_threads(3) == 3
    finally:
        set_threads(before)


@pytest.mark.parametrize(("engine", "package"), [("fftw", "pyfftw"), ("mkl", "mkl_fft")])
def test_a_library_that_is_not_installed_is_named(engine: str, package: str, monkeypatch) -> None:
    from pnnkern.optics import _fft

    monkeypatch.setattr(_fft.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PNNKERN_FFT", engine)
    with pytest.raises(ValueError, match=rf"PNNKERN_FFT={engine}, but {package} is not installed: pip install pnnkern\[{engine}\]"):
        propagate(np.ones((4, 4), np.complex64), distance=1e-3, wavelength=WAVELENGTH, pitch=2 * UM)


def test_scipy_engine_needs_no_transform_in_place(monkeypatch, rng: np.random.Generator) -> None:
    """`overwrite_x` lets scipy transform in place; a version that does not gives the same."""
    from pnnkern.optics import _fft

    monkeypatch.setenv("PNNKERN_FFT", "scipy")
    u = field(rng, (2, 9, 12), "complex64")
    plan = Propagator((9, 12), pitch=2 * UM, wavelength=WAVELENGTH, distance=200 * UM)
    expected = plan(u)
    for name in ("fft", "ifft"):
        transform = getattr(_fft.scipy.fft, name)
        monkeypatch.setattr(_fft.scipy.fft, name, lambda x, *a, _t=transform, **k: _t(x, *a, **{**k, "overwrite_x": False}))
    assert np.array_equal(plan(u), expected)


# ---------------------------------------------------------------------------------------------------------------- broadcasting
def test_distances_and_wavelengths_broadcast(backend, rng: np.random.Generator) -> None:
    z, w = np.array([1e-3, 0.0, -2e-3, 1e-4]), np.array([[0.5], [0.6]]) * UM
    one = field(rng, (20, 22))
    got = backend.numpy(propagate(backend.array(one), distance=z, wavelength=w, pitch=2 * UM))
    assert got.shape == (2, 4, 20, 22)
    for i in range(2):
        for j in range(4):
            alone = backend.numpy(propagate(backend.array(one), distance=float(z[j]), wavelength=float(w[i, 0]), pitch=2 * UM))
            assert np.array_equal(got[i, j], alone)
    batch = field(rng, (4, 1, 4, 20, 22))
    got = backend.numpy(propagate(backend.array(batch), distance=z, wavelength=w, pitch=2 * UM))
    assert got.shape == (4, 2, 4, 20, 22)
    alone = backend.numpy(propagate(backend.array(batch[2, 0, 1]), distance=0.0, wavelength=float(w[1, 0]), pitch=2 * UM))
    assert np.array_equal(got[2, 1, 1], alone)


def test_tables_that_do_not_fit_are_made_in_turn(backend, monkeypatch, rng: np.random.Generator) -> None:
    from pnnkern.optics import propagation

    z = np.linspace(1e-4, 1e-3, 7)
    u = field(rng, (12, 13))
    whole = backend.numpy(propagate(backend.array(u), distance=z, wavelength=WAVELENGTH, pitch=UM))
    monkeypatch.setattr(propagation, "TABLE_BYTES", 3 * 16 * 24 * 27)
    assert np.array_equal(backend.numpy(propagate(backend.array(u), distance=z, wavelength=WAVELENGTH, pitch=UM)), whole)


def test_planned_form_is_the_function(backend, rng: np.random.Generator) -> None:
    u, g = backend.array(field(rng, (2, 18, 20))), backend.array(field(rng, (2, 18, 20)))
    options = {"distance": 1e-3, "wavelength": WAVELENGTH, "pitch": (2 * UM, 3 * UM)}
    plan = Propagator((18, 20), **options)
    assert np.array_equal(backend.numpy(plan(u)), backend.numpy(propagate(u, **options)))
    for mine, free in zip(
        plan.vjp(g, u, wrt=("distance", "field")), propagate_vjp(g, u, wrt=("distance", "field"), **options), strict=True
    ):
        assert np.array_equal(backend.numpy(mine), backend.numpy(free))


def test_torch_in_torch_out(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    u = field(rng, (2, 16, 16), "complex64")
    options = {"distance": 1e-3, "wavelength": WAVELENGTH, "pitch": 2 * UM}
    got = propagate(torch.from_numpy(u), **options)
    assert isinstance(got, torch.Tensor)
    assert np.array_equal(got.numpy(), propagate(u, **options))
    with pytest.raises(TypeError, match="grad"):
        propagate(torch.from_numpy(u).requires_grad_(), **options)


def test_strided_fields(backend, rng: np.random.Generator) -> None:
    u = field(rng, (4, 30, 32))
    options = {"distance": 1e-3, "wavelength": WAVELENGTH, "pitch": 2 * UM}
    strided = propagate(backend.array(u)[::2, ::-1, ::2], **options)
    assert np.array_equal(backend.numpy(strided), backend.numpy(propagate(backend.array(u[::2, ::-1, ::2].copy()), **options)))


# -------------------------------------------------------------------------------------------------------------------- adjoints
METHODS = [
    {}, {"method": "angular_spectrum"}, {"evanescent": "drop", "pad": 1}, {"shift": (3 * UM, -4.5 * UM), "pad": 3}, {"out_shape": (9, 20)},
    {"out_shape": (16, 6), "shift": 1 * UM}, {"shift": (9 * UM, -11 * UM), "method": "angular_spectrum"}, {"method": "fresnel"},
    {"method": "rayleigh_sommerfeld"},
    {"method": "rayleigh_sommerfeld", "band_limit": False, "shift": (2 * UM, UM), "out_shape": (20, 21)},
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::pnnkern._errors.SamplingWarning")  # adjoints hold out of range, too
@pytest.mark.parametrize("options", METHODS, ids=str)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_adjoint(backend, options: dict, dtype: str, rng: np.random.Generator) -> None:
    u = backend.array(field(rng, (2, 13, 17), dtype))
    where = {"distance": np.array([40 * UM, -25 * UM]), "wavelength": WAVELENGTH, "pitch": (0.6 * UM, 0.5 * UM)}
    check_linear(propagate, propagate_vjp, u, **where, **options)


@pytest.mark.filterwarnings("ignore::pnnkern._errors.SamplingWarning")
@pytest.mark.parametrize("options", METHODS, ids=str)
@pytest.mark.parametrize("sign", [1, -1])
def test_derivatives_by_distance_and_wavelength(backend, options: dict, sign: int, rng: np.random.Generator) -> None:
    """Central differences, without the band limit, which the derivative holds and a difference would move."""
    y, x = coordinates((13, 17), (0.6 * UM, 0.5 * UM))
    envelope = np.exp(-(y**2 + x**2) / (2.2 * UM) ** 2)
    u = backend.array(envelope * np.exp(0.2j * field(rng, (2, 13, 17))))
    where = {"distance": sign * np.array([40 * UM, 25 * UM]), "wavelength": np.array(WAVELENGTH), "pitch": (0.6 * UM, 0.5 * UM)}
    steps = {"distance": 2e-9, "wavelength": 2e-12, "field": 1e-3}
    options = {**options, "band_limit": False}
    check_vjp(propagate, propagate_vjp, u, wrt=("distance", "wavelength", "field"), steps=steps, rtol=2e-6, **where, **options)


@pytest.mark.filterwarnings("ignore::pnnkern._errors.SamplingWarning")  # the band limit is for what is out of range
def test_derivatives_hold_the_band(backend, rng: np.random.Generator) -> None:
    """With a band limit, against differences of the same transfer function with its kept frequencies fixed by hand."""
    shape, z = (12, 14), 60 * UM
    u, g = field(rng, shape), field(rng, shape)
    spectral = {"pitch": 0.5 * UM, "wavelength": WAVELENGTH, "method": "angular_spectrum"}
    make = lambda zz, **o: Propagator(shape, distance=zz, **spectral, **o)  # noqa: E731
    kept = make(z).transfer(u).full[0] != 0
    assert not kept.all()

    def through(zz: float) -> np.ndarray:
        h = make(zz, band_limit=False).transfer(u).full[0] * kept
        return np.fft.ifft2(np.fft.fft2(u, h.shape) * h)[: shape[0], : shape[1]]

    step = 1e-10  # a milliradian of kz z
    slope = (through(z + step) - through(z - step)) / (2 * step)
    expected = (g.conj() * slope).real.sum()
    got = make(z).vjp(backend.array(g), backend.array(u), wrt="distance")
    assert float(got) == pytest.approx(expected, rel=1e-5)


def test_derivatives_sum_over_what_was_broadcast(backend, rng: np.random.Generator) -> None:
    u, g = field(rng, (3, 10, 11)), field(rng, (2, 3, 10, 11))
    z, w = np.array([[30 * UM], [50 * UM]]), np.array([0.5, 0.6, 0.7]) * UM
    dz, dw, du = propagate_vjp(
        backend.array(g), backend.array(u), distance=z, wavelength=w, pitch=UM, wrt=("distance", "wavelength", "field")
    )
    assert (dz.shape, dw.shape, du.shape) == ((2, 1), (3,), (3, 10, 11))
    for i in range(2):
        alone = [
            propagate_vjp(
                backend.array(g[i, j]), backend.array(u[j]), distance=z[i, 0], wavelength=w[j], pitch=UM, wrt="distance"
            )
            for j in range(3)
        ]
        assert float(dz[i, 0]) == pytest.approx(sum(map(float, alone)), rel=1e-10)


# ------------------------------------------------------------------------------------------------------------------- bad input
GOOD = {"distance": 1e-3, "wavelength": WAVELENGTH, "pitch": 2 * UM}
U = np.ones((8, 8), np.complex64)


@pytest.mark.parametrize(
    ("u", "changes", "error", "message"),
    [
        (np.ones((8, 8), np.float32), {}, TypeError, "field must be complex64 or complex128, got float32: use field.astype"),
        (np.ones((8, 8), np.int64), {}, TypeError, "field must be complex64 or complex128, got int64"),
        ([[1j]], {}, TypeError, r"field must be an array \(..., ny, nx\) of complex64 or complex128, got list"),
        (np.ones(8, np.complex64), {}, ValueError, r"field must have shape \(..., ny, nx\) with at least one pixel, got \(8,\)"),
        (np.ones((0, 8), np.complex64), {}, ValueError, "at least one pixel"),
        (U, {"pitch": -1e-6}, ValueError, "pitch must be positive and finite .*got -1e-06"),
        (U, {"pitch": 0.0}, ValueError, "pitch must be positive and finite"),
        (U, {"pitch": (1e-6, np.nan)}, ValueError, "pitch must be positive and finite"),
        (U, {"pitch": (1e-6, 1e-6, 1e-6)}, ValueError, r"pitch must be a number or a pair \(y, x\) in metres"),
        (U, {"pitch": "8um"}, TypeError, "pitch must be a real number .*got '8um'"),
        (U, {"wavelength": 0}, ValueError, "wavelength must be positive and finite"),
        (U, {"wavelength": -5e-7}, ValueError, "wavelength must be positive and finite"),
        (U, {"wavelength": np.inf}, ValueError, "wavelength must be positive and finite"),
        (U, {"distance": np.nan}, ValueError, "distance must be finite"),
        (U, {"distance": np.zeros(3), "wavelength": np.ones(2) * UM}, ValueError, r"\(3,\) and wavelength of shape \(2,\) must broadcast"),
        (np.ones((4, 8, 8), np.complex64), {"distance": np.zeros(3)}, ValueError, r"\(3,\) must broadcast against the leading axes \(4,\)"),
        (U, {"method": "asm"}, ValueError, "method must be one of auto, angular_spectrum, fresnel, rayleigh_sommerfeld, got 'asm'"),
        (U, {"evanescent": "keep"}, ValueError, "evanescent must be 'decay' or 'drop', got 'keep'"),
        (U, {"pad": 0.5}, ValueError, "pad must be at least 1"),
        (U, {"out_shape": (8,)}, ValueError, r"out_shape must be \(ny, nx\)"),
        (U, {"shift": np.inf}, ValueError, "shift must be finite"),
        (U, {"method": "rayleigh_sommerfeld", "distance": 0.0}, ValueError, "distance must not be zero for method='rayleigh_sommerfeld'"),
    ],
)  # fmt: skip
def test_bad_input_is_named(u: object, changes: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        propagate(u, **{**GOOD, **changes})


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1j * np.nan])
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_nan_is_named(backend, bad: complex, dtype: str) -> None:
    u = np.ones((3, 20, 21), dtype)
    u[1, 19, 0] = bad

    def run() -> None:
        propagate(backend.array(u), **GOOD)
        pnn.check()

    with pytest.raises(ValueError, match="the field has NaN or infinite values"):
        run()


@pytest.mark.parametrize(("pitch", "ratio"), [(8e-3, "1.26e.04"), (8e-9, "0.0126")])
def test_unit_slips_are_warned_of(pitch: float, ratio: str) -> None:
    with pytest.warns(pnn._errors.UnitWarning, match=f"pitch / wavelength = {ratio}: both are in metres") as record:
        propagate(U, distance=1e-3, wavelength=WAVELENGTH, pitch=pitch)
    assert record[0].filename == __file__  # the line of the caller


def test_bad_cotangents_are_named() -> None:
    with pytest.raises(
        ValueError, match=r"cotangent must be complex64 \(8, 8\) like the propagated field, got complex64 \(7, 8\)"
    ):
        propagate_vjp(U[:7], U, **GOOD)
    with pytest.raises(ValueError, match="wrt names 'pitch': this derivative exists for field, distance, wavelength"):
        propagate_vjp(U, U, wrt="pitch", **GOOD)
    plan = Propagator((8, 8), **GOOD)
    with pytest.raises(ValueError, match=r"field must have \(ny, nx\) = \(8, 8\), got \(8, 9\)"):
        plan(np.ones((8, 9), np.complex64))


# ------------------------------------------------------------------------------------------------------- evanescent waves, shifted
@pytest.mark.parametrize("z", [0.08, -0.08])
def test_evanescent_waves_have_derivatives(backend, z: float, rng: np.random.Generator) -> None:
    """Pixels of a fifth of a wavelength: most of the band decays, exp(-|z| sqrt(kx^2 + ky^2 - k^2)); derivatives against differences."""
    u = backend.array(field(rng, (9, 10)))
    where = {"distance": np.array(z), "wavelength": np.array(1.0), "pitch": (0.2, 0.17), "method": "angular_spectrum", "pad": 1}
    steps = {"distance": 1e-7, "wavelength": 1e-7}
    check_vjp(propagate, propagate_vjp, u, wrt=("distance", "wavelength"), steps=steps, rtol=2e-6, **where)


@pytest.mark.filterwarnings("ignore::pnnkern._errors.SamplingWarning")
def test_band_of_evanescent_waves_with_a_shift() -> None:
    """Kept where the phase of the shift and the decay, |s_x| + |z fx| / sqrt(fx^2 + fy^2 - 1/lambda^2), turn by less than half the window,
    and likewise for y; written as divisions."""
    shape, pitch, z, shift = (30, 40), (0.2, 0.25), 2.5, (1.0, -2.0)
    options = {"pitch": pitch, "wavelength": 1.0, "distance": z, "shift": shift, "method": "angular_spectrum"}
    plan = Propagator(shape, **options)
    assert plan.grid.window == (60, 80)
    fy, fx = np.fft.fftfreq(60, 0.2)[:, None], np.fft.fftfreq(80, 0.25)[None, :]
    beyond = fx**2 + fy**2 > 1
    root = np.sqrt(np.maximum(np.abs(fx**2 + fy**2 - 1), 1e-30))
    kept = np.ones((60, 80), bool)
    for f, half, s in ((fy, 60 * 0.2 / 2, shift[0]), (fx, 80 * 0.25 / 2, shift[1])):
        kept &= np.where(beyond, abs(s) + abs(z * f) / root <= half, abs(s - z * f / root) <= half)
    h = plan.transfer(np.empty(0, np.complex128)).full[0]
    assert np.array_equal(np.abs(h) > 0, kept)
    assert not kept[np.broadcast_to(beyond, kept.shape)].all()
    assert kept[np.broadcast_to(beyond, kept.shape)].any()
