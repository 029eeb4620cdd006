"""Warnings of grids that are too coarse and of lengths in other units: when they are right, and silence when they are not."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pnnkern import optics
from pnnkern._errors import SamplingWarning, UnitWarning
from pnnkern.optics import _checks

UM, W = 1e-6, 0.5e-6


def warned(call: Callable[[], Any]) -> list[type[Warning]]:
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        call()
    return [w.category for w in record]


# ------------------------------------------------------------------------------------------------------------------- sampling
@pytest.mark.parametrize("centre", [(0.0, 0.0), (40 * UM, -90 * UM)])
@pytest.mark.parametrize("z", [2e-3, 0.9e-3, 0.7e-3, 0.3e-3, -0.9e-3, -0.3e-3])
def test_point_source_is_warned_of_where_its_phase_steps_by_half_a_period(z: float, centre: tuple[float, float]) -> None:
    shape, pitch = (100, 80), (3 * UM, 2 * UM)
    y, x = ((np.arange(-2 * n, 2 * n) / 4) * d - c for n, d, c in zip(shape, pitch, centre, strict=True))  # quarter pixels
    y, x = y[: 4 * shape[0] - 3], x[: 4 * shape[1] - 3]
    r = np.sqrt(y[:, None] ** 2 + x**2 + z**2)
    step = 4 * max(abs(np.diff(r, axis=0)).max(), abs(np.diff(r, axis=1)).max()) / W  # periods per pixel
    assert abs(step - 0.5) > 0.02  # none of the cases lies on the edge
    found = warned(lambda: optics.point_source(shape, distance=z, wavelength=W, pitch=pitch, centre=centre))
    assert found == ([SamplingWarning] if step > 0.5 else [])


@pytest.mark.parametrize("z", [0.0, 2e-3, -2e-3, 20e-3])
@pytest.mark.parametrize(("waist", "coarse"), [(0.8 * UM, True), (3 * UM, True), (3.6 * UM, False), (9 * UM, False)])
def test_beam_is_warned_of_where_its_spectrum_passes_the_highest_frequency(z: float, waist: float, coarse: bool) -> None:
    """exp(-(pi w0 f)^2) at f = 1 / (2 pitch) is 1/1000 for w0 = 2 sqrt(ln 1000) pitch / pi = 3.35 um, at any distance in a wide field."""
    n, pitch = 4000, 2 * UM
    assert (np.exp(-((np.pi * waist / (2 * pitch)) ** 2)) > 1e-3) == coarse
    found = warned(lambda: optics.gaussian_beam((1, n), waist=waist, wavelength=W, pitch=pitch, distance=z))
    assert found == ([SamplingWarning] if coarse else [])


def test_beam_in_a_small_field_is_judged_by_what_is_in_it() -> None:
    """Far from its waist a beam is a spherical wave: its phase steps by r pitch / (lambda z) periods per pixel, whatever the waist."""
    for n, coarse in ((900, False), (1100, True)):  # 0.5 at r = lambda z / (2 pitch) = 1 mm, 500 pixels
        found = warned(lambda n=n: optics.gaussian_beam((n, 3), waist=0.5 * UM, wavelength=W, pitch=2 * UM, distance=8e-3))
        assert found == ([SamplingWarning] if coarse else [])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: optics.point_source((100, 100), distance=1e-4, wavelength=W, pitch=2 * UM),
            r"the wave turns its phase by 2\.83 periods per pixel at the edge",
        ),
        (
            lambda: optics.gaussian_beam((9, 9), waist=UM, wavelength=W, pitch=2 * UM),
            r"the beam varies by 1\.67 periods per pixel: it aliases above 1/2",
        ),
        (lambda: optics.gaussian_aperture((9, 9), radius=UM, pitch=2 * UM), r"the aperture varies by 1\.67 periods per pixel"),
        (
            lambda: optics.plane_wave((9, 9), wavelength=W, pitch=2 * UM, tilt=np.array([[0, 0.0], [0, 0.3]])),
            r"the tilted wave turns its phase by 1\.18",
        ),
    ],
)  # fmt: skip
def test_periods_per_pixel_are_named(call: Callable[[], Any], message: str) -> None:
    """2 um sin 44.7 / 0.5 um; sqrt(ln 1000) 2 um / (pi 1 um); 2 um sin 0.3 / 0.5 um."""
    with pytest.warns(SamplingWarning, match=message):
        call()


def test_a_side_of_one_pixel_has_nothing_to_sample() -> None:
    row = (1, 64)
    assert not warned(lambda: optics.gaussian_beam(row, waist=9 * UM, wavelength=W, pitch=(1e-3, 2 * UM)))
    assert not warned(lambda: optics.plane_wave(row, wavelength=W, pitch=(50 * UM, UM), tilt=(0.3, 0)))
    assert not warned(lambda: optics.lens(np.ones(row, complex), focal_length=1e-2, wavelength=W, pitch=(50 * UM, UM), centre=(1e-3, 0)))


# ---------------------------------------------------------------------------------------------------------------------- units
U = np.ones((4, 4), complex)


@pytest.mark.parametrize(
    "call",
    [
        lambda: optics.plane_wave((4, 4), wavelength=2.2 * UM, pitch=39 / 4096),
        lambda: optics.plane_wave((4, 4), wavelength=0.5 * UM, pitch=8 / 64),
        lambda: optics.lens(U, focal_length=743.0, wavelength=0.5 * UM, pitch=39 / 2048),
        lambda: optics.point_source((4, 4), distance=90e3, wavelength=0.589 * UM, pitch=0.3),  # a sodium guide star
        lambda: optics.gaussian_beam((4, 4), distance=2.5e9, waist=0.2, wavelength=1.064 * UM, pitch=0.01),  # between satellites
        lambda: optics.plane_wave((4, 4), wavelength=0.21, pitch=5e-3),  # radio dishes
        lambda: optics.lens(U, focal_length=12.0, wavelength=2.0, pitch=0.05),
        lambda: optics.plane_wave((4, 4), wavelength=1e-10, pitch=50e-9),  # X-rays
        lambda: optics.propagate(U, distance=30.0, wavelength=0.5 * UM, pitch=39 / 4096),
        lambda: optics.propagate(U, distance=0.0, wavelength=0.5 * UM, pitch=39 / 4096),
        lambda: optics.fraunhofer(U, distance=743.0, wavelength=0.5 * UM, pitch=39 / 2048),
        lambda: optics.propagate_scaled(U, distance=743.0, wavelength=0.5 * UM, pitch=39 / 2048, out_pitch=5 * UM),
        lambda: _checks.pitch(39 / 4096, np.array([2.2 * UM]), np.array([30.0])),
        lambda: _checks.pitch(0.3, np.array([0.5 * UM]), np.array([0.0, 500.0, 16e3])),  # layers of air
        lambda: _checks.pitch(1e-3, np.array([0.6 * UM]), np.array([0.5])),
    ],
)  # fmt: skip
def test_large_and_long_is_no_slip(call: Callable[[], Any]) -> None:
    assert UnitWarning not in warned(call)


@pytest.mark.parametrize(
    "call",
    [
        lambda: optics.plane_wave((4, 4), wavelength=0.633, pitch=8 * UM),  # micrometres
        lambda: optics.plane_wave((4, 4), wavelength=633 * UM, pitch=8 * UM),
        lambda: optics.gaussian_beam((4, 4), waist=1.0, wavelength=633e-9, pitch=8e-3, distance=0.1),  # millimetres
        lambda: optics.gaussian_beam((4, 4), waist=100.0, wavelength=633e-9, pitch=8.0, distance=5.0),
        lambda: optics.point_source((4, 4), distance=0.2, wavelength=633e-9, pitch=8e-3),
        lambda: optics.lens(U, focal_length=0.25, wavelength=633e-9, pitch=(8e-3, 8 * UM)),
        lambda: optics.lens(U, focal_length=np.array([[[0.05]], [[0.25]]]), wavelength=633e-9, pitch=3.6e-3),
        lambda: optics.propagate(U, distance=0.1, wavelength=633e-9, pitch=8e-3),
        lambda: optics.fraunhofer(U, distance=0.1, wavelength=633e-9, pitch=8e-3),
        lambda: optics.propagate_scaled(U, distance=0.1, wavelength=633e-9, pitch=8e-3, out_pitch=1e-3),
        lambda: _checks.pitch(8e-3, np.array([633e-9]), np.array([0.1])),
        lambda: _checks.pitch(3.74, np.array([633e-9]), np.array([1e3])),
        lambda: _checks.pitch(8e-3, np.array([633e-9])),  # of unknown distance
    ],
)  # fmt: skip
def test_slips_of_a_bench_are_seen(call: Callable[[], Any]) -> None:
    assert UnitWarning in warned(call)
