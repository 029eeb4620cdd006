"""The exact propagator for any geometry: against Rayleigh-Sommerfeld sums over finer pixels, closed forms, integrals over the spectrum."""

import warnings
from typing import Any

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern.optics import Propagator, ScaledPropagator, _transfer, gaussian_beam, propagate, propagate_scaled
from pnnkern.testing import check_linear, check_vjp

UM = 1e-6
ALLOWED = 1e-3  # of the peak in the plane


@pytest.fixture(autouse=True)
def _no_warnings() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def kernel(y: np.ndarray, x: np.ndarray, z: float, wavelength: float) -> np.ndarray:
    """z / (2 pi r^2) (1/r - ik) exp(ikr); of the other sign of z, its conjugate."""
    k, r = 2 * np.pi / wavelength, np.sqrt(y**2 + x**2 + z**2)
    h = abs(z) / (2 * np.pi * r**2) * (1 / r - 1j * k) * np.exp(1j * k * r)
    return h if z > 0 else h.conj()


class Case:
    """A random geometry, and Gaussian spots on it: a field that its pitch samples."""

    def __init__(self, seed: int, *, scaled: bool = False) -> None:
        rng = self.rng = np.random.default_rng(seed)
        self.wavelength = 1.0
        ny, nx = rng.integers(20, 60, 2) if rng.random() < 0.7 else (20, rng.integers(100, 250))
        pitch = 10 ** rng.uniform(np.log10(0.2), np.log10(6))
        self.shape, self.pitch = (int(ny), int(nx)), (pitch * rng.uniform(0.6, 1.6), pitch)
        out = self.shape if rng.random() < 0.4 else rng.integers(5, 80, 2)
        self.out_shape = (int(out[0]), int(out[1]))
        factors = 10 ** rng.uniform(-1, 1, 2) if scaled else (1.0, 1.0)
        self.out_pitch = (self.pitch[0] * factors[0], self.pitch[1] * factors[1])
        size = max(n * d + m * a for n, d, m, a in zip(self.shape, self.pitch, self.out_shape, self.out_pitch, strict=True)) / 2
        self.shift = (0.0, 0.0) if rng.random() < 0.5 else tuple(rng.uniform(-0.7, 0.7, 2) * size)
        longest = 20 * 2 * max(n * d * d for n, d in zip(self.shape, self.pitch, strict=True))
        self.distance = 10 ** rng.uniform(np.log10(0.02 * pitch), np.log10(longest)) * (1 if rng.random() < 0.8 else -1)
        self.spots = [
            (rng.uniform(-0.5, 0.5, 2) * (np.array(self.shape) - 12) * self.pitch, rng.standard_normal() + 1j * rng.standard_normal())
            for _ in range(8)
        ]

    def field(self, finer: tuple[int, int] = (1, 1)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        y, x = ((np.arange(n * q) - n // 2 * q) * d / q for n, q, d in zip(self.shape, finer, self.pitch, strict=True))
        (dy, dx) = self.pitch
        u = sum(a * np.exp(-(((y[:, None] - at[0]) / (2 * dy)) ** 2) - ((x - at[1]) / (2 * dx)) ** 2) for at, a in self.spots)
        return u, y[:, None], x

    def finer(self) -> tuple[int, int]:
        """How fine the sum must be: two samples of each period of the kernel beside those of the spots, and three of its peak."""
        out = []
        for n, d, m, a, s in zip(self.shape, self.pitch, self.out_shape, self.out_pitch, self.shift, strict=True):
            far = (n * d + m * a) / 2 + abs(s)
            periods = d * far / np.hypot(far, self.distance) / self.wavelength
            out.append(int(np.ceil(max(2.5 * periods + 2, 3 * d / abs(self.distance)))))
        return out[0], out[1]

    @property
    def points(self) -> int:
        (qy, qx), (ny, nx) = self.finer(), self.shape
        return qy * ny * qx * nx

    def truth(self, count: int = 12) -> tuple[list[tuple[int, int]], np.ndarray]:
        finer = self.finer()
        u, y, x = self.field(finer)
        area = np.prod(self.pitch) / np.prod(finer)
        places = [(int(self.rng.integers(self.out_shape[0])), int(self.rng.integers(self.out_shape[1]))) for _ in range(count)]
        values = []
        for place in places:
            at = [(i - m // 2) * a + s for i, m, a, s in zip(place, self.out_shape, self.out_pitch, self.shift, strict=True)]
            values.append((u * kernel(at[0] - y, at[1] - x, self.distance, self.wavelength)).sum() * area)
        return places, np.array(values)

    def peak(self) -> float:
        """Of the light in the whole plane: in a window of its own size that is not shifted."""
        plan = Propagator(self.shape, pitch=self.pitch, wavelength=self.wavelength, distance=self.distance)
        return float(abs(plan(self.field()[0])).max())


def cases(scaled: bool) -> list[int]:
    return [seed for seed in range(120 if scaled else 200) if Case(seed, scaled=scaled).points < 1.5e5]


def test_any_geometry_is_within_a_thousandth_of_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pitches of 0.2 to 6 wavelengths, of other ratio for the axes, distances from a fiftieth of a pixel to the far field, forward and back,
    shifted windows of any size."""
    seeds, used = cases(scaled=False), set()
    assert len(seeds) > 90
    for seed in seeds:
        case = Case(seed)
        monkeypatch.setenv("PNNKERN_FFT", "scipy" if seed % 8 else "auto")  # most sizes would be compiled for one field
        plan = Propagator(case.shape, pitch=case.pitch, wavelength=1.0, distance=case.distance, out_shape=case.out_shape, shift=case.shift)
        got = plan(case.field()[0])
        places, expected = case.truth()
        error = max(abs(got[p] - e) for p, e in zip(places, expected, strict=True)) / max(case.peak(), abs(expected).max())
        assert error < ALLOWED, (seed, error, plan.why)
        used.add((plan.method, max(plan.media[0].finer) > 1))
    assert used == {("angular_spectrum", False), ("rayleigh_sommerfeld", False), ("rayleigh_sommerfeld", True)}


def test_any_scaled_geometry_is_within_a_thousandth_of_the_sum() -> None:
    """The same with output pitches of a tenth to ten times that of the field."""
    seeds = cases(scaled=True)
    assert len(seeds) > 45
    for seed in seeds:
        case = Case(seed, scaled=True)
        plan = ScaledPropagator(case.shape, pitch=case.pitch, wavelength=1.0, distance=case.distance, out_pitch=case.out_pitch,
                                out_shape=case.out_shape, shift=case.shift)  # fmt: skip
        if plan.maps[0].points > 2e6:
            continue
        got = plan(case.field()[0])
        places, expected = case.truth()
        error = max(abs(got[p] - e) for p, e in zip(places, expected, strict=True)) / max(case.peak(), abs(expected).max())
        assert error < ALLOWED, (seed, error, plan.why)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (40.0, -25.0)])
def test_between_the_pixels_it_is_the_sum_too(backend, shift: tuple[float, float], rng: np.random.Generator) -> None:
    """Random pixels, three times beyond where the pitch samples their waves; output points between those of the field."""
    n, pitch, z = 32, 2.0, 1500.0
    u = rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))
    plan = ScaledPropagator((n, n), pitch=pitch, wavelength=1.0, distance=z, out_pitch=1.3, out_shape=(40, 30), shift=shift)
    assert plan.method == "rayleigh_sommerfeld"
    got = backend.numpy(plan(backend.array(u)))
    x = (np.arange(n) - n // 2) * pitch
    for i, j in ((0, 0), (39, 29), (20, 15), (0, 29), (31, 7)):
        at = (i - 20) * 1.3 + shift[0], (j - 15) * 1.3 + shift[1]
        expected = (u * kernel(at[0] - x[:, None], at[1] - x, z, 1.0)).sum() * pitch**2
        assert abs(got[i, j] - expected) < 1e-5 * abs(got).max()


def test_planes_of_one_plan_share_the_largest_window() -> None:
    """Near and far planes, to a window that is shifted by three fields: each as it is alone, and the near one needs the larger window."""
    case = Case(3)
    case.shape = case.out_shape = (24, 24)
    case.pitch = case.out_pitch = (2.0, 2.0)
    case.spots = [(at * [0.0, 0.0], a) for at, a in case.spots]
    distances, colours = np.array([100.0, 330.0, 2000.0]), np.array([[1.0], [0.8]])
    plan = Propagator((24, 24), pitch=2.0, wavelength=colours, distance=distances, shift=(0.0, 90.0))
    alone = [[Propagator((24, 24), pitch=2.0, wavelength=w, distance=z, shift=(0.0, 90.0)) for z in distances] for w in (1.0, 0.8)]
    windows = {one.grid.window for row in alone for one in row}
    assert len(windows) > 1
    assert plan.grid.window == tuple(np.max(list(windows), axis=0))
    assert set(plan.methods) == {"angular_spectrum", "rayleigh_sommerfeld"}
    u = case.field()[0]
    got = plan(u)
    for row, parts in zip(got, alone, strict=True):
        for one, part in zip(row, parts, strict=True):
            peak = abs(Propagator((24, 24), pitch=2.0, wavelength=1.0, distance=part.lines.pairs[0][0])(u)).max()
            assert np.abs(one - part(u)).max() < 1e-4 * peak


@pytest.mark.parametrize("distance", [6.5e-3, 26e-3, 104e-3, -26e-3])
def test_random_phases_in_flat_pixels(backend, distance: float, rng: np.random.Generator) -> None:
    """128 pixels of 4 um with 3 x 3 samples each, at one to sixteen times the range of a twofold window: the very sum, to rounding."""
    wavelength, pitch, n = 0.633 * UM, 4 / 3 * UM, 384
    u = np.exp(2j * np.pi * rng.random((128, 128))).repeat(3, 0).repeat(3, 1)
    got = backend.numpy(propagate(backend.array(u), distance=distance, wavelength=wavelength, pitch=pitch))
    y, x = ((np.arange(n) - n // 2) * pitch for _ in range(2))
    for i, j in ((0, 0), (192, 200), (383, 17)):
        expected = (u * kernel(y[i] - y[:, None], x[j] - x, distance, wavelength)).sum() * pitch**2
        assert abs(got[i, j] - expected) < 1e-9 * abs(got).max()


@pytest.mark.parametrize(("part", "twofold", "fourfold"), [(0.1, 0.003, 0.0006), (0.95, 0.04, 0.005)])
def test_what_wraps_around_is_what_is_documented(part: float, twofold: float, fourfold: float) -> None:
    """Hard pixels within the range of the transfer function, against a window sixteen times the field."""
    n, pitch, wavelength = 96, 4 * UM, 0.633 * UM
    u = np.exp(2j * np.pi * np.random.default_rng(1).random((32, 32))).repeat(3, 0).repeat(3, 1)
    plan = {"pitch": pitch, "wavelength": wavelength, "distance": part * 2 * n * pitch**2 / wavelength}
    expected = propagate(u, pad=16, method="angular_spectrum", **plan)
    errors = [np.abs(propagate(u, pad=pad, **plan) - expected).max() / np.abs(expected).max() for pad in (2, 4)]
    assert errors == pytest.approx([twofold, fourfold], rel=0.25)


def test_a_beam_over_five_metres(backend) -> None:
    """Closed form, a hundred times beyond the range of a twofold window."""
    plan = {"wavelength": 0.633 * UM, "pitch": 8 * UM}
    beam = gaussian_beam((256, 256), waist=0.3e-3, dtype="complex128", **plan)
    got = backend.numpy(propagate(backend.array(beam), distance=5.0, **plan))
    expected = gaussian_beam((256, 256), waist=0.3e-3, distance=5.0, dtype="complex128", **plan)
    assert abs(got - expected).max() < 1e-3 * abs(expected).max()
    zoom = propagate_scaled(backend.array(beam), distance=5.0, out_pitch=64 * UM, **plan)
    expected = gaussian_beam((256, 256), waist=0.3e-3, distance=5.0, dtype="complex128", wavelength=0.633 * UM, pitch=64 * UM)
    assert abs(backend.numpy(zoom) - expected).max() < 1e-3 * abs(expected).max()


def test_what_was_taken_and_why() -> None:
    plan = {"pitch": 8 * UM, "wavelength": 0.5 * UM}
    limit = 2 * 255 * (8 * UM) ** 2 / (0.5 * UM)
    near, far = (Propagator((256, 256), distance=z * limit, **plan) for z in (0.9, 1.1))
    assert near.method == "angular_spectrum"
    assert near.why.startswith("angular_spectrum: the window samples the transfer function: |distance| <= 0.07")
    assert far.method == "rayleigh_sommerfeld"
    assert far.why == "rayleigh_sommerfeld: the pitch samples the impulse response: |distance| >= 0.0652 m"
    # the edge of the band goes at arcsin(1 / 2d): 128 pixels less the 63 of the offset, and a tenth for its tails
    steep = Propagator((64, 64), distance=5.0, pitch=0.7, wavelength=1.0)
    assert f"|distance| <= {1.1 * 65 * 0.7 / np.tan(np.arcsin(0.5 / 0.7)):.3g} m" in steep.why
    both = Propagator((256, 256), distance=np.array([0.9, -1.1]) * limit, **plan)
    assert both.methods == ("angular_spectrum", "rayleigh_sommerfeld")
    assert both.method == "angular_spectrum and rayleigh_sommerfeld"
    assert "pad=1 asks" in Propagator((256, 256), distance=limit, pad=1, **plan).why
    assert "'drop'" in Propagator((256, 256), distance=limit, evanescent="drop", **plan).why
    assert "does not change" in Propagator((256, 256), distance=0.0, **plan).why
    finer = Propagator((16, 256), distance=0.9 * limit, **plan)
    assert finer.media[0].finer == (1, 2)
    assert "sampled 1 x 2 times finer" in finer.why
    wide = ScaledPropagator((64, 64), distance=50.0, out_pitch=8e-4, **plan)
    assert wide.method == "fresnel"
    assert "no window of" in wide.why


WARNED = [
    ("angular_spectrum", 20.0, r"the window does not sample .* \|distance\| <= 0.0036\d? m, got 0.0647 m: .* 80 % of the peak"),
    ("fresnel", 20.0, r"the window does not sample the transfer function .*<= 0.0036"),
    ("rayleigh_sommerfeld", 0.77, r"the pitch does not sample .* \|distance\| >= 0.0031\d m, got 0.0024\d m: .* 22 % of the peak"),
]


@pytest.mark.parametrize(("method", "times", "message"), WARNED, ids=[w[0] for w in WARNED])
def test_a_method_out_of_its_range_says_so(method: str, times: float, message: str) -> None:
    limit = 2 * 64 * (4 * UM) ** 2 / (0.633 * UM)
    plan = {"pitch": 4 * UM, "wavelength": 0.633 * UM, "method": method}
    with pytest.warns(pnn._errors.SamplingWarning, match=f"method='{method}': {message}") as record:
        Propagator((64, 64), distance=times * limit, **plan)
    assert record[0].filename == __file__
    Propagator((64, 64), distance=limit, **plan)  # on the limit all are within their range


@pytest.mark.parametrize("options", [{"evanescent": "drop"}, {"pad": (1, 2)}], ids=str)
def test_auto_that_is_left_no_choice_says_so(options: dict[str, Any]) -> None:
    """Pixels of less than half a wavelength send light along the plane, which no window holds."""
    plan = {"pitch": 0.3, "wavelength": 1.0, **options}
    with pytest.warns(pnn._errors.SamplingWarning, match=r"the window does not sample .* \|distance\| <= 0.3 m, got 20 m"):
        Propagator((64, 64), distance=20.0, **plan)
    Propagator((64, 64), distance=0.2, **plan)
    Propagator((64, 64), distance=20.0, **plan | {"pad": 1})  # periodic, as was asked


def test_a_window_too_short_for_a_sum_says_so() -> None:
    with pytest.warns(pnn._errors.SamplingWarning, match="the window of 96 points along y is shorter than field and result together, 127"):
        Propagator((64, 1), distance=1.0, pitch=UM, wavelength=0.6 * UM, pad=1.5, method="rayleigh_sommerfeld")
    assert Propagator((64, 64), distance=1.0, pitch=UM, wavelength=0.6 * UM, pad=1.5).grid.window == (128, 128)


# ------------------------------------------------------------------------------------------------------------- a side of one sample
def cylinder(x: np.ndarray, z: float, width: float, tilt: float) -> np.ndarray:
    """exp(-(x/width)^2 + 2 pi i tilt x) after z, of wavelength 1: the integral over its spectrum, by a rule that converges exponentially."""
    f = np.linspace(-0.999, 0.999, 20001)
    spectrum = np.sqrt(np.pi) * width * np.exp(-((np.pi * width * (f - tilt)) ** 2))
    phase = np.exp(2j * np.pi * (f * np.atleast_1d(x)[:, None] + z * np.sqrt(1 - f**2)))
    return (spectrum * phase).sum(axis=1) * (f[1] - f[0])


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(
    ("method", "z"),
    [("auto", 20.0), ("auto", -70.0), ("auto", 400.0), ("angular_spectrum", 20.0), ("rayleigh_sommerfeld", 400.0)],
)
def test_a_field_of_one_sample_is_uniform(backend, axis: int, method: str, z: float) -> None:
    """A beam that is a sheet of light: no 1/2 from a padded side, in either direction, also shifted and onto several pixels."""
    n, pitch, width = 96, 0.8, 6.0
    x = (np.arange(n) - n // 2) * pitch
    u = np.exp(-((x / width) ** 2) + 2j * np.pi * 0.05 * x)
    out_x = (np.arange(70) - 35) * pitch + 4.3
    expected = cylinder(out_x, z, width, 0.05)
    lay = (lambda v: v[None, :]) if axis == 1 else (lambda v: v[:, None])
    shift, shape = ((9.0, 4.3), (3, 70)) if axis == 1 else ((4.3, 9.0), (70, 3))
    plan = {"distance": z, "wavelength": 1.0, "pitch": pitch, "method": method, "shift": shift, "out_shape": shape}
    got = backend.numpy(propagate(backend.array(lay(u).copy()), **plan))
    assert got.shape == shape
    assert np.abs(got - lay(expected)).max() < 2e-5 * abs(expected).max()
    scaled = backend.numpy(propagate_scaled(backend.array(lay(u).copy()), out_pitch=pitch, **plan))
    assert np.abs(scaled - lay(expected)).max() < 2e-5 * abs(expected).max()


def test_a_sheet_of_light_close_by(backend) -> None:
    """Half a wavelength behind pixels of 0.3: the response is sampled finer, along the one axis that there is."""
    x = (np.arange(64) - 32) * 0.3
    plan = Propagator((1, 64), pitch=0.3, wavelength=1.0, distance=0.5)
    assert (plan.method, plan.media[0].finer) == ("rayleigh_sommerfeld", (1, 2))
    got = backend.numpy(plan(backend.array(np.exp(-((x / 2) ** 2)).astype(complex)[None])))
    assert np.abs(got[0] - cylinder(x, 0.5, 2.0, 0.0)).max() < 1e-4


def test_a_sheet_of_paraxial_light(backend) -> None:
    """Fresnel, by both planners: the closed form sqrt(q0 / q) exp(ikz + ikx^2 / 2q)."""
    n, pitch, waist, z = 128, 4 * UM, 60 * UM, 6.85e-3
    k = 2 * np.pi / (0.6 * UM)
    x = (np.arange(n) - n // 2) * pitch
    q0, q = -1j * np.pi * waist**2 / (0.6 * UM), z - 1j * np.pi * waist**2 / (0.6 * UM)
    expected = np.sqrt(q0 / q) * np.exp(1j * k * z + 1j * k * x**2 / (2 * q))
    u = backend.array(np.exp(-((x / waist) ** 2)).astype(complex)[None])
    plan = {"distance": z, "wavelength": 0.6 * UM, "pitch": pitch, "method": "fresnel"}
    for got in (propagate(u, **plan), propagate_scaled(u, out_pitch=pitch, **plan)):
        assert np.abs(backend.numpy(got) - expected).max() < 1e-6


UNIFORM = [{"method": m} for m in ("angular_spectrum", "rayleigh_sommerfeld", "fresnel")] + [{}]


@pytest.mark.filterwarnings("ignore::pnnkern._errors.SamplingWarning")
@pytest.mark.parametrize("options", UNIFORM, ids=str)
@pytest.mark.parametrize("shape", [(1, 17), (17, 1)])
def test_derivatives_of_uniform_fields(backend, options: dict[str, str], shape: tuple[int, int], rng: np.random.Generator) -> None:
    warnings.simplefilter("ignore")
    x = np.arange(17) - 8
    u = backend.array((np.exp(-((x / 4) ** 2)) * np.exp(0.2j * rng.standard_normal((2, 17)))).reshape(2, *shape))
    where = {"distance": np.array([40 * UM, -25 * UM]), "wavelength": np.array(0.633 * UM), "pitch": 0.6 * UM, "out_shape": (14, 15)}
    where["band_limit"] = False
    check_linear(propagate, pnn.optics.propagate_vjp, u, **where, **options)
    steps = {"distance": 2e-9, "wavelength": 2e-12, "field": 1e-3}
    names = ("distance", "wavelength", "field")
    check_vjp(propagate, pnn.optics.propagate_vjp, u, wrt=names, steps=steps, rtol=2e-6, **where, **options)
    scaled = {**where, **options, "out_pitch": 0.7 * UM}
    check_vjp(propagate_scaled, pnn.optics.propagate_scaled_vjp, u, wrt=names, steps=steps, rtol=2e-6, **scaled)


def test_a_finer_response_has_the_right_derivatives(backend, rng: np.random.Generator) -> None:
    u = backend.array(np.exp(-(np.arange(-6, 7)[:, None] ** 2 + np.arange(-8, 9) ** 2) / 9) * np.exp(0.1j * rng.standard_normal((13, 17))))
    where = {"distance": np.array(0.5), "wavelength": np.array(1.0), "pitch": (0.3, 0.4), "shift": (0.7, 0.0)}
    assert max(Propagator((13, 17), **where).media[0].finer) > 1
    steps = {"distance": 1e-5, "wavelength": 1e-5, "field": 1e-3}
    check_vjp(propagate, pnn.optics.propagate_vjp, u, wrt=("distance", "wavelength", "field"), steps=steps, rtol=2e-6, **where)
    check_linear(propagate, pnn.optics.propagate_vjp, u, **where)


# ------------------------------------------------------------------------------------------------------------------------- losses
LOST = [
    {"distance": 5e-3}, {"distance": 0.5e-3}, {"distance": 5e-3, "shift": (30 * UM, -20 * UM), "out_shape": (40, 50)},
    {"distance": 60e-3, "method": "angular_spectrum"}, {"distance": 1e-3, "method": "rayleigh_sommerfeld"},
    {"distance": 60e-3, "method": "angular_spectrum", "band_limit": (True, False)},
    {"distance": 5e-3, "method": "rayleigh_sommerfeld", "band_limit": False},
]  # fmt: skip


@pytest.mark.parametrize("options", LOST, ids=str)
def test_fractions_add_up(backend, options: dict[str, Any]) -> None:
    warnings.simplefilter("ignore")
    n, pitch, waist, wavelength = 64, 2 * UM, 12 * UM, 0.633 * UM
    beam = gaussian_beam((n, n), waist=waist, wavelength=wavelength, pitch=pitch, dtype="complex128")
    plan = {"pitch": pitch, "wavelength": wavelength, **options}
    for planned in (Propagator((n, n), **plan), ScaledPropagator((n, n), out_pitch=pitch, **plan)):
        lost = planned.losses(backend.array(beam))
        parts = [float(getattr(lost, name)) for name in ("window", "outside", "evanescent", "band_limit")]
        assert sum(parts) == pytest.approx(1, abs=1e-12)
        got = backend.numpy(planned(backend.array(beam)))
        assert parts[0] == pytest.approx((abs(got) ** 2).sum() / (abs(beam) ** 2).sum(), rel=1e-9)
        assert min(parts) > -1e-3
        assert parts[2] < 1e-9  # this pitch has no evanescent waves
        limited = options.get("band_limit", True) is not False and "method" in options and parts[0] < 0.9
        assert (parts[3] > 1e-3) == (limited and options["method"] == "angular_spectrum")
        if planned.method == "rayleigh_sommerfeld":
            assert float(lost.edge) == 0


def test_losses_of_the_sum_are_those_of_the_beam(backend) -> None:
    """Half of a wide beam misses the window: by the closed form, and none of it is called evanescent."""
    from scipy.special import erf

    n, pitch, waist, z, wavelength = 64, 2 * UM, 12 * UM, 5e-3, 0.633 * UM
    beam = gaussian_beam((n, n), waist=waist, wavelength=wavelength, pitch=pitch, dtype="complex128")
    inside = erf(np.sqrt(2) * n * pitch / 2 / (waist * np.hypot(1, z * wavelength / (np.pi * waist**2)))) ** 2
    for planned in (
        Propagator((n, n), pitch=pitch, wavelength=wavelength, distance=z),
        ScaledPropagator((n, n), pitch=pitch, wavelength=wavelength, distance=z, out_pitch=pitch / 2, out_shape=(128, 128)),
        ScaledPropagator((n, n), pitch=pitch, wavelength=wavelength, distance=z, out_pitch=pitch / 2, out_shape=(128, 128), method="fresnel"),
    ):
        lost = planned.losses(backend.array(beam))
        assert float(lost.window) == pytest.approx(inside, abs=0.01)
        assert float(lost.outside) == pytest.approx(1 - inside, abs=0.01)


def test_losses_of_a_sheet_of_light(backend) -> None:
    """Uniform along y, where the pitch of the result is another: all of a narrow beam arrives."""
    x = (np.arange(64) - 32) * 2.0
    u = backend.array(np.exp(-((x / 12) ** 2)).astype(complex)[None])
    plan = {"pitch": 2.0, "wavelength": 1.0, "out_pitch": (7.0, 1.0), "out_shape": (1, 128)}
    for method, distance in (("auto", 100.0), ("auto", 600.0), ("fresnel", 600.0)):
        plan["distance"] = distance
        lost = ScaledPropagator((1, 64), method=method, **plan).losses(u)
        assert float(lost.window) == pytest.approx(1, abs=1e-4)


def test_evanescent_waves_of_the_sum_are_counted(backend, rng: np.random.Generator) -> None:
    """Pixels of a quarter of a wavelength: |U|^2 (1 - exp(-4 pi z decay)) over the frequencies beyond 1 / wavelength."""
    n, pitch, z = 24, 0.25, 1.0
    u = rng.standard_normal((n, n)) + 0j
    plan = Propagator((n, n), pitch=pitch, wavelength=1.0, distance=z)
    assert plan.method == "rayleigh_sommerfeld"
    assert plan.grid.window == (48, 48)
    f = np.fft.fftfreq(48, pitch)
    power = abs(np.fft.fft2(u, (48, 48))) ** 2
    decay = np.sqrt(np.maximum(f[:, None] ** 2 + f**2 - 1, 0))
    expected = (power * -np.expm1(-4 * np.pi * z * decay)).sum() / power.sum()
    assert 0.3 < expected < 0.9
    assert float(plan.losses(backend.array(u)).evanescent) == pytest.approx(expected, rel=1e-9)


# -------------------------------------------------------------------------------------------------------------------------- pairs
def test_pad_and_band_limit_take_pairs(backend, rng: np.random.Generator) -> None:
    u = rng.standard_normal((20, 24)) + 1j * rng.standard_normal((20, 24))
    plan = Propagator((20, 24), pitch=UM, wavelength=0.6 * UM, distance=20 * UM, pad=(1, 3))
    assert plan.grid.window == (20, 72)
    rolled = backend.numpy(plan(backend.array(np.roll(u, 7, axis=0))))  # periodic along y alone
    assert np.abs(rolled - np.roll(backend.numpy(plan(backend.array(u))), 7, axis=0)).max() < 1e-12
    options = {"pitch": UM, "wavelength": 0.6 * UM, "distance": 2e-3, "method": "angular_spectrum"}
    warnings.simplefilter("ignore")
    kept = {b: Propagator((20, 24), band_limit=b, **options).transfer(u).full[0] != 0 for b in ((True, False), (False, True), True)}
    assert (kept[True, False] & kept[False, True] == kept[True]).all()
    assert not (kept[True, False] == kept[True]).all()
    assert (kept[True, False] == kept[True, False][:, :1]).mean() > 0.9  # the bound on y hardly depends on fx
    for bad, message in (((2, 3, 4), "pad must be"), ((2, 0.5), "pad must be at least 1"), ("wide", "pad must be")):
        with pytest.raises((TypeError, ValueError), match=message):
            Propagator((8, 8), pad=bad, **options)
    with pytest.raises(TypeError, match=r"band_limit must be True or False, or a pair of them \(y, x\), got 1"):
        Propagator((8, 8), band_limit=1, **options)


def test_output_pitches_broadcast_with_the_leading_axes(backend, rng: np.random.Generator) -> None:
    """(samples, colours, ny, nx): each colour on the grid of its own far field, as one call and one by one."""
    colours = np.array([0.45, 0.55, 0.65]) * UM
    u = rng.standard_normal((2, 3, 18, 20)) + 1j * rng.standard_normal((2, 3, 18, 20))
    pitches = colours[:, None] * np.array([2.0, 3.0])
    plan = {"distance": 300 * UM, "pitch": 2 * UM, "out_shape": (9, 12)}
    got = backend.numpy(propagate_scaled(backend.array(u), wavelength=colours, out_pitch=pitches, **plan))
    assert got.shape == (2, 3, 9, 12)
    for i in range(2):
        for j in range(3):
            alone = propagate_scaled(backend.array(u[i, j].copy()), wavelength=float(colours[j]), out_pitch=tuple(pitches[j]), **plan)
            assert np.abs(backend.numpy(alone) - got[i, j]).max() < 1e-12
    with pytest.raises(ValueError, match=r"wavelength of shape \(3,\) and out_pitch of shape \(2,\) must broadcast"):
        propagate_scaled(u, wavelength=colours, out_pitch=np.ones((2, 2)), **plan)
    with pytest.raises(ValueError, match=r"out_pitch must be a number, a pair \(dy, dx\) or an array \(..., 2\)"):
        propagate_scaled(u, wavelength=colours, out_pitch=np.ones(3), **plan)


# ------------------------------------------------------------------------------------------------------------------------- memory
def test_a_plan_too_large_says_so_before_it_allocates() -> None:
    u = np.ones((512, 512), np.complex64)
    where = {"distance": 1e-3, "wavelength": 0.6 * UM, "pitch": 2 * UM}
    with pytest.raises(MemoryError, match=r"needs 20.0\d MiB for a window of 1024 x 1024 points, more than memory_limit = 8 MiB; .*fresnel"):
        propagate(u, memory_limit=8 << 20, **where)
    with pytest.raises(MemoryError, match="method='fresnel' needs no window"):
        propagate_scaled(u, memory_limit=8 << 20, out_pitch=2 * UM, **where)
    with pytest.raises(MemoryError, match="more than memory_limit"):  # on the way into a stack of masks, too
        Propagator((512, 512), memory_limit=8 << 20, **where).transfer(u)
    with pytest.raises(MemoryError, match="more than memory_limit"):  # of petabytes
        propagate_scaled(u, out_pitch=1.0, **where)


@pytest.mark.parametrize("shift", [0.0, (3e-4, -2e-4)], ids=["centred", "shifted"])
@pytest.mark.parametrize("distance", [5e-3, 0.5], ids=["angular_spectrum", "rayleigh_sommerfeld"])
def test_a_single_call_needs_eight_fields_at_most(distance: float, engine: str, shift: Any) -> None:
    import tracemalloc

    u = np.ones((512, 512), np.complex64)
    propagate(u, distance=distance, wavelength=0.6 * UM, pitch=8 * UM, shift=shift)  # compiles
    pnn.clear_caches()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        propagate(u, distance=distance, wavelength=0.6 * UM, pitch=8 * UM, shift=shift)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert 4 * u.nbytes < peak < 8 * u.nbytes


@pytest.mark.parametrize("engine", ["lanes", "scipy", "fftw"])
def test_caches_count_what_they_hold_and_give_it_back(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if engine == "fftw":
        pytest.importorskip("pyfftw")
    monkeypatch.setenv("PNNKERN_FFT", engine)
    pnn.clear_caches()
    u = np.ones((2, 64, 64), np.complex64)
    where = {"wavelength": 0.6 * UM, "pitch": 2 * UM}
    propagate(u, distance=1e-4, **where)
    pnn.optics.propagate_vjp(u, u, distance=1e-4, **where)
    half = 65 * 128 * 8
    other = {"lanes": 128 * 128 * 8, "scipy": 0, "fftw": 2 * half}[engine]  # H in the order of lanes, or it and its conjugate transposed
    assert _transfer._cache.nbytes == 2 * half + other
    monkeypatch.setattr(_transfer._cache, "limit", 3 * half)
    for z in (2e-4, 3e-4, 4e-4, 5e-4):
        propagate(u, distance=z, **where)
        assert _transfer._cache.nbytes <= 5 * half  # the last one may have got another layout since
        assert len(_transfer._cache) < 4
    from pnnkern import _parallel

    assert any(_parallel._stores)
    pnn.clear_caches()
    assert _transfer._cache.nbytes == 0
    assert not any(_parallel._stores)


def test_a_stack_of_distances_works_out_the_axial_frequency_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pnn.clear_caches()
    calls, axial = [], _transfer._axial
    monkeypatch.setattr(_transfer, "_axial", lambda *args: calls.append(1) or axial(*args))
    propagate(np.ones((8, 8), np.complex64), distance=np.linspace(1e-5, 2e-5, 7), wavelength=0.6 * UM, pitch=2 * UM)
    assert len(calls) == 1
