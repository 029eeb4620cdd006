"""Sources and apertures against their formulas and areas."""

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import optics

UM = 1e-6
W = 0.5 * UM


def coordinates(
    shape: tuple[int, int], pitch: tuple[float, float], centre: tuple[float, float] = (0, 0)
) -> tuple[np.ndarray, np.ndarray]:
    y, x = ((np.arange(n) - n // 2) * d - c for n, d, c in zip(shape, pitch, centre, strict=True))
    return y[:, None], x[None, :]


def test_plane_wave_runs_where_it_is_tilted() -> None:
    shape, pitch, tilt = (24, 31), (0.4 * UM, 0.3 * UM), (0.2, -0.3)
    y, x = coordinates(shape, pitch)
    got = optics.plane_wave(shape, wavelength=W, pitch=pitch, tilt=tilt, dtype="complex128")
    assert np.allclose(got, np.exp(2j * np.pi / W * (np.sin(0.2) * y - np.sin(0.3) * x)), atol=1e-12)
    assert np.array_equal(optics.plane_wave(shape, wavelength=W, pitch=pitch), np.ones(shape, np.complex64))


def test_point_source_solves_the_wave_equation() -> None:
    """exp(ikr)/r of a point at -z: propagating by dz gives the source that is dz farther away."""
    shape, pitch, z = (160, 160), 2 * UM, 40e-3
    y, x = coordinates(shape, (pitch, pitch), (5 * UM, -8 * UM))
    r = np.sqrt(x**2 + y**2 + z**2)
    got = optics.point_source(shape, distance=z, wavelength=W, pitch=pitch, centre=(5 * UM, -8 * UM), dtype="complex128")
    assert np.allclose(got, z / r * np.exp(2j * np.pi / W * r), atol=1e-8)
    back = optics.point_source(shape, distance=-z, wavelength=W, pitch=pitch, centre=(5 * UM, -8 * UM), dtype="complex128")
    assert np.allclose(back, got.conj(), atol=1e-12)


@pytest.mark.parametrize("centre", [(0.0, 0.0), (1.3 * UM, -2.1 * UM), (9 * UM, 0.0)])
@pytest.mark.parametrize("radius", [0.2 * UM, 3.37 * UM, 8 * UM])
def test_disc_has_the_area_of_the_disc(centre: tuple[float, float], radius: float) -> None:
    shape, pitch = (40, 50), (0.61 * UM, 0.5 * UM)
    got = optics.circular_aperture(shape, radius=radius, pitch=pitch, centre=centre, dtype="float64")
    y, x = coordinates(shape, pitch, centre)
    fine = [np.linspace(-0.5, 0.5, 401)[:-1] + 0.5 / 400 for _ in range(2)]
    for i, j in ((20, 25), (22, 30), (15, 20), (20, 31), (26, 25)):  # some pixels, by counting points
        inside = (y[i, 0] + fine[0][:, None] * pitch[0]) ** 2 + (x[0, j] + fine[1][None, :] * pitch[1]) ** 2 <= radius**2
        assert got[i, j] == pytest.approx(inside.mean(), abs=3e-3)
    if centre[0] + radius < 19 * pitch[0]:
        assert got.sum() * pitch[0] * pitch[1] == pytest.approx(np.pi * radius**2, rel=1e-9)
    hard = optics.circular_aperture(shape, radius=radius, pitch=pitch, centre=centre, antialias=False)
    assert np.array_equal(hard, (x**2 + y**2 <= radius**2).astype(np.float32))


def test_rectangle_and_gaussian() -> None:
    shape, pitch = (21, 20), (1.0 * UM, 0.5 * UM)
    y, x = coordinates(shape, pitch, (1 * UM, 0))
    got = optics.rectangular_aperture(shape, size=(4.3 * UM, 2.7 * UM), pitch=pitch, centre=(1 * UM, 0), dtype="float64")
    assert got.sum() * pitch[0] * pitch[1] == pytest.approx(4.3 * 2.7 * UM**2, rel=1e-12)
    assert set(np.unique(optics.rectangular_aperture(shape, size=4 * UM, pitch=pitch, antialias=False))) == {0.0, 1.0}
    soft = optics.gaussian_aperture(shape, radius=3 * UM, pitch=pitch, centre=(1 * UM, 0), dtype="float64")
    assert np.allclose(soft, np.exp(-(x**2 + y**2) / (3 * UM) ** 2))


def test_precision_and_device_follow_like(backend) -> None:
    like = backend.array(np.zeros((2, 2), np.complex128))
    got = optics.gaussian_beam((6, 7), waist=5 * UM, wavelength=W, pitch=UM, like=like)
    assert got.dtype == np.complex128
    assert type(got) is type(like)
    assert optics.circular_aperture((6, 7), radius=UM, pitch=UM, like=backend.array(np.zeros(1, np.float32))).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: optics.plane_wave((0, 3), wavelength=W, pitch=UM), ValueError, r"shape must be \(ny, nx\) with at least one pixel"),
        (lambda: optics.plane_wave((3, 3), wavelength=W, pitch=0.1 * UM, tilt=(1.2, 1.2)), ValueError, "squares that add up to more than 1"),
        (lambda: optics.gaussian_beam((3, 3), waist=0, wavelength=W, pitch=UM), ValueError, "waist must be positive and finite"),
        (lambda: optics.gaussian_beam((3, 3), waist=UM, wavelength=W, pitch=UM, distance=np.nan), ValueError, "distance must be finite"),
        (lambda: optics.point_source((3, 3), distance=0, wavelength=W, pitch=UM), ValueError, "distance must not be zero"),
        (lambda: optics.circular_aperture((3, 3), radius=-UM, pitch=UM), ValueError, "radius must be positive and finite"),
        (lambda: optics.rectangular_aperture((3, 3), size=(UM, 0), pitch=UM), ValueError, "size must be positive and finite"),
        (lambda: optics.circular_aperture((3, 3), radius=UM, pitch=UM, dtype="complex64"), TypeError, "dtype must be float32 or float64"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_tilt_beyond_the_pitch_is_warned_of() -> None:
    with pytest.warns(pnn._errors.SamplingWarning, match="it aliases above 1/2"):
        optics.plane_wave((8, 8), wavelength=W, pitch=UM, tilt=(0, 0.3))
