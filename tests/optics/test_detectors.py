"""Detectors: sums over boxes, and their derivatives."""

import numpy as np
import pytest

from pnnkern.optics import Regions, intensity, intensity_vjp, powers, powers_vjp
from pnnkern.testing import check_vjp


def field(rng: np.random.Generator, shape: tuple[int, ...], dtype: str = "complex128") -> np.ndarray:
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)


BOXES = [(0, 1, 0, 1), (2, 31, 3, 5), (5, 20, 8, 33), (25, 26, 10, 12)]


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("lead", [(), (1,), (3, 5)])
def test_powers_and_intensity(backend, dtype: str, lead: tuple[int, ...], rng: np.random.Generator) -> None:
    u = field(rng, (*lead, 31, 33), dtype)
    square = np.abs(u.astype(complex)) ** 2
    got = backend.numpy(powers(backend.array(u), Regions((31, 33), BOXES)))
    expected = np.stack([square[..., a:b, c:d].sum((-2, -1)) for a, b, c, d in BOXES], -1)
    assert got.shape == (*lead, 4)
    assert got.dtype == u.real.dtype
    assert np.allclose(got, expected, rtol=2e-7 if dtype == "complex64" else 1e-14)
    light = backend.numpy(intensity(backend.array(u)))
    assert light.dtype == u.real.dtype
    assert np.allclose(light, square, rtol=3e-7 if dtype == "complex64" else 1e-14)


def test_powers_of_a_large_batch(backend) -> None:
    """More fields than blocks in a grid: each value is that of its own field."""
    u = np.broadcast_to(np.sqrt(np.arange(70000, dtype=np.float64))[:, None, None], (70000, 1, 2)).astype(np.complex128)
    got = backend.numpy(powers(backend.array(u), Regions((1, 2), [(0, 1, 0, 1), (0, 1, 1, 2)])))
    assert np.allclose(got, np.arange(70000)[:, None], rtol=1e-12)


def test_derivatives(backend, rng: np.random.Generator) -> None:
    u = backend.array(field(rng, (2, 3, 31, 33)))
    check_vjp(powers, powers_vjp, u, Regions((31, 33), BOXES))
    check_vjp(intensity, intensity_vjp, u)


def test_rows_of_squares() -> None:
    regions = Regions.rows((200, 200), (3, 4, 3), 20, (44, 44))
    assert len(regions) == 10
    assert regions.boxes[0] == (46, 66, 46, 66)
    assert regions.boxes[4] == (90, 110, 68, 88)
    label = regions.label
    assert np.array_equal(
        label, label[::-1, ::-1].max() * (label >= 0) - label[::-1, ::-1] * (label >= 0) - (label < 0)
    )  # point-symmetric
    assert [(label == r).sum() for r in range(10)] == [400] * 10


def test_rows_of_squares_on_an_oblong_plane() -> None:
    """Two rows, 30 apart along y on 100 rows: centres at 35 and 65; columns 50 apart on 200: 75 and 125, and one alone at 100."""
    regions = Regions.rows((100, 200), (2, 1), 10, (30, 50))
    assert regions.boxes == ((30, 40, 70, 80), (30, 40, 120, 130), (60, 70, 95, 105))


CORNER = Regions((8, 8), [(0, 1, 0, 1)])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Regions((8, 8), []), ValueError, "boxes must hold at least one detector"),
        (lambda: Regions((8, 8), [(0, 9, 0, 1)]), ValueError, r"detector 0 .*\(0, 9, 0, 1\) must be a box inside the plane \(8, 8\)"),
        (lambda: Regions((8, 8), [(3, 3, 0, 1)]), ValueError, "must be a box inside the plane"),
        (lambda: Regions((8, 8), [(0, 2, 0, 2), (1, 3, 1, 3)]), ValueError, r"detector 1 \(1, 3, 1, 3\) overlaps detector 0"),
        (lambda: powers(np.ones((8, 8)), CORNER), TypeError, "field must be complex64 or complex128"),
        (lambda: powers(np.ones((8, 9), complex), CORNER), ValueError, r"\(8, 9\), but the detectors lie on a plane \(8, 8\)"),
        (lambda: powers_vjp(np.ones((2, 3)), np.ones((2, 8, 8), complex), CORNER), ValueError, r"\(2, 1\) like the powers"),
        (lambda: intensity_vjp(np.ones((8, 9)), np.ones((8, 8), complex)), ValueError, r"float64 \(8, 8\) like the intensity"),
        (lambda: intensity(np.ones((8, 8))), TypeError, "field must be complex64 or complex128"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
